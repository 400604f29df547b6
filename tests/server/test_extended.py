"""Transcripts of the extended query protocol. Each was checked against PostgreSQL 18 with the same messages."""

from __future__ import annotations

from struct import pack

import pytest
from tests.server.dialogue import Dialogue, brief
from tests.server.fake_engine import FakeEngine
from tests.wire.client import encode

from ruvector_server.wire import messages as m

SYNC = m.Sync()


def transcript(*messages: m.Frontend, dialogue: Dialogue | None = None) -> list[str]:
    return brief((dialogue or Dialogue.connected()).send(*messages))


def test_one_shot() -> None:
    assert transcript(m.Parse("", "SELECT 1"), m.Bind("", ""), m.Describe("P", ""), m.Execute(""), SYNC) == [
        "ParseComplete",
        "BindComplete",
        "RowDescription ?column?:23:0",
        "DataRow 1",
        "CommandComplete SELECT 1",
        "ReadyForQuery I",
    ]


def test_prepared_and_described() -> None:
    dialogue = Dialogue.connected()
    assert transcript(m.Parse("s", "SELECT $1, $2"), m.Describe("S", "s"), SYNC, dialogue=dialogue) == [
        "ParseComplete",
        "ParameterDescription [23, 25]",
        "RowDescription i:23:0 t:25:0",
        "ReadyForQuery I",
    ]
    bind = m.Bind("", "s", (1, 0), (pack("!i", 7), b"seven"), (0, 1))
    assert transcript(bind, m.Describe("P", ""), m.Execute(""), SYNC, dialogue=dialogue) == [
        "BindComplete",
        "RowDescription i:23:0 t:25:1",
        "DataRow 7 seven",
        "CommandComplete SELECT 1",
        "ReadyForQuery I",
    ]
    bind = m.Bind("", "s", (), (None, None), (1,))
    assert transcript(bind, m.Execute(""), SYNC, dialogue=dialogue) == [
        "BindComplete",
        "DataRow NULL NULL",
        "CommandComplete SELECT 1",
        "ReadyForQuery I",
    ]


def test_statement_without_rows() -> None:
    assert transcript(
        m.Parse("", "INSERT"), m.Describe("S", ""), m.Bind("", ""), m.Describe("P", ""), m.Execute(""), SYNC
    ) == [
        "ParseComplete",
        "ParameterDescription []",
        "NoData",
        "BindComplete",
        "NoData",
        "CommandComplete INSERT 0 1",
        "ReadyForQuery I",
    ]


def test_empty_query() -> None:
    assert transcript(m.Parse("", ""), m.Bind("", ""), m.Describe("P", ""), m.Execute(""), SYNC) == [
        "ParseComplete",
        "BindComplete",
        "NoData",
        "EmptyQueryResponse",
        "ReadyForQuery I",
    ]


def test_row_limits() -> None:
    limited = m.Execute("", 2)
    assert transcript(m.Parse("", "SELECT numbers"), m.Bind("", ""), limited, limited, limited, limited, SYNC) == [
        "ParseComplete",
        "BindComplete",
        "DataRow 1",
        "DataRow 2",
        "PortalSuspended",
        "DataRow 3",
        "DataRow 4",
        "PortalSuspended",
        "DataRow 5",
        "CommandComplete SELECT 1",
        "CommandComplete SELECT 0",
        "ReadyForQuery I",
    ]


def test_a_limit_that_is_the_number_of_rows_suspends() -> None:
    assert transcript(m.Parse("", "SELECT numbers"), m.Bind("", ""), m.Execute("", 5), m.Execute("", 2), SYNC)[-4:] == [
        "DataRow 5",
        "PortalSuspended",
        "CommandComplete SELECT 0",
        "ReadyForQuery I",
    ]


