"""What a statement gives back. Plain data: the server turns it into bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ruvector_engine.types.registry import TypeRef

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One result column, as RowDescription needs it."""

    name: str
    type: TypeRef
    table_oid: int = 0
    attnum: int = 0


@dataclass(slots=True)
class Result:
    """Rows of a statement, in batches.

    `rows` is the first batch. `more(n)` fetches up to n further rows and may block, an empty list at the end; it is
    None when `rows` is everything. `tag` is the command tag; when `counted`, the server appends the number of
    rows it sent ("SELECT" -> "SELECT 5"). `columns` is None for a statement that never returns rows.
    """

    tag: str
    columns: tuple[Column, ...] | None = None
    rows: list[Row] = field(default_factory=list)
    more: Callable[[int], list[Row]] | None = None
    counted: bool = False
    close: Callable[[], None] | None = None
    copy: CopyIn | CopyOut | None = None


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """COPY's options after checking; characters are one-character strings."""

    format: Literal["text", "csv", "binary"] = "text"
    delimiter: str = "\t"
    null: str = "\\N"
    header: Literal["off", "on", "match"] = "off"
    quote: str = '"'
    escape: str = '"'
    force_quote: frozenset[str] | None = frozenset()  # None: every column
    force_not_null: frozenset[str] = frozenset()
    force_null: frozenset[str] = frozenset()
    #: Rows whose values their types refuse are skipped, up to `reject_limit` of them (None: any number).
    on_error: Literal["stop", "ignore"] = "stop"
    reject_limit: int | None = None
    log_verbosity: Literal["silent", "default", "verbose"] = "default"
    #: PostgreSQL's name of the data's encoding, in text and csv.
    encoding: str = "UTF8"


class CopySink(Protocol):
    """Where COPY FROM STDIN puts rows. Methods may block; they run on a worker thread, one at a time."""

    def append(self, columns: Sequence[Sequence[Any]]) -> None:
        """Take a batch: one sequence of values a column, all of one length."""

    def skip(self, line: int, column: str, value: str | None) -> None:
        """Take note of a row that ON_ERROR ignore left out, for notices; its value in `column` was refused."""

    def finish(self) -> str:
        """Insert what is left and return the command tag ("COPY 42")."""

    def abort(self) -> None:
        """Drop everything; called instead of finish."""


@dataclass(slots=True)
class CopyIn:
    """COPY ... FROM STDIN is waiting for data."""

    table: str  # for error contexts: "COPY items, line 3, column id"
    columns: tuple[Column, ...]
    options: CopyOptions
    sink: CopySink


@dataclass(slots=True)
class CopyOut:
    """COPY ... TO STDOUT: the rows are those of the Result that carries this."""

    options: CopyOptions


@dataclass(frozen=True, slots=True)
class StatementDescription:
    """What Describe reports: parameter types, and columns (None when no rows come back)."""

    parameters: tuple[int, ...]
    columns: tuple[Column, ...] | None
