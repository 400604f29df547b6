"""Array columns that hold plain lists, made to hold arrays with a shape when the first such array comes.

PostgreSQL lets every array column hold arrays of any shape, whatever it was declared as. Here `int[]` is stored as a
plain list, which is quicker, and `int[][]` with a shape. An INSERT, UPDATE or COPY that is certain to bring an array
of several dimensions, or one that does not count from 1, to the former rewrites the table first, once for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.executor import table_access, table_changes
from ruvector_engine.planner.plan import Plan, WritePlan
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.generated import generated_columns
from ruvector_engine.sql.nodes import Cast, ColumnRef, Const, Expr, Insert, Param, Query, Special
from ruvector_engine.types.array_values import is_plain
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Prepared, Session


def fitting(session: Session, prepared: Prepared, params: Sequence[Value]) -> Prepared:
    """The statement as it is to run now with these values: parameters that are arrays of several dimensions are told
    so, and columns are made to hold them."""
    found = session.current_plan(variant(session, prepared, params))
    columns = wanted(found.plan, params)
    for table, column in columns:
        widen(session, table, [column])
    return session.current_plan(found) if columns else found


def variant(session: Session, prepared: Prepared, params: Sequence[Value]) -> Prepared:
    """The statement for the parameters that are arrays with a shape."""
    if not prepared.arrays:
        return prepared
    shaped = frozenset(n for n in prepared.arrays if not (params[n - 1] is None or is_plain(params[n - 1])))
    if shaped == prepared.shaped:
        return prepared
    found = prepared.variants.get(shaped)
    if found is None:
        oids = prepared.description.parameters
        found = prepared.variants[shaped] = session.prepare(prepared.raw, oids, shaped)
    return found


def wanted(plan: Plan, params: Sequence[Value]) -> list[tuple[TableDef, ColumnDef]]:
    """The columns that this statement is certain to bring such arrays to."""
    if type(plan) is not WritePlan:
        return []
    statement = plan.statement
    values: list[tuple[int, Expr]] = []
    if isinstance(statement, Insert) and statement.query is not None:
        for place, index in enumerate(statement.columns):
            values += ((index, value) for value in _values(statement.query, place))
    if not isinstance(statement, Insert):
        values += getattr(statement, "sets", ())
    else:
        values += statement.defaults
        values += statement.on_conflict.sets if statement.on_conflict is not None else ()
    found = {index for index, expr in values if _brings_shape(expr, params)}
    if found:  # what is generated of such an array may be one
        found |= {place for place, column in generated_columns(statement.table) if is_plain_array(column)}
    return [(statement.table, statement.table.columns[index]) for index in sorted(found)]


def is_plain_array(column: ColumnDef) -> bool:
    """Whether a column holds plain lists."""
    return column.type.is_array and not column.type.shaped


def _values(query: Query, place: int) -> Iterator[Expr]:
    """What stands in a column of a query, written out as far as it only hands on another query's."""
    rows = query.values.rows if query.values is not None else [tuple(target.expr for target in query.targets)]
    for row in rows:
        yield from _origins(row[place])


def _origins(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, ColumnRef) and isinstance(expr.range.source, Query) and expr.index >= 0:
        yield from _values(expr.range.source, expr.index)
    elif isinstance(expr, Special) and expr.kind == "plain" and isinstance(expr.args[0], ColumnRef):
        yield from (replace(expr, args=(_unchecked(value),)) for value in _origins(expr.args[0]))
    else:
        yield expr


def _unchecked(expr: Expr) -> Expr | None:
    return expr.args[0] if isinstance(expr, Special) and expr.kind == "plain" else expr


def _brings_shape(expr: Expr, params: Sequence[Value]) -> bool:
    inner = expr.args[0] if isinstance(expr, Special) and expr.kind == "plain" else None
    while isinstance(inner, Cast) and inner.arg.type.shaped:
        inner = inner.arg
    if isinstance(inner, Const):
        return not is_plain(inner.value)
    if isinstance(inner, Param):
        return params[inner.number - 1] is not None and not is_plain(params[inner.number - 1])
    return isinstance(inner, Special) and inner.kind == "array"


def not_plain(column: ColumnDef, values: Iterable[Value]) -> bool:
    """Whether there is such an array among the values of a column that holds plain lists."""
    return is_plain_array(column) and any(value is not None and not is_plain(value) for value in values)


def widen(session: Session, table: TableDef, columns: Iterable[ColumnDef]) -> TableDef:
    """Rewrite the table so that these columns hold any array; the table as it is then."""
    table_access.lock_catalog(session)
    session.lock(table.oid, "ddl")
    table_access.change_catalog(session)
    old = table_access.current(session, table)
    names = {column.name for column in columns}
    changed = tuple(replace(c, type=replace(c.type, shaped=True)) if c.name in names else c for c in old.columns)
    values = {name: f"rv_shaped({quote(name)})" for name in names}
    table_changes.rewrite(session, old, replace(old, columns=changed), values)
    return table_access.current(session, table)