def test_suspended_portal_outlives_sync_inside_a_transaction_only() -> None:
    dialogue = Dialogue.connected()
    start = (m.Parse("s", "SELECT numbers"), m.Bind("p", "s"), m.Execute("p", 1), SYNC)
    dialogue.send(*start)
    assert transcript(m.Execute("p"), SYNC, dialogue=dialogue) == [
        'ErrorResponse ERROR 34000 portal "p" does not exist',
        "ReadyForQuery I",
    ]
    assert "close result" in dialogue.session.calls
    dialogue.send(m.Query("BEGIN"))
    dialogue.send(*start[1:])
    assert transcript(m.Execute("p", 2), SYNC, m.Query("COMMIT"), m.Execute("p"), SYNC, dialogue=dialogue) == [
        "DataRow 2",
        "DataRow 3",
        "PortalSuspended",
        "ReadyForQuery T",
        "CommandComplete COMMIT",
        "ReadyForQuery I",
        'ErrorResponse ERROR 34000 portal "p" does not exist',
        "ReadyForQuery I",
    ]


def test_a_finished_command_cannot_run_again() -> None:
    assert transcript(m.Parse("", "INSERT"), m.Bind("", ""), m.Execute(""), m.Execute(""), SYNC)[2:] == [
        "CommandComplete INSERT 0 1",
        'ErrorResponse ERROR 55000 portal "" cannot be run',
        "ReadyForQuery I",
    ]


def test_skips_to_sync_after_an_error() -> None:
    dialogue = Dialogue.connected()
    assert transcript(
        m.Parse("", "SELECT 1/0"),
        m.Bind("", ""),
        m.Execute(""),
        m.Execute(""),
        m.Parse("", "SELECT 1"),
        m.Query("SELECT 1"),
        SYNC,
        m.Query("SELECT 1"),
        dialogue=dialogue,
    ) == [
        "ParseComplete",
        "BindComplete",
        "ErrorResponse ERROR 22012 division by zero",
        "ReadyForQuery I",
        "RowDescription ?column?:23:0",
        "DataRow 1",
        "CommandComplete SELECT 1",
        "ReadyForQuery I",
    ]
    assert dialogue.session.calls == ["execute SELECT 1/0", "fail", "execute SELECT 1", "sync"]


def test_error_without_sync_is_sent_and_waits() -> None:
    dialogue = Dialogue.connected()
    assert transcript(m.Execute("x"), m.Flush(), dialogue=dialogue) == [
        'ErrorResponse ERROR 34000 portal "x" does not exist'
    ]
    assert transcript(m.Execute("x"), dialogue=dialogue) == []
    assert transcript(SYNC, dialogue=dialogue) == ["ReadyForQuery I"]


def test_pipeline_is_one_transaction_a_sync() -> None:
    dialogue = Dialogue.connected()
    insert = (m.Bind("", "i"), m.Execute(""))
    dialogue.send(m.Parse("i", "INSERT"), SYNC)
    dialogue.send(*insert, *insert, SYNC, *insert, SYNC)
    assert dialogue.session.calls == ["execute INSERT", "execute INSERT", "sync", "execute INSERT", "sync"]


def test_failed_transaction() -> None:
    dialogue = Dialogue.connected()
    run = (m.Bind("", ""), m.Execute(""), SYNC)
    assert transcript(m.Query("BEGIN"), m.Parse("", "SELECT 1/0"), *run, dialogue=dialogue)[-2:] == [
        "ErrorResponse ERROR 22012 division by zero",
        "ReadyForQuery E",
    ]
    aborted = "current transaction is aborted, commands ignored until end of transaction block"
    assert transcript(m.Parse("", "SELECT 1"), *run, dialogue=dialogue) == [
        f"ErrorResponse ERROR 25P02 {aborted}",
        "ReadyForQuery E",
    ]
    assert transcript(m.Parse("", "COMMIT"), *run, dialogue=dialogue) == [
        "ParseComplete",
        "BindComplete",
        "CommandComplete ROLLBACK",
        "ReadyForQuery I",
    ]


