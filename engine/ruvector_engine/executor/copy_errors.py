"""Errors that only the insertion of COPY's rows finds: which constraint, and which line of the data.

DuckDB checks a batch as a whole, and names neither. The first row that is wrong is looked for afterwards: among the
rows of the batch, and against what is committed. What the transaction itself wrote before is gone by then, so of a
clash with that the row is known by the key that DuckDB names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import discretion, duplicate_keys, failing_row, writes
from ruvector_engine.executor.failing_row import Violation
from ruvector_engine.relational import arrow
from ruvector_engine.relational.errors import DuplicateKey
from ruvector_engine.results import Origin, clipped

if TYPE_CHECKING:
    from ruvector_engine.session import Session


@dataclass(slots=True)
class Batch:
    """Rows that are inserted together.

    `arrays` are the columns as DuckDB takes them, c0, c1, ...; with `marks`, by the names d0, d1, ..., where a column's
    default is asked for. `where` is the condition by which rows are left out, `values` what the indexes are given, in
    DuckDB's SQL.
    """

    table: TableDef
    given: list[ColumnDef]
    columns: list[Sequence[Any]]
    origins: list[Origin]
    where: str | None = None
    values: tuple[str, ...] = ()
    arrays: dict[str, Any] = field(default_factory=dict)
    marks: dict[str, list[bool]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.columns[0]) if self.columns else 0

    def context(self, place: int, *, line: bool) -> str:
        """Where a row stood in the data, with the text of its line if that is wanted and there is one."""
        for origin in self.origins:
            if place < len(origin.numbers):
                break
            place -= len(origin.numbers)
        shown = f': "{origin.lines[place]}"' if line and origin.lines is not None else ""
        return f"COPY {self.table.name}, line {origin.numbers[place]}{shown}"


def kept(origin: Origin, *, lines: bool) -> Origin:
    """What of an origin is kept until its rows are inserted: of a line, no more than would be shown."""
    texts = None if origin.lines is None or not lines else [clipped(line) for line in origin.lines]
    return Origin(origin.numbers, texts)


def told(session: Session, error: SqlError, batch: Batch, *, one_by_one: bool) -> SqlError:
    """The error with the names of table and constraint, and the line that it came from."""
    plain = writes.explained(error, batch.table, session)
    found: Violation | None = None
    if isinstance(error, DuplicateKey):
        found = _duplicate(session, error, batch)
    elif plain.sqlstate in ("23502", "23514") and batch.arrays:
        found = failing_row.first_violation(session, _new_rows(session, batch, batch.arrays))
    elif batch.arrays and batch.values:
        place = failing_row.first_failing(session, _numbered_rows(session, batch), batch.values)
        found = None if place is None else Violation(place, plain)
    if found is None:
        return discretion.without_key(session, batch.table, plain)
    # Rows are gathered before they are inserted, but NOT NULL and CHECK are looked at as each line is read.
    as_read = plain.sqlstate in ("23502", "23514")
    found.error.context = batch.context(found.place, line=one_by_one or as_read)
    return discretion.without_key(session, batch.table, found.error)


def _duplicate(session: Session, error: DuplicateKey, batch: Batch) -> Violation | None:
    if not batch.arrays:
        return duplicate_keys.of_rows(session, error, batch.table, lambda key: _keys(batch, key.columns))
    rows = failing_row.rows_of_copy(session, batch.table, _new_rows(session, batch, batch.arrays))
    changes = session.transaction.changes.get(batch.table.oid)
    committed: failing_row.NewRows | None = None
    if changes is None or not (changes.reworked or changes.truncated):  # else rows may be gone that are still there
        committed = _numbered_rows(session, batch)
    return duplicate_keys.first_of_rows(session, error, batch.table, rows, committed)


def _numbered_rows(session: Session, batch: Batch) -> failing_row.NewRows:
    return _new_rows(session, batch, batch.arrays | {"place": arrow.ids(np.arange(batch.rows))})


def _new_rows(session: Session, batch: Batch, arrays: dict[str, Any]) -> failing_row.NewRows:
    return failing_row.new_rows_of_copy(session, batch.table, batch.given, arrays, batch.marks, batch.where)


def _keys(batch: Batch, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """A constraint's columns of a batch; none when it does not give them all."""
    places = {column.name: place for place, column in enumerate(batch.given)}
    if not set(names) <= set(places):
        return []
    return list(zip(*(batch.columns[places[name]] for name in names), strict=True))
