"""Which row violated NOT NULL or CHECK, and which of the constraints: what DuckDB's error does not tell.

The rows that a statement would have written are made again, after the fact, on another connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import ColumnDef, ConstraintDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import discretion, table_access
from ruvector_engine.executor.bindings import values
from ruvector_engine.planner.walk import is_volatile, tables
from ruvector_engine.relational.duck import Connection
from ruvector_engine.results import Row
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.defaults import column_default
from ruvector_engine.sql.emit import emit_query
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.functions.session import NEXT_IDENTITY, NEXTVAL
from ruvector_engine.sql.nodes import Call, Cast, ColumnRef, Const, Expr, Insert, Query, RangeEntry, Target, Update
from ruvector_engine.sql.storage import converter, duck_type, from_transport, to_transport
from ruvector_engine.types.registry import Value
from ruvector_engine.types.text import format_text

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: A value's text is cut at so many characters (ExecBuildSlotValueDescription).
_LONGEST = 64
#: DuckDB takes as many rows at a time, each with its numbers from a sequence.
_CHUNK = 2048


@dataclass(frozen=True, slots=True)
class NewRows:
    """DuckDB's SQL of rows as they were to be written, all columns in order.

    `numbered`: columns that a sequence fills, by place; they are NULL in the rows. `written`: places of columns whose
    values the user gave. `batch`: what the SQL reads under
    the name ruvector_batch, as `Connection.insert_arrow` takes it.
    """

    table: TableDef
    sql: str
    bound: Sequence[Any] = ()
    numbered: dict[int, int] | None = None
    written: frozenset[int] = frozenset()
    batch: dict[str, Any] | None = None


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
            return _made(session, connection, rows, ())
        except SqlError:  # what they are made from may be the transaction's own, which is gone
            return []


def _new_rows(session: Session, statement: Insert | Update, params: Sequence[Value]) -> NewRows | None:
    """None when the rows cannot be made again: volatile, or gone with the transaction."""
    query, numbered = _inserted(statement) if isinstance(statement, Insert) else (_updated(statement), {})
    if is_volatile(query) or (session.transaction.writes > 1 and any(tables(query))):
        return None
    emitted = emit_query(query, transport=False)
    given = statement.columns if isinstance(statement, Insert) else [index for index, _ in statement.sets]
    return NewRows(statement.table, emitted.text, values(session, emitted, params), numbered, frozenset(given))


def of_copy(session: Session, table: TableDef, columns: Sequence[ColumnDef], batch: dict[str, Any]) -> Violation | None:
    """The violation among rows that COPY hands to DuckDB as `batch`: columns c0, c1, ... as they were given."""
    state = State(session.analysis_context(), Parameters())
    given = {column: f"c{place}" for place, column in enumerate(columns)}
    outputs, numbered = [], {}
    for index, column in enumerate(table.columns):
        default = None if column in given else column_default(state, column)
        sequence = None if default is None else _numbering(default)
        if column in given:
            outputs.append(from_transport(column.type, given[column]))
        elif sequence is not None:
            numbered[index] = sequence
            outputs.append("NULL")
        elif is_volatile(default):
            return None
        else:
            outputs.append(table_access.default_sql(session, column) or "NULL")
    sql = f"SELECT {', '.join(outputs)} FROM ruvector_batch"
    written = frozenset(place for place, column in enumerate(table.columns) if column in given)
    return first_violation(session, NewRows(table, sql, numbered=numbered, written=written, batch=batch))


def _inserted(statement: Insert) -> tuple[Query, dict[int, int]]:
    """The rows of an INSERT, and its columns that a sequence fills."""
    table, query, numbered = statement.table, statement.query, {}
    exprs: list[Expr] = [Const(None, column.type) for column in table.columns]
    for index, expr in statement.defaults:
        sequence = _numbering(expr)
        if sequence is None:
            exprs[index] = expr
        else:
            numbered[index] = sequence
    items: tuple[RangeEntry, ...] = ()
    if query is not None:
        entry = RangeEntry("", tuple((target.name, target.expr.type) for target in query.targets), query)
        items = (entry,)
        for place, index in enumerate(statement.columns):
            name, type_ref = entry.columns[place]
            exprs[index] = ColumnRef(entry, place, name, type_ref)
    return Query(_targets(exprs), from_items=items, ctes=statement.ctes), numbered


def _numbering(expr: Expr) -> int | None:
    """The sequence's OID where the expression is nextval() of it."""
    while isinstance(expr, Cast):
        expr = expr.arg
    if isinstance(expr, Call) and expr.function in (NEXTVAL, NEXT_IDENTITY) and isinstance(expr.args[0], Const):
        return int(expr.args[0].value)  # type: ignore[call-overload, no-any-return]
    return None