def test_commit_that_fails_at_sync() -> None:
    engine = FakeEngine(on_main_thread=True)
    dialogue = Dialogue.connected(engine)
    engine.fail_commits = True
    messages = (m.Parse("", "INSERT"), m.Bind("", ""), m.Execute(""), m.Flush(), SYNC)
    assert transcript(*messages, dialogue=dialogue) == [
        "ParseComplete",
        "BindComplete",
        "CommandComplete INSERT 0 1",
        "ErrorResponse ERROR 40001 could not serialize access",
        "ReadyForQuery I",
    ]


def test_commit_that_fails_before_command_complete() -> None:
    """With Sync already there, the client hears of the failed commit instead of a success that was none."""
    engine = FakeEngine(on_main_thread=True)
    dialogue = Dialogue.connected(engine)
    engine.fail_commits = True
    assert transcript(m.Parse("", "INSERT"), m.Bind("", ""), m.Execute(""), SYNC, dialogue=dialogue) == [
        "ParseComplete",
        "BindComplete",
        "ErrorResponse ERROR 40001 could not serialize access",
        "ReadyForQuery I",
    ]


def test_close() -> None:
    dialogue = Dialogue.connected()
    assert transcript(
        m.Parse("s", "SELECT 1"), m.Bind("p", "s"), m.Close("S", "s"), m.Execute("p"), dialogue=dialogue
    ) == [
        "ParseComplete",
        "BindComplete",
        "CloseComplete",
        "DataRow 1",
        "CommandComplete SELECT 1",
    ]
    assert transcript(
        m.Close("P", "p"), m.Close("P", "p"), m.Close("S", "none"), m.Execute("p"), SYNC, dialogue=dialogue
    ) == [
        "CloseComplete",
        "CloseComplete",
        "CloseComplete",
        'ErrorResponse ERROR 34000 portal "p" does not exist',
        "ReadyForQuery I",
    ]
    assert transcript(m.Bind("", "s"), SYNC, dialogue=dialogue)[0] == (
        'ErrorResponse ERROR 26000 prepared statement "s" does not exist'
    )


def test_deallocate_drops_what_parse_has_named() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(*(m.Parse(name, "SELECT 1") for name in "abcde"), m.Parse("", "SELECT 1"), m.Bind("p", "a"), SYNC)
    assert sorted(dialogue.session.statements) == list("abcde")
    dialogue.send(m.Bind("", "b"), m.Execute(""), SYNC)
    assert transcript(m.Query("DEALLOCATE ALL"), m.Bind("", "b"), SYNC, dialogue=dialogue) == [
        "CommandComplete DEALLOCATE ALL",
        "ReadyForQuery I",
        'ErrorResponse ERROR 26000 prepared statement "b" does not exist',
        "ReadyForQuery I",
    ]
    assert transcript(m.Parse("b", "INSERT"), m.Bind("", "b"), m.Execute(""), SYNC, dialogue=dialogue) == [
        "ParseComplete",
        "BindComplete",
        "CommandComplete INSERT 0 1",
        "ReadyForQuery I",
    ]


def test_closing_or_replacing_a_portal_frees_its_result() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(m.Parse("s", "SELECT numbers"), m.Bind("", "s"), m.Execute("", 1), m.Bind("", "s"), m.Execute("", 1))
    assert dialogue.session.calls.count("close result") == 1
    dialogue.send(m.Close("P", ""))
    assert dialogue.session.calls.count("close result") == 2


PARSED = m.Parse("", "SELECT $1, $2")


