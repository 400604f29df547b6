"""The way out: typed statements to DuckDB SQL and what is bound to its parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.errors import not_supported
from ruvector_engine.sql.emit_binding import Binding, SessionValue, quote
from ruvector_engine.sql.emit_expression import ExpressionEmitter
from ruvector_engine.sql.emit_query import QueryEmitter
from ruvector_engine.sql.emit_rows import column_names
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.nodes import Call, Delete, Expr, Insert, OnConflict, Query, RangeEntry, SubLink, Target, Update
from ruvector_engine.sql.storage import converter
from ruvector_engine.sql.tree import references, walk
from ruvector_engine.sql.unique_keys import companion, companions, comparable, insertion, key_columns, key_value
from ruvector_engine.types.registry import NUMERIC, TypeRef

__all__ = [
    "Binding",
    "DuckSql",
    "SessionValue",
    "emit_delete",
    "emit_expression",
    "emit_insert",
    "emit_query",
    "emit_update",
]


@dataclass(frozen=True, slots=True)
class DuckSql:
    """A statement for DuckDB. `bindings` are $1, $2, ...; their values are in the registry's Python forms.

    `converters` are (output column, function): what DuckDB's Python cannot hand over in the registry's form (numerics
    carried as text) goes through the function, None included. Columns of a `returning_prefix` count.

    `inline`: the values must be written into the text, for DuckDB takes no parameters in a statement whose RETURNING
    has one.
    """

    text: str
    bindings: tuple[Binding, ...]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...] = ()
    inline: bool = False


def emit_query(
    query: Query,
    *,
    scans: Mapping[RangeEntry, str] | None = None,
    settled: Collection[int] = frozenset(),
    transport: bool = True,
) -> DuckSql:
    """A query. `scans` gives other SQL (a table name or a parenthesized query) for the table of a range entry.

    `settled` are the id() of conditions that hold of all rows of these tables.
    """
    emitter = QueryEmitter(scans=scans, settled=settled)
    emitted = emitter.query(query, transport=transport)
    converters = _converters([t.expr.type for t in query.targets], emitted.shapes, 0) if transport else ()
    return DuckSql(emitted.text, tuple(emitter.bindings), converters)


def _converters(
    types: Sequence[TypeRef], shapes: Sequence[object | None], start: int
) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    result = []
    for i, (type_ref, shape) in enumerate(zip(types, shapes, strict=True), start):
        convert = converter(type_ref)
        if convert is not None and not (type_ref.oid == NUMERIC and shape is not None):
            result.append((i, convert))
    return tuple(result)


def emit_expression(expr: Expr) -> DuckSql:
    """An expression by itself; columns stand bare, under the names they are stored with."""
    emitter = ExpressionEmitter(bare=True)
    return DuckSql(str(emitter.expression(expr)), tuple(emitter.bindings))


def emit_insert(
    statement: Insert,
    *,
    transport: bool = True,
    returning_prefix: Sequence[str] = (),
    conflict_extra_sets: Sequence[str] = (),
) -> DuckSql:
    """INSERT; columns without a value or default are left to DuckDB (the hidden row id has a default there).

    `conflict_extra_sets` are further assignments of ON CONFLICT DO UPDATE, in DuckDB's SQL.
    """
    emitter = QueryEmitter()
    prefix = emitter.with_clause(statement.ctes)
    table = statement.table
    indexes = [*statement.columns, *(i for i, _ in statement.defaults)]
    if statement.query is None and not indexes:
        body = " DEFAULT VALUES"
    else:
        names = [table.columns[i].name for i in indexes]
        if not names:
            names = [table.columns[0].name]  # rows of no columns: DuckDB's have one, NULL
        updates = statement.on_conflict is not None and bool(statement.on_conflict.sets)
        body = f" {insertion(table, names, _checked_source(emitter, statement, indexes), typed=updates)}"
    # Not an alias: DuckDB's RETURNING forgets it when the rows come from VALUES.
    emitter.name_range(statement.entry, table.storage_name)
    if statement.on_conflict is not None:
        body += _on_conflict(emitter, table, statement.on_conflict, conflict_extra_sets)
    text = f"{prefix}INSERT INTO {table.storage_name}{body}"
    return _with_returning(emitter, text, statement.entry, statement.returning, transport, returning_prefix)


def _checked_source(emitter: QueryEmitter, statement: Insert, indexes: Sequence[int]) -> str:
    """The rows to insert; for DO UPDATE, an error when two have one key: DuckDB would drop all but one in silence."""
    source = _insert_source(emitter, statement)
    conflict, query = statement.on_conflict, statement.query
    if conflict is None or not conflict.sets or query is None or _is_one_row(query):
        return source
    columns = [statement.table.columns[i] for i in indexes]
    compared = {column.name: comparable(f"c{place}", column.type) for place, column in enumerate(columns, 1)}
    if not set(conflict.target) <= set(compared):  # a column left NULL: no conflict
        return source
    keys = [compared[name] for name in conflict.target]
    present = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    twice = f"SELECT 1 FROM proposed WHERE {present} GROUP BY {', '.join(keys)} HAVING count(*) > 1"
    names = ", ".join(f"c{place}" for place in range(1, len(columns) + 1))
    return (
        f"WITH proposed({names}) AS MATERIALIZED ({source}) SELECT * FROM proposed "
        f"WHERE (SELECT CASE WHEN EXISTS ({twice}) THEN {_hit_twice(conflict)} ELSE true END)"
    )


def _is_one_row(query: Query) -> bool:
    """Whether it is VALUES of one row, or SELECT without FROM and without functions that return sets."""
    if query.values is not None or query.from_items or query.set_op:
        return False
    parts = (part for target in query.targets for part in walk(target.expr))
    return not any(isinstance(part, Call) and part.function.returns_set for part in parts)


def _hit_twice(conflict: OnConflict) -> str:
    """With a WHERE, PostgreSQL goes on as long as it is false: row by row, in which DuckDB cannot follow."""
    if conflict.where is not None:
        text = "two rows with one key are not supported in ON CONFLICT DO UPDATE ... WHERE"
        return raising("0A000", text, hint="Insert rows with distinct keys.")
    return raising(
        "21000",
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
        hint="Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
    )


def _insert_source(emitter: QueryEmitter, statement: Insert) -> str:
    query = statement.query
    defaults = [e for _, e in statement.defaults]
    if query is None:
        return f"SELECT {', '.join(emitter.expression(e) for e in defaults)}"
    if query.values is not None and not (query.order_by or query.limit or query.offset):
        prefix = emitter.with_clause(query.ctes)
        rows, _ = emitter.values_rows(query.values)
        tail = [emitter.expression(e) for e in defaults]
        return f"{prefix}VALUES " + ", ".join(f"({', '.join([*row, *tail])})" for row in rows)
    inner = emitter.query(query)
    if not defaults:
        return inner.text
    given = [f"s.c{i}" for i in range(1, len(query.targets) + 1)]
    outputs = [*given, *(emitter.expression(e) for e in defaults)]
    return f"SELECT {', '.join(outputs)} FROM ({inner.text}) AS s({column_names(query.targets)})"


def _on_conflict(emitter: QueryEmitter, table: TableDef, conflict: OnConflict, extra: Sequence[str]) -> str:
    target = f" ({', '.join(key_columns(table, conflict.target))})" if conflict.target else ""
    if not conflict.sets:
        if not any(constraint.kind in "pu" for constraint in table.constraints):
            return ""  # nothing can conflict, and DuckDB refuses the clause
        return f" ON CONFLICT{target} DO NOTHING"
    assert conflict.excluded is not None
    emitter.name_range(conflict.excluded, "excluded")
    where = f" WHERE {emitter.expression(conflict.where)}" if conflict.where is not None else ""
    sets = ", ".join([_sets(emitter, table, conflict.sets), *extra])
    return f" ON CONFLICT{target} DO UPDATE SET {sets}{where}"


def _sets(emitter: QueryEmitter, table: TableDef, sets: Sequence[tuple[int, Expr]]) -> str:
    hidden = companions(table)
    assignments = []
    for index, expr in sets:
        column, value = table.columns[index], emitter.expression(expr)
        assignments.append(f"{quote(column.name)} = {value}")
        if column in hidden:
            assignments.append(f"{companion(column)} = {key_value(value, column.type)}")
    return ", ".join(assignments)


def emit_update(
    statement: Update, *, transport: bool = True, returning_prefix: Sequence[str] = (), extra_sets: Sequence[str] = ()
) -> DuckSql:
    """UPDATE; `extra_sets` are further assignments in DuckDB's SQL, with {row} for what qualifies a column."""
    emitter = QueryEmitter()
    prefix = emitter.with_clause(statement.ctes)
    name = emitter.name_range(statement.entry)
    sources = ", ".join(emitter.from_item(f, first=i == 0) for i, f in enumerate(statement.from_items))
    sets = [_sets(emitter, statement.table, statement.sets)] if statement.sets else []
    sets += [extra.format(row=f"{name}.") for extra in extra_sets]
    text = f"{prefix}UPDATE {statement.table.storage_name} AS {name} SET {', '.join(sets)}"
    if sources:
        text += f" FROM {sources}"
    if statement.where is not None:
        text += f" WHERE {emitter.expression(statement.where)}"
    return _with_returning(emitter, text, statement.entry, statement.returning, transport, returning_prefix)