def _updated(statement: Update) -> Query:
    """The rows of an UPDATE as it would leave them."""
    entry = statement.entry
    exprs: list[Expr] = [ColumnRef(entry, i, name, type_ref) for i, (name, type_ref) in enumerate(entry.columns)]
    for index, expr in statement.sets:
        exprs[index] = expr
    items = (entry, *statement.from_items)
    return Query(_targets(exprs), from_items=items, where=statement.where, ctes=statement.ctes)


def _targets(exprs: Sequence[Expr]) -> tuple[Target, ...]:
    return tuple(Target(expr, f"c{place}") for place, expr in enumerate(exprs))


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
            error = _error(table, checks, numbered, row)
            if error is not None and not (numbered and len(made) > _CHUNK):
                shown = list(row[: len(table.columns)])
                for index, sequence in numbered.items():
                    shown[index] = _number(session, connection, sequence, len(made) - 1 - place)
                error.detail = _detail(session, rows, shown)
            if error is not None:
                return Violation(place, error)
    return None


def _made(session: Session, connection: Connection, rows: NewRows, checks: Sequence[ConstraintDef]) -> list[Row]:
    """The rows in Python's forms, followed by whether they violate each check."""
    columns = rows.table.columns
    stored = ", ".join(f"CAST(c{i} AS {duck_type(c.type)}) AS {quote(c.name)}" for i, c in enumerate(columns))
    names = ", ".join(f"c{i}" for i in range(len(columns)))
    outputs = [to_transport(c.type, quote(c.name)) for c in columns]
    outputs += [f"NOT ({table_access.check_text(session, rows.table, check)})" for check in checks]
    sql = f"SELECT {', '.join(outputs)} FROM (SELECT {stored} FROM ({rows.sql}) AS n({names}))"
    made = connection.run(sql, rows.bound) if rows.batch is None else connection.insert_arrow(sql, rows.batch)
    converters = {i: convert for i, c in enumerate(columns) if (convert := converter(c.type)) is not None}
    return [tuple(converters[i](v) if i in converters else v for i, v in enumerate(row)) for row in made]


def _error(table: TableDef, checks: Sequence[ConstraintDef], numbered: dict[int, int], row: Row) -> SqlError | None:
    """What is wrong with a row, as ExecConstraints looks: NOT NULL by column, then the checks by name."""
    for place, column in enumerate(table.columns):
        if column.not_null and row[place] is None and place not in numbered:
            text = f'null value in column "{column.name}" of relation "{table.name}" violates not-null constraint'
            return SqlError("23502", text, schema=table.schema, table=table.name, column=column.name)
    for check, violated in zip(checks, row[len(table.columns) :], strict=True):
        if violated:
            text = f'new row for relation "{table.name}" violates check constraint "{check.name}"'
            return SqlError("23514", text, schema=table.schema, table=table.name, constraint=check.name)
    return None


def _number(session: Session, connection: Connection, oid: int, before_last: int) -> int:
    """The number that a row took from a sequence; other sessions that take some at the same moment blur it."""
    last = int(connection.run(f"SELECT currval('s{oid}')")[0][0])
    return last - before_last * session.catalog.sequence_by_oid(oid).increment


def _detail(session: Session, rows: NewRows, row: Sequence[Value]) -> str | None:
    """The row, or those of its columns that the user may see, by name."""
    columns = rows.table.columns
    texts = [
        "null" if v is None else format_text(c.type, v, session.settings) for c, v in zip(columns, row, strict=True)
    ]
    texts = [text if len(text) <= _LONGEST else text[:_LONGEST] + "..." for text in texts]
    if discretion.reads_all(session, rows.table):
        return f"Failing row contains ({', '.join(texts)})."
    places = discretion.shown_places(session, rows.table, rows.written)
    if not places:
        return None
    names = ", ".join(columns[place].name for place in places)
    return f"Failing row contains ({names}) = ({', '.join(texts[place] for place in places)})."
