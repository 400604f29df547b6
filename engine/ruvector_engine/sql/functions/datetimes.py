"""Functions of dates, times and intervals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.interval_arithmetic import UDFS as INTERVAL_UDFS
from ruvector_engine.sql.functions.numeric_sql import NumericSql
from ruvector_engine.sql.functions.to_char import FUNCTIONS as TO_CHAR_FUNCTIONS
from ruvector_engine.sql.functions.to_char import UDFS as TO_CHAR_UDFS
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.sql.storage import EPOCH_SHIFT
from ruvector_engine.types.calendar import END_TIMESTAMP, MIN_TIMESTAMP
from ruvector_engine.types.registry import BY_NAME, TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY

_MOMENTS = ("timestamp", "timestamptz", "date", "interval", "time")
#: extract()'s whole-number fields and DuckDB's names for them.
_FIELDS = {
    "year": "year",
    "month": "month",
    "day": "day",
    "hour": "hour",
    "minute": "minute",
    "dow": "dow",
    "isodow": "isodow",
    "doy": "doy",
    "week": "week",
    "quarter": "quarter",
    "isoyear": "isoyear",
    "decade": "decade",
    "century": "century",
    "millennium": "millennium",
    "timezone": "timezone",
    "timezone_hour": "timezone_hour",
    "timezone_minute": "timezone_minute",
}
_FIELD_ALIASES = {
    "years": "year",
    "months": "month",
    "days": "day",
    "hours": "hour",
    "minutes": "minute",
    "seconds": "second",
    "weeks": "week",
    "msec": "milliseconds",
    "millisecond": "milliseconds",
    "usec": "microseconds",
    "microsecond": "microseconds",
}
_TRUNCATED = (
    *("microseconds", "milliseconds", "second", "minute", "hour", "day"),
    *("week", "month", "quarter", "year", "decade", "century", "millennium"),
)
#: Those that a time has.
_CLOCK_FIELDS = frozenset({"hour", "minute", "second", "milliseconds", "microseconds", "epoch"})
_FIELD = re.compile(r"'(\w+)'")


def field_name(text: str, type_name: str) -> str:
    """The canonical name of extract()'s field, which must be a constant; 22023 for one that no type has."""
    found = _FIELD.fullmatch(text)
    if found is None:
        raise not_supported("a date field that is not a constant is not supported")
    name = found.group(1).lower()
    name = _FIELD_ALIASES.get(name, name)
    if name not in (*_FIELDS, "epoch", "second", "milliseconds", "microseconds", "julian"):
        raise SqlError("22023", f'unit "{name}" not recognized for type {type_name}')
    return name


def _extract(type_name: str, label: str) -> Callable[[str, str], NumericSql]:
    def template(field: str, value: str) -> NumericSql:
        name = field_name(field, label)
        if type_name == "time" and name not in _CLOCK_FIELDS:
            raise SqlError("0A000", f'unit "{name}" not supported for type {label}')
        if name in _FIELDS:
            return NumericSql(f"CAST(datepart('{_FIELDS[name]}', {value}) AS DECIMAL(19,0))", (19, 0))
        if name == "epoch":
            return _epoch(type_name, value)
        if name == "julian":
            return NumericSql(f"CAST(datepart('julian', {value}) AS DECIMAL(19,0))", (19, 0))
        if type_name == "date":
            raise SqlError("0A000", f'unit "{name}" not supported for type date')
        micros = f"CAST(datepart('microsecond', {value}) AS DECIMAL(19,0))"
        if name == "microseconds":
            return NumericSql(micros, (19, 0))
        scale = 6 if name == "second" else 3
        return NumericSql(f"({micros} * 0.{'0' * (scale - 1)}1)", (20 + scale, scale))

    return template


def _epoch(type_name: str, value: str) -> NumericSql:
    if type_name == "date":
        return NumericSql(f"CAST(epoch({value}) AS DECIMAL(19,0))", (19, 0))
    if type_name == "interval":
        text = f"rv_interval_epoch(rv_months({value}), rv_days({value}), rv_micros({value}))"
        return numeric.numeric_text(text)
    return NumericSql(f"(CAST(epoch_us({value}) AS DECIMAL(25,0)) * 0.000001)", (31, 6))


def _date_part(type_name: str, label: str) -> Callable[[str, str], str]:
    extract = _extract(type_name, label)
    return lambda field, value: f"CAST({extract(field, value)} AS DOUBLE)"


def _truncate(type_name: str) -> Callable[[str, str], str]:
    def template(field: str, value: str) -> str:
        found = _FIELD.fullmatch(field)
        if found is None:
            return f"date_trunc({field}, {value})"
        name = _FIELD_ALIASES.get(found.group(1).lower(), found.group(1).lower())
        if name not in _TRUNCATED:
            raise SqlError("22023", f'unit "{name}" not recognized for type {type_name}')
        return f"date_trunc('{name}', {value})"

    return template


def interval_call(udf: str) -> Callable[..., str]:
    """An interval made by Python from the parts of another one."""

    def template(value: str, *more: str) -> str:
        parts = f"rv_months({value}), rv_days({value}), rv_micros({value})"
        return f"rv_parts_interval({udf}({', '.join([parts, *more])}))"

    return template


