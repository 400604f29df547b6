"""macaddr and macaddr8, which DuckDB holds as canonical text: comparison, bitwise operators, functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ruvector_engine.sql.functions.definition import Udf, function, operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.macaddrs import format_octets, octets_of, to_macaddr, to_macaddr8


def _bitwise(operation: Callable[[int, int], int]) -> Callable[[str, str], str]:
    def call(a: str, b: str) -> str:
        return format_octets(bytes(operation(x, y) for x, y in zip(octets_of(a), octets_of(b), strict=True)))

    return call


def invert(value: str) -> str:
    """The address with every bit turned over."""
    return format_octets(bytes(0xFF - octet for octet in octets_of(value)))


def _with_seventh_bit(value: str) -> str:
    octets = octets_of(value)
    return format_octets(bytes((octets[0] | 2,)) + octets[1:])


_TYPES = ("macaddr", "macaddr8")


def _operators() -> Iterator[FunctionDef]:
    for name in _TYPES:
        for symbol in ("=", "<>", "<", "<=", ">", ">="):
            yield operator(symbol, f"{name},{name}", "bool", f"({{0}} {symbol} {{1}})")
        yield operator("&", f"{name},{name}", name, "rv_macaddr_and({0}, {1})")
        yield operator("|", f"{name},{name}", name, "rv_macaddr_or({0}, {1})")
        yield operator("~", name, name, "rv_macaddr_not({0})")


OPERATORS: tuple[FunctionDef, ...] = tuple(_operators())
FUNCTIONS: tuple[FunctionDef, ...] = (
    function("trunc", "macaddr", "macaddr", "(substring({0}, 1, 8) || ':00:00:00')"),
    function("trunc", "macaddr8", "macaddr8", "(substring({0}, 1, 8) || ':00:00:00:00:00')"),
    function("macaddr8_set7bit", "macaddr8", "macaddr8", "rv_macaddr8_set7bit({0})"),
)

_TEXT = "VARCHAR"
UDFS: tuple[Udf, ...] = (
    Udf("rv_macaddr_and", _bitwise(lambda a, b: a & b), (_TEXT, _TEXT), _TEXT),
    Udf("rv_macaddr_or", _bitwise(lambda a, b: a | b), (_TEXT, _TEXT), _TEXT),
    Udf("rv_macaddr_not", invert, (_TEXT,), _TEXT),
    Udf("rv_macaddr_to_macaddr8", to_macaddr8, (_TEXT,), _TEXT),
    Udf("rv_macaddr8_to_macaddr", to_macaddr, (_TEXT,), _TEXT),
    Udf("rv_macaddr8_set7bit", _with_seventh_bit, (_TEXT,), _TEXT),
)
