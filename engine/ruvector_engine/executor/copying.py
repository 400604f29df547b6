"""COPY: checks its options, and takes or gives rows. The bytes are the server's business."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from ruvector_engine.catalog.model import ROW_ID, ColumnDef, ConstraintDef, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import bindings, duplicate_keys, failing_row, plans, queries, table_access, writes
from ruvector_engine.executor.copy_options import copy_options, freeze
from ruvector_engine.planner.plan import UtilityPlan, make_plan
from ruvector_engine.relational import arrow
from ruvector_engine.relational.errors import DuplicateKey
from ruvector_engine.results import Column, CopyIn, CopyOptions, CopyOut, Result, Row
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.emit import emit_expression
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.storage import from_transport
from ruvector_engine.sql.unique_keys import insertion
from ruvector_engine.types.numeric import format_numeric
from ruvector_engine.types.registry import BOOL, TypeRef
from ruvector_engine.types.vectors import VectorColumn

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Rows are handed to DuckDB in batches of about this many bytes.
_BATCH_BYTES = 16 * 1024 * 1024


def run(session: Session, statement: Utility) -> Result:
    """COPY table | (query) FROM STDIN | TO STDOUT."""
    node = statement.node
    if node.filename or node.is_program:
        raise not_supported(
            "COPY from or to a file of the server is not supported", hint="Use STDIN or STDOUT, or psql's \\copy."
        )
    if node.HasField("where_clause") and not node.is_from:
        raise SqlError("42601", "WHERE clause not allowed with COPY TO")
    options = copy_options(node)
    if freeze(node) and not node.is_from:
        raise SqlError("22023", "COPY FREEZE cannot be used with COPY TO")
    if node.is_from:
        return _copy_in(session, node, options)
    return _copy_out(session, node, options)


# -------------------------------------------------------------------- TO STDOUT


def _copy_out(session: Session, node: Any, options: CopyOptions) -> Result:
    if node.HasField("query"):
        analyzed = session.inner(node.query)
        plan = make_plan(analyzed)
        if isinstance(plan, UtilityPlan):
            raise not_supported("COPY takes a query or a statement with RETURNING")
        if analyzed.columns is None:
            raise not_supported("COPY query must have a RETURNING clause")
        result = plans.run(session, plan, ())
    else:
        table = table_access.table_named(session, node.relation)
        chosen = _chosen(table, node)
        columns = tuple(Column(c.name, c.type, table.oid, c.attnum) for c in chosen)
        result = queries.run_table(session, table, columns)
    result.tag, result.copy = "COPY", CopyOut(options)
    return result


def _chosen(table: TableDef, node: Any) -> list[ColumnDef]:
    if not node.attlist:
        return list(table.columns)
    chosen: list[ColumnDef] = []
    for item in node.attlist:
        name = item.string.sval
        column = table.column(name)
        if column is None:
            raise SqlError("42703", f'column "{name}" of relation "{table.name}" does not exist')
        if column in chosen:
            raise SqlError("42701", f'column "{name}" specified more than once')
        chosen.append(column)
    return chosen


# -------------------------------------------------------------------- FROM STDIN


def _copy_in(session: Session, node: Any, options: CopyOptions) -> Result:
    table = table_access.table_named(session, node.relation)
    if table.virtual:
        raise SqlError("42501", f'permission denied: "{table.name}" is a system catalog')
    chosen = _chosen(table, node)
    written = session.transaction.changes.get(table.oid)
    fresh = session.database.catalog.table_by_oid(table.oid) is None or (written is not None and written.truncated)
    if freeze(node) and not fresh:
        problem = "the table was not created or truncated in the current subtransaction"
        raise SqlError("55000", f"cannot perform COPY FREEZE because {problem}")
    session.lock(table.oid, "insert")
    table_access.require_same(session, table)
    session.transaction.for_write(session.command)
    table_access.require_known(session, table)
    session.transaction.note_write(table.oid, reworks=False)
    columns = tuple(Column(c.name, c.type, table.oid, c.attnum) for c in chosen)
    where = _condition(session, table, node.where_clause) if node.HasField("where_clause") else None
    sink = _TableSink(session, table, chosen, options, where)
    return Result("COPY", columns, copy=CopyIn(table.name, columns, options, sink))


def _condition(session: Session, table: TableDef, clause: Any) -> str:
    """COPY's WHERE as DuckDB's SQL over the table's columns."""
    context = session.analysis_context()
    expr = analyze_expression(clause, context, table=table, target=TypeRef(BOOL), clause="COPY")
    return bindings.inlined(session, emit_expression(expr))