def _two_intervals(udf: str) -> Callable[[str, str], str]:
    return lambda a, b: interval_call(udf)(a, f"rv_months({b})", f"rv_days({b})", f"rv_micros({b})")


def subtract_intervals(a: str, b: str) -> str:
    """a - b, field by field."""
    return _two_intervals("rv_interval_sub")(a, b)


def _interval_aggregate(udf: str) -> Callable[..., str]:
    return lambda call, a: f"rv_parts_interval({udf}({call('list', f'rv_interval_list({a})')}))"


def sum_intervals(call: Callable[..., str], a: str) -> str:
    """sum(interval)."""
    return _interval_aggregate("rv_interval_total")(call, a)


def average_intervals(call: Callable[..., str], a: str) -> str:
    """avg(interval)."""
    return _interval_aggregate("rv_interval_mean")(call, a)


def _functions() -> Iterator[FunctionDef]:
    labels = {
        "timestamp": "timestamp without time zone",
        "timestamptz": "timestamp with time zone",
        "time": "time without time zone",
    }
    for name in _MOMENTS:
        label = labels.get(name, name)
        yield function("extract", f"text,{name}", "numeric", _extract(name, label))
        yield function("date_part", f"text,{name}", "float8", _date_part(name, label))
    for name in ("timestamp", "timestamptz", "interval"):
        truncate = _truncate(BY_NAME[name].sql_name)
        yield function("date_trunc", f"text,{name}", name, truncate)
    yield function("date_bin", "interval,timestamp,timestamp", "timestamp", "time_bucket({0}, {1}, {2})")
    yield function("date_bin", "interval,timestamptz,timestamptz", "timestamptz", "time_bucket({0}, {1}, {2})")
    for name in ("timestamp", "timestamptz"):
        yield function("age", f"{name},{name}", "interval", "age({0}, {1})")
    for name in ("date", "timestamp", "timestamptz"):
        yield function("isfinite", name, "bool", "isfinite({0})")
    yield function("make_date", "int4,int4,int4", "date", "make_date({0} + CAST({0} < 0 AS INTEGER), {1}, {2})")
    yield function("make_time", "int4,int4,float8", "time", "make_time({0}, {1}, {2})")
    yield function(
        "make_timestamp", "int4,int4,int4,int4,int4,float8", "timestamp", "make_timestamp({0}, {1}, {2}, {3}, {4}, {5})"
    )
    yield function("to_timestamp", "float8", "timestamptz", "rv_micros_timestamptz(rv_epoch_moment({0}))")
    yield function("justify_days", "interval", "interval", interval_call("rv_interval_justify_days"))
    yield function("justify_hours", "interval", "interval", interval_call("rv_interval_justify_hours"))
    yield from TO_CHAR_FUNCTIONS


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())

# ---------------------------------------------------------------- in Python

_DAY = 86_400_000_000
_DAYS_PER_MONTH = 30


def _epoch_of(months: int, days: int, micros: int) -> str:
    """Seconds, a year being 365.25 days and a month of the rest 30."""
    years, rest = (abs(months) // 12, abs(months) % 12)
    sign = -1 if months < 0 else 1
    seconds = Decimal(sign * years) * Decimal("31557600") + sign * rest * 30 * 86_400 + days * 86_400
    return format(seconds + Decimal(micros).scaleb(-6).quantize(Decimal("0.000001")), "f")


def _epoch_moment(seconds: float) -> int:
    """to_timestamp(): the timestamptz of seconds since 1970."""
    if math.isnan(seconds):
        raise SqlError("22008", "timestamp cannot be NaN")
    if math.isinf(seconds):
        return TIMESTAMP_INFINITY if seconds > 0 else TIMESTAMP_MINUS_INFINITY
    micros = round(seconds * 1_000_000) - EPOCH_SHIFT
    if not MIN_TIMESTAMP <= micros < END_TIMESTAMP:
        raise SqlError("22008", f'timestamp out of range: "{seconds:g}"')
    return micros


def _justify_days(months: int, days: int, micros: int) -> list[int]:
    more = int(days / _DAYS_PER_MONTH)
    return [months + more, days - more * _DAYS_PER_MONTH, micros]


def _justify_hours(months: int, days: int, micros: int) -> list[int]:
    more = int(micros / _DAY)
    return [months, days + more, micros - more * _DAY]


_PARTS = ("BIGINT", "BIGINT", "BIGINT")
UDFS: tuple[Udf, ...] = (
    Udf("rv_interval_epoch", _epoch_of, _PARTS, "VARCHAR"),
    Udf("rv_epoch_moment", _epoch_moment, ("DOUBLE",), "BIGINT"),
    Udf("rv_interval_justify_days", _justify_days, _PARTS, "BIGINT[]"),
    Udf("rv_interval_justify_hours", _justify_hours, _PARTS, "BIGINT[]"),
    *INTERVAL_UDFS,
    *TO_CHAR_UDFS,
)
