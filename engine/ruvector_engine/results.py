"""What a statement gives back. Plain data: the server turns it into bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

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
    force_not_null: frozenset[str] | None = frozenset()  # here and below likewise
    force_null: frozenset[str] | None = frozenset()
    #: Rows whose values their types refuse are skipped, up to `reject_limit` of them (None: any number).
    on_error: Literal["stop", "ignore"] = "stop"
    reject_limit: int | None = None
    log_verbosity: Literal["silent", "default", "verbose"] = "default"
    #: PostgreSQL's name of the data's encoding, in text and csv; None: the client's.
    encoding: str | None = None
    #: What stands in the data for a column's default; None: nothing does.
    default: str | None = None


class Default:
    """The type of DEFAULT_VALUE."""

    def __repr__(self) -> str:
        return "DEFAULT"


#: Stands among the values of a column for its default.
DEFAULT_VALUE: Final = Default()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows came from: the numbers of their lines, and the lines, where the format has any."""

    numbers: Sequence[int]
    lines: Sequence[str] | None = None


#: As much of a line or value as a CONTEXT shows, in bytes.
_MAX_SHOWN = 100


def clipped(text: str) -> str:
    """As much of a line or value of COPY's data as a CONTEXT shows."""
    if len(text) * 4 <= _MAX_SHOWN or len(raw := text[: _MAX_SHOWN + 1].encode()) <= _MAX_SHOWN:
        return text
    return raw[:_MAX_SHOWN].decode(errors="ignore") + "..."


class CopySink(Protocol):
    """Where COPY FROM STDIN puts rows. Methods may block; they run on a worker thread, one at a time."""

    def append(self, columns: Sequence[Sequence[Any]], origin: Origin) -> None:
        """Take a batch: one sequence of values a column, all of one length, and where they came from."""

    def skip(self, line: int, column: str, value: str | None) -> None:
        """Take note of a row that ON_ERROR ignore left out, for notices; its value in `column` was refused."""

    def finish(self) -> str:
        """Insert what is left and return the command tag ("COPY 42")."""

    def abort(self) -> None:
        """Drop everything; called instead of finish."""


@dataclass(slots=True)
class CopyIn:
    """COPY ... FROM is waiting for data: from the client, or from the server's own file `path`."""

    table: str  # for error contexts: "COPY items, line 3, column id"
    columns: tuple[Column, ...]
    options: CopyOptions
    sink: CopySink
    #: The file as the statement names it; in `folder`, unless that is an absolute name.
    path: str | None = None
    folder: str = ""
    #: The columns that have a default, for the option DEFAULT.
    with_default: frozenset[str] = frozenset()


@dataclass(slots=True)
class CopyOut:
    """COPY ... TO: the rows are those of the Result that carries this, for the client or the server's file `path`."""

    options: CopyOptions
    path: str | None = None


@dataclass(frozen=True, slots=True)
class StatementDescription:
    """What Describe reports: parameter types, and columns (None when no rows come back)."""

    parameters: tuple[int, ...]
    columns: tuple[Column, ...] | None