def emit_delete(statement: Delete, *, transport: bool = True, returning_prefix: Sequence[str] = ()) -> DuckSql:
    """DELETE."""
    emitter = QueryEmitter()
    prefix = emitter.with_clause(statement.ctes)
    name = emitter.name_range(statement.entry)
    sources = ", ".join(emitter.from_item(f, first=i == 0) for i, f in enumerate(statement.using))
    text = f"{prefix}DELETE FROM {statement.table.storage_name} AS {name}"
    if sources:
        text += f" USING {sources}"
    if statement.where is not None:
        text += f" WHERE {emitter.expression(statement.where)}"
    return _with_returning(emitter, text, statement.entry, statement.returning, transport, returning_prefix)


def _with_returning(
    emitter: QueryEmitter,
    text: str,
    entry: RangeEntry,
    targets: Sequence[Target],
    transport: bool,
    returning_prefix: Sequence[str],
) -> DuckSql:
    outputs = list(returning_prefix)
    bound_before = set(emitter.used)
    emitter.used.clear()
    shapes: list[object | None] = []
    for target in targets:
        _check_returning(target.expr, entry)
        value = emitter.expression(target.expr)
        shapes.append(numeric.shape_of(value))
        outputs.append(emitter.transported(value, target.expr.type) if transport else str(value))
    if outputs:
        text += f" RETURNING {', '.join(outputs)}"
    types = [t.expr.type for t in targets]
    converters = _converters(types, shapes, len(returning_prefix)) if transport else ()
    inline = bool(emitter.used)
    emitter.used |= bound_before
    return DuckSql(text, tuple(emitter.bindings), converters, inline)


def _check_returning(expr: Expr, entry: RangeEntry) -> None:
    """DuckDB's RETURNING sees the changed row only."""
    if any(isinstance(e, SubLink) for e in walk(expr)):
        raise not_supported(
            "subqueries in RETURNING that refer to the changed row, or are volatile, are not supported",
            hint="Put the statement into WITH, and join its rows in the query.",
        )
    if any(column.range is not entry for column, _ in references(expr)):
        raise not_supported("RETURNING columns of other tables is not supported")
