"""Merges views and simple subqueries in FROM into the query around them, so that an index can find their rows.

After prepjointree.c. It is done where it lets a k-NN or full-text search be recognised, and nowhere else: DuckDB does
it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace

from ruvector_engine.planner.match import match_query, preserved
from ruvector_engine.planner.text_match import searches_text, text_matches
from ruvector_engine.planner.walk import conjuncts, is_volatile, nodes, queries
from ruvector_engine.sql.nodes import (
    BoolOp,
    Call,
    ColumnRef,
    CteRef,
    Expr,
    FromItem,
    FunctionScan,
    Join,
    Query,
    RangeEntry,
    Target,
)
from ruvector_engine.sql.tree import query_expressions, references, transform

Replaced = Mapping[RangeEntry, Query]


def pull_up(query: Query) -> None:
    """Merge what stands in the FROM of this query, or of one inside it, wherever that makes an index search of it."""
    for level in list(queries(query)):
        flat = merged(level) if _wants_index(level) else None
        if flat is not None and (match_query(flat) is not None or any(text_matches(flat))):
            for field in fields(Query):
                setattr(level, field.name, getattr(flat, field.name))


def _wants_index(level: Query) -> bool:
    """Whether its order, or one of its conditions, is an index search of something that is no table."""
    if level.limit is not None and level.order_by and match_query(level) is None:
        return True
    return searches_text(level.where) and not any(text_matches(level))


def _no_ctes(_query: Query) -> bool:
    return False


def merged(query: Query, inlined: Callable[[Query], bool] = _no_ctes) -> Query | None:
    """The query with every subquery merged that can be; None when there is none.

    `inlined` says which WITH queries count as subqueries too.
    """
    if query.set_op or query.values is not None:
        return None
    replaced: dict[RangeEntry, Query] = {}
    for entry in preserved(query.from_items):
        source = subquery_of(entry, inlined)
        if source is not None:
            inner = merged(source, inlined) or source
            if _simple(inner) and not _seen_from_inside(query, entry):
                replaced[entry] = inner
    if not replaced:
        return None
    own = tuple(part for inner in replaced.values() for part in conjuncts(inner.where))
    outer = [substituted(part, replaced) for part in conjuncts(query.where)]
    parts = (*own, *outer)
    return replace(
        query,
        targets=tuple(Target(substituted(t.expr, replaced), t.name, t.hidden) for t in query.targets),
        from_items=tuple(_from(item, replaced) for item in query.from_items),
        where=None if not parts else parts[0] if len(parts) == 1 else BoolOp("AND", parts),
        order_by=tuple(replace(key, expr=substituted(key.expr, replaced)) for key in query.order_by),
    )


def constant_functions(query: Query, constant: Callable[[Expr], bool]) -> Replaced:
    """The functions in FROM whose one value is a constant, as queries of that; other tables stand beside them."""
    found = {
        item: Query((Target(item.source.call, item.alias),))
        for item in query.from_items
        if isinstance(item, RangeEntry)
        and isinstance(item.source, FunctionScan)
        and not item.source.ordinality
        and constant(item.source.call)
    }
    return found if len(found) < len(query.from_items) else {}


def without_functions(query: Query, replaced: Replaced) -> Query:
    """The query with the values of functions in FROM where they are read."""
    return replace(
        query,
        targets=tuple(Target(substituted(t.expr, replaced), t.name, t.hidden) for t in query.targets),
        from_items=tuple(_from(item, replaced) for item in query.from_items if item not in replaced),
        where=None if query.where is None else substituted(query.where, replaced),
        order_by=tuple(replace(key, expr=substituted(key.expr, replaced)) for key in query.order_by),
    )


def subquery_of(entry: RangeEntry, inlined: Callable[[Query], bool] = _no_ctes) -> Query | None:
    """The query that stands there in FROM, if one does."""
    source = entry.source
    if isinstance(source, CteRef):
        return source.query if source.query is not None and inlined(source.query) else None
    return source if isinstance(source, Query) else None


def _simple(query: Query) -> bool:
    """Whether it only picks and computes columns of the rows of one FROM item."""
    if query.set_op or query.values is not None or len(query.from_items) != 1 or query.ctes or query.for_update:
        return False
    if query.group_by or query.grouping or query.having is not None or query.has_aggregates or query.has_windows:
        return False
    if query.distinct or query.distinct_on or query.order_by or query.limit is not None or query.offset is not None:
        return False
    inside = list(nodes(query.targets))
    sets = any(isinstance(node, Call) and node.function.returns_set for node in inside)
    return not sets and not is_volatile(query.targets) and not any(isinstance(node, Query) for node in inside)


def _seen_from_inside(query: Query, entry: RangeEntry) -> bool:
    """Whether a query inside, or what is computed from the rows as groups, reads the entry: then it stays as it is."""
    if query.group_by or query.has_aggregates or query.has_windows or query.distinct or query.distinct_on:
        return True
    for expr in query_expressions(query):
        if any(ref.range is entry and inside for ref, inside in references(expr)):
            return True
    laterals = [node for item in query.from_items for node in _sources(item) if node is not entry.source]
    return any(isinstance(node, ColumnRef) and node.range is entry for node in nodes(laterals))


def _sources(item: FromItem) -> Iterator[object]:
    if isinstance(item, Join):
        yield from _sources(item.left)
        yield from _sources(item.right)
    else:
        yield item.source


def _from(item: FromItem, replaced: Replaced) -> FromItem:
    if isinstance(item, Join):
        on = None if item.on is None else substituted(item.on, replaced)
        return Join(item.kind, _from(item.left, replaced), _from(item.right, replaced), on)
    return replaced[item].from_items[0] if item in replaced else item


def substituted(expr: Expr, replaced: Replaced) -> Expr:
    """The expression with what the columns of the entries stand for in their queries."""

    def change(node: Expr) -> Expr | None:
        if isinstance(node, ColumnRef) and node.range in replaced:
            return replaced[node.range].targets[node.index].expr
        return None

    return transform(expr, change)
