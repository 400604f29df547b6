"""OVER (...) and WINDOW: partitions, order, frames."""

from __future__ import annotations

from typing import Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.coerce import coerce_or_fail, known
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.expressions.sorting import check_equality, sort_keys
from ruvector_engine.sql.nodes import Const, Expr, WindowSpec
from ruvector_engine.sql.raw import guard, position
from ruvector_engine.sql.scope import Scope
from ruvector_engine.types.registry import INT8, TypeRef

_HANDLED = frozenset(
    {"name", "refname", "partition_clause", "order_clause", "frame_options", "start_offset", "end_offset", "location"}
)

# parsenodes.h, FRAMEOPTION_*
_NONDEFAULT, _RANGE, _ROWS, _GROUPS, _BETWEEN = 0x1, 0x2, 0x4, 0x8, 0x10
_STARTS = {
    0x20: "UNBOUNDED PRECEDING",
    0x80: "UNBOUNDED FOLLOWING",
    0x200: "CURRENT ROW",
    0x800: "{} PRECEDING",
    0x2000: "{} FOLLOWING",
}
_EXCLUSIONS = {0x8000: " EXCLUDE CURRENT ROW", 0x10000: " EXCLUDE GROUP", 0x20000: " EXCLUDE TIES"}


def specification(scope: Scope, node: Any, *, defines: bool = False) -> WindowSpec:
    """The window of OVER name or OVER (...); or the one that WINDOW name AS (...) `defines`."""
    guard(node, _HANDLED)
    base = None
    name = node.refname if defines else node.name or node.refname
    if name:
        base = scope.windows.get(name)
        if base is None:
            raise SqlError("42704", f'window "{name}" does not exist', position=position(node.location))
        if name != node.refname:
            return base
        if node.partition_clause:
            raise SqlError("42P20", f'cannot override PARTITION BY clause of window "{name}"')
        if base.order_by and node.order_clause:
            raise SqlError("42P20", f'cannot override ORDER BY clause of window "{name}"')
    partition = tuple(known(scope.state, expression(scope, p)) for p in node.partition_clause)
    for expr in partition:
        check_equality(expr)
    order = sort_keys(scope, node.order_clause)
    if base is not None:
        partition, order = base.partition_by, order or base.order_by
    return WindowSpec(partition, order, _frame(scope, node))


def define(scope: Scope, nodes: Any) -> None:
    """WINDOW name AS (...), ...: remember them for OVER name."""
    for item in nodes:
        node = item.window_def
        if node.name in scope.windows:
            raise SqlError("42P20", f'window "{node.name}" is already defined', position=position(node.location))
        scope.windows[node.name] = specification(scope, node, defines=True)


def _frame(scope: Scope, node: Any) -> str:
    options = node.frame_options
    if not options & _NONDEFAULT:
        return ""
    unit = "RANGE" if options & _RANGE else "ROWS" if options & _ROWS else "GROUPS"
    start = next(text for bit, text in _STARTS.items() if options & bit)
    end = next(text for bit, text in _STARTS.items() if options & (bit << 1))
    start = start.format(_offset(scope, node, "start_offset", unit))
    end = end.format(_offset(scope, node, "end_offset", unit))
    exclusion = next((text for bit, text in _EXCLUSIONS.items() if options & bit), "")
    return f"{unit} BETWEEN {start} AND {end}{exclusion}"


def _offset(scope: Scope, node: Any, field: str, unit: str) -> str:
    if not node.HasField(field):
        return ""
    value: Expr = expression(scope, getattr(node, field))
    if unit == "RANGE":
        raise not_supported("RANGE with an offset is not supported", position=position(value.location))
    value = coerce_or_fail(scope.state, value, TypeRef(INT8), "i")
    if not isinstance(value, Const) or not isinstance(value.value, int):
        raise not_supported("a frame offset that is not a constant is not supported", position=position(value.location))
    if value.value < 0:
        raise SqlError(
            "22013", f"frame {'starting' if field == 'start_offset' else 'ending'} offset must not be negative"
        )
    return str(value.value)
