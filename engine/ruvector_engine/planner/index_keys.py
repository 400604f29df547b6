"""What an index is over: the expression of its key and its predicate, as trees and as DuckDB's SQL.

The catalog keeps them as PostgreSQL's text; a query can use the index when its own trees are equal to these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruvector_engine.catalog.model import ROW_ID, Catalog, IndexDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.planner.implication import implied, with_values
from ruvector_engine.planner.operator_classes import ARRAY
from ruvector_engine.planner.walk import conjuncts, nodes
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.context import Context
from ruvector_engine.sql.emit import emit_expression
from ruvector_engine.sql.emit_binding import quote, written_out
from ruvector_engine.sql.nodes import Cast, ColumnRef, Const, Expr, RangeEntry
from ruvector_engine.sql.storage import bindable
from ruvector_engine.sql.stored_names import reading
from ruvector_engine.sql.tree import transform
from ruvector_engine.sql.volatility import is_immutable
from ruvector_engine.types.registry import BOOL, VECTOR, TypeRef, Value

_KEPT = 256


@dataclass(frozen=True, slots=True)
class IndexKey:
    """The one key of an index.

    `value_sql` is DuckDB's SQL of the key over the table's columns, NULL in rows that the predicate leaves out;
    `rows_sql` selects the hidden row id and the key of every row that the index is over. `keys_sql` selects rows of the
    predicate whose key is NULL too, and `ids_sql` only their ids, for which no key is evaluated.
    """

    key: Expr | None  # None: a column
    column: str
    predicate: tuple[Expr, ...]
    value_sql: str
    rows_sql: str
    keys_sql: str
    ids_sql: str

    def serves(
        self, key: Expr, entry: RangeEntry, conditions: Sequence[Expr], params: Sequence[Value] = ()
    ) -> tuple[Expr, ...] | None:
        """Which of `conditions` the index leaves to be tested, when a search by `key` of the table `entry` may use it.

        None when it may not: the key is another, or the conditions, with the values of `params` in them, do not imply
        the index's predicate.
        """
        if self.key is None:
            if not isinstance(key, ColumnRef) or key.name != self.column:
                return None
        elif _of_entry(self.key, entry) != key:
            return None
        known = [_of_entry(part, entry) for part in self.predicate]
        valued = [with_values(condition, params) for condition in conditions] if known and params else conditions
        if not all(implied(part, valued) for part in known):
            return None
        return tuple(condition for condition, part in zip(conditions, valued, strict=True) if part not in known)


def _of_entry(expr: Expr, entry: RangeEntry) -> Expr:
    """The expression over another range entry of the same table."""
    places = {name: place for place, (name, _) in enumerate(entry.columns)}

    def change(node: Expr) -> Expr | None:
        if isinstance(node, ColumnRef) and node.name in places:
            return ColumnRef(entry, places[node.name], node.name, node.type)
        return None

    return transform(expr, change)


_known: dict[Any, IndexKey] = {}


def index_key(definition: IndexDef, table: TableDef, catalog: Catalog) -> IndexKey:
    """What a vector index is over."""
    expression = definition.expression
    asked = (table, definition.columns[0], expression, definition.predicate, definition.dimensions)
    found = _known.get(asked)
    if found is None:
        context = reading(catalog, table.schema)
        key = None if expression is None else analyzed_key(expression, table, context)
        parts = conjuncts(analyzed_predicate(definition.predicate.text, table, context)) if definition.predicate else []
        column = definition.columns[0]
        stored = analyze_expression(quote(column), context, table=table) if key is None else key
        value = guarded(parts, sql_text(as_stored(stored, definition.dimensions)))
        keys = f'SELECT "{ROW_ID}", {value} AS key FROM {table.storage_name}'
        rows = f'SELECT "{ROW_ID}", key FROM ({keys}) WHERE key IS NOT NULL'
        where = f"CASE WHEN {guarded(parts, 'TRUE')} THEN TRUE ELSE FALSE END"
        ids = f'SELECT "{ROW_ID}" FROM {table.storage_name} WHERE {where}'
        keys = f'SELECT "{ROW_ID}", {value} AS key FROM {table.storage_name} WHERE {where}'
        found = IndexKey(key, column, tuple(parts), value, rows, keys, ids)
        if len(_known) >= _KEPT:
            _known.clear()
        _known[asked] = found
    return found


def as_stored(key: Expr, dimensions: int) -> Expr:
    """A key as an index keeps it: an array becomes a vector, of that many dimensions (0: of any number)."""
    if key.type.oid != ARRAY:
        return key
    return Cast(key, TypeRef(VECTOR, dimensions or -1), explicit=True)


def analyzed_key(source: Any, table: TableDef, context: Context) -> Expr:
    """An index expression, given as text or raw node."""
    return analyze_expression(source, context, table=table, clause="index expressions")


def analyzed_predicate(source: Any, table: TableDef, context: Context) -> Expr:
    """An index predicate, likewise."""
    return analyze_expression(source, context, table=table, target=TypeRef(BOOL), clause="index predicates")


def require_immutable(expr: Expr, what: str) -> None:
    """42P17 for one whose values may change, when an index is made."""
    if not is_immutable(expr):
        raise SqlError("42P17", f"functions in {what} must be marked IMMUTABLE")


def guarded(predicate: Sequence[Expr], value: str) -> str:
    """DuckDB's SQL of a value where all of a predicate's parts hold, NULL elsewhere.

    As in PostgreSQL, what comes later is not evaluated where what comes before does not hold.
    """
    for part in reversed(predicate):
        value = f"CASE WHEN {sql_text(part)} THEN {value} END"
    return value


def columns_read(expr: Expr) -> tuple[str, ...]:
    """The names of the columns that an expression over one table reads."""
    return tuple(dict.fromkeys(node.name for node in nodes(expr) if isinstance(node, ColumnRef)))


def sql_text(expr: Expr) -> str:
    """DuckDB's SQL of an expression over a table's columns, constants in line."""
    emitted = emit_expression(expr)
    return written_out(emitted.text, [bindable(v.type, v.value) for v in emitted.bindings if isinstance(v, Const)])
