"""Text to date, time, timetz, timestamp and timestamptz while a query runs, read as literals are read.

What every client writes (ISO 8601, all digits there) DuckDB reads itself; the rest is for Python, which knows
PostgreSQL's ways to write a moment, the session's DateStyle and TimeZone, and what time it is.
"""

from __future__ import annotations

from ruvector_engine.sql.storage import from_transport
from ruvector_engine.types.registry import DATE, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, TypeRef

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
_ISO = {
    DATE: _DAY,
    TIME: _CLOCK,
    TIMESTAMP: f"{_DAY}[ T]{_CLOCK}",
    TIMESTAMPTZ: f"{_DAY}[ T]{_CLOCK}[+-][0-9]{{2}}(:[0-9]{{2}})?",
}
MOMENTS = frozenset({*_ISO, TIMETZ})


def read(text: str, oid: int, date_style: str, time_zone: str, now: str) -> str:
    """SQL of the moment; the last three are SQL of the session's settings and of the transaction's time."""
    target = TypeRef(oid)
    if oid == TIMETZ:
        return f"rv_timetz_in({text}, {date_style}, {time_zone}, {now})"
    name = target.pg.name
    duck = "TIMESTAMPTZ" if oid == TIMESTAMPTZ else name.upper()
    read_by_duckdb = f"TRY_CAST({text} AS {duck})"
    simple = f"regexp_full_match({text}, '{_ISO[oid]}') AND {read_by_duckdb} IS NOT NULL"
    other = from_transport(target, f"rv_{name}_in({text}, {date_style}, {time_zone}, {now})")
    return f"(CASE WHEN {simple} THEN {read_by_duckdb} ELSE {other} END)"
