"""DuckDB macros of PostgreSQL's arithmetic of moments, where DuckDB's own would count otherwise."""

from __future__ import annotations

from ruvector_engine.sql.functions.errors import raising

_DAY = 86_400_000_000
_OUT_OF_RANGE = raising("22008", "interval out of range")
_INFINITY = "to_months(2147483647) + to_days(2147483647) + to_microseconds(9223372036854775807)"
_MINUS_INFINITY = "to_months(-2147483648) + to_days(-2147483648) + to_microseconds(-9223372036854775807 - 1)"

#: DuckDB macros; see `sql.storage.MACROS`.
MACROS: tuple[str, ...] = (
    f"CREATE OR REPLACE MACRO rv_justified(micros) AS to_days(CAST(micros // {_DAY} AS INTEGER)) "
    f"+ to_microseconds(micros % {_DAY})",
    # The time that has passed, in days of 24 hours; DuckDB would count what clocks of the zone show.
    "CREATE OR REPLACE MACRO rv_elapsed(a, b) AS CASE WHEN isfinite(a) AND isfinite(b) "
    f"THEN rv_justified(epoch_us(a) - epoch_us(b)) WHEN a = b THEN {_OUT_OF_RANGE} "
    f"WHEN a > b THEN {_INFINITY} WHEN a < b THEN {_MINUS_INFINITY} END",
    # Months, then days, by the zone's clock, then the time as it passes; DuckDB begins with the time when it goes back.
    "CREATE OR REPLACE MACRO rv_by_clock(x, n, step) AS CASE WHEN n = 0 THEN x "
    "ELSE CAST(CAST(x AS TIMESTAMP) + step AS TIMESTAMPTZ) END",
    "CREATE OR REPLACE MACRO rv_moved(x, months, days, micros) AS rv_by_clock("
    "rv_by_clock(x, months, to_months(CAST(months AS INTEGER))), days, to_days(CAST(days AS INTEGER))) "
    "+ to_microseconds(micros)",
    "CREATE OR REPLACE MACRO rv_later(x, i) AS rv_moved(x, rv_months(i), rv_days(i), rv_micros(i))",
    "CREATE OR REPLACE MACRO rv_earlier(x, i) AS rv_moved(x, - rv_months(i), - rv_days(i), - rv_micros(i))",
)
