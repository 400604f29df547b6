"""Transcripts of COPY, in and out, in both query protocols. What the data mean is tested with the codecs."""

from __future__ import annotations

import pytest
from tests.server.dialogue import Dialogue, brief

from ruvector_server.wire import messages as m

ROWS = (b"1\tone\n", b"2\t\\N\n")
COPY_IN = m.Query("COPY items FROM STDIN")


def test_copy_in() -> None:
    dialogue = Dialogue.connected()
    assert brief(dialogue.send(COPY_IN)) == ["CopyInResponse (0, [0, 0])"]
    assert dialogue.send(m.CopyData(b"1\tone\n2\tt"), m.Flush(), m.Sync(), m.CopyData(b"wo\n")) == []
    assert brief(dialogue.send(m.CopyDone())) == ["CommandComplete COPY 2", "ReadyForQuery I"]
    assert dialogue.session.copied == [(1, "one"), (2, "two")]
    assert dialogue.session.calls == ["execute COPY items FROM STDIN", "copy finish", "sync"]


def test_copy_in_by_the_extended_protocol() -> None:
    dialogue = Dialogue.connected()
    assert brief(dialogue.send(m.Parse("", COPY_IN.query), m.Bind("", ""), m.Execute(""), m.Sync())) == [
        "ParseComplete",
        "BindComplete",
        "CopyInResponse (0, [0, 0])",
    ]
    assert brief(dialogue.send(m.CopyData(b"1\tone\n"), m.CopyDone(), m.Sync())) == [
        "CommandComplete COPY 1",
        "ReadyForQuery I",
    ]


def test_copy_in_of_much_data_is_decoded_as_it_comes() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(COPY_IN)
    for start in range(0, 100_000, 1000):
        dialogue.send(m.CopyData(b"".join(b"%d\tx\n" % number for number in range(start, start + 1000))))
    assert brief(dialogue.send(m.CopyDone())) == ["CommandComplete COPY 100000", "ReadyForQuery I"]
    assert dialogue.session.copied[::50_000] == [(0, "x"), (50_000, "x")]


def test_copy_fail() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(COPY_IN, m.CopyData(b"1\tone\n"))
    assert brief(dialogue.send(m.CopyFail("no reason"), m.Query("SELECT 1"))) == [
        "ErrorResponse ERROR 57014 COPY from stdin failed: no reason",
        "ReadyForQuery I",
        "RowDescription ?column?:23:0",
        "DataRow 1",
        "CommandComplete SELECT 1",
        "ReadyForQuery I",
    ]
    assert dialogue.session.copied == []
    assert dialogue.session.calls[1:3] == ["copy abort", "fail"]


def test_bad_data_ends_the_copy_and_what_is_on_its_way_is_ignored() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(COPY_IN)
    answers = dialogue.send(m.CopyData(b"x\tone\n"), m.CopyDone())
    assert brief(answers) == [
        'ErrorResponse ERROR 22P02 invalid input syntax for type integer: "x"',
        "ReadyForQuery I",
    ]
    content = answers[0].content
    assert isinstance(content, dict)
    assert content["W"] == 'COPY items, line 1, column id: "x"'
    assert dialogue.send(m.CopyData(b"2\ttwo\n"), m.CopyDone()) == []
    assert "copy abort" in dialogue.session.calls


def test_bad_data_by_the_extended_protocol_skips_to_sync() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(m.Parse("", COPY_IN.query), m.Bind("", ""), m.Execute(""))
    answers = dialogue.send(m.CopyData(b"x\tone\n"), m.CopyDone(), m.Execute(""), m.Sync())
    assert brief(answers) == [
        'ErrorResponse ERROR 22P02 invalid input syntax for type integer: "x"',
        "ReadyForQuery I",
    ]


def test_other_messages_during_copy_in_end_the_session() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(COPY_IN)
    assert brief(dialogue.send(m.Query("SELECT 1"))) == [
        "ErrorResponse ERROR 08P01 unexpected message type 0x51 during COPY from stdin",
        "ErrorResponse FATAL 08P01 terminating connection because protocol synchronization was lost",
    ]
    assert dialogue.conversation.finished
    assert dialogue.session.calls[1:] == ["copy abort", "close"]


def test_a_client_that_goes_during_copy_in() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(COPY_IN, m.CopyData(b"1\tone\n"))
    dialogue.conversation.hang_up()
    dialogue.run()
    assert dialogue.conversation.finished
    assert dialogue.session.calls[1:] == ["copy abort", "close"]


def test_a_cancel_request_during_copy_in() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(COPY_IN, m.CopyData(b"1\tone\n"))
    dialogue.cancel_request()
    assert brief(dialogue.received()) == [
        "ErrorResponse ERROR 57014 canceling statement due to user request",
        "ReadyForQuery I",
    ]
    assert brief(dialogue.send(m.CopyData(b"2\ttwo\n"), m.CopyDone(), m.Query(""))) == [
        "EmptyQueryResponse",
        "ReadyForQuery I",
    ]


def test_copy_out() -> None:
    assert brief(Dialogue.connected().send(m.Query("COPY items TO STDOUT"))) == [
        "CopyOutResponse (0, [0, 0])",
        f"CopyData {ROWS[0].hex()}",
        f"CopyData {ROWS[1].hex()}",
        "CopyDone",
        "CommandComplete COPY 2",
        "ReadyForQuery I",
    ]


@pytest.mark.parametrize("extended", [False, True])
def test_copy_binary(extended: bool) -> None:
    dialogue = Dialogue.connected()
    text = "COPY items TO STDOUT BINARY"
    if extended:
        answers = dialogue.send(m.Parse("", text), m.Bind("", ""), m.Execute(""), m.Sync())[2:]
    else:
        answers = dialogue.send(m.Query(text))
    assert answers[0].content == (1, [1, 1])
    data = b"".join(message.content for message in answers if isinstance(message.content, bytes))
    assert data.startswith(b"PGCOPY\n\xff\r\n\0")
    assert data.endswith(b"\xff\xff")
    assert [message.name for message in answers].count("CopyData") == 3  # the header comes with the first row
    assert brief(answers)[-2:] == ["CommandComplete COPY 2", "ReadyForQuery I"]
    dialogue.send(m.Query("COPY items FROM STDIN BINARY"))
    assert brief(dialogue.send(m.CopyData(data), m.CopyDone())) == ["CommandComplete COPY 2", "ReadyForQuery I"]
    assert dialogue.session.copied == [(1, "one"), (2, None)]
