"""Transcripts of the simple query protocol, of errors in it, and of messages that belong to no protocol."""

from __future__ import annotations

import logging

import pytest
from tests.server.dialogue import Dialogue, brief
from tests.server.fake_engine import FakeEngine
from tests.wire.client import Backend

from ruvector_server.wire import messages as m


def transcript(query: str, dialogue: Dialogue | None = None) -> list[str]:
    return brief((dialogue or Dialogue.connected()).send(m.Query(query)))


def test_select() -> None:
    dialogue = Dialogue.connected()
    assert transcript("SELECT 1", dialogue) == [
        "RowDescription ?column?:23:0",
        "DataRow 1",
        "CommandComplete SELECT 1",
        "ReadyForQuery I",
    ]
    assert dialogue.session.calls == ["execute SELECT 1", "sync"]


def test_select_without_a_transaction() -> None:
    dialogue = Dialogue.connected()
    assert transcript("SELECT 1 now", dialogue)[-2:] == ["CommandComplete SELECT 1", "ReadyForQuery I"]
    assert dialogue.session.calls == []


def test_no_rows() -> None:
    assert transcript("SELECT nothing") == [
        "RowDescription ?column?:23:0",
        "CommandComplete SELECT 0",
        "ReadyForQuery I",
    ]


@pytest.mark.parametrize("query", ["", ";", " ; ;"])
def test_empty_query(query: str) -> None:
    assert transcript(query) == ["EmptyQueryResponse", "ReadyForQuery I"]


def test_several_statements_are_one_transaction() -> None:
    dialogue = Dialogue.connected()
    assert transcript("INSERT; SELECT 1; INSERT", dialogue) == [
        "CommandComplete INSERT 0 1",
        "RowDescription ?column?:23:0",
        "DataRow 1",
        "CommandComplete SELECT 1",
        "CommandComplete INSERT 0 1",
        "ReadyForQuery I",
    ]
    assert dialogue.session.calls == ["execute INSERT", "execute SELECT 1", "execute INSERT", "sync"]


def test_an_error_ends_the_text() -> None:
    dialogue = Dialogue.connected()
    assert transcript("SELECT 1; SELECT 1/0; SELECT 1", dialogue) == [
        "RowDescription ?column?:23:0",
        "DataRow 1",
        "CommandComplete SELECT 1",
        "ErrorResponse ERROR 22012 division by zero",
        "ReadyForQuery I",
    ]
    assert dialogue.session.calls == ["execute SELECT 1", "execute SELECT 1/0", "fail"]


def test_an_error_inside_a_transaction() -> None:
    dialogue = Dialogue.connected()
    assert transcript("BEGIN; SELECT 1/0; SELECT 1", dialogue) == [
        "CommandComplete BEGIN",
        "ErrorResponse ERROR 22012 division by zero",
        "ReadyForQuery E",
    ]
    assert transcript("SELECT 1", dialogue)[0].startswith("ErrorResponse ERROR 25P02 current transaction is aborted")
    assert transcript("COMMIT", dialogue) == ["CommandComplete ROLLBACK", "ReadyForQuery I"]


def test_a_syntax_error_has_its_position() -> None:
    answers = Dialogue.connected().send(m.Query("SELECT 1; syntax"))
    assert answers[0].content == {
        "S": "ERROR",
        "V": "ERROR",
        "C": "42601",
        "M": 'syntax error at or near "syntax"',
        "P": "11",
    }
    assert brief(answers)[1:] == ["ReadyForQuery I"]


def test_a_failed_commit_replaces_the_last_command_complete() -> None:
    engine = FakeEngine(on_main_thread=True)
    dialogue = Dialogue.connected(engine)
    engine.fail_commits = True
    assert transcript("INSERT; INSERT", dialogue) == [
        "CommandComplete INSERT 0 1",
        "ErrorResponse ERROR 40001 could not serialize access",
        "ReadyForQuery I",
    ]


def test_notice() -> None:
    assert transcript("CREATE TABLE") == [
        "NoticeResponse NOTICE 42P07 it exists, skipping",
        "CommandComplete CREATE TABLE",
        "ReadyForQuery I",
    ]