@pytest.mark.parametrize(
    ("messages", "error", "context"),
    [
        ((m.Parse("", "SELECT 1; SELECT 1"),), "42601 cannot insert multiple commands into a prepared statement", None),
        ((m.Parse("a", "SELECT 1"),) * 2, '42P05 prepared statement "a" already exists', None),
        ((m.Bind("", ""),), "26000 unnamed prepared statement does not exist", None),
        ((m.Bind("", "x"),), '26000 prepared statement "x" does not exist', None),
        ((m.Describe("S", ""),), "26000 unnamed prepared statement does not exist", None),
        ((m.Describe("P", ""),), '34000 portal "" does not exist', None),
        ((m.Execute(""),), '34000 portal "" does not exist', None),
        (
            (PARSED, m.Bind("", "")),
            '08P01 bind message supplies 0 parameters, but prepared statement "" requires 2',
            None,
        ),
        (
            (PARSED, m.Bind("", "", (0, 0, 0), (b"1", b""))),
            "08P01 bind message has 3 parameter formats but 2 parameters",
            None,
        ),
        (
            (PARSED, m.Bind("", "", (), (b"1", b""), (0, 0, 0))),
            "08P01 bind message has 3 result formats but query has 2 columns",
            None,
        ),
        (
            (PARSED, m.Bind("", "", (3,), (b"1", b""))),
            "22023 unsupported format code: 3",
            "unnamed portal parameter $1",
        ),
        (
            (PARSED, m.Bind("", "", (), (b"x", b""))),
            '22P02 invalid input syntax for type integer: "x"',
            "unnamed portal parameter $1 = '...'",
        ),
        (
            (PARSED, m.Bind("p", "", (0, 1), (b"1", b"\xff"))),
            '22021 invalid byte sequence for encoding "UTF8": 0xff',
            'portal "p" parameter $2',
        ),
        (
            (PARSED, m.Bind("p", "", (1, 0), (b"12345", b""))),
            "22P03 incorrect binary data format in bind parameter 1",
            'portal "p" parameter $1',
        ),
        (
            (PARSED, m.Bind("", "", (1, 0), (b"123", b""))),
            "08P01 insufficient data left in message",
            "unnamed portal parameter $1",
        ),
        (
            (PARSED, m.Bind("p", "", (), (b"1", b"")), m.Bind("p", "", (), (b"1", b""))),
            '42P03 cursor "p" already exists',
            None,
        ),
    ],
)
def test_errors(messages: tuple[m.Frontend, ...], error: str, context: str | None) -> None:
    answers = Dialogue.connected().send(*messages, SYNC)
    assert brief(answers)[-2:] == [f"ErrorResponse ERROR {error}", "ReadyForQuery I"]
    content = answers[-2].content
    assert isinstance(content, dict)
    assert content.get("W") == context


def test_malformed_message_of_the_protocol_skips_to_sync() -> None:
    dialogue = Dialogue.connected()
    bad = b"D\0\0\0\6X\0"
    assert brief(dialogue.send_bytes(bad + bad + b"Q\0\0\0\x06\xff\0" + b"S\0\0\0\4")) == [
        "ErrorResponse ERROR 08P01 invalid DESCRIBE message subtype 88",
        "ReadyForQuery I",
    ]


def test_hot_path_answers_in_one_write_without_work() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(m.Parse("k", "nearest $1"), SYNC)
    vector = pack("!hh3f", 3, 0, 1, 2, 3)
    query: tuple[m.Frontend, ...] = (m.Bind("", "k", (1,), (vector,), (1,)), m.Describe("P", ""), m.Execute(""), SYNC)
    dialogue.conversation.feed(b"".join(map(encode, query * 3)))
    assert dialogue.conversation.advance() is None
    assert len(dialogue.sent) == 1
    answers = brief(dialogue.received())
    assert len(answers) == 3 * 14
    assert answers[0:3] == [
        "BindComplete",
        "RowDescription id:20:1 distance:701:1",
        f"DataRow {'00' * 8} {'00' * 8}",
    ]
    assert answers[12:14] == ["CommandComplete SELECT 10", "ReadyForQuery I"]


def test_settings_change_how_rows_and_parameters_travel() -> None:
    dialogue = Dialogue.connected()
    dialogue.send(m.Parse("s", "SELECT $1, $2"), SYNC)
    run = (m.Bind("", "s", (), (b"1", b"x")), m.Execute(""), SYNC)
    before = transcript(*run, dialogue=dialogue)
    assert transcript(m.Query("SET TimeZone = 'CET'"), dialogue=dialogue) == [
        "CommandComplete SET",
        "ParameterStatus ('TimeZone', 'CET')",
        "ReadyForQuery I",
    ]
    assert transcript(*run, dialogue=dialogue) == before
