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
from ruvector_engine.planner.walk import conjuncts, is_volatile, nodes
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.context import Context
from ruvector_engine.sql.emit import emit_expression
from ruvector_engine.sql.emit_binding import quote, written_out
from ruvector_engine.sql.nodes import Cast, ColumnRef, Const, Expr, RangeEntry
from ruvector_engine.sql.storage import bindable
from ruvector_engine.sql.tree import transform
from ruvector_engine.types.registry import BOOL, VECTOR, TypeRef, Value

_KEPT = 256


@dataclass(frozen=True, slots=True)
class IndexKey:
    """The one key of a vector index. `rows_sql` selects the hidden row id and the key of every row that it is over."""

    key: Expr | None  # None: a column
    column: str
    predicate: tuple[Expr, ...]
    rows_sql: str

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
        context = Context(catalog, (definition.schema, "public", "pg_catalog"))
        key = None if expression is None else analyzed_key(expression, table, context)
        parts = conjuncts(analyzed_predicate(definition.predicate.text, table, context)) if definition.predicate else []
        column = definition.columns[0]
        stored = analyze_expression(quote(column), context, table=table) if key is None else key
        key_sql = sql_text(as_stored(stored, definition.dimensions))
        where = " AND ".join([f"{key_sql} IS NOT NULL", *(f"({sql_text(part)})" for part in parts)])
        rows = f'SELECT "{ROW_ID}", {key_sql} FROM {table.storage_name} WHERE {where}'
        found = IndexKey(key, column, tuple(parts), rows)
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
    """An index expression, given as text or raw node; 42P17 for one whose values may change."""
    expr = analyze_expression(source, context, table=table, clause="index expressions")
    return _checked(expr, "index expression")


def analyzed_predicate(source: Any, table: TableDef, context: Context) -> Expr:
    """An index predicate, likewise."""
    expr = analyze_expression(source, context, table=table, target=TypeRef(BOOL), clause="index predicates")
    return _checked(expr, "index predicate")


def _checked(expr: Expr, what: str) -> Expr:
    if is_volatile(expr) or any(not isinstance(value, Const) for value in emit_expression(expr).bindings):
        raise SqlError("42P17", f"functions in {what} must be marked IMMUTABLE")
    return expr


def columns_read(expr: Expr) -> tuple[str, ...]:
    """The names of the columns that an expression over one table reads."""
    return tuple(dict.fromkeys(node.name for node in nodes(expr) if isinstance(node, ColumnRef)))


def sql_text(expr: Expr) -> str:
    """DuckDB's SQL of an expression over a table's columns, constants in line."""
    emitted = emit_expression(expr)
    return written_out(emitted.text, [bindable(v.type, v.value) for v in emitted.bindings if isinstance(v, Const)])
