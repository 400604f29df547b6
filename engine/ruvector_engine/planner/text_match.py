"""Recognises full-text searches: tsvector @@ tsquery among the conditions of a query, at any level of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.planner.walk import conjuncts, is_volatile, nodes
from ruvector_engine.sql.nodes import Aggregate, Call, ColumnRef, Expr, FromItem, FunctionScan, Join, Query, RangeEntry
from ruvector_engine.sql.tree import transform
from ruvector_engine.types.registry import TSQUERY, TSVECTOR

_OPERATORS = ("@@", "@@@")


@dataclass(frozen=True, slots=True)
class TextMatch:
    """One condition that an inverted index over `key`, an expression over the table, can answer.

    `operand` is the tsquery: it reads no table, so that it can be evaluated before the query. `conditions` are all that
    the query asks of the table's rows: they may imply the predicate of a partial index.
    """

    entry: RangeEntry
    table: TableDef
    condition: Expr
    key: Expr
    operand: Expr
    conditions: tuple[Expr, ...]


def searches_text(where: Expr | None) -> bool:
    """Whether one of the conditions is a search, of whatever table."""
    return any(True for part in conjuncts(where) for _ in _sides(part))


def text_matches(query: Query) -> Iterator[TextMatch]:
    """The text searches among the conditions of this level."""
    conditions = (*conjuncts(query.where), *_of_joins(query.from_items))
    found = [(part, key, operand) for part in conditions for key, operand in _sides(part)]
    if not found:
        return
    always = set(_preserved(query.from_items))
    for part, key, operand in found:
        entry = _entry_of(key)
        evaluable = _evaluable(operand, always)
        if entry is None or entry not in always or evaluable is None:
            continue
        table = entry.source
        if isinstance(table, TableDef) and table.has_row_id and not table.virtual:
            yield TextMatch(entry, table, part, key, evaluable, conditions)


def _of_joins(items: tuple[FromItem, ...]) -> Iterator[Expr]:
    """The conditions of inner joins that no outer join is around."""
    for item in items:
        if isinstance(item, Join) and item.kind in ("INNER", "CROSS"):
            yield from conjuncts(item.on)
            yield from _of_joins((item.left, item.right))


def _preserved(items: tuple[FromItem, ...]) -> Iterator[RangeEntry]:
    """The entries whose rows are asked for all conditions: those of inner joins, and outer joins' outer sides."""
    for item in items:
        if isinstance(item, RangeEntry):
            yield item
            continue
        if item.kind in ("INNER", "CROSS", "LEFT"):
            yield from _preserved((item.left,))
        if item.kind in ("INNER", "CROSS", "RIGHT"):
            yield from _preserved((item.right,))


def _sides(part: Expr) -> Iterator[tuple[Expr, Expr]]:
    """The document and the query of a condition that is a search."""
    if isinstance(part, Call) and part.function.name in _OPERATORS:
        first, second = part.args
        if (first.type.oid, second.type.oid) == (TSVECTOR, TSQUERY):
            yield first, second
        elif (first.type.oid, second.type.oid) == (TSQUERY, TSVECTOR):
            yield second, first


def _entry_of(key: Expr) -> RangeEntry | None:
    """The one table that the document is a column of, or an expression over."""
    inside = list(nodes(key))
    read = {node.range for node in inside if isinstance(node, ColumnRef)}
    if len(read) != 1 or any(isinstance(node, (Query, Aggregate)) for node in inside):
        return None
    return read.pop()


def _evaluable(operand: Expr, always: set[RangeEntry]) -> Expr | None:
    """The query with what functions in FROM give put in; None where it hangs on rows."""

    def change(node: Expr) -> Expr | None:
        if isinstance(node, ColumnRef) and node.range in always:
            source = node.range.source
            if isinstance(source, FunctionScan) and isinstance(source.call, Call) and not source.ordinality:
                return source.call if _gives_one(source.call) else None
        return None

    made = transform(operand, change)
    hangs = any(isinstance(node, (ColumnRef, Query, Aggregate)) for node in nodes(made))
    return None if hangs or is_volatile(made) else made


def _gives_one(call: Call) -> bool:
    return not call.function.returns_set and len(call.function.columns) < 2
