"""The same messages to PostgreSQL and to our server, over real sockets: the same answers, field by field.

Only what PostgreSQL says of its own source (file, line, routine) is left out of errors, and the line at which a client
gives up its COPY.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack

import pytest
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server
from tests.server.raw_client import RawClient
from tests.wire.client import Backend, encode

from ruvector_server.wire import messages as m

STARTUP = m.StartupMessage(3, 0, {"user": "postgres", "database": "postgres"})
SYNC = m.Sync()
SELECT_1 = m.Query("SELECT 1 AS one")


def run(port: int, *parts: m.Frontend | bytes) -> list[Backend]:
    """Send everything and goodbye; all answers, without those fields."""
    data = b"".join(part if isinstance(part, bytes) else encode(part) for part in parts)
    with RawClient(port, startup=STARTUP) as client:
        client.send_bytes(data)
        client.send(m.Terminate())
        return [_plain(message) for message in client.until("the end")]


def _plain(message: Backend) -> Backend:
    if message.name in ("ErrorResponse", "NoticeResponse") and isinstance(message.content, dict):
        hidden = ("F", "L", "R", "W") if message.content["C"] == "57014" else ("F", "L", "R")
        return Backend(message.name, {k: v for k, v in message.content.items() if k not in hidden})
    if message.name == "RowDescription" and isinstance(message.content, list):  # table OIDs differ
        return Backend(message.name, [(c[0], bool(c[1]), *c[2:]) for c in message.content])
    return message


def one_shot(
    sql: str, *values: bytes | None, formats: tuple[int, ...] = (), results: tuple[int, ...] = ()
) -> list[m.Frontend]:
    bind = m.Bind("", "", formats, values, results)
    return [m.Parse("", sql), m.Describe("S", ""), bind, m.Describe("P", ""), m.Execute(""), SYNC]


CONVERSATIONS: dict[str, Sequence[m.Frontend | bytes]] = {
    "select": [SELECT_1],
    "empty": [m.Query(""), m.Query(";"), *one_shot("")],
    "several statements": [m.Query("SELECT 1; SELECT 'a'::text; SELECT NULL::int")],
    "error in the middle": [m.Query("SELECT 1; SELECT 1/0; SELECT 2"), SELECT_1],
    "syntax error": [m.Query("SELECT 1; SELEC 2")],
    "failed transaction": [m.Query("BEGIN"), m.Query("SELECT 1/0"), SELECT_1, m.Query("COMMIT"), SELECT_1],
    "failed inside one text": [m.Query("BEGIN; SELECT 1/0; SELECT 2"), m.Query("ROLLBACK")],
    "transaction by the extended protocol": [
        *one_shot("BEGIN"), *one_shot("SELECT 1 / (n - 1) FROM generate_series(1, 1) AS n"), *one_shot("SELECT 1"),
        *one_shot("ROLLBACK"),
    ],
    "one shot": one_shot("SELECT $1::int + 1 AS n, $2::text AS t", b"41", b"x"),
    "binary": one_shot("SELECT $1::int AS n, $2::text AS t", pack("!i", 7), None, formats=(1, 0), results=(1,)),
    "formats by column": one_shot("SELECT $1::int AS n, $2::int8 AS t", b"1", b"2", results=(0, 1)),
    "named": [
        m.Parse("s", "SELECT $1::int AS n"), m.Bind("p", "s", (), (b"1",)), m.Describe("S", "s"), m.Describe("P", "p"),
        m.Execute("p"), SYNC, m.Bind("", "s", (), (None,)), m.Execute(""), m.Close("S", "s"), m.Close("S", "s"), SYNC,
        m.Bind("", "s", (), (b"1",)), SYNC,
    ],
    "row limits": [
        m.Parse("", "SELECT * FROM generate_series(1, 5) AS n"), m.Bind("", ""), m.Execute("", 2), m.Execute("", 2),
        m.Execute("", 2), m.Execute("", 2), SYNC, m.Execute(""), SYNC,
    ],
    "row limit that is met exactly": [
        m.Parse("", "SELECT * FROM generate_series(1, 3) AS n"), m.Bind("", ""), m.Execute("", 3), m.Execute("", 3),
        SYNC,
    ],
    "portal across Sync in a transaction": [
        m.Query("BEGIN"), m.Parse("", "SELECT * FROM generate_series(1, 5) AS n"), m.Bind("p", ""), m.Execute("p", 2),
        SYNC, m.Execute("p", 2), SYNC, m.Query("COMMIT"), m.Execute("p", 2), SYNC,
    ],
    "command twice": [m.Parse("", "BEGIN"), m.Bind("", ""), m.Execute(""), m.Execute(""), SYNC, m.Query("ROLLBACK")],
    "skip to Sync": [
        m.Parse("", "SELECT nonsense"), m.Bind("", ""), m.Query("SELECT 1"), m.Execute(""), SYNC, SELECT_1,
    ],
    "two commands": one_shot("SELECT 1; SELECT 2"),
    "name twice": [m.Parse("a", "SELECT 1"), m.Parse("a", "SELECT 2"), SYNC],
    "portal twice": [m.Parse("a", "SELECT 1"), m.Bind("p", "a"), m.Bind("p", "a"), SYNC],
    "nothing of that name": [
        m.Bind("", ""), SYNC, m.Bind("", "x"), SYNC, m.Execute("x"), SYNC, m.Describe("S", "x"), SYNC,
        m.Describe("S", ""), SYNC, m.Describe("P", "x"), SYNC, m.Close("P", "x"), SYNC,
    ],
    "query drops what is unnamed": [
        m.Parse("", "SELECT 1"), m.Query("SELECT 2"), m.Bind("", ""), SYNC,
    ],
    "wrong numbers": [
        m.Parse("s", "SELECT $1::int AS n"), SYNC, m.Bind("", "s"), SYNC, m.Bind("", "s", (0, 0), (b"1",)), SYNC,
        m.Bind("", "s", (), (b"1",), (0, 0)), SYNC, m.Bind("", "s", (3,), (b"1",)), SYNC,
    ],
    "bad values": [
        m.Parse("s", "SELECT $1::int AS n, $2::text AS t"), SYNC, m.Bind("", "s", (), (b"x", b"")), SYNC,
        m.Bind("p", "s", (), (b"x", b"")), SYNC, m.Bind("", "s", (1, 0), (b"123", b"")), SYNC,
        m.Bind("", "s", (1, 0), (b"12345", b"")), SYNC, m.Bind("", "s", (), (b"1", b"\xff")), SYNC,
    ],
    "setting": [
        m.Query("SET TimeZone = 'Europe/Paris'"), m.Query("SET application_name = 'x'"), m.Query("RESET TimeZone"),
    ],
    "setting rolled back": [m.Query("BEGIN"), m.Query("SET TimeZone = 'Europe/Paris'"), m.Query("ROLLBACK")],
    "bad bodies": [
        b"Q\0\0\0\x08abcd", b"Q\0\0\0\x08ab\xff\0", b"S\0\0\0\x08abcd", b"D\0\0\0\x06X\0", encode(SYNC),
        b"B\0\0\0\x05\0", b"P\0\0\0\x05a", encode(SYNC),
    ],
    "copy data of no copy": [m.CopyData(b"x"), m.CopyDone(), m.CopyFail("x"), SELECT_1],
    "notice": [m.Query("DROP TABLE IF EXISTS no_such_table_1")],
    "copy": [
        m.Query("CREATE TABLE wire_copy (i int, t text)"), m.Query("COPY wire_copy FROM STDIN"),
        m.CopyData(b"1\tone\n2"), m.Flush(), m.CopyData(b"\t\\N\n"), m.CopyDone(), m.Query("COPY wire_copy TO STDOUT"),
        m.Query("COPY wire_copy TO STDOUT (FORMAT binary)"), m.Query("COPY wire_copy TO STDOUT (FORMAT csv, HEADER)"),
        *one_shot("COPY wire_copy TO STDOUT"),
        m.Parse("", "COPY wire_copy FROM STDIN"), m.Bind("", ""), m.Execute(""), m.CopyData(b"3\tthree\n"),
        m.CopyDone(), SYNC, m.Query("COPY wire_copy FROM STDIN"), m.CopyData(b"1\tx\ny\tz\n"), m.CopyDone(), SELECT_1,
        m.Query("SELECT count(*) FROM wire_copy"), m.Query("DROP TABLE wire_copy"),
    ],
    "copy failed by the client": [
        m.Query("CREATE TABLE wire_copy_fail (i int)"), m.Query("COPY wire_copy_fail FROM STDIN"),
        m.CopyFail("reason"), SELECT_1, m.Query("DROP TABLE wire_copy_fail"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversation(name: str, postgres: Postgres, ruvector: Server) -> None:
    parts = CONVERSATIONS[name]
    assert run(ruvector.port, *parts) == run(postgres.port, *parts)


@pytest.mark.parametrize(
    "startup",
    [
        m.StartupMessage(3, 0, {"user": "postgres", "options": "-c foo"}),
        m.StartupMessage(3, 0, {"user": "postgres", "options": "-c no_such_setting=1"}),
        m.StartupMessage(3, 0, {"user": "postgres", "no_such_setting": "1"}),
        m.StartupMessage(3, 0, {"user": "postgres", "TimeZone": "Mars"}),
        m.StartupMessage(3, 0, {}),
        m.StartupMessage(4, 0, {"user": "postgres"}),
    ],
)
def test_refused_startup(startup: m.StartupMessage, postgres: Postgres, ruvector: Server) -> None:
    answers = []
    for port in (postgres.port, ruvector.port):
        with RawClient(port, startup=None) as client:
            client.send(startup)
            messages = [_plain(message) for message in client.until("ErrorResponse")]
            # PostgreSQL may say that the client is trusted before it looks at its settings.
            answers.append([message for message in messages if message.name != "Authentication"])
    assert answers[1] == answers[0]


@pytest.mark.parametrize(("major", "minor"), [(3, 0), (3, 1), (3, 2), (3, 3), (3, 9999)])
def test_startup(major: int, minor: int, postgres: Postgres, ruvector: Server) -> None:
    """The same messages in the same order; the same settings reported, but for the versions and what is not there."""
    shapes = []
    for port in (postgres.port, ruvector.port):
        with RawClient(port, startup=None) as client:
            client.send(m.StartupMessage(major, minor, {"user": "postgres", "database": "postgres", "_pq_.x": ""}))
            messages = client.until("ReadyForQuery")
        settings = {str(c[0]) for _, c in messages if isinstance(c, tuple) and _ == "ParameterStatus"}
        shape = [
            (message.name, len(message.content) if isinstance(message.content, bytes) else message.content)
            for message in messages
            if message.name != "ParameterStatus"
        ]
        shapes.append((shape, settings))
    assert shapes[1] == shapes[0]
