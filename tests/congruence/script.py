"""The `.test` files: SQL with the answers PostgreSQL 18 + pgvector 0.8.5 gives. Reading and writing; no IO here.

A file is a list of records, separated by blank lines:

    # a comment; comments, blank lines and everything else the recorder does not own are kept
    connection other            (optional: which connection runs it; each name is a session of its own, other@shop
                                 one in the database shop)
    parameters [1,2,3]|7        (optional: values of $1, $2, ..., in text format; only the extended protocol runs it)
    only extended               (optional: simple | extended | postgres | ruvector: where the record runs)
    statement ok | statement error | query [unordered] | copy in | copy in hex | copy out
    SELECT ...
    SELECT continued            (the SQL; it ends at the line ----)
    ----
    expected outcome, up to the next blank line

The outcome is written by the recorder. For a query: a line of column names and types, the rows, the command tag.
Values are those of PostgreSQL's text output, separated by |, with COPY's escapes, \\N for NULL and (empty) for an
empty value. For an error: a line with SQLSTATE and message, then the position, detail and hint when there are any.
Notices stand before the rest. `copy in` has the data to send (text, or bytes in hexadecimal) between its SQL and the
outcome, closed by a second line ----. `copy out` shows the data received, in hexadecimal for the binary format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

SEPARATOR = "----"
EMPTY = "(empty)"  # an empty value: a line of its own must not be blank

Kind: TypeAlias = Literal[
    "statement ok", "statement error", "query", "query unordered", "copy in", "copy in hex", "copy out"
]
Where: TypeAlias = Literal["simple", "extended", "postgres", "ruvector"]
_KINDS: tuple[Kind, ...] = get_args(Kind)
_PLACES: tuple[Where, ...] = get_args(Where)

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "|": "\\|"}
_UNESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class ScriptError(ValueError):
    """A `.test` file that does not follow the format; the message says the line."""


@dataclass(slots=True)
class Record:
    """One statement and what is expected of it."""

    line: int  # of the kind, counted from 1
    kind: Kind
    sql: str
    expected: list[str]
    connection: str = "main"
    parameters: list[str | None] | None = None
    only: Where | None = None
    data: list[str] = field(default_factory=list)  # what `copy in` sends
    outcome_at: tuple[int, int] = (0, 0)  # the half-open range of lines that `expected` takes in the file


def escape(value: str | None) -> str:
    """Return one value as an outcome line shows it."""
    if value is None:
        return "\\N"
    if not value:
        return EMPTY
    return "".join(_ESCAPES.get(character, character) for character in value)


def parse_values(line: str) -> list[str | None]:
    """Split a line of values: the inverse of joining `escape`d values with |."""
    values: list[str | None] = []
    text: list[str] = []
    characters = iter(line + "|")
    null = False
    for character in characters:
        if character == "|":
            word = "".join(text)
            values.append(None if null else "" if word == EMPTY else word)
            text, null = [], False
        elif character == "\\":
            following = next(characters)
            if following == "N":
                null = True
            else:
                text.append(_UNESCAPES.get(following, following))
        else:
            text.append(character)
    return values


def parse(source: str) -> list[Record]:
    """Read a `.test` file."""
    return _Reader(source).records()


def rewrite(source: str, records: Sequence[Record], outcomes: Sequence[Sequence[str]]) -> str:
    """Return `source` with each record's expectation replaced by its outcome; all else stays as it is."""
    lines = source.removesuffix("\n").split("\n")
    for record, outcome in reversed(list(zip(records, outcomes, strict=True))):
        start, end = record.outcome_at
        lines[start:end] = list(outcome)
    return "\n".join(lines) + "\n"


class _Reader:
    def __init__(self, source: str) -> None:
        self._lines = source.removesuffix("\n").split("\n")
        self._at = 0

    def records(self) -> list[Record]:
        found = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if not line.strip() or line.startswith("#"):
                self._at += 1
            else:
                found.append(self._record())
        return found

    def _record(self) -> Record:
        record = Record(0, "query", "", [])
        while (line := self._next()) not in _KINDS:
            word, _, rest = line.partition(" ")
            if word == "connection":
                record.connection = rest
            elif word == "parameters":
                record.parameters = parse_values(rest)
                record.only = "extended"
            elif word == "only" and rest in _PLACES:
                record.only = rest
            else:
                raise ScriptError(f"line {self._at}: unknown directive {line!r}")
        record.line = self._at
        record.kind = line
        record.sql = "\n".join(self._until_separator())
        if record.kind in ("copy in", "copy in hex"):
            record.data = self._until_separator()
        start = self._at
        while self._at < len(self._lines) and self._lines[self._at]:
            self._at += 1
        record.outcome_at = (start, self._at)
        record.expected = self._lines[start : self._at]
        return record

    def _next(self) -> str:
        if self._at >= len(self._lines):
            raise ScriptError("the file ends within a record")
        self._at += 1
        return self._lines[self._at - 1]

    def _until_separator(self) -> list[str]:
        found = []
        while (line := self._next()) != SEPARATOR:
            found.append(line)
        return found
