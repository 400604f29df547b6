"""What PostgreSQL made of COPY data: `cases/copy_in.jsonl`, one JSON array a line, [data, options, columns, answer].

The data's bytes are written as Latin-1 characters; options are those of CopyOptions that differ from their defaults;
columns is how many of TABLE's are copied. The answer is the rows, their values as text, or the error as
{"error": [SQLSTATE, message, detail, hint, context]}. `record.py` asks again and rewrites them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from tests.types.recorded import FOLDER

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column, CopyIn, CopyOptions, Origin
from ruvector_engine.types import registry
from ruvector_engine.types.registry import TypeRef
from ruvector_engine.types.text import format_text
from ruvector_server.copy import copy_decoder

Rows: TypeAlias = list[list[str | None]]
Answer: TypeAlias = Rows | dict[str, list[str | None]]

FILE = FOLDER / "copy_in.jsonl"
TABLE = (
    "CREATE TEMP TABLE items (id int8, name text, price float8, v vector(2), d date, code varchar(3), n numeric(4,2))"
)
COLUMNS = (
    Column("id", TypeRef(registry.INT8)),
    Column("name", TypeRef(registry.TEXT)),
    Column("price", TypeRef(registry.FLOAT8)),
    Column("v", TypeRef(registry.VECTOR, 2)),
    Column("d", TypeRef(registry.DATE)),
    Column("code", TypeRef(registry.VARCHAR, 3 + 4)),
    Column("n", TypeRef(registry.NUMERIC, (4 << 16 | 2) + 4)),
)
_CSV_DEFAULTS = {"delimiter": ",", "null": ""}
_LISTS = ("force_quote", "force_not_null", "force_null")


@dataclass(frozen=True, slots=True)
class CopyCase:
    """Data of COPY FROM STDIN, and PostgreSQL's answer."""

    data: bytes
    options: dict[str, Any]
    columns: int
    answer: Answer

    def line(self) -> str:
        """The case as its file has it."""
        return json.dumps([self.data.decode("latin-1"), self.options, self.columns, self.answer], ensure_ascii=False)


def load() -> list[CopyCase]:
    """All cases."""
    with FILE.open(encoding="utf-8") as file:
        return [CopyCase(data.encode("latin-1"), *rest) for data, *rest in map(json.loads, file)]


class RowSink:
    """A CopySink that keeps the rows."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def append(self, columns: Sequence[Sequence[Any]], origin: Origin) -> None:
        self.rows += zip(*columns, strict=True)

    def skip(self, line: int, column: str, value: str | None) -> None:
        raise AssertionError("nothing is skipped")

    def finish(self) -> str:
        return f"COPY {len(self.rows)}"

    def abort(self) -> None:
        self.rows.clear()


def options_of(given: dict[str, Any]) -> CopyOptions:
    """CopyOptions as the engine would make them: csv has other defaults."""
    defaults = dict(_CSV_DEFAULTS) if given.get("format") == "csv" else {}
    if "quote" in given:
        defaults["escape"] = given["quote"]
    lists = {name: frozenset(given[name]) for name in _LISTS if name in given}
    return CopyOptions(**{**defaults, **given, **lists})


def answer_here(case: CopyCase, pieces: Iterable[bytes]) -> Answer:
    """What this project makes of the data, fed in these pieces."""
    columns, sink = COLUMNS[: case.columns], RowSink()
    decoder = copy_decoder(CopyIn("items", columns, options_of(case.options), sink))
    try:
        for piece in pieces:
            decoder.feed(piece)
        decoder.finish()
    except SqlError as error:
        return {"error": [error.sqlstate, error.message, error.detail, error.hint, error.context]}
    return [
        [None if value is None else format_text(c.type, value) for value, c in zip(row, columns, strict=True)]
        for row in sink.rows
    ]


def copy_sql(case: CopyCase) -> str:
    """The statement that takes the data."""
    names = ", ".join(column.name for column in COLUMNS[: case.columns])
    words = ", ".join(f"{name} {_option(name, value)}" for name, value in case.options.items())
    return f"COPY items ({names}) FROM STDIN" + (f" WITH ({words})" if words else "")


def _option(name: str, value: Any) -> str:
    if name in _LISTS:
        return f"({', '.join(value)})"
    if name in ("format", "header"):
        return str(value)
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


def answer_there(connection: psycopg.Connection[Any], case: CopyCase) -> Answer:
    """What the connected PostgreSQL makes of it."""
    names = ", ".join(f"{column.name}::text" for column in COLUMNS[: case.columns])
    with connection.transaction(force_rollback=True):
        connection.execute(TABLE.encode())
        try:
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy(copy_sql(case).encode()) as copy:
                    copy.write(case.data)
                rows = cursor.execute(f"SELECT {names} FROM items".encode()).fetchall()
                return [list(row) for row in rows]
        except psycopg.Error as error:
            diag = error.diag
            fields = (diag.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint, diag.context)
            return {"error": list(fields)}
