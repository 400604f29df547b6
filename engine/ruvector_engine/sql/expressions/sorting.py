"""ORDER BY items of aggregates and windows, where only expressions stand (no positions, no output names)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.coerce import known
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.nodes import Cast, Expr, SortKey
from ruvector_engine.sql.raw import guard, pb, position
from ruvector_engine.sql.scope import Scope
from ruvector_engine.types.registry import BY_OID, JSON, JSONPATH

_HANDLED = frozenset({"node", "sortby_dir", "sortby_nulls", "location"})
#: Types without an order.
_UNORDERED = frozenset({JSON, JSONPATH})


def sort_keys(scope: Scope, nodes: Iterable[Any]) -> tuple[SortKey, ...]:
    """The keys of ORDER BY inside an aggregate or a window."""
    return tuple(sort_key(n.sort_by, known(scope.state, expression(scope, n.sort_by.node))) for n in nodes)


def sort_key(node: Any, expr: Expr) -> SortKey:
    """The key with its direction; where NULLs go is PostgreSQL's default unless written."""
    guard(node, _HANDLED)
    if node.sortby_dir == pb.SORTBY_USING:
        raise not_supported("ORDER BY USING is not supported", position=position(node.location))
    check_ordered(expr)
    descending = node.sortby_dir == pb.SORTBY_DESC
    if node.sortby_nulls == pb.SORTBY_NULLS_DEFAULT:
        return SortKey(expr, descending, descending)
    return SortKey(expr, descending, node.sortby_nulls == pb.SORTBY_NULLS_FIRST)


def check_ordered(expr: Expr) -> None:
    """42883 for a type that cannot be sorted."""
    if expr.type.oid in _UNORDERED:
        raise SqlError(
            "42883",
            f"could not identify an ordering operator for type {BY_OID[expr.type.oid].sql_name}",
            hint="Use an explicit ordering operator or modify the query.",
            position=position(expr.location),
        )


def check_equality(expr: Expr) -> None:
    """42883 for a type whose values cannot be told equal."""
    if expr.type.oid in _UNORDERED:
        raise SqlError(
            "42883",
            f"could not identify an equality operator for type {BY_OID[expr.type.oid].sql_name}",
            position=position(_start(expr)),
        )


def _start(expr: Expr) -> int:
    """Where the expression begins: a cast stands behind its argument."""
    while isinstance(expr, Cast) and expr.arg.location >= 0:
        expr = expr.arg
    return expr.location
