"""Volatile outputs are computed after ORDER BY and LIMIT, as PostgreSQL's planner does (make_sort_input_target): what
nextval() gives follows the order of the rows, and is drawn for those that are returned.

SELECT nextval('s'), a FROM t ORDER BY b LIMIT 1 becomes
SELECT nextval('s'), a FROM (SELECT a FROM t ORDER BY b LIMIT 1).
"""

from __future__ import annotations

from dataclasses import replace

from ruvector_engine.planner.walk import is_volatile
from ruvector_engine.sql.nodes import Aggregate, Call, ColumnRef, Expr, Query, RangeEntry, Special, SubLink, Target
from ruvector_engine.sql.tree import entries, transform, walk


def with_late_targets(query: Query) -> Query:
    """The query as one whose volatile outputs come last; itself where there are none, or nothing comes before them."""
    if not query.from_items or query.set_op or query.values is not None or query.distinct:
        return query
    if not query.order_by and query.limit is None:
        return query
    keys = [*(key.expr for key in query.order_by), *query.distinct_on, *query.group_by]
    late = [is_volatile(t.expr) and t.expr not in keys for t in query.targets]
    if not any(late):
        return query
    stays = any(
        _gives_rows(t.expr) or (last and _has_query(t.expr)) for t, last in zip(query.targets, late, strict=True)
    )
    return query if stays else _split(query, late)


def _gives_rows(expr: Expr) -> bool:
    return any(isinstance(part, Call) and part.function.returns_set for part in walk(expr))


def _has_query(expr: Expr) -> bool:
    """Whether a query inside it may read the rows as they are."""
    return any(isinstance(part, SubLink) for part in walk(expr))


def _split(query: Query, late: list[bool]) -> Query:
    own = {entry for item in query.from_items for entry in entries(item)}
    inner: list[Expr] = []
    places: list[tuple[Expr, ColumnRef]] = []
    entry = RangeEntry("", (), query)

    def kept(expr: Expr) -> ColumnRef:
        found = next((column for other, column in places if other == expr), None)
        if found is None:
            found = ColumnRef(entry, len(inner), f"c{len(inner) + 1}", expr.type)
            inner.append(expr)
            places.append((expr, found))
        return found

    def change(part: Expr) -> Expr | None:
        if isinstance(part, Aggregate) or part in query.group_by or _is_grouping(part):
            return kept(part)
        return kept(part) if isinstance(part, ColumnRef) and part.range in own else None

    targets = tuple(
        replace(target, expr=transform(target.expr, change) if is_late else kept(target.expr))
        for target, is_late in zip(query.targets, late, strict=True)
    )
    source = replace(query, targets=tuple(Target(expr, "") for expr in inner), ctes=())
    entry.source, entry.columns = source, tuple(("", expr.type) for expr in inner)
    return Query(targets, from_items=(entry,), ctes=query.ctes)


def _is_grouping(part: Expr) -> bool:
    return isinstance(part, Special) and part.kind == "grouping"
