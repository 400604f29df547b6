"""Which row violated NOT NULL or CHECK, and which of the constraints: what DuckDB's error does not tell.

The rows that a statement would have written are made again, after the fact, on another connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import ColumnDef, ConstraintDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import discretion, table_access
from ruvector_engine.executor.bindings import values
from ruvector_engine.executor.drawn_values import Remade, remade, sequence_of, targets
from ruvector_engine.planner.walk import is_volatile, tables
from ruvector_engine.relational.duck import Connection
from ruvector_engine.results import Row
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.defaults import column_default
from ruvector_engine.sql.emit import emit_query
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import ColumnRef, Expr, Insert, Query, Update
from ruvector_engine.sql.storage import converter, duck_type, from_transport, to_transport
from ruvector_engine.sql.unique_keys import comparable, key_columns
from ruvector_engine.types.registry import Value
from ruvector_engine.types.text import format_text

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: A value's text is cut at so many bytes (ExecBuildSlotValueDescription).
_LONGEST = 64
#: DuckDB takes as many rows at a time, each with its numbers from a sequence.
_CHUNK = 2048


@dataclass(frozen=True, slots=True)
class NewRows:
    """DuckDB's SQL of rows as they were to be written, all columns in order.

    `numbered`: columns that a sequence fills, by place; they are NULL in the rows. `batch`: what the SQL reads under
    the name ruvector_batch, as `Connection.insert_arrow` takes it. `drawing`: for columns of which only some rows take
    the default, which do. `unknown`: columns whose default would be another value now; NULL in the rows too.
    `where`: the condition over the table's columns by which rows are left out. `written`: places of columns whose
    values the user gave.
    """

    table: TableDef
    sql: str
    bound: Sequence[Any] = ()
    numbered: dict[int, int] | None = None
    written: frozenset[int] = frozenset()
    batch: dict[str, Any] | None = None
    drawing: Mapping[int, Sequence[bool]] = field(default_factory=dict)
    unknown: frozenset[int] = frozenset()
    where: str | None = None

    def drawn(self, index: int, place: int) -> bool:
        """Whether a row's value in a column is its default."""
        marks = self.drawing.get(index)
        return marks is None or marks[place]


@dataclass(frozen=True, slots=True)
class Violation:
    """The first row that violates a constraint: its place among the rows, and the error."""

    place: int
    error: SqlError


def of_statement(session: Session, statement: Insert | Update, params: Sequence[Value]) -> SqlError | None:
    """The error with its DETAIL; None when the rows cannot be made again."""
    rows = _new_rows(session, statement, params)
    found = None if rows is None else first_violation(session, rows)
    return None if found is None else found.error


def rows_of(session: Session, statement: Insert | Update, params: Sequence[Value]) -> list[Row]:
    """The rows that the statement would have written, all columns in Python's forms; none when they cannot be made."""
    rows = _new_rows(session, statement, params)
    if rows is None:
        return []
    with session.database.store.connection() as connection:
        try:
            return [row[:-1] for row in _made(session, connection, rows, ())]
        except SqlError:  # what they are made from may be the transaction's own, which is gone
            return []


def _new_rows(session: Session, statement: Insert | Update, params: Sequence[Value]) -> NewRows | None:
    """None when the rows cannot be made again: volatile, or gone with the transaction."""
    made = remade(statement) if isinstance(statement, Insert) else Remade(_updated(statement))
    if made.is_volatile() or (session.transaction.writes > 1 and any(tables(made.query))):
        return None
    table = statement.table
    names = {table.columns[index].name for index in made.random}
    if any(c.kind == "c" and names & set(c.columns) for c in table.constraints):
        return None  # another value may be refused or taken where the first was not
    emitted = emit_query(made.query, transport=False)
    given = statement.columns if isinstance(statement, Insert) else [index for index, _ in statement.sets]
    bound = values(session, emitted, params)
    return NewRows(table, emitted.text, bound, made.numbered, frozenset(given), drawing=made.drawing)


def rows_of_copy(session: Session, table: TableDef, rows: NewRows) -> list[Row]:
    """All columns of COPY's rows, None where nobody knows the value, and in what is left out; none at all when they
    cannot be made again.
    """
    with session.database.store.connection() as connection:
        try:
            made = _made(session, connection, rows, ())
            left_out = (None,) * len(table.columns)
            return [
                _numbered(session, rows, place, row, len(made)) if row[-1] else left_out
                for place, row in enumerate(made)
            ]
        except SqlError:  # what they are made from may be the transaction's own, which is gone
            return []


