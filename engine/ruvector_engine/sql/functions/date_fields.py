"""extract() and date_part()."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.date_units import field_name, unsupported
from ruvector_engine.sql.functions.definition import function
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.numeric_sql import NumericSql
from ruvector_engine.sql.nodes import FunctionDef

_LABELS = {
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "date": "date",
    "interval": "interval",
    "time": "time without time zone",
}
_CLOCK = ("microseconds", "milliseconds", "second", "minute", "hour")
_YEARS = ("year", "decade", "century", "millennium")
_DAYS = ("day", "week", "month", "quarter", *_YEARS, "isoyear", "julian", "dow", "isodow", "doy", "epoch")
_ZONE = ("timezone", "timezone_hour", "timezone_minute")
_FIELDS = {
    "timestamp": frozenset((*_CLOCK, *_DAYS)),
    "timestamptz": frozenset((*_CLOCK, *_DAYS, *_ZONE)),
    "date": frozenset(_DAYS),
    "interval": frozenset((*_CLOCK, "day", "week", "month", "quarter", *_YEARS, "epoch")),
    "time": frozenset((*_CLOCK, "epoch")),
}
#: Those that only grow: an infinite moment has them, infinite, and no other field.
_GROWING = frozenset((*_YEARS, "isoyear", "julian", "epoch"))
_INFINITE = {
    f"{kind} '{sign}infinity'": f"{sign}Infinity" for kind in ("DATE", "TIMESTAMP", "TIMESTAMPTZ") for sign in ("", "-")
}
#: A numeric that may be infinite would have to be a text for every row, and arithmetic with it slow.
_REFUSED = raising(
    "0A000",
    "extract() of an infinite date or timestamp of a row is not supported",
    hint="Use date_part(), whose result is double precision, or isfinite().",
)
_WHOLE = (19, 0)
_US_PER_DAY = "86400000000"

_INTERVAL = {
    "week": "(rv_days({0}) // 7)",
    "quarter": "rv_interval_quarter(rv_months({0}))",
}
_CALENDAR = {
    # There is no year 0.
    "year": "rv_without_zero(datepart('year', {0}))",
    "isoyear": "rv_without_zero(datepart('isoyear', {0}))",
    "decade": "rv_decade(datepart('year', {0}))",
}


def _whole(sql: str) -> NumericSql:
    return NumericSql(f"CAST({sql} AS DECIMAL(19,0))", _WHOLE)


def _finite(type_name: str, name: str, value: str) -> NumericSql:
    """The field of a value that is not infinite."""
    if name == "epoch":
        return _epoch(type_name, value)
    if name in _ZONE:
        return _whole(f"datepart('{name}', {value})")
    if type_name == "timestamptz":
        value = f"CAST({value} AS TIMESTAMP)"
    if type_name == "interval" and name in _INTERVAL:
        return _whole(_INTERVAL[name].format(value))
    if name == "julian" and type_name != "date":
        return _julian(value)
    if name in ("microseconds", "milliseconds", "second"):
        micros = _whole(f"datepart('microsecond', {value})")
        scale = {"microseconds": 0, "milliseconds": 3, "second": 6}[name]
        return NumericSql(f"({micros} * 0.{'0' * (scale - 1)}1)", (20 + scale, scale)) if scale else micros
    if type_name != "interval" and name in _CALENDAR:
        return _whole(_CALENDAR[name].format(value))
    return _whole(f"datepart('{name}', {value})")


def _epoch(type_name: str, value: str) -> NumericSql:
    if type_name == "date":
        return _whole(f"epoch({value})")
    if type_name == "interval":
        return numeric.numeric_text(f"rv_interval_epoch(rv_months({value}), rv_days({value}), rv_micros({value}))")
    return NumericSql(f"(CAST(epoch_us({value}) AS DECIMAL(25,0)) * 0.000001)", (31, 6))


def _julian(value: str) -> NumericSql:
    """Days, and the part of the day that has passed."""
    midnight = f"date_trunc('day', {value})"
    passed = _whole(f"(epoch_us({value}) - epoch_us({midnight}))")
    part = numeric.by_udf("rv_numeric_div")(passed, numeric.literal(_US_PER_DAY))
    return numeric.add(_whole(f"datepart('julian', {midnight})"), part)


def _checked(type_name: str, field: str) -> str:
    label = _LABELS[type_name]
    name = field_name(field, label)
    if name not in _FIELDS[type_name]:
        raise unsupported(name, label)
    return name


def _extract(type_name: str) -> Callable[[str, str], NumericSql]:
    def template(field: str, value: str) -> NumericSql:
        name = _checked(type_name, field)
        if name not in _GROWING or type_name in ("interval", "time"):
            return _finite(type_name, name, value)
        infinite = _INFINITE.get(value)
        if infinite is not None:
            return numeric.literal(infinite)
        found = _finite(type_name, name, value)
        return NumericSql(
            f"CASE WHEN isfinite({value}) THEN {found} WHEN {value} IS NOT NULL THEN {_REFUSED} END", found.shape
        )

    return template


def _date_part(type_name: str) -> Callable[[str, str], str]:
    def template(field: str, value: str) -> str:
        name = _checked(type_name, field)
        found = f"CAST({_finite(type_name, name, value)} AS DOUBLE)"
        if name not in _GROWING or type_name in ("interval", "time"):
            return found
        sign = f"CASE WHEN {value} > DATE '1970-01-01' THEN 1 ELSE -1 END"
        return (
            f"CASE WHEN isfinite({value}) THEN {found} WHEN {value} IS NOT NULL "
            f"THEN {sign} * CAST('infinity' AS DOUBLE) END"
        )

    return template


def _functions() -> Iterator[FunctionDef]:
    of_timestamp = _date_part("timestamp")
    for name in _LABELS:
        yield function("extract", f"text,{name}", "numeric", _extract(name))
        # date_part() takes a date for the timestamp of its midnight: it has hours.
        part = _date_part(name) if name != "date" else lambda f, v: of_timestamp(f, f"CAST({v} AS TIMESTAMP)")
        yield function("date_part", f"text,{name}", "float8", part)


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())