class _TableSink:
    """Rows on their way into a table: gathered into batches, inserted by one statement each.

    While DuckDB inserts a batch, on a thread of the sink's own, the next one is decoded: memory holds two.
    """

    def __init__(
        self, session: Session, table: TableDef, columns: list[ColumnDef], options: CopyOptions, where: str | None
    ) -> None:
        self._session = session
        self._table = table
        self._columns = columns
        self._options = options
        self._sql = _insert_sql(session, table, columns, where)
        self._pending: list[list[Sequence[Any]]] = [[] for _ in columns]  # a column's pieces
        self._bytes = 0
        self._skipped = 0
        self._inserted = self._batched = 0
        self._header_lines = 0 if options.header == "off" else 1
        self._thread: ThreadPoolExecutor | None = None
        self._inserting: Future[None] | None = None
        self._vector_places = [
            (place, column) for place, column in enumerate(columns) if column.type.is_vector and column.type.typmod > 0
        ]

    def append(self, columns: Sequence[Sequence[Any]]) -> None:
        """Take a batch of columns."""
        self._session.check_cancelled()
        self._check_dimensions(columns)
        for pending, values in zip(self._pending, columns, strict=True):
            pending.append(values)
            self._bytes += _size(values)
        if any(c.not_null and None in values for c, values in zip(self._columns, columns, strict=True)):
            self._wait()
            self._insert(self._taken())  # fails: sooner than what follows could
        if self._bytes >= _BATCH_BYTES:
            self._wait()
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="copy")
            self._inserting = self._thread.submit(self._insert, self._taken())

    def finish(self) -> str:
        """Insert the rest; COPY's tag."""
        try:
            self._wait()
            self._insert(self._taken())
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

    def _taken(self) -> list[Sequence[Any]]:
        taken, self._pending = self._pending, [[] for _ in self._columns]
        self._bytes = 0
        return [_joined(pieces) for pieces in taken]

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

    def _insert(self, columns: list[Sequence[Any]]) -> None:
        """Insert a batch."""
        rows = len(columns[0]) if columns else 0
        if not rows:
            return
        connection = self._session.connection
        ids = np.empty(0, np.int64)
        arrays: dict[str, Any] = {}
        try:
            if self._table.has_row_id:
                ids = connection.ids(f"SELECT {writes.NEXT_ROW_ID} FROM range({rows})")
                changes = self._session.transaction.changes_of(self._table.oid)
                changes.added_rows.append(ids)
                for column in writes.vector_columns(self._table):
                    changes.add(column.name, ids, None)
            if all(arrow.fits(c.type, v) for c, v in zip(self._columns, columns, strict=True)):
                pairs = zip(self._columns, columns, strict=True)
                arrays = {f"c{i}": arrow.array(c.type, v) for i, (c, v) in enumerate(pairs)}
                if self._table.has_row_id:
                    arrays["rid"] = arrow.ids(ids)
                counts = connection.insert_arrow(self._sql, arrays)
                inserted = int(counts[0][0])
            else:
                inserted = self._insert_rows(columns, ids)
        except SqlError as error:
            raise self._told(error, columns, arrays) from error
        self._batched += rows
        self._inserted += inserted

    def _told(self, error: SqlError, columns: list[Sequence[Any]], arrays: dict[str, Any]) -> SqlError:
        """The error with the names of table and constraint, and the line that it came from."""
        told, found = writes.explained(error, self._table, self._session), None
        if isinstance(error, DuplicateKey):
            found = duplicate_keys.of_rows(self._session, error, self._table, lambda key: self._keys(key, columns))
        elif told.sqlstate in ("23502", "23514") and arrays:
            found = failing_row.of_copy(self._session, self._table, self._columns, arrays)
        if found is None:
            return told
        line = self._batched + found.place + 1 + self._header_lines
        found.error.context = f"COPY {self._table.name}, line {line}"
        return found.error

    def _keys(self, constraint: ConstraintDef, columns: list[Sequence[Any]]) -> list[Row]:
        """The constraint's columns of a batch; none when it does not give them all."""
        places = {column.name: place for place, column in enumerate(self._columns)}
        if not set(constraint.columns) <= set(places):
            return []
        return list(zip(*(columns[places[name]] for name in constraint.columns), strict=True))

    def _insert_rows(self, columns: list[Sequence[Any]], ids: Any) -> int:
        """For types that Arrow arrays are not made of here: the same INSERT over rows of parameters."""
        names = [f"c{i}" for i in range(len(self._columns))]
        if self._table.has_row_id:
            names.append("rid")
            columns = [*columns, ids.tolist()]
        width, inserted = len(names), 0
        for start in range(0, len(columns[0]), 500):
            chunk = list(zip(*(c[start : start + 500] for c in columns), strict=True))
            lines = (f"({', '.join(f'${i * width + j + 1}' for j in range(width))})" for i in range(len(chunk)))
            source = f"(VALUES {', '.join(lines)}) AS ruvector_batch({', '.join(names)})"
            sql = self._sql.replace("FROM ruvector_batch", f"FROM {source}")
            counts = self._session.connection.run(sql, [_parameter(value) for row in chunk for value in row])
            inserted += int(counts[0][0])
        return inserted


