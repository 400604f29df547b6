"""Functions of dates, times and intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from decimal import Decimal

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.date_fields import FUNCTIONS as DATE_FIELDS
from ruvector_engine.sql.functions.date_trunc import FUNCTIONS as DATE_TRUNC
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.interval_arithmetic import UDFS as INTERVAL_UDFS
from ruvector_engine.sql.functions.to_char import FUNCTIONS as TO_CHAR_FUNCTIONS
from ruvector_engine.sql.functions.to_char import UDFS as TO_CHAR_UDFS
from ruvector_engine.sql.functions.zones import clock_to_zoned
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.sql.storage import EPOCH_SHIFT
from ruvector_engine.types.calendar import END_TIMESTAMP, MIN_TIMESTAMP
from ruvector_engine.types.registry import TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY

#: Stands for the template of age() with one argument, which analysis writes with two.
SINCE_TODAY = "age of today"
_OFFSET_OF_ROW = raising(
    "0A000", "make_timestamptz() with an offset of a row as its time zone is not supported", hint="Use a zone's name."
)


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


_CLOCK = "int4,int4,int4,int4,int4,float8"
_MADE_CLOCK = "make_timestamp(rv_year_made({0}, {1}, {2}), {1}, {2}, {3}, {4}, {5})"


def _made_in_zone(*args: str) -> str:
    """make_timestamptz() with a zone. Here an offset counts hours east, at AT TIME ZONE hours west."""
    zone = args[6]
    if zone.startswith("'"):
        if zone[1:2] in ("+", "-"):
            zone = zone.translate(str.maketrans("+-", "-+"))
    else:
        zone = f"CASE WHEN left({zone}, 1) IN ('+', '-') THEN {_OFFSET_OF_ROW} ELSE {zone} END"
    return clock_to_zoned(zone, _MADE_CLOCK.format(*args))


def _make_interval(*args: str) -> str:
    filled = (*args, *("0",) * (7 - len(args)))
    return f"rv_parts_interval(rv_make_interval({', '.join(filled)}))"


def _functions() -> Iterator[FunctionDef]:
    yield function("date_bin", "interval,timestamp,timestamp", "timestamp", "time_bucket({0}, {1}, {2})")
    yield function("date_bin", "interval,timestamptz,timestamptz", "timestamptz", "time_bucket({0}, {1}, {2})")
    for name in ("timestamp", "timestamptz"):
        yield function("age", f"{name},{name}", "interval", "rv_age({0}, {1})")
        yield function("age", name, "interval", SINCE_TODAY)
    for name in ("date", "timestamp", "timestamptz"):
        yield function("isfinite", name, "bool", "isfinite({0})")
    yield function("make_date", "int4,int4,int4", "date", "make_date(rv_year_made({0}, {1}, {2}), {1}, {2})")
    yield function("make_time", "int4,int4,float8", "time", "make_time({0}, {1}, {2})")
    yield function("make_timestamp", _CLOCK, "timestamp", _MADE_CLOCK)
    yield function("make_timestamptz", _CLOCK, "timestamptz", f"CAST({_MADE_CLOCK} AS TIMESTAMPTZ)")
    yield function("make_timestamptz", f"{_CLOCK},text", "timestamptz", _made_in_zone)
    yield function("make_interval", "int4,int4,int4,int4,int4,int4,float8", "interval", _make_interval, defaults=7)
    yield function("to_timestamp", "float8", "timestamptz", "rv_micros_timestamptz(rv_epoch_moment({0}))")
    yield function("justify_days", "interval", "interval", interval_call("rv_interval_justify_days"))
    yield function("justify_hours", "interval", "interval", interval_call("rv_interval_justify_hours"))
    yield function("justify_interval", "interval", "interval", interval_call("rv_interval_justify"))
    yield from DATE_FIELDS
    yield from DATE_TRUNC
    yield from TO_CHAR_FUNCTIONS


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())

# ---------------------------------------------------------------- in Python


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


_PARTS = ("BIGINT", "BIGINT", "BIGINT")
UDFS: tuple[Udf, ...] = (
    Udf("rv_interval_epoch", _epoch_of, _PARTS, "VARCHAR"),
    Udf("rv_epoch_moment", _epoch_moment, ("DOUBLE",), "BIGINT"),
    *INTERVAL_UDFS,
    *TO_CHAR_UDFS,
)
