"""DuckDB macros that take the packed integers of timetz apart, and put them together."""

from __future__ import annotations

from ruvector_engine.types.timetzs import OFFSET_FACTOR, OFFSET_LIMIT

_DAY = 86_400_000_000

#: DuckDB macros; see `sql.storage.MACROS`. Offsets count seconds west.
MACROS: tuple[str, ...] = (
    f"CREATE OR REPLACE MACRO rv_timetz_west(x) AS ((x & {OFFSET_FACTOR - 1}) - {OFFSET_LIMIT})",
    f"CREATE OR REPLACE MACRO rv_timetz_utc(x) AS ((x - (x & {OFFSET_FACTOR - 1})) // {OFFSET_FACTOR})",
    "CREATE OR REPLACE MACRO rv_timetz_micros(x) AS (rv_timetz_utc(x) - rv_timetz_west(x) * 1000000)",
    "CREATE OR REPLACE MACRO rv_timetz(micros, west) AS "
    f"CAST((micros + west * 1000000) * {OFFSET_FACTOR} + west + {OFFSET_LIMIT} AS BIGINT)",
    f"CREATE OR REPLACE MACRO rv_day_micros(x) AS ((x % {_DAY} + {_DAY}) % {_DAY})",
    "CREATE OR REPLACE MACRO rv_timetz_plus(x, micros) AS "
    "rv_timetz(rv_day_micros(rv_timetz_micros(x) + micros), rv_timetz_west(x))",
    # A clock reading in the session's time zone, of a timestamptz; and of a time, which is taken to be today's.
    "CREATE OR REPLACE MACRO rv_timetz_of_moment(x) AS rv_timetz("
    "epoch_us(CAST(CAST(x AS TIMESTAMP) AS TIME)), - CAST(datepart('timezone', x) AS BIGINT))",
    "CREATE OR REPLACE MACRO rv_timetz_of_time(x) AS rv_timetz(epoch_us(x), - CAST(datepart('timezone', "
    "CAST(CAST(CAST(now() AS TIMESTAMP) AS DATE) + x AS TIMESTAMPTZ)) AS BIGINT))",
    # The same instant on a clock that is `west` of Greenwich.
    "CREATE OR REPLACE MACRO rv_timetz_at(x, west) AS "
    "rv_timetz(rv_day_micros(rv_timetz_utc(x) - west * 1000000), west)",
)
