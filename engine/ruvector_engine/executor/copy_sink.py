"""Rows of COPY FROM on their way into a table: gathered into batches, inserted by one statement each.

While DuckDB inserts a batch, on a thread of the sink's own, the next one is decoded: memory holds two.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from ruvector_engine.catalog.model import ROW_ID, ColumnDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import copy_errors, index_values, new_keys, table_access, widening, writes
from ruvector_engine.executor.copy_errors import Batch
from ruvector_engine.relational import arrow
from ruvector_engine.results import DEFAULT_VALUE, CopyOptions, Origin, Row
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.generated import generated_columns
from ruvector_engine.sql.storage import bindable, duck_type, from_transport
from ruvector_engine.sql.unique_keys import insertion
from ruvector_engine.types.numeric import format_numeric
from ruvector_engine.types.registry import BOOL, TypeRef
from ruvector_engine.types.vectors import VectorColumn

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Rows are handed to DuckDB in batches of about this many bytes.
_BATCH_BYTES = 16 * 1024 * 1024
#: As much of what the indexes are given is kept until the commit; the rest is computed again then.
_KEPT_BYTES = 64 * 1024 * 1024


class TableSink:
    """Takes the rows of one COPY. `one_by_one`: PostgreSQL would insert them so, and have each line at hand."""

    def __init__(
        self,
        session: Session,
        table: TableDef,
        columns: list[ColumnDef],
        options: CopyOptions,
        where: str | None,
        *,
        one_by_one: bool,
    ) -> None:
        self._session = session
        self._table = table
        self._columns = columns
        self._options = options
        #: By place: the columns whose values may be the marker for their default.
        self._defaulted = _defaults(session, columns) if options.default is not None else {}
        self._where = where
        self._values = index_values.of_new_rows(session, table)
        self._kept_bytes = 0
        self._sql = self._insert_sql()
        self._pending: list[list[Sequence[Any]]] = [[] for _ in columns]  # a column's pieces
        self._origins: list[Origin] = []
        self._bytes = 0
        self._skipped = self._inserted = 0
        self._written = [np.empty(0, np.int64)]
        self._one_by_one = one_by_one
        #: Whether an error that only the insertion finds is told with the text of its line.
        self._keeps_lines = one_by_one or any(c.kind == "c" for c in table.constraints)
        self._thread: ThreadPoolExecutor | None = None
        self._inserting: Future[None] | None = None
        self._vector_places = [
            (place, column) for place, column in enumerate(columns) if column.type.is_vector and column.type.typmod > 0
        ]

    def append(self, columns: Sequence[Sequence[Any]], origin: Origin) -> None:
        """Take a batch of columns."""
        self._session.check_cancelled()
        self._check_dimensions(columns)
        self._widen(columns)
        for pending, values in zip(self._pending, columns, strict=True):
            pending.append(values)
            self._bytes += _size(values)
        null = any(c.not_null and None in values for c, values in zip(self._columns, columns, strict=True))
        self._origins.append(copy_errors.kept(origin, lines=self._keeps_lines or null))
        if null:
            self._wait()
            self._insert(self._taken())  # fails: sooner than what follows could
        if self._bytes >= _BATCH_BYTES:
            self._wait()
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="copy")
            self._inserting = self._thread.submit(self._insert, self._taken())

    def _widen(self, columns: Sequence[Sequence[Any]]) -> None:
        """Make the table's columns hold the arrays that come, and what was gathered go in before."""
        wanted = []
        for place, (column, values) in enumerate(zip(self._columns, columns, strict=True)):
            marked = place in self._defaulted and column.type.is_array
            given = [value for value in values if value is not DEFAULT_VALUE] if marked else values
            if widening.not_plain(column, given):
                wanted.append(column)
        if wanted:
            wanted += [c for _, c in generated_columns(self._table) if widening.is_plain_array(c)]
            self._wait()
            self._insert(self._taken())
            self._table = widening.widen(self._session, self._table, wanted)
            self._columns = [c for old in self._columns if (c := self._table.column(old.name)) is not None]
            if self._defaulted:
                self._defaulted = _defaults(self._session, self._columns)
            self._values = index_values.of_new_rows(self._session, self._table)
            self._sql = self._insert_sql()

    def _insert_sql(self) -> str:
        """The INSERT of a batch. It returns what the indexes are given, after the row ids."""
        sql = _insert_sql(self._session, self._table, self._columns, self._defaulted, self._where)
        ids = [quote(ROW_ID)] if self._table.has_row_id else []
        return f"{sql} RETURNING {', '.join([*ids, *self._values.sql])}" if self._values.sql else sql

    def finish(self) -> str:
        """Insert the rest; COPY's tag."""
        try:
            self._wait()
            self._insert(self._taken())
            new_keys.check(self._session, self._table, np.concatenate(self._written))
        finally:
            self._end_thread()
        if self._skipped and self._options.log_verbosity != "silent":
            rows = "row was" if self._skipped == 1 else "rows were"
            self._session.notice("00000", f"{self._skipped} {rows} skipped due to data type incompatibility")
        return f"COPY {self._inserted}"

    def skip(self, line: int, column: str, value: str | None) -> None:
        """Count a row left out; an error once there are too many."""
        self._skipped += 1
        limit = self._options.reject_limit
        if limit is not None and self._skipped > limit:
            raise SqlError("22P02", f"skipped more than REJECT_LIMIT ({limit}) rows due to data type incompatibility")
        if self._options.log_verbosity == "verbose":
            shown = "null input" if value is None else f'"{value}"'
            problem = f'skipping row due to data type incompatibility at line {line} for column "{column}": {shown}'
            self._session.notice("00000", problem, context=f"COPY {self._table.name}")

    def abort(self) -> None:
        """Forget what was gathered; the transaction's failure undoes the rest."""
        self._taken()
        if self._inserting is not None:
            self._inserting.exception()  # the batch under way must end before the connection can roll back
        self._end_thread()

    def _taken(self) -> Batch:
        taken, self._pending = self._pending, [[] for _ in self._columns]
        origins, self._origins = self._origins, []
        self._bytes = 0
        joined = [_joined(pieces) for pieces in taken]
        return Batch(self._table, self._columns, joined, origins, self._where, self._values.sql)

    def _wait(self) -> None:
        inserting, self._inserting = self._inserting, None
        if inserting is not None:
            inserting.result()

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _check_dimensions(self, columns: Sequence[Sequence[Any]]) -> None:
        for place, column in self._vector_places:
            for found in _dimensions(columns[place]) - {column.type.typmod}:
                raise SqlError("22000", f"expected {column.type.typmod} dimensions, not {found}")

    def _insert(self, batch: Batch) -> None:
        """Insert a batch."""
        rows = batch.rows
        if not rows:
            return
        connection = self._session.connection
        ids = np.empty(0, np.int64)
        try:
            if self._table.has_row_id:
                ids = connection.ids(f"SELECT {writes.NEXT_ROW_ID} FROM range({rows})")
                changes = self._session.transaction.changes_of(self._table.oid)
                changes.added_rows.append(ids)
                self._written.append(ids)
                for column in writes.vector_columns(self._table):
                    changes.add(column.name, ids, None)
            self._mark_defaults(batch)
            if all(arrow.fits(column.type) for column in self._columns):
                pairs = zip(self._columns, batch.columns, strict=True)
                batch.arrays = {f"c{i}": arrow.array(c.type, v) for i, (c, v) in enumerate(pairs)}
                batch.arrays |= {name: arrow.array(TypeRef(BOOL), marks) for name, marks in batch.marks.items()}
                arrays = batch.arrays | ({"rid": arrow.ids(ids)} if self._table.has_row_id else {})
                self._inserted += self._noted(connection.insert_arrow(self._sql, arrays))
            else:
                self._inserted += self._insert_rows(batch, ids)
        except SqlError as error:
            raise copy_errors.told(self._session, error, batch, one_by_one=self._one_by_one) from error

    def _mark_defaults(self, batch: Batch) -> None:
        """Give the batch, for each column that may ask for its default, where it does so; its value is NULL there."""
        for place in self._defaulted:
            values = batch.columns[place]
            marks = [value is DEFAULT_VALUE for value in values]
            batch.marks[f"d{place}"] = marks
            if any(marks):
                pairs = zip(values, marks, strict=True)
                batch.columns[place] = [None if marked else value for value, marked in pairs]

    def _insert_rows(self, batch: Batch, ids: Any) -> int:
        """For types that Arrow arrays are not made of here: the same INSERT over rows of parameters."""
        names = [f"c{i}" for i in range(len(self._columns))] + list(batch.marks)
        columns: list[Sequence[Any]] = [
            [_parameter(column.type, value) for value in values]
            for column, values in zip(self._columns, batch.columns, strict=True)
        ]
        columns += batch.marks.values()
        if self._table.has_row_id:
            names.append("rid")
            columns.append(ids.tolist())
        width, inserted = len(names), 0
        for start in range(0, len(columns[0]), 500):
            chunk = list(zip(*(c[start : start + 500] for c in columns), strict=True))
            lines = (f"({', '.join(f'${i * width + j + 1}' for j in range(width))})" for i in range(len(chunk)))
            source = f"(VALUES {', '.join(lines)}) AS ruvector_batch({', '.join(names)})"
            sql = self._sql.replace("FROM ruvector_batch", f"FROM {source}")
            inserted += self._noted(self._session.connection.run(sql, [value for row in chunk for value in row]))
        return inserted

    def _noted(self, rows: list[Row]) -> int:
        """How many rows an INSERT has written; what it returned for the indexes is kept for the commit."""
        if not self._values.sql:
            return int(rows[0][0])
        first = 1 if self._table.has_row_id else 0
        self._kept_bytes += sum(_size(column) for column in zip(*rows, strict=True))
        if first and self._kept_bytes <= _KEPT_BYTES:
            changes = self._session.transaction.changes_of(self._table.oid)
            self._values.note(changes, np.asarray([row[0] for row in rows], np.int64), rows, first)
        return len(rows)


