"""Walking the typed tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ruvector_engine.sql.nodes import (
    Aggregate,
    BoolOp,
    Call,
    Cast,
    ColumnRef,
    Expr,
    FromItem,
    FunctionScan,
    Join,
    Query,
    RangeEntry,
    SortKey,
    Special,
    SubLink,
    ValuesList,
    WindowSpec,
)


def children(expr: Expr) -> Iterator[Expr]:
    """The direct parts of an expression, subqueries left out (but not what a subquery is compared with)."""
    if isinstance(expr, (Call, BoolOp)):
        yield from expr.args
    elif isinstance(expr, Cast):
        yield expr.arg
    elif isinstance(expr, Special):
        yield from (a for a in expr.args if a is not None)
    elif isinstance(expr, Aggregate):
        yield from expr.args
        yield from (key.expr for key in expr.order_by)
        if expr.filter is not None:
            yield expr.filter
        if expr.over is not None:
            yield from expr.over.partition_by
            yield from (key.expr for key in expr.over.order_by)
    elif isinstance(expr, SubLink) and expr.test is not None:
        yield expr.test


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything in it, subqueries left out."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def query_expressions(query: Query) -> Iterator[Expr]:
    """The top expressions of a query and of the queries inside it."""
    yield from (t.expr for t in query.targets)
    for item in query.from_items:
        yield from _from_expressions(item)
    yield from (e for e in (query.where, query.having, query.limit, query.offset) if e is not None)
    yield from query.group_by
    yield from query.distinct_on
    yield from (key.expr for key in query.order_by)
    for branch in (query.left, query.right, *(cte.query for cte in query.ctes)):
        if branch is not None:
            yield from query_expressions(branch)
    if query.values is not None:
        yield from (e for row in query.values.rows for e in row)


def _from_expressions(item: FromItem) -> Iterator[Expr]:
    if isinstance(item, Join):
        yield from _from_expressions(item.left)
        yield from _from_expressions(item.right)
        if item.on is not None:
            yield item.on
        return
    if isinstance(item.source, Query):
        yield from query_expressions(item.source)
    elif isinstance(item.source, FunctionScan):
        yield item.source.call
    elif isinstance(item.source, ValuesList):
        yield from (e for row in item.source.rows for e in row)


def references(expr: Expr) -> Iterator[tuple[ColumnRef, bool]]:
    """Every column reference in the expression, and whether it stands inside a subquery."""
    for node in walk(expr):
        if isinstance(node, ColumnRef):
            yield node, False
        elif isinstance(node, SubLink):
            for inner in query_expressions(node.query):
                for reference, _ in references(inner):
                    yield reference, True


def is_counted(query: Query) -> bool:
    """Whether LIMIT or OFFSET is of an outer query's row: DuckDB takes no such, so the rows are counted."""
    bounds = [bound for bound in (query.limit, query.offset) if bound is not None]
    return any(isinstance(part, ColumnRef) for bound in bounds for part in walk(bound))


def transform(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The expression with every part replaced for which `change` gives another; subqueries are left as they are."""
    changed = change(expr)
    if changed is not None:
        return changed
    if isinstance(expr, (Call, BoolOp)):
        return replace(expr, args=tuple(transform(a, change) for a in expr.args))
    if isinstance(expr, Cast):
        return replace(expr, arg=transform(expr.arg, change))
    if isinstance(expr, Special):
        return replace(expr, args=tuple(None if a is None else transform(a, change) for a in expr.args))
    if isinstance(expr, Aggregate):
        return replace(
            expr,
            args=tuple(transform(a, change) for a in expr.args),
            order_by=_transform_keys(expr.order_by, change),
            filter=None if expr.filter is None else transform(expr.filter, change),
            over=None
            if expr.over is None
            else WindowSpec(
                tuple(transform(e, change) for e in expr.over.partition_by),
                _transform_keys(expr.over.order_by, change),
                expr.over.frame,
            ),
        )
    if isinstance(expr, SubLink) and expr.test is not None:
        return replace(expr, test=transform(expr.test, change))
    return expr


def _transform_keys(keys: tuple[SortKey, ...], change: Callable[[Expr], Expr | None]) -> tuple[SortKey, ...]:
    return tuple(replace(key, expr=transform(key.expr, change)) for key in keys)


def entries(item: FromItem) -> Iterator[RangeEntry]:
    """The range entries of a FROM item, left to right."""
    if isinstance(item, Join):
        yield from entries(item.left)
        yield from entries(item.right)
    else:
        yield item
