"""SQL text to PostgreSQL's raw parse nodes, by PostgreSQL's own parser.

The one rule: positions leave this module in characters. libpg_query counts bytes in its nodes, but characters in
its errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import postgast
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.raw import kind_of, pb

#: Scanner and grammar errors that are not plain syntax errors (42601), by the start of their text.
_SQLSTATES = (
    ("unterminated", "42601"),
    ("invalid Unicode escape", "22025"),
    ("invalid Unicode surrogate pair", "42601"),
    ("invalid byte sequence", "22021"),
    ("unsafe use of", "22P06"),
    ("column number must be", "42601"),
    ("memory exhausted", "54001"),
    ("stack depth limit", "54001"),
)
_NOT_IMPLEMENTED = (
    "not yet implemented",
    "is not implemented",
    "is not supported",
    "are not supported",
    "is no longer supported",
)

#: The hints of the grammar's errors, which libpg_query does not hand on.
_HINTS = {
    "UNENCRYPTED PASSWORD is no longer supported": (
        "Remove UNENCRYPTED to store the password in encrypted form instead."
    ),
}


@dataclass(frozen=True, slots=True)
class RawStatement:
    """One statement as parsed. `offset` counts characters from the start of `source`, where `text` begins."""

    kind: str  # the node's protobuf field name, e.g. "select_stmt"
    node: Any
    text: str
    offset: int
    source: str

    def character(self, byte_position: int) -> int:
        """A 1-based byte position in the source as a 1-based character position."""
        return _character(self.source, byte_position)


def parse(sql: str) -> list[RawStatement]:
    """The statements of a query string; [] when it has none. SqlError with PostgreSQL's text and position."""
    try:
        tree = postgast.parse(sql)
    except postgast.PgQueryError as error:
        raise SqlError(
            _sqlstate(error.message),
            error.message,
            hint=_HINTS.get(error.message),
            position=error.cursorpos or None,
        ) from None
    except DecodeError:
        raise SqlError("54001", "stack depth limit exceeded", hint="Write the statement with less nesting.") from None
    data = None if sql.isascii() else sql.encode()
    statements = []
    for raw in tree.stmts:
        start, length = raw.stmt_location, raw.stmt_len
        if data is None:
            text = sql[start : start + length] if length else sql[start:]
        else:
            text = (data[start : start + length] if length else data[start:]).decode()
            start = len(data[:start].decode())
        stripped = text.lstrip()
        kind, node = kind_of(raw.stmt)
        statements.append(RawStatement(kind, node, stripped.rstrip(), start + len(text) - len(stripped), sql))
    return statements


_TOKENS = pb.Token.DESCRIPTOR.values_by_number


class Token(NamedTuple):
    """One word of SQL as PostgreSQL's scanner cuts it.

    `kind` is the scanner's name ("IDENT", "SCONST", "Op", ...), or the character itself; a keyword has the name of its
    own. `start` and `end` count characters.
    """

    kind: str
    text: str
    start: int
    end: int
    is_keyword: bool


def scan(sql: str) -> tuple[list[Token], SqlError | None]:
    """The tokens of a text without comments; and what is wrong where they end, unless that is the end of the text."""
    fault = None
    try:
        scanned = postgast.scan(sql)
    except postgast.PgQueryError as error:
        fault = SqlError(_sqlstate(error.message), error.message, position=error.cursorpos or 1)
        before = sql[: (error.cursorpos or 1) - 1]
        try:
            scanned = postgast.scan(before)
        except postgast.PgQueryError:
            return [], fault
    tokens = []
    data = None if sql.isascii() else sql.encode()
    at = character = 0
    for token in scanned.tokens:
        start, end = token.start, token.end
        if data is not None:
            start = character + len(data[at:start].decode())
            end = start + len(data[token.start : token.end].decode())
            at, character = token.end, end
        name = _token_name(token.token)
        if name not in ("SQL_COMMENT", "C_COMMENT"):
            tokens.append(Token(name, sql[start:end], start, end, token.keyword_kind != 0))
    return tokens, fault


@cache
def _token_name(number: int) -> str:
    """The scanner's name of a token; a character by itself is one that has its code for a number."""
    found = _TOKENS.get(number)
    return chr(number) if found is None or found.name.startswith("ASCII_") else str(found.name)


def inner_statement(outer: RawStatement, node: Any) -> RawStatement:
    """The statement inside another (EXPLAIN, COPY, CREATE VIEW), as a statement of the same source."""
    kind, message = kind_of(node)
    return RawStatement(kind, message, outer.text, outer.offset, outer.source)


def _character(sql: str, byte_position: int) -> int:
    if sql.isascii():
        return byte_position
    return len(sql.encode()[: byte_position - 1].decode(errors="replace")) + 1


def _sqlstate(message: str) -> str:
    for start, sqlstate in _SQLSTATES:
        if message.startswith(start):
            return sqlstate
    if message.endswith(("is reserved", "cannot be used as a role name here")):
        return "42939"
    return "0A000" if any(part in message for part in _NOT_IMPLEMENTED) else "42601"