def new_rows_of_copy(
    session: Session,
    table: TableDef,
    columns: Sequence[ColumnDef],
    batch: dict[str, Any],
    marks: Mapping[str, Sequence[bool]],
    where: str | None,
) -> NewRows:
    """The rows of `batch`: columns c0, c1, ... as they were given, but where d0, d1, ... say that it is the default.

    `where` is the condition that they must meet to be written.
    """
    state = State(session.analysis_context(), Parameters())
    places = {column: place for place, column in enumerate(columns)}
    outputs: list[str] = []
    numbered: dict[int, int] = {}
    drawing: dict[int, Sequence[bool]] = {}
    unknown = set[int]()
    for index, column in enumerate(table.columns):
        place = places.get(column)
        given = None if place is None else from_transport(column.type, f"c{place}")
        marked = marks.get(f"d{place}")
        if given is not None and (marked is None or not any(marked)):
            outputs.append(given)
            continue
        default = column_default(state, column)
        sequence = None if default is None else sequence_of(default)
        text = "NULL"
        if sequence is not None:
            numbered[index] = sequence
        elif is_volatile(default):
            unknown.add(index)
        else:
            text = table_access.default_sql(session, column) or "NULL"
        if given is not None and marked is not None:
            drawing[index] = marked
            form = duck_type(column.type)
            text = f"CASE WHEN d{place} THEN CAST({text} AS {form}) ELSE CAST({given} AS {form}) END"
        outputs.append(text)
    sql = f"SELECT {', '.join(outputs)} FROM ruvector_batch"
    written = frozenset(place for place, column in enumerate(table.columns) if column in places)
    return NewRows(
        table,
        sql,
        numbered=numbered,
        batch=batch,
        drawing=drawing,
        unknown=frozenset(unknown),
        where=where,
        written=written,
    )


def _updated(statement: Update) -> Query:
    """The rows of an UPDATE as it would leave them."""
    entry = statement.entry
    exprs: list[Expr] = [ColumnRef(entry, i, name, type_ref) for i, (name, type_ref) in enumerate(entry.columns)]
    for index, expr in statement.sets:
        exprs[index] = expr
    items = (entry, *statement.from_items)
    return Query(targets(exprs), from_items=items, where=statement.where, ctes=statement.ctes)


def first_violation(session: Session, rows: NewRows) -> Violation | None:
    """The first row that violates NOT NULL or a CHECK, with the constraint that PostgreSQL looks at first."""
    table, numbered = rows.table, rows.numbered or {}
    checks = sorted((c for c in table.constraints if c.kind == "c"), key=lambda c: c.name)
    with session.database.store.connection() as connection:
        try:
            made = _made(session, connection, rows, checks)
        except SqlError:  # what they are made from may be the transaction's own, which is gone
            return None
        for place, row in enumerate(made):
            error = _error(rows, checks, place, row) if row[-1] else None
            known = not any(rows.drawn(index, place) for index in rows.unknown)
            if error is not None and known and not (numbered and len(made) > _CHUNK):
                shown = _numbered(session, rows, place, row, len(made))
                error.detail = _detail(session, rows, shown)
            if error is not None:
                return Violation(place, error)
    return None


def first_stored(session: Session, rows: NewRows, names: Sequence[str]) -> int | None:
    """The place of the first of a batch's rows whose key of these columns is committed; the batch has a `place`."""
    table = rows.table
    columns = {column.name: column for column in table.columns}
    pairs = zip(names, key_columns(table, names), strict=True)
    same = " AND ".join(f"{comparable(f'n.{quote(name)}', columns[name].type)} = t.{key}" for name, key in pairs)
    sql = f"SELECT min(n.place) FROM ({_placed(rows)}) AS n JOIN {table.storage_name} AS t ON {same}"
    with session.database.store.connection() as connection:
        try:
            found: int | None = connection.insert_arrow(sql, rows.batch or {})[0][0]
        except SqlError:  # the table may be the transaction's own, which is gone
            return None
    return found


def first_failing(session: Session, rows: NewRows, values: Sequence[str]) -> int | None:
    """The place of the first of a batch's rows for which one of these expressions fails; the batch has a `place`."""
    count = len(next(iter((rows.batch or {}).values())))
    sure, failing = 0, count + 1  # as many of the first rows do not fail; as many do
    with session.database.store.connection() as connection:
        while failing - sure > 1:
            number = (sure + failing) // 2
            tried = ", ".join(f"max(CASE WHEN place < {number} THEN hash({value}) END)" for value in values)
            try:
                connection.insert_arrow(f"SELECT {tried} FROM ({_placed(rows)})", rows.batch or {})
                sure = number
            except SqlError:
                failing = number
    return sure if sure < count else None


