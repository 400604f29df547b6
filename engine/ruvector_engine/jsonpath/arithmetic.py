"""Numbers in a path: numeric's arithmetic over digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.jsonb_values import Digits
from ruvector_engine.sql.functions.numeric_udfs import binary, divide, modulo, unary

_OPERATIONS: dict[str, Callable[[str, str], str]] = {
    "+": binary(lambda a, b: a + b),
    "-": binary(lambda a, b: a - b),
    "*": binary(lambda a, b: a * b),
    "/": binary(divide),
    "%": binary(modulo),
}
_FUNCTIONS: dict[str, Callable[[str], str]] = {
    "abs": unary(abs),
    "ceiling": unary(lambda a: a.to_integral_value(ROUND_CEILING)),
    "floor": unary(lambda a: a.to_integral_value(ROUND_FLOOR)),
    "-": unary(lambda a: -a),
}
_INT4 = 2**31


class PathError(SqlError):
    """An error that a predicate takes for "unknown", and a silent function for NULL."""


def combined(operator: str, left: Sequence[Any], right: Sequence[Any]) -> Digits:
    """left operator right, of one number each."""
    for side, values in (("left", left), ("right", right)):
        if len(values) != 1 or not isinstance(values[0], Digits):
            raise PathError("22038", f"{side} operand of jsonpath operator {operator} is not a single numeric value")
    try:
        return Digits(_OPERATIONS[operator](left[0], right[0]))
    except SqlError as error:
        raise PathError(error.sqlstate, error.message) from None


def signed(sign: str, value: Any) -> Digits:
    """+value or -value."""
    if not isinstance(value, Digits):
        raise PathError("2203B", f"operand of unary jsonpath operator {sign} is not a numeric value")
    return Digits(_FUNCTIONS["-"](value)) if sign == "-" else value


def applied(name: str, value: Digits) -> Digits:
    """abs, floor or ceiling of a number."""
    return Digits(_FUNCTIONS[name](value))


def to_index(value: Digits) -> int:
    """A number as the place of an element: its fraction does not count."""
    index = int(Decimal(value).to_integral_value(ROUND_DOWN))
    if not -_INT4 <= index < _INT4:
        raise PathError("22033", "jsonpath array subscript is out of integer range")
    return index
