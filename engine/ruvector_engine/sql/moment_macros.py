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
    f"CREATE OR REPLACE MACRO rv_age(a, b) AS CASE WHEN isfinite(a) AND isfinite(b) THEN age(a, b) "
    f"WHEN a = b THEN {_OUT_OF_RANGE} WHEN a > b THEN {_INFINITY} WHEN a < b THEN {_MINUS_INFINITY} END",
    "CREATE OR REPLACE MACRO rv_negated(i) AS CASE WHEN abs(rv_months(i)) < 2147483647 THEN - i "
    f"WHEN i = {_INFINITY} THEN {_MINUS_INFINITY} WHEN i = {_MINUS_INFINITY} THEN {_INFINITY} ELSE - i END",
    # Months, then days, by the zone's clock, then the time as it passes; DuckDB begins with the time when it goes back.
    "CREATE OR REPLACE MACRO rv_by_clock(x, n, step) AS CASE WHEN n = 0 THEN x "
    "ELSE CAST(CAST(x AS TIMESTAMP) + step AS TIMESTAMPTZ) END",
    "CREATE OR REPLACE MACRO rv_moved(x, months, days, micros) AS rv_by_clock("
    "rv_by_clock(x, months, to_months(CAST(months AS INTEGER))), days, to_days(CAST(days AS INTEGER))) "
    "+ to_microseconds(micros)",
    "CREATE OR REPLACE MACRO rv_later(x, i) AS rv_moved(x, rv_months(i), rv_days(i), rv_micros(i))",
    "CREATE OR REPLACE MACRO rv_earlier(x, i) AS rv_moved(x, - rv_months(i), - rv_days(i), - rv_micros(i))",
    # Years are counted with a year 0, as DuckDB has them.
    "CREATE OR REPLACE MACRO rv_without_zero(y) AS CASE WHEN y > 0 THEN y ELSE y - 1 END",
    "CREATE OR REPLACE MACRO rv_decade(y) AS CASE WHEN y >= 0 THEN y // 10 ELSE - ((9 - y) // 10) END",
    "CREATE OR REPLACE MACRO rv_interval_quarter(m) AS CASE WHEN m < 0 THEN - ((- m) % 12 // 3 + 1) "
    "ELSE m % 12 // 3 + 1 END",
    "CREATE OR REPLACE MACRO rv_trunc_years(x, n, begin) AS CASE WHEN isfinite(x) THEN date_trunc('year', x) "
    "- to_years(CAST(((datepart('year', x) - begin) % n + n) % n AS INTEGER)) ELSE x END",
    # A part of a day is cut off by the clock, and the zone's offset stays: the hour that comes twice is two hours.
    "CREATE OR REPLACE MACRO rv_trunc_time(x, clock, unit) AS CASE WHEN isfinite(x) THEN "
    "make_timestamptz(epoch_us(x) - (epoch_us(clock) - epoch_us(date_trunc(unit, clock)))) ELSE x END",
    'CREATE OR REPLACE MACRO rv_unknown_unit(unit, kind) AS error(\'ruvector-error:{"sqlstate": "22023", "message": \' '
    "|| CAST(to_json('unit \"' || unit || '\" not recognized for type ' || kind) AS VARCHAR) "
    '|| \', "detail": null, "hint": null}:end\')',
    # DuckDB counts a year 0, which is 1 BC.
    "CREATE OR REPLACE MACRO rv_year_made(y, m, d) AS CASE WHEN y > 0 THEN y WHEN y < 0 THEN y + 1 WHEN y = 0 "
    """THEN error(printf('ruvector-error:{"sqlstate": "22008", "message": """
    """"date field value out of range: 0-%02d-%02d", "detail": null, "hint": null}:end', m, d)) END""",
)