def _placed(rows: NewRows) -> str:
    """The rows of a batch that are written, as they are stored, each with its `place`."""
    columns = rows.table.columns
    outputs = ", ".join(f"c{i}" for i in range(len(columns)))
    stored = ", ".join(f"CAST(c{i} AS {duck_type(c.type)}) AS {quote(c.name)}" for i, c in enumerate(columns))
    made = rows.sql.replace(" FROM ruvector_batch", ", place FROM ruvector_batch")
    new = f"SELECT {stored}, place FROM ({made}) AS r({outputs}, place)"
    return new if rows.where is None else f"SELECT * FROM ({new}) WHERE {rows.where}"


def _made(session: Session, connection: Connection, rows: NewRows, checks: Sequence[ConstraintDef]) -> list[Row]:
    """The rows in Python's forms, followed by whether they violate each check, and whether they are written at all."""
    columns = rows.table.columns
    stored = ", ".join(f"CAST(c{i} AS {duck_type(c.type)}) AS {quote(c.name)}" for i, c in enumerate(columns))
    names = ", ".join(f"c{i}" for i in range(len(columns)))
    outputs = [to_transport(c.type, quote(c.name)) for c in columns]
    outputs += [f"NOT ({table_access.check_text(session, rows.table, check)})" for check in checks]
    outputs.append("true" if rows.where is None else f"({rows.where}) IS TRUE")
    sql = f"SELECT {', '.join(outputs)} FROM (SELECT {stored} FROM ({rows.sql}) AS n({names}))"
    made = connection.run(sql, rows.bound) if rows.batch is None else connection.insert_arrow(sql, rows.batch)
    converters = {i: convert for i, c in enumerate(columns) if (convert := converter(c.type)) is not None}
    return [tuple(converters[i](v) if i in converters else v for i, v in enumerate(row)) for row in made]


def _error(rows: NewRows, checks: Sequence[ConstraintDef], place: int, row: Row) -> SqlError | None:
    """What is wrong with a row, as ExecConstraints looks: NOT NULL by column, then the checks by name."""
    table, made_later = rows.table, {*(rows.numbered or {}), *rows.unknown}
    for index, column in enumerate(table.columns):
        later = index in made_later and rows.drawn(index, place)
        if column.not_null and row[index] is None and not later:
            text = f'null value in column "{column.name}" of relation "{table.name}" violates not-null constraint'
            return SqlError("23502", text, schema=table.schema, table=table.name, column=column.name)
    for check, violated in zip(checks, row[len(table.columns) : -1], strict=True):
        if violated:
            text = f'new row for relation "{table.name}" violates check constraint "{check.name}"'
            return SqlError("23514", text, schema=table.schema, table=table.name, constraint=check.name)
    return None


def _numbered(session: Session, rows: NewRows, place: int, row: Row, count: int) -> tuple[Value, ...]:
    """A row of `count` with the numbers that it took from sequences.

    Other sessions that take some at the same moment blur them; of more than _CHUNK rows nobody knows who took how many.
    """
    shown = list(row[: len(rows.table.columns)])
    for index, oid in (rows.numbered or {}).items():
        if count <= _CHUNK and rows.drawn(index, place):
            marks = rows.drawing.get(index)
            after = count - 1 - place if marks is None else sum(marks[place + 1 :])
            last = session.drawn.current(oid)
            if last is not None:
                shown[index] = last - after * session.catalog.sequence_by_oid(oid).increment
    return tuple(shown)


def _detail(session: Session, rows: NewRows, row: Sequence[Value]) -> str | None:
    """The row, or those of its columns that the user may see, by name."""
    columns = rows.table.columns
    texts = [
        "null" if v is None else format_text(c.type, v, session.settings) for c, v in zip(columns, row, strict=True)
    ]
    shown = [_cut(text) for text in texts]
    if discretion.reads_all(session, rows.table):
        return f"Failing row contains ({', '.join(shown)})."
    places = discretion.shown_places(session, rows.table, rows.written)
    if not places:
        return None
    names = ", ".join(columns[place].name for place in places)
    return f"Failing row contains ({names}) = ({', '.join(shown[place] for place in places)})."


def _cut(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= _LONGEST else raw[:_LONGEST].decode(errors="ignore") + "..."
