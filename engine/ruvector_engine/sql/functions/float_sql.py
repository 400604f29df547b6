"""Floating point arithmetic in DuckDB SQL, with PostgreSQL's errors where IEEE 754 goes on with infinity or zero."""

from __future__ import annotations

from dataclasses import dataclass

from ruvector_engine.sql.functions.errors import DIVISION_BY_ZERO, raising

OVERFLOW = raising("22003", "value out of range: overflow")
UNDERFLOW = raising("22003", "value out of range: underflow")

#: Operands up to this length are written out as often as the test needs them.
_SHORT = 60

_FINITE = "isfinite({0}) AND isfinite({1})"
#: The tests of each operator, in float.h's order: {0} and {1} are the operands, {2} is the result.
_WHENS = {
    "+": f"WHEN isinf({{2}}) AND {_FINITE} THEN {OVERFLOW}",
    "-": f"WHEN isinf({{2}}) AND {_FINITE} THEN {OVERFLOW}",
    "*": f"WHEN isinf({{2}}) AND {_FINITE} THEN {OVERFLOW} "
    f"WHEN {{2}} = 0 AND {{0}} <> 0 AND {{1}} <> 0 THEN {UNDERFLOW}",
    "/": f"WHEN {{1}} = 0 THEN CASE WHEN isnan({{0}}) THEN {{0}} ELSE {DIVISION_BY_ZERO} END "
    f"WHEN isinf({{2}}) AND isfinite({{0}}) THEN {OVERFLOW} "
    f"WHEN {{2}} = 0 AND {{0}} <> 0 AND isfinite({{1}}) THEN {UNDERFLOW}",
}


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The template of +, -, * or /; `widen` casts both operands to DOUBLE."""

    symbol: str
    widen: bool = False

    def __call__(self, a: str, b: str) -> str:
        """The operator with its tests."""
        if self.widen:
            a, b = f"CAST({a} AS DOUBLE)", f"CAST({b} AS DOUBLE)"
        if max(len(a), len(b)) <= _SHORT:
            return _checked(self.symbol, a, b)
        # A lambda names the operands: written out, a chain of operators would double with each of them.
        test = _checked(self.symbol, "rv_f.a", "rv_f.b")
        return f"(list_transform([{{'a': {a}, 'b': {b}}}], lambda rv_f: {test}))[1]"

    def unchecked(self, a: str, b: str) -> str:
        """For a CHECK constraint, in which DuckDB takes no lambdas; a division by zero is an error there too."""
        return f"(CAST({a} AS DOUBLE) {self.symbol} {b})" if self.widen else f"({a} {self.symbol} {b})"


def _checked(symbol: str, a: str, b: str) -> str:
    result = f"({a} {symbol} {b})"
    # Not str.format: the errors have braces of their own.
    whens = _WHENS[symbol].replace("{0}", a).replace("{1}", b).replace("{2}", result)
    return f"(CASE {whens} ELSE {result} END)"


def as_real(number: str, *arguments: str) -> str:
    """A number that one of our functions gives as a double, as real; DuckDB takes a NaN from one for NULL."""
    known = " AND ".join(f"{argument} IS NOT NULL" for argument in arguments)
    return f"CAST(coalesce({number}, CASE WHEN {known} THEN CAST('NaN' AS DOUBLE) END) AS FLOAT)"
