"""Aggregates and window functions, with PostgreSQL's result types and digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.errors import not_supported
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.datetimes import average_intervals, sum_intervals
from ruvector_engine.sql.functions.definition import aggregate, window
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.numeric_sql import NumericSql
from ruvector_engine.sql.nodes import FunctionDef

if TYPE_CHECKING:
    from ruvector_engine.sql.emit_key import ElementKey

_MIN_MAX = ("int2", "int4", "int8", "float4", "float8", "text", "date", "time", "timestamp", "timestamptz")
_MIN_MAX_MORE = ("interval", "timetz", "oid", "inet", "bytea", "xid8")
_VARIANCES = {
    "var_samp": "var_samp",
    "variance": "var_samp",
    "var_pop": "var_pop",
    "stddev_samp": "stddev_samp",
    "stddev": "stddev_samp",
    "stddev_pop": "stddev_pop",
}
_REGRESSIONS = ("corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_intercept", "regr_r2", "regr_slope")


def _cast(duck: str, duck_type: str) -> Callable[..., str]:
    return lambda call, *args: f"CAST({call(duck, *args)} AS {duck_type})"


def _sum_of_small(call: Callable[..., str], a: str) -> str:
    return f"CAST({call('sum', a)} AS BIGINT)"


def _numeric_list(udf: str) -> Callable[..., NumericSql]:
    return lambda call, a: numeric.numeric_text(f"{udf}({call('list', f'CAST({a} AS VARCHAR)')})")


def _string_agg(call: Callable[..., str], value: str, separator: str) -> str:
    if separator == "CAST(NULL AS VARCHAR)":
        return call("string_agg", value, "''")
    if separator.startswith("'"):
        return call("string_agg", value, separator)
    # DuckDB wants a constant separator.
    return f"rv_string_agg({call('list', value)}, {call('list', separator)})"


def _bpchar_extreme(name: str) -> Callable[..., str]:
    return lambda call, a: call(f"arg_{name}", a, f"rtrim({a}, ' ')")


def _array_extreme(name: str) -> Callable[..., str]:
    def pick(key: ElementKey, call: Callable[..., str], a: str) -> str:
        keys = key.array(a)
        return call(name, a) if keys == a else call(f"arg_{name}", a, keys)

    return pick


def _mode(call: Callable[..., str], x: str) -> str:
    if isinstance(x, NumericSql) and x.shape is None:
        raise not_supported("mode() over numeric without a scale is not supported", hint="Cast it to numeric(p,s).")
    return numeric.like([x], call("mode", x))


def _percentile(call: Callable[..., str], p: str, x: str) -> str:
    key = numeric.sort_key(x) if isinstance(x, NumericSql) else x
    if key == x:
        return numeric.like([x], call("quantile_disc", x, p))
    return numeric.numeric_text(f"({call('quantile_disc', f'{{key: {key}, number: {x}}}', p)}).number")


def _json_agg(call: Callable[..., str], a: str) -> str:
    return f"rv_jsonb_array({call('list', a)})"


def _json_object_agg(call: Callable[..., str], key: str, value: str) -> str:
    return f"rv_jsonb_object_agg({call('list', key)}, {call('list', value)})"


def _aggregates() -> Iterator[FunctionDef]:
    yield aggregate("count", "", "int8", "count")
    yield aggregate("count", "any", "int8", "count")
    for name in ("min", "max"):
        for type_name in (*_MIN_MAX, *_MIN_MAX_MORE):
            yield aggregate(name, type_name, type_name, name)
        yield aggregate(name, "anyenum", "anyenum", name)
        yield aggregate(name, "bpchar", "bpchar", _bpchar_extreme(name))
        yield aggregate(name, "numeric", "numeric", numeric.extreme(name))
        yield replace(aggregate(name, "anyarray", "anyarray", _array_extreme(name)), compares=True)
    yield aggregate("sum", "int2", "int8", _sum_of_small)
    yield aggregate("sum", "int4", "int8", _sum_of_small)
    yield aggregate("sum", "int8", "numeric", numeric.total_int8)
    yield aggregate("sum", "numeric", "numeric", numeric.total)
    yield aggregate("sum", "float4", "float4", _cast("sum", "FLOAT"))
    yield aggregate("sum", "float8", "float8", "sum")
    yield aggregate("sum", "interval", "interval", sum_intervals)
    for type_name in ("int2", "int4", "int8", "numeric"):
        yield aggregate("avg", type_name, "numeric", numeric.average)
    for type_name in ("float4", "float8"):
        yield aggregate("avg", type_name, "float8", "avg")
    yield aggregate("avg", "interval", "interval", average_intervals)
    for name, duck in _VARIANCES.items():
        for type_name in ("int2", "int4", "int8", "numeric"):
            yield aggregate(name, type_name, "numeric", _numeric_list(f"rv_numeric_{duck}"))
        for type_name in ("float4", "float8"):
            yield aggregate(name, type_name, "float8", duck)
    for name in _REGRESSIONS:
        yield aggregate(name, "float8,float8", "float8", name)
    yield aggregate("bool_and", "bool", "bool", "bool_and")
    yield aggregate("every", "bool", "bool", "bool_and")
    yield aggregate("bool_or", "bool", "bool", "bool_or")
    for name in ("bit_and", "bit_or", "bit_xor"):
        for type_name in ("int2", "int4", "int8"):
            yield aggregate(name, type_name, type_name, name)
    yield aggregate("any_value", "anyelement", "anyelement", "any_value")
    yield aggregate("array_agg", "anynonarray", "anyarray", "list")
    yield aggregate("string_agg", "text,text", "text", _string_agg)
    yield aggregate(
        "percentile_cont within group", "float8,float8", "float8", lambda call, p, x: call("quantile_cont", x, p)
    )
    yield aggregate("percentile_disc within group", "float8,anyelement", "anyelement", _percentile)
    yield aggregate("mode within group", "anyelement", "anyelement", _mode)
    yield aggregate("json_agg", "anyplainjson", "json", lambda call, a: f"rv_json_array({call('list', a)}, ', ')")
    yield aggregate(
        "json_object_agg",
        "cstring,anyplainjson",
        "json",
        lambda call, k, v: f"rv_json_object_agg({call('list', k)}, {call('list', v)})",
    )
    yield aggregate("jsonb_agg", "anyjson", "jsonb", _json_agg)
    yield aggregate("jsonb_object_agg", "cstring,anyjson", "jsonb", _json_object_agg)


def _windows() -> Iterator[FunctionDef]:
    for name in ("row_number", "rank", "dense_rank"):
        yield window(name, "", "int8", name)
    yield window("percent_rank", "", "float8", "percent_rank")
    yield window("cume_dist", "", "float8", "cume_dist")
    yield window(
        "ntile", "int4", "int4", lambda call, n: f"CAST({call('ntile', _positive(n, '22014', 'ntile'))} AS INTEGER)"
    )
    for name in ("lag", "lead"):
        yield window(name, "anycompatible", "anycompatible", name)
        yield window(name, "anycompatible,int4", "anycompatible", name)
        yield window(name, "anycompatible,int4,anycompatible", "anycompatible", name)
    for name in ("first_value", "last_value"):
        yield window(name, "anyelement", "anyelement", name)
    yield window(
        "nth_value",
        "anyelement,int4",
        "anyelement",
        lambda call, value, n: call("nth_value", value, _positive(n, "22016", "nth_value")),
    )


def _positive(number: str, sqlstate: str, name: str) -> str:
    if number.isdigit() and int(number) > 0:
        return number
    error = raising(sqlstate, f"argument of {name} must be greater than zero")
    return f"(CASE WHEN {number} <= 0 THEN {error} ELSE {number} END)"


def _rows_as_json(call: Callable[..., str], a: str) -> str:
    """json_agg() of rows and arrays: each but the first, and but NULL, begins a line."""
    line = "CASE WHEN rv_i > 1 AND rv_e IS NOT NULL THEN chr(10) || ' ' || rv_e ELSE rv_e END"
    return f"rv_json_array(list_transform({call('list', a)}, lambda rv_e, rv_i: {line}), ', ')"


JSON_AGG_OF_ROWS = aggregate("json_agg", "anyplainjson", "json", _rows_as_json)
FUNCTIONS: tuple[FunctionDef, ...] = (*_aggregates(), *_windows())
