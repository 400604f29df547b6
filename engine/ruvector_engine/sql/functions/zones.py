"""AT TIME ZONE, AT LOCAL and OVERLAPS."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.registry import BY_NAME, TypeRef
from ruvector_engine.types.text import format_text
from ruvector_engine.types.timezones import ABBREVIATIONS, find_zone

_OFFSET = re.compile(r"[+-]?\d.*", re.DOTALL)
_US_PER_SECOND = 1_000_000

#: DuckDB macros; see `sql.storage.MACROS`. A start or an end may be NULL: the other one then stands for it.
MACROS: tuple[str, ...] = (
    "CREATE OR REPLACE MACRO rv_later_of(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN greatest(a, b) END",
    # Which period begins first does not matter; `s2` is the later start.
    "CREATE OR REPLACE MACRO rv_reaches(e1, s2, e2) AS CASE WHEN e1 IS NULL THEN NULL WHEN s2 < e1 THEN TRUE "
    "WHEN e2 IS NOT NULL THEN FALSE END",
    "CREATE OR REPLACE MACRO rv_periods_overlap(s1, e1, s2, e2) AS CASE WHEN s1 > s2 THEN rv_reaches(e2, s1, e1) "
    "WHEN s1 < s2 THEN rv_reaches(e1, s2, e2) WHEN s1 = s2 AND e1 IS NOT NULL AND e2 IS NOT NULL THEN TRUE END",
    "CREATE OR REPLACE MACRO rv_overlaps(a, b, c, d) AS "
    "rv_periods_overlap(least(a, b), rv_later_of(a, b), least(c, d), rv_later_of(c, d))",
)


def _fixed_or_named(zone: str) -> tuple[int | None, str]:
    """A constant zone's offset in seconds east if it is always the same, else SQL of the name that DuckDB knows."""
    name = zone[1:-1].replace("''", "'")
    hours = ABBREVIATIONS.get(name.lower())
    if hours is not None:
        return round(hours * 3600), zone
    found = find_zone(name)
    if found is None:
        raise SqlError("22023", f'time zone "{name}" not recognized')
    if found.fixed is None:
        quoted = found.name.replace("'", "''")
        return None, f"'{quoted}'"
    # As POSIX has it, a bare number counts hours west.
    return (-found.fixed if _OFFSET.fullmatch(name) else found.fixed), zone


def zoned_to_clock(zone: str, value: str) -> str:
    """x AT TIME ZONE zone, of a timestamptz."""
    seconds, named = _fixed_or_named(zone) if zone.startswith("'") else (None, zone)
    return f"timezone({named}, {value})" if seconds is None else f"(timezone('UTC', {value}) + to_seconds({seconds}))"


def clock_to_zoned(zone: str, value: str) -> str:
    """x AT TIME ZONE zone, of a timestamp."""
    seconds, named = _fixed_or_named(zone) if zone.startswith("'") else (None, zone)
    return f"timezone({named}, {value})" if seconds is None else f"timezone('UTC', {value} - to_seconds({seconds}))"


def _timetz_at(zone: str, value: str) -> str:
    seconds, named = _fixed_or_named(zone) if zone.startswith("'") else (None, zone)
    if seconds is None:
        west = f"CAST(epoch(timezone('UTC', now())) - epoch(timezone({named}, now())) AS BIGINT)"
    else:
        west = f"CAST({-seconds} AS BIGINT)"
    return f"rv_timetz_at({value}, {west})"


def _interval_offset(months: int, days: int, micros: int) -> int:
    """Seconds east that an interval means as a time zone."""
    if months or days:
        shown = format_text(TypeRef(BY_NAME["interval"].oid), (months, days, micros))
        raise SqlError("22023", f'interval time zone "{shown}" must not include months or days')
    return int(micros / _US_PER_SECOND)


_EAST = "rv_zone_offset(rv_months({0}), rv_days({0}), rv_micros({0}))"


def _timezones() -> Iterator[FunctionDef]:
    yield function("timezone", "text,timestamptz", "timestamp", zoned_to_clock)
    yield function("timezone", "text,timestamp", "timestamptz", clock_to_zoned)
    yield function("timezone", "text,timetz", "timetz", _timetz_at)
    yield function("timezone", "interval,timestamptz", "timestamp", f"(timezone('UTC', {{1}}) + to_seconds({_EAST}))")
    yield function("timezone", "interval,timestamp", "timestamptz", f"timezone('UTC', {{1}} - to_seconds({_EAST}))")
    yield function("timezone", "interval,timetz", "timetz", f"rv_timetz_at({{1}}, - {_EAST})")
    yield function("timezone", "timestamptz", "timestamp", "CAST({0} AS TIMESTAMP)")
    yield function("timezone", "timestamp", "timestamptz", "CAST({0} AS TIMESTAMPTZ)")
    yield function("timezone", "timetz", "timetz", "rv_timetz_at({0}, - CAST(datepart('timezone', now()) AS BIGINT))")


def _overlaps() -> Iterator[FunctionDef]:
    for name in ("time", "timestamp", "timestamptz"):
        # As the operator + has it: days of a zone are not all 24 hours long.
        plus = "rv_later({}, {})" if name == "timestamptz" else "({} + {})"
        for first in (name, "interval"):
            for second in (name, "interval"):
                end = plus.format("{0}", "{1}") if first == "interval" else "{1}"
                other_end = plus.format("{2}", "{3}") if second == "interval" else "{3}"
                template = f"rv_overlaps({{0}}, {end}, {{2}}, {other_end})"
                yield function("overlaps", f"{name},{first},{name},{second}", "bool", template, strict=False)
    yield function("overlaps", "timetz,timetz,timetz,timetz", "bool", "rv_overlaps({0}, {1}, {2}, {3})", strict=False)


FUNCTIONS: tuple[FunctionDef, ...] = (*_timezones(), *_overlaps())
UDFS: tuple[Udf, ...] = (Udf("rv_zone_offset", _interval_offset, ("BIGINT", "BIGINT", "BIGINT"), "BIGINT"),)
