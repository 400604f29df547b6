"""Runs the records of a `.test` file against one server and writes down what happened, as expectations are written.

Raw libpq (psycopg's `pq`), so that nothing between the test and the server adapts a value or rewrites a statement.
"""

from __future__ import annotations

import re
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

from psycopg import pq
from tests.congruence.script import EMPTY, Record, escape

Protocol: TypeAlias = Literal["simple", "extended"]
ServerKind: TypeAlias = Literal["postgres", "ruvector"]

STATEMENT_TIMEOUT = 30.0  # seconds until a statement without an answer fails the file

#: Built-in types by OID; the others have an OID of each server's own and are asked for by OID.
_TYPE_NAMES = {
    16: "bool", 17: "bytea", 18: "char", 19: "name", 20: "int8", 21: "int2", 23: "int4", 25: "text", 26: "oid",
    114: "json", 700: "float4", 701: "float8", 705: "unknown", 1000: "bool[]", 1007: "int4[]", 1009: "text[]",
    1016: "int8[]", 1021: "float4[]", 1022: "float8[]", 1042: "bpchar", 1043: "varchar", 1082: "date",
    1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval", 1231: "numeric[]", 1700: "numeric",
    2205: "regclass", 2206: "regtype", 2249: "record", 2278: "void", 2950: "uuid", 3802: "jsonb",
}  # fmt: skip

_DATABASE_CREATED = re.compile(r"\bCREATE\s+DATABASE\s+(\w+)", re.IGNORECASE)
#: What another file, or a test of a driver, has left: a file's answers must not hang on it.
_LEFTOVERS = """
SELECT statement FROM (
  SELECT CASE relkind WHEN 'v' THEN 1 WHEN 'r' THEN 2 WHEN 'S' THEN 3 ELSE 4 END,
         'DROP ' || CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'r' THEN 'TABLE' WHEN 'S' THEN 'SEQUENCE' ELSE 'TYPE' END
         || ' IF EXISTS public.' || quote_ident(relname) || ' CASCADE'
  FROM pg_class WHERE relkind IN ('r', 'v', 'S', 'c') AND relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 5, 'DROP TYPE IF EXISTS public.' || quote_ident(typname) || ' CASCADE'
  FROM pg_type WHERE typtype IN ('e', 'r') AND typnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 0, 'DROP SCHEMA IF EXISTS ' || quote_ident(nspname) || ' CASCADE'
  FROM pg_namespace WHERE nspname NOT IN ('public', 'information_schema') AND nspname NOT LIKE 'pg\\_%'
) AS leftovers(turn, statement)
ORDER BY turn, statement
"""


#: The fields of a message that an outcome shows, when it has them.
_SHOWN = (
    pq.DiagnosticField.STATEMENT_POSITION,
    pq.DiagnosticField.MESSAGE_DETAIL,
    pq.DiagnosticField.MESSAGE_HINT,
    pq.DiagnosticField.INTERNAL_POSITION,
    pq.DiagnosticField.INTERNAL_QUERY,
    pq.DiagnosticField.CONTEXT,
)


class RunnerError(RuntimeError):
    """The server did not answer as any PostgreSQL would: it closed the connection or went silent."""


@dataclass(frozen=True, slots=True)
class _Answer:
    result: pq.abc.PGresult
    copied: bytes = b""  # what COPY TO STDOUT sent