def _parameter(value: Any) -> Any:
    """The value for DuckDB, which would give all numbers of a column as many digits after the point."""
    if isinstance(value, list):
        return [_parameter(item) for item in value]
    return format_numeric(value) if isinstance(value, Decimal) else value


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
    return {len(vector) // 4 for vector in vectors if vector is not None}


def _size(values: Sequence[Any]) -> int:
    """About how many bytes the values take."""
    if isinstance(values, VectorColumn):
        return values.elements.nbytes
    try:
        return sum(map(len, values))
    except TypeError:  # numbers, or NULLs among the rest
        return sum(len(value) if isinstance(value, (bytes, str)) else 16 for value in values)


def _insert_sql(session: Session, table: TableDef, columns: list[ColumnDef], where: str | None) -> str:
    """INSERT INTO table SELECT given columns, defaults of the others FROM ruvector_batch, those that pass `where`."""
    names = [c.name for c in columns]
    selected = [from_transport(c.type, f"c{i}") for i, c in enumerate(columns)]
    for column in table.columns:
        if column in columns:
            continue
        default = table_access.default_sql(session, column)
        if default is not None:
            names.append(column.name)
            selected.append(default)
    if table.has_row_id:
        names.append(ROW_ID)
        selected.append("rid")
    rows = f"SELECT {', '.join(selected)} FROM ruvector_batch"
    if where is not None:
        absent = [f"NULL AS {quote(c.name)}" for c in table.columns if c.name not in names]
        made = [f"{expression} AS {quote(name)}" for expression, name in zip(selected, names, strict=True)]
        listed = ", ".join(map(quote, names))
        rows = f"SELECT {listed} FROM (SELECT {', '.join(made + absent)} FROM ruvector_batch) AS rows WHERE {where}"
    return f"INSERT INTO {table.storage_name} {insertion(table, names, rows)}"