def _parameter(type_ref: TypeRef, value: Any) -> Any:
    """The value for DuckDB, which would give all numbers of a column as many digits after the point."""
    bound = bindable(type_ref, value)
    if isinstance(bound, list):
        return [format_numeric(item) if isinstance(item, Decimal) else item for item in bound]
    return format_numeric(bound) if isinstance(bound, Decimal) else bound


def _joined(pieces: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """A column of one piece."""
    if len(pieces) == 1:
        return pieces[0]
    vectors = [piece for piece in pieces if isinstance(piece, VectorColumn)]
    if vectors and len(vectors) == len(pieces) and len({v.dimensions for v in vectors}) == 1:
        return VectorColumn.join(vectors)
    return [value for piece in pieces for value in piece]


def _dimensions(vectors: Sequence[Any]) -> set[int]:
    """The numbers of dimensions that occur."""
    if isinstance(vectors, VectorColumn):
        return {vectors.dimensions}
    return {len(vector) // 4 for vector in vectors if vector is not None and vector is not DEFAULT_VALUE}


def _size(values: Sequence[Any]) -> int:
    """About how many bytes the values take."""
    if isinstance(values, VectorColumn):
        return values.elements.nbytes
    try:
        return sum(map(len, values))
    except TypeError:  # numbers, or NULLs among the rest
        return sum(len(value) if isinstance(value, (bytes, str)) else 16 for value in values)


def _defaults(session: Session, columns: Sequence[ColumnDef]) -> dict[int, str]:
    """By place, DuckDB's SQL of the columns' defaults, of those that have one."""
    texts = {place: table_access.default_sql(session, column) for place, column in enumerate(columns)}
    return {place: text for place, text in texts.items() if text is not None}


def _insert_sql(
    session: Session, table: TableDef, columns: list[ColumnDef], defaulted: dict[int, str], where: str | None
) -> str:
    """INSERT INTO table SELECT given columns, defaults of the others FROM ruvector_batch, those that pass `where`."""
    names = [c.name for c in columns]
    selected = [from_transport(c.type, f"c{i}") for i, c in enumerate(columns)]
    for place, default in defaulted.items():
        form = duck_type(columns[place].type)
        selected[place] = (
            f"CASE WHEN d{place} THEN CAST({default} AS {form}) ELSE CAST({selected[place]} AS {form}) END"
        )
    for column in table.columns:
        if column in columns:
            continue
        default_sql = table_access.default_sql(session, column)
        if default_sql is not None:
            names.append(column.name)
            selected.append(default_sql)
    if table.has_row_id:
        names.append(ROW_ID)
        selected.append("rid")
    rows = f"SELECT {', '.join(selected)} FROM ruvector_batch"
    generated = {c.name: table_access.generation_sql(session, table, c) for _, c in generated_columns(table)}
    if where is not None or generated:
        absent = [f"NULL AS {quote(c.name)}" for c in table.columns if c.name not in names]
        made = [f"{expression} AS {quote(name)}" for expression, name in zip(selected, names, strict=True)]
        listed = ", ".join([*map(quote, names), *generated.values()])
        rows = f"SELECT {listed} FROM (SELECT {', '.join(made + absent)} FROM ruvector_batch) AS rows"
        rows += f" WHERE {where}" if where is not None else ""
        names += generated
    return f"INSERT INTO {table.storage_name} {insertion(table, names, rows)}"