class Sessions:
    """The connections of one run, opened when first named."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._open: dict[str, pq.abc.PGconn] = {}
        self._notices: dict[str, list[str]] = {}
        self._types: dict[int, str] = dict(_TYPE_NAMES)

    def connection(self, name: str) -> pq.abc.PGconn:
        """Return the connection of that name."""
        if name not in self._open:
            database = name.partition("@")[2]
            dsn = f"{self._dsn} dbname={database}" if database else self._dsn  # libpq takes the last one
            connection = pq.PGconn.connect(dsn.encode())
            if connection.status != pq.ConnStatus.OK:
                raise RunnerError(connection.get_error_message())
            connection.nonblocking = 1
            notices = self._notices.setdefault(name, [])
            connection.notice_handler = lambda notice: notices.extend(_message_lines(notice))
            self._open[name] = connection
        return self._open[name]

    def notices(self, name: str) -> list[str]:
        """Return the notices that came on a connection since they were last asked for."""
        found = list(self._notices[name])
        self._notices[name].clear()
        return found

    def type_name(self, oid: int) -> str:
        """Return the name of the type with this OID on this server."""
        if oid not in self._types:
            connection = self.connection("setup")
            query = f"SELECT typname FROM pg_catalog.pg_type WHERE oid = {oid}"
            connection.send_query(query.encode())
            result = _answers(connection)[-1].result
            value = result.get_value(0, 0) if result.ntuples else None
            self._types[oid] = value.decode() if value is not None else f"oid {oid}"
        return self._types[oid]

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open.values():
            connection.finish()


@contextmanager
def prepared_database(dsn: str, records: Sequence[Record]) -> Iterator[Sessions]:
    """Yield sessions on a database where nothing but the extension exists."""
    sessions = Sessions(dsn)
    try:
        setup = sessions.connection("setup")
        _set_up(setup, "SET lock_timeout = '30s'")
        _set_up(setup, "CREATE EXTENSION IF NOT EXISTS vector")
        for (statement,) in _set_up(setup, _LEFTOVERS):
            _set_up(setup, statement)
        databases = sorted({name.lower() for record in records for name in _DATABASE_CREATED.findall(record.sql)})
        for database in databases:
            _set_up(setup, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        sessions.notices("setup")
        yield sessions
    finally:
        sessions.close()


def _set_up(connection: pq.abc.PGconn, statement: str) -> list[tuple[str, ...]]:
    """Run a statement that must not fail; its rows."""
    connection.send_query(statement.encode())
    rows: list[tuple[str, ...]] = []
    for answer in _answers(connection):
        result = answer.result
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise RunnerError(f"{statement}: {result.error_message.decode()}")
        for row in range(result.ntuples):
            rows.append(tuple((result.get_value(row, place) or b"").decode() for place in range(result.nfields)))
    return rows


def applies(record: Record, protocol: Protocol, server: ServerKind) -> bool:
    """Whether the record runs with this protocol on this server."""
    return record.only in (None, protocol, server)


def run(record: Record, sessions: Sessions, protocol: Protocol) -> list[str]:
    """Execute a record and return its outcome, as a `.test` file shows it."""
    connection = sessions.connection(record.connection)
    if protocol == "simple":
        connection.send_query(record.sql.encode())
    else:
        values = [None if value is None else value.encode() for value in record.parameters or ()]
        connection.send_query_params(record.sql.encode(), values)
    answers = _answers(connection, _copy_data(record))
    lines = [line for answer in answers for line in _outcome(answer, record, sessions)]
    return [*sessions.notices(record.connection), *lines]


def is_error(outcome: Sequence[str]) -> bool:
    """Whether an outcome contains an error."""
    return any(line.startswith("ERROR ") for line in outcome)


def _copy_data(record: Record) -> bytes:
    if record.kind == "copy in hex":
        return bytes.fromhex("".join(record.data))
    return "".join(f"{line}\n" for line in record.data).encode()


def _answers(connection: pq.abc.PGconn, copy_data: bytes = b"") -> list[_Answer]:
    """Fetch all results of what was sent; COPY data goes in and out on the way."""
    answers: list[_Answer] = []
    deadline = time.monotonic() + STATEMENT_TIMEOUT
    while True:
        while connection.flush() or connection.is_busy():
            _wait(connection, deadline)
        result = connection.get_result()
        if result is None:
            return answers
        if result.status == pq.ExecStatus.COPY_IN:
            connection.put_copy_data(copy_data)
            connection.put_copy_end()
        elif result.status == pq.ExecStatus.COPY_OUT:
            answers.append(_Answer(result, _receive_copy(connection, deadline)))
        else:
            answers.append(_Answer(result))


def _receive_copy(connection: pq.abc.PGconn, deadline: float) -> bytes:
    data = bytearray()
    while True:
        length, chunk = connection.get_copy_data(1)
        if length < 0:
            return bytes(data)
        if length == 0:
            _wait(connection, deadline)
        else:
            data += chunk


def _wait(connection: pq.abc.PGconn, deadline: float) -> None:
    readable, _, _ = select.select([connection.socket], [], [], max(0.0, deadline - time.monotonic()))
    if not readable:
        raise RunnerError(f"no answer within {STATEMENT_TIMEOUT:.0f} s")
    connection.consume_input()


def _outcome(answer: _Answer, record: Record, sessions: Sessions) -> list[str]:
    result = answer.result
    if result.status == pq.ExecStatus.FATAL_ERROR:
        if not result.error_field(pq.DiagnosticField.SQLSTATE):
            raise RunnerError(f"the connection was lost: {result.error_message.decode()}")
        return _message_lines(result)
    lines = []
    if result.status == pq.ExecStatus.TUPLES_OK:
        lines.append(_header(result, sessions))
        rows = [_row(result, number) for number in range(result.ntuples)]
        lines += sorted(rows) if record.kind == "query unordered" else rows
    elif result.status == pq.ExecStatus.COPY_OUT:
        if result.fformat(0) if result.nfields else result.binary_tuples:
            lines.append(answer.copied.hex() or EMPTY)
        else:
            lines += [
                line or EMPTY for line in answer.copied.decode(errors="backslashreplace").removesuffix("\n").split("\n")
            ]
    if result.command_status:
        lines.append(result.command_status.decode())
    return lines


def _text(data: bytes) -> str:
    """Return text as it shall be shown: what is no UTF-8, for a client of another encoding, as \\xNN."""
    return data.decode(errors="backslashreplace")


def _header(result: pq.abc.PGresult, sessions: Sessions) -> str:
    columns = []
    for number in range(result.nfields):
        name = result.fname(number) or b""
        columns.append(f"{escape(_text(name))}:{sessions.type_name(result.ftype(number))}")
    return "|".join(columns) or EMPTY


def _row(result: pq.abc.PGresult, number: int) -> str:
    values = (result.get_value(number, column) for column in range(result.nfields))
    return "|".join(escape(None if value is None else _text(value)) for value in values) or EMPTY


def _message_lines(result: pq.abc.PGresult) -> list[str]:
    """Return an error or a notice as lines: severity, SQLSTATE and text, then the fields it has."""
    fields = pq.DiagnosticField
    severity, state, text = (
        _text(result.error_field(name) or b"")
        for name in (fields.SEVERITY_NONLOCALIZED, fields.SQLSTATE, fields.MESSAGE_PRIMARY)
    )
    lines = [f"{severity} {state} {escape(text)}"]
    for name in _SHOWN:
        value = result.error_field(name)
        if value is not None:
            label = name.name.removeprefix("STATEMENT_").removeprefix("MESSAGE_")
            lines.append(f"{label} {escape(_text(value))}")
    return lines