def test_long_texts_are_parsed_as_work() -> None:
    padding = ";" * 20_000
    assert transcript(f"SELECT 1{padding}")[1:] == ["DataRow 1", "CommandComplete SELECT 1", "ReadyForQuery I"]
    answers = brief(Dialogue.connected().send(m.Parse("", f"SELECT 1{padding}"), m.Sync()))
    assert answers == ["ParseComplete", "ReadyForQuery I"]


@pytest.mark.parametrize("query", ["bug", "bug now"])
def test_an_internal_error_is_logged_and_survived(query: str, caplog: pytest.LogCaptureFixture) -> None:
    dialogue = Dialogue.connected()
    assert transcript(query, dialogue) == [
        "ErrorResponse ERROR XX000 internal error: ZeroDivisionError",
        "ReadyForQuery I",
    ]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "a bug" in caplog.text
    assert transcript("SELECT 1", dialogue)[-1] == "ReadyForQuery I"


@pytest.mark.parametrize(
    ("failure", "told"), [(RecursionError, "54001 stack depth limit exceeded"), (MemoryError, "53200 out of memory")]
)
def test_exhaustion_is_no_internal_error(failure: type[Exception], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dialogue = Dialogue.connected()

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(dialogue.session, "execute", fail)
    assert transcript("SELECT 1", dialogue) == [f"ErrorResponse ERROR {told}", "ReadyForQuery I"]


def test_a_recovery_that_fails_ends_the_session(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dialogue = Dialogue.connected()
    monkeypatch.setattr(dialogue.session, "fail", lambda: 1 / 0)
    assert transcript("SELECT 1/0", dialogue) == [
        "ErrorResponse ERROR 22012 division by zero",
        "ErrorResponse FATAL XX000 internal error",
    ]
    assert dialogue.conversation.finished
    assert dialogue.session.calls[-1] == "close"


def test_function_call() -> None:
    dialogue = Dialogue.connected()
    assert dialogue.send(m.FunctionCall(1, (), (b"7", None), 1)) == [
        Backend("FunctionCallResponse", b"\0\0\0\4\0\0\0\7"),
        Backend("ReadyForQuery", "I"),
    ]
    assert dialogue.session.calls == ["execute call $1, $2", "sync"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (m.FunctionCall(2), "42883 function with OID 2 does not exist"),
        (m.FunctionCall(1), "08P01 function call message contains 0 arguments but function requires 2"),
        (
            m.FunctionCall(1, (0, 0, 0), (b"7", None)),
            "08P01 function call message contains 3 argument formats but 2 arguments",
        ),
        (m.FunctionCall(1, (), (b"x", None)), '22P02 invalid input syntax for type integer: "x"'),
        (m.FunctionCall(1, (), (b"7", None), 2), "22023 unsupported format code: 2"),
    ],
)
def test_function_call_errors(call: m.FunctionCall, error: str) -> None:
    assert brief(Dialogue.connected().send(call)) == [f"ErrorResponse ERROR {error}", "ReadyForQuery I"]


def test_text_that_is_not_utf8() -> None:
    assert brief(Dialogue.connected().send_bytes(b"Q\0\0\0\x06\xff\0")) == [
        'ErrorResponse ERROR 22021 invalid byte sequence for encoding "UTF8": 0xff',
        "ReadyForQuery I",
    ]


def test_unknown_message_type_ends_the_session() -> None:
    dialogue = Dialogue.connected()
    assert brief(dialogue.send_bytes(b"~\0\0\0\4" + b"Q\0\0\0\5\0")) == [
        "ErrorResponse FATAL 08P01 invalid frontend message type 126"
    ]
    assert dialogue.conversation.finished
    assert dialogue.session.calls == ["close"]


def test_terminate() -> None:
    dialogue = Dialogue.connected()
    assert dialogue.send(m.Terminate(), m.Query("SELECT 1")) == []
    assert dialogue.conversation.finished
    assert dialogue.engine.closed == [dialogue.session]


def test_a_query_drops_the_unnamed_statement_and_portal() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(m.Query("BEGIN"), m.Parse("", "SELECT numbers"), m.Bind("", ""), m.Execute("", 1))
    answers = brief(dialogue.send(m.Query("SELECT 1"), m.Execute(""), m.Sync(), m.Bind("", ""), m.Sync()))
    assert "close result" in dialogue.session.calls
    assert [line for line in answers if line.startswith("Error")] == [
        'ErrorResponse ERROR 34000 portal "" does not exist',
        "ErrorResponse ERROR 26000 unnamed prepared statement does not exist",
    ]


def test_many_rows_come_in_slices() -> None:
    dialogue = Dialogue.connected()
    answers = dialogue.send(m.Query("SELECT many"))
    assert [message.content for message in answers if message.name == "DataRow"] == [
        [str(number).encode()] for number in range(1, 10_001)
    ]
    assert brief(answers)[-2:] == ["CommandComplete SELECT 10000", "ReadyForQuery I"]
    fetched = [call for call in dialogue.session.calls if call.startswith("more")]
    assert 3 < len(fetched) < 200
    assert dialogue.session.calls[-2:] == ["close result", "sync"]


def test_a_client_that_does_not_read_stops_the_fetching() -> None:
    dialogue = Dialogue.connected()
    dialogue.slow = True
    dialogue.send(m.Query("SELECT much"))
    for _ in range(3):
        before = len(dialogue.session.calls)
        dialogue.run()
        assert len(dialogue.session.calls) == before
        dialogue.catch_up()
        assert before < len(dialogue.session.calls) <= before + 2
    dialogue.slow = False
    dialogue.catch_up()
    assert brief(dialogue.received())[-2:] == ["CommandComplete SELECT 3000", "ReadyForQuery I"]


def test_a_client_that_does_not_read_is_not_answered_further() -> None:
    dialogue = Dialogue.connected()
    dialogue.slow = True
    dialogue.send(m.Query("SELECT 1"))
    assert dialogue.send(m.Query("SELECT 1")) == []
    dialogue.catch_up()
    assert brief(dialogue.received())[-1] == "ReadyForQuery I"


def test_a_cancel_request_stops_a_stream() -> None:
    dialogue = Dialogue.connected()
    dialogue.slow = True
    dialogue.send(m.Query("SELECT much"))
    dialogue.slow = False
    dialogue.conversation.writable = True
    dialogue.cancel_request()
    assert brief(dialogue.received())[-2:] == [
        "ErrorResponse ERROR 57014 canceling statement due to user request",
        "ReadyForQuery I",
    ]
    assert dialogue.session.calls[-2:] == ["close result", "fail"]
    assert brief(dialogue.send(m.Query("SELECT 1")))[-1] == "ReadyForQuery I"


def test_a_cancel_request_between_queries_means_nothing() -> None:
    dialogue = Dialogue.connected()
    dialogue.cancel_request()
    assert transcript("SELECT 1", dialogue)[-2:] == ["CommandComplete SELECT 1", "ReadyForQuery I"]


def test_a_client_that_goes_while_rows_are_sent() -> None:
    dialogue = Dialogue.connected()
    dialogue.slow = True
    dialogue.send(m.Query("SELECT much; SELECT 1"))
    dialogue.conversation.hang_up()
    dialogue.run()
    assert dialogue.conversation.finished
    assert dialogue.session.calls[-1] == "close"
    assert "execute SELECT 1" not in dialogue.session.calls


def test_a_client_that_goes_does_not_interrupt_its_own_rollback() -> None:
    """Terminate and the end of the stream often come together: the second must not cancel what the first began."""
    dialogue = Dialogue.connected()
    dialogue.conversation.feed(b"X\0\0\0\4")
    closing = dialogue.conversation.advance()
    assert closing is not None
    dialogue.conversation.hang_up()
    dialogue.conversation.interrupt()
    dialogue.do(closing)
    dialogue.run()
    assert dialogue.session.calls == ["close"]


def test_stop_waits_for_the_pipeline() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(m.Parse("", "INSERT"), m.Bind("", ""))
    dialogue.conversation.feed(b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\4")
    dialogue.conversation.stop()
    dialogue.run()
    assert brief(dialogue.received()) == [
        "CommandComplete INSERT 0 1",
        "ReadyForQuery I",
        "ErrorResponse FATAL 57P01 terminating connection due to administrator command",
    ]
    assert dialogue.conversation.finished
