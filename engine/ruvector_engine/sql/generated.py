"""Generated columns: what they are given where a row is written, as expressions over the rest of the new row.

DuckDB knows nothing of them. STORED and VIRTUAL ones are kept alike, for what they are made of never changes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.coerce import assign
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.defaults import expression_node
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.nodes import Aggregate, Call, ColumnRef, Const, Expr, Query, RangeEntry, Target
from ruvector_engine.sql.raw import position
from ruvector_engine.sql.scope import Scope, names_of
from ruvector_engine.sql.stored_names import reading
from ruvector_engine.sql.tree import transform, walk
from ruvector_engine.sql.volatility import is_immutable

_Values: TypeAlias = tuple[tuple[int, Expr], ...]


def generated_columns(table: TableDef) -> list[tuple[int, ColumnDef]]:
    """The table's generated columns with their places."""
    return [(place, column) for place, column in enumerate(table.columns) if column.generation is not None]


def require_writable(column: ColumnDef, *, update: bool = False) -> None:
    """428C9 for a generated column that is given a value of its own."""
    if column.generation is None:
        return
    text = f'cannot insert a non-DEFAULT value into column "{column.name}"'
    if update:
        text = f'column "{column.name}" can only be updated to DEFAULT'
    raise SqlError("428C9", text, detail=f'Column "{column.name}" is a generated column.')


def analyzed(state: State, table: TableDef, column: ColumnDef, node: Any = None) -> tuple[Expr, RangeEntry]:
    """The column's value as an expression over a row of the table, and that row; errors of one that cannot be.

    `node` is the expression as a statement has it, whose places errors then name; else the one that is kept is read.
    """
    row = RangeEntry(table.name, tuple((c.name, c.type) for c in table.columns), table)
    if node is None:
        state = State(reading(state.context.catalog, table.schema), Parameters(None))
    scope = Scope(state)
    scope.names = names_of(row, table.schema)
    scope.clause = "GENERATED"
    assert column.generation is not None
    value = expression(scope, node if node is not None else expression_node(column.generation))
    return assign(state, value, column.name, column.type), row


def check(state: State, table: TableDef, column: ColumnDef, node: Any = None) -> None:
    """42P17 for an expression that reads generated columns or may change by itself; `node` as in `analyzed`."""
    value, row = analyzed(state, table, column, node)
    generated = {place for place, _ in generated_columns(table)}
    for part in walk(value):
        if isinstance(part, ColumnRef) and part.range is row and part.index in generated:
            raise SqlError(
                "42P17",
                f'cannot use generated column "{part.name}" in column generation expression',
                detail="A generated column cannot reference another generated column.",
                position=position(part.location),
            )
    if not is_immutable(value):
        raise SqlError("42P17", "generation expression is not immutable")


def columns_read(state: State, table: TableDef, column: ColumnDef) -> frozenset[int]:
    """The places of the columns that a generated column is made of."""
    return _read(*analyzed(state, table, column))


def _read(value: Expr, row: RangeEntry) -> frozenset[int]:
    return frozenset(part.index for part in walk(value) if isinstance(part, ColumnRef) and part.range is row)


def completed(
    state: State, table: TableDef, columns: Sequence[int], query: Query | None, defaults: _Values
) -> tuple[list[int], Query | None, _Values]:
    """An INSERT's columns, query and defaults with the generated columns among the query's."""
    generated = dict(generated_columns(table))
    if not generated:
        return list(columns), query, defaults
    places = [place for place in columns if place not in generated]
    if query is not None:
        given = _rows(table, columns, query)
        references = [_reference(given, at) for at, place in enumerate(columns) if place not in generated]
        query = _selecting([*references, *(value for _, value in defaults)], given)
    else:
        query = _selecting([value for _, value in defaults], None)
    places += [place for place, _ in defaults]
    row = _rows(table, places, query)
    found = {place: _reference(row, at) for at, place in enumerate(places)}
    values = [_made(*analyzed(state, table, column), found.get) for column in generated.values()]
    return [*places, *generated], _selecting([*found.values(), *values], row), ()


def recomputed(state: State, table: TableDef, entry: RangeEntry, sets: _Values) -> _Values:
    """An UPDATE's assignments, and those of the generated columns that are made of what it sets."""
    generated = generated_columns(table)
    if not generated:
        return sets
    given = {place: value for place, value in sets if table.columns[place].generation is None}
    asked = {place for place, _ in sets} - given.keys()
    added: list[tuple[int, Expr]] = []
    for place, column in generated:
        value, row = analyzed(state, table, column)
        read = _read(value, row)
        for other in read & given.keys():
            if any(isinstance(node, (Call, Aggregate)) and node.function.volatile for node in walk(given[other])):
                raise not_supported(
                    f'setting column "{table.columns[other].name}", of which column "{column.name}" is generated, to a '
                    "volatile expression is not supported",
                    hint="Compute the value first.",
                )
        if read & given.keys() or place in asked:
            kept = {at: ColumnRef(entry, at, table.columns[at].name, table.columns[at].type) for at in read}
            added.append((place, _made(value, row, (kept | given).get)))
    return (*given.items(), *added)


def _made(value: Expr, row: RangeEntry, value_at: Callable[[int], Expr | None]) -> Expr:
    """The expression over `row` with the values of the new row in the places of its columns."""

    def change(node: Expr) -> Expr | None:
        if not isinstance(node, ColumnRef) or node.range is not row:
            return None
        return value_at(node.index) or Const(None, node.type)

    return transform(value, change)


def _rows(table: TableDef, places: Sequence[int], query: Query) -> RangeEntry:
    return RangeEntry("", tuple((table.columns[place].name, table.columns[place].type) for place in places), query)


def _reference(entry: RangeEntry, at: int) -> ColumnRef:
    name, type_ = entry.columns[at]
    return ColumnRef(entry, at, name, type_)


def _selecting(values: Sequence[Expr], source: RangeEntry | None) -> Query:
    targets = tuple(Target(value, f"column{number}") for number, value in enumerate(values, 1))
    return Query(targets=targets, from_items=() if source is None else (source,))
