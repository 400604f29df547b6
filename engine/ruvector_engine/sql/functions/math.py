"""Mathematical functions on integers, floats and numerics; random numbers and UUIDs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.float_sql import Arithmetic
from ruvector_engine.sql.nodes import FunctionDef

_TRIGONOMETRY = (
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "radians",
)
_BY_UDF = {
    "ceil": "ceil",
    "ceiling": "ceil",
    "floor": "floor",
    "sign": "sign",
    "sqrt": "sqrt",
    "ln": "ln",
    "exp": "exp",
}

#: DuckDB takes a NaN from Python for NULL.
POWER = "rv_nan_or_null(rv_power({0}, {1}), {0}, {1})"


def _abs() -> Iterator[FunctionDef]:
    for name in ("int2", "int4", "int8", "float4", "float8"):
        yield function("abs", name, name, "abs({0})")
    yield function("abs", "numeric", "numeric", numeric.absolute)
    for name in ("int2", "int4", "int8"):
        yield function("mod", f"{name},{name}", name, "({0} % {1})")
    for name in ("int4", "int8"):
        kind = {"int4": "INTEGER", "int8": "BIGINT"}[name]
        yield function("gcd", f"{name},{name}", name, f"CAST(gcd({{0}}, {{1}}) AS {kind})")
        yield function("lcm", f"{name},{name}", name, f"CAST(lcm({{0}}, {{1}}) AS {kind})")


def _floats() -> Iterator[FunctionDef]:
    for name in _TRIGONOMETRY:
        yield function(name, "float8", "float8", f"{name}({{0}})")
    infinite = "CAST('Infinity' AS DOUBLE)"
    yield function("cot", "float8", "float8", f"(CASE WHEN {{0}} = 0 THEN {infinite} ELSE cot({{0}}) END)")
    yield function("degrees", "float8", "float8", lambda a: Arithmetic("/")(a, "0.017453292519943295"))
    yield function("atan2", "float8,float8", "float8", "atan2({0}, {1})")
    yield function("pi", "", "float8", "pi()")
    yield function("exp", "float8", "float8", "rv_nan_or_null(rv_exp({0}), {0}, {0})")
    for name in ("ceil", "ceiling", "floor", "sqrt", "cbrt", "ln"):
        duck = "ceil" if name == "ceiling" else name
        yield function(name, "float8", "float8", f"{duck}({{0}})")
    yield function("sign", "float8", "float8", "CAST(sign({0}) AS DOUBLE)")
    yield function("round", "float8", "float8", "round_even({0}, 0)")
    yield function("trunc", "float8", "float8", "trunc({0})")
    for name in ("log", "log10"):
        yield function(name, "float8", "float8", "log10({0})")
        yield function(name, "numeric", "numeric", numeric.by_udf("rv_numeric_log"))
    yield function("log", "numeric,numeric", "numeric", numeric.by_udf("rv_numeric_log_base"))
    yield function("factorial", "int8", "numeric", numeric.by_udf("rv_factorial"))
    yield function("trim_scale", "numeric", "numeric", numeric.by_udf("rv_numeric_trim"))
    yield function("min_scale", "numeric", "int4", lambda a: f"rv_numeric_min_scale({numeric.as_text(a)})")
    for name in ("power", "pow"):
        yield function(name, "float8,float8", "float8", POWER)
        yield function(name, "numeric,numeric", "numeric", numeric.by_udf("rv_numeric_power"))


def _numerics() -> Iterator[FunctionDef]:
    for name, udf in _BY_UDF.items():
        yield function(name, "numeric", "numeric", numeric.by_udf(f"rv_numeric_{udf}"))
    yield function("round", "numeric", "numeric", numeric.round_whole)
    yield function("round", "numeric,int4", "numeric", numeric.rounded)
    yield function("trunc", "numeric", "numeric", lambda a: numeric.by_udf("rv_numeric_trunc")(numeric.to_text(a), "0"))
    yield function("trunc", "numeric,int4", "numeric", numeric.by_udf("rv_numeric_trunc"))
    yield function("mod", "numeric,numeric", "numeric", numeric.by_udf("rv_numeric_mod"))
    yield function("div", "numeric,numeric", "numeric", numeric.by_udf("rv_numeric_whole_div"))
    yield function("scale", "numeric", "int4", lambda a: f"rv_numeric_scale({numeric.as_text(a)})")
    for name in ("float8", "numeric"):
        shown = "DOUBLE" if name == "float8" else "VARCHAR"
        udf = f"rv_width_bucket_{shown.lower()}"
        yield function("width_bucket", f"{name},{name},{name},int4", "int4", f"{udf}({{0}}, {{1}}, {{2}}, {{3}})")


def _exp(x: float) -> float:
    try:
        result = math.exp(x)
    except OverflowError:
        raise _OVERFLOW from None
    if result == 0.0 and not math.isinf(x):
        raise _UNDERFLOW
    return result


def _power(x: float, y: float) -> float:
    if x == 0 and y < 0:
        raise SqlError("2201F", "zero raised to a negative power is undefined")
    if x < 0 and not math.isinf(y) and not math.isnan(y) and math.floor(y) != y:
        raise SqlError("2201F", "a negative number raised to a non-integer power yields a complex result")
    try:
        result = math.pow(x, y)
    except OverflowError:
        raise _OVERFLOW from None
    if result == 0.0 and x != 0 and math.isfinite(x) and math.isfinite(y):
        raise _UNDERFLOW
    return result


_OVERFLOW = SqlError("22003", "value out of range: overflow")
_UNDERFLOW = SqlError("22003", "value out of range: underflow")


def _width_bucket(value: float, low: float, high: float, count: int) -> int:
    if count <= 0:
        raise SqlError("2201G", "count must be greater than zero")
    if low == high:
        raise SqlError("2201G", "lower bound cannot equal upper bound")
    if math.isnan(value) or math.isnan(low) or math.isnan(high):
        raise SqlError("2201G", "operand, lower bound, and upper bound cannot be NaN")
    if low < high:
        return 0 if value < low else count + 1 if value >= high else int(count * (value - low) / (high - low)) + 1
    return 0 if value > low else count + 1 if value <= high else int(count * (low - value) / (low - high)) + 1


FUNCTIONS: tuple[FunctionDef, ...] = (
    *_abs(),
    *_floats(),
    *_numerics(),
    function("random", "", "float8", "random()", volatile=True),
    function("gen_random_uuid", "", "uuid", "gen_random_uuid()", volatile=True),
    function("uuidv4", "", "uuid", "gen_random_uuid()", volatile=True),
    function("uuidv7", "", "uuid", "uuidv7()", volatile=True),
    function("setseed", "float8", "void", "setseed({0})", volatile=True),
)

UDFS: tuple[Udf, ...] = (
    Udf("rv_exp", _exp, ("DOUBLE",), "DOUBLE"),
    Udf("rv_power", _power, ("DOUBLE", "DOUBLE"), "DOUBLE"),
    Udf("rv_width_bucket_double", _width_bucket, ("DOUBLE", "DOUBLE", "DOUBLE", "INTEGER"), "INTEGER"),
    Udf(
        "rv_width_bucket_varchar",
        lambda v, low, high, n: _width_bucket(float(v), float(low), float(high), n),
        ("VARCHAR", "VARCHAR", "VARCHAR", "INTEGER"),
        "INTEGER",
    ),
)
