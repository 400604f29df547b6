"""Operators of the plain types: arithmetic, comparison, strings and patterns, dates, arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.arrays import CONCATENATED
from ruvector_engine.sql.functions.datetimes import interval_call, subtract_intervals
from ruvector_engine.sql.functions.definition import Udf, oid_of, operator
from ruvector_engine.sql.functions.float_sql import Arithmetic
from ruvector_engine.sql.functions.math import POWER
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.sql.storage import duck_type
from ruvector_engine.types.registry import TypeRef

if TYPE_CHECKING:
    from ruvector_engine.sql.emit_key import ElementKey

_COMPARISONS = {"=": "=", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_INTEGERS = ("int2", "int4", "int8")
_BITS = {"int2": 16, "int4": 32, "int8": 64}
_FLOATS = ("float4", "float8")
#: Types whose DuckDB form compares as PostgreSQL's values do.
_PLAIN_ORDER = (
    *_INTEGERS,
    *_FLOATS,
    "bool",
    "char",
    "name",
    "text",
    "bytea",
    "oid",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "inet",
    "xid",
    "xid8",
)


def _trimmed(symbol: str) -> Callable[[str, str], str]:
    return lambda a, b: f"(rtrim({a}, ' ') {symbol} rtrim({b}, ' '))"


def _by_elements(duck: str) -> Callable[[ElementKey, str, str], str]:
    return lambda key, a, b: f"({key.array(a)} {duck} {key.array(b)})"


def _comparisons() -> Iterator[FunctionDef]:
    for symbol, duck in _COMPARISONS.items():
        for name in _PLAIN_ORDER:
            if name == "xid" and symbol not in ("=", "<>"):
                continue
            yield operator(symbol, f"{name},{name}", "bool", f"({{0}} {duck} {{1}})")
        yield operator(symbol, "numeric,numeric", "bool", numeric.comparison(duck))
        yield operator(symbol, "bpchar,bpchar", "bool", _trimmed(duck))
        for pair in ("name,text", "text,name", "date,timestamp", "timestamp,date", "float4,float8", "float8,float4"):
            yield operator(symbol, pair, "bool", f"({{0}} {duck} {{1}})")
        for pair in ("date,timestamptz", "timestamptz,date", "timestamp,timestamptz", "timestamptz,timestamp"):
            yield operator(symbol, pair, "bool", f"({{0}} {duck} {{1}})")
        yield operator(symbol, "anyenum,anyenum", "bool", f"({{0}} {duck} {{1}})")
        yield replace(operator(symbol, "anyarray,anyarray", "bool", _by_elements(duck)), compares=True)


def _integer_arithmetic() -> Iterator[FunctionDef]:
    for name, bits in _BITS.items():
        for symbol in "+-*":
            yield operator(symbol, f"{name},{name}", name, f"({{0}} {symbol} {{1}})")
        kind = duck_type(TypeRef(oid_of(name)))
        # DuckDB negates the least integer into a wider type; a subtraction overflows.
        yield operator("-", name, name, f"(CAST(0 AS {kind}) - {{0}})")
        yield operator("/", f"{name},{name}", name, "({0} // {1})")
        yield operator("%", f"{name},{name}", name, "({0} % {1})")
        for symbol in "&|":
            yield operator(symbol, f"{name},{name}", name, f"({{0}} {symbol} {{1}})")
        # As the processor shifts: bits go out on the left, and only the last bits of the count are looked at.
        yield operator("<<", f"{name},int4", name, f"CAST(rv_shift_left({{0}}, {{1}}, {bits}) AS {kind})")
        wide = "BIGINT" if bits == 64 else "INTEGER"
        shifted = f"CAST({{0}} AS {wide}) >> CAST({{1}} & {max(bits, 32) - 1} AS {wide})"
        yield operator(">>", f"{name},int4", name, f"CAST({shifted} AS {kind})")
        yield operator("#", f"{name},{name}", name, "xor({0}, {1})")
        yield operator("~", name, name, "(~ {0})")


def _shift_left(value: int, count: int, bits: int) -> int:
    kept = (value << (count & (max(bits, 32) - 1))) & ((1 << bits) - 1)
    return kept - (1 << bits) if kept >> (bits - 1) else kept


def _arithmetic() -> Iterator[FunctionDef]:
    yield from _integer_arithmetic()
    for name in _FLOATS:
        for symbol in "+-*/":
            yield operator(symbol, f"{name},{name}", name, Arithmetic(symbol))
        yield operator("-", name, name, "(- {0})")
    for name in (*_INTEGERS, *_FLOATS):
        yield operator("+", name, name, "{0}")
        yield operator("@", name, name, "abs({0})")
    for pair in ("float4,float8", "float8,float4"):
        for symbol in "+-*/":
            yield operator(symbol, pair, "float8", Arithmetic(symbol, widen=True))
    yield operator("+", "numeric,numeric", "numeric", numeric.add)
    yield operator("-", "numeric,numeric", "numeric", numeric.subtract)
    yield operator("*", "numeric,numeric", "numeric", numeric.multiply)
    yield operator("/", "numeric,numeric", "numeric", numeric.by_udf("rv_numeric_div"))
    yield operator("%", "numeric,numeric", "numeric", numeric.by_udf("rv_numeric_mod"))
    yield operator("^", "numeric,numeric", "numeric", numeric.by_udf("rv_numeric_power"))
    yield operator("-", "numeric", "numeric", numeric.negate)
    yield operator("+", "numeric", "numeric", lambda a: a)
    yield operator("@", "numeric", "numeric", numeric.absolute)
    yield operator("^", "float8,float8", "float8", POWER)
    yield operator("|/", "float8", "float8", "sqrt({0})")
    yield operator("||/", "float8", "float8", "cbrt({0})")


def _like(template: str) -> Callable[[str, str], str]:
    return lambda a, b: template.format(a, b, "'\\'")


def _patterns() -> Iterator[FunctionDef]:
    for name in ("text", "name", "bpchar"):
        yield operator("~~", f"{name},text", "bool", _like("({0} LIKE {1} ESCAPE {2})"))
        yield operator("!~~", f"{name},text", "bool", _like("({0} NOT LIKE {1} ESCAPE {2})"))
        yield operator("~~*", f"{name},text", "bool", _like("({0} ILIKE {1} ESCAPE {2})"))
        yield operator("!~~*", f"{name},text", "bool", _like("({0} NOT ILIKE {1} ESCAPE {2})"))
        yield operator("~", f"{name},text", "bool", "rv_regex_match({0}, {1}, '')")
        yield operator("!~", f"{name},text", "bool", "(NOT rv_regex_match({0}, {1}, ''))")
        yield operator("~*", f"{name},text", "bool", "rv_regex_match({0}, {1}, 'i')")
        yield operator("!~*", f"{name},text", "bool", "(NOT rv_regex_match({0}, {1}, 'i'))")
    yield operator("^@", "text,text", "bool", "starts_with({0}, {1})")
    yield operator("||", "text,text", "text", "({0} || {1})")
    yield operator("||", "bytea,bytea", "bytea", "({0} || {1})")
    # The analyzer turns the other side of these into text by its type's output function.
    yield operator("||", "text,anynonarray", "text", "({0} || {1})")
    yield operator("||", "anynonarray,text", "text", "({0} || {1})")


def _datetimes() -> Iterator[FunctionDef]:
    yield operator("+", "date,int4", "date", "({0} + {1})")
    yield operator("+", "int4,date", "date", "({1} + {0})")
    yield operator("-", "date,int4", "date", "({0} - {1})")
    yield operator("-", "date,date", "int4", "CAST({0} - {1} AS INTEGER)")
    yield operator("+", "date,interval", "timestamp", "(CAST({0} AS TIMESTAMP) + {1})")
    yield operator("+", "interval,date", "timestamp", "(CAST({1} AS TIMESTAMP) + {0})")
    yield operator("-", "date,interval", "timestamp", "(CAST({0} AS TIMESTAMP) - {1})")
    yield operator("+", "date,time", "timestamp", "({0} + {1})")
    yield operator("+", "timestamp,interval", "timestamp", "({0} + {1})")
    yield operator("+", "interval,timestamp", "timestamp", "({1} + {0})")
    yield operator("-", "timestamp,interval", "timestamp", "({0} - {1})")
    yield operator("+", "timestamptz,interval", "timestamptz", "rv_later({0}, {1})")
    yield operator("+", "interval,timestamptz", "timestamptz", "rv_later({1}, {0})")
    yield operator("-", "timestamptz,interval", "timestamptz", "rv_earlier({0}, {1})")
    for name in ("timestamp", "timestamptz"):
        yield operator("-", f"{name},{name}", "interval", "rv_elapsed({0}, {1})")
    yield operator("+", "time,interval", "time", "({0} + {1})")
    yield operator("+", "interval,time", "time", "({1} + {0})")
    yield operator("+", "time,date", "timestamp", "({1} + {0})")
    yield operator("-", "time,interval", "time", "({0} - {1})")
    yield operator("-", "time,time", "interval", "to_microseconds(epoch_us({0}) - epoch_us({1}))")
    yield operator("+", "interval,interval", "interval", "({0} + {1})")
    yield operator("-", "interval,interval", "interval", subtract_intervals)
    yield operator("-", "interval", "interval", "rv_negated({0})")
    yield operator("*", "interval,float8", "interval", interval_call("rv_interval_mul"))
    yield operator("*", "float8,interval", "interval", lambda f, i: interval_call("rv_interval_mul")(i, f))
    yield operator("/", "interval,float8", "interval", interval_call("rv_interval_div"))


def _arrays() -> Iterator[FunctionDef]:
    yield operator("||", "anycompatiblearray,anycompatiblearray", "anycompatiblearray", CONCATENATED, strict=False)
    yield operator(
        "||", "anycompatiblearray,anycompatible", "anycompatiblearray", "list_concat({0}, [{1}])", strict=False
    )
    yield operator(
        "||", "anycompatible,anycompatiblearray", "anycompatiblearray", "list_concat([{0}], {1})", strict=False
    )
    for symbol, template in (
        ("@>", lambda key, a, b: f"rv_array_contains({key.array(a)}, {key.array(b)})"),
        ("<@", lambda key, a, b: f"rv_array_contains({key.array(b)}, {key.array(a)})"),
        ("&&", lambda key, a, b: f"list_has_any({key.array(a)}, {key.array(b)})"),
    ):
        yield replace(operator(symbol, "anyarray,anyarray", "bool", template), compares=True)


OPERATORS: tuple[FunctionDef, ...] = (*_comparisons(), *_arithmetic(), *_patterns(), *_datetimes(), *_arrays())
UDFS: tuple[Udf, ...] = (Udf("rv_shift_left", _shift_left, ("BIGINT", "INTEGER", "INTEGER"), "BIGINT"),)
