"""Intervals times and divided by numbers, their sums and means: timestamp.c's steps, in its order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, nullable

_DAYS_PER_MONTH = 30
_SECONDS_PER_DAY = 86_400
_US_PER_SECOND = 1_000_000
_INT32, _INT64 = 2**31, 2**63

_Interval = list[int]


def _out_of_range() -> SqlError:
    return SqlError("22008", "interval out of range")


def _whole(value: float, limit: int) -> int:
    if not -limit <= value < limit:
        raise _out_of_range()
    return int(value)


def _rounded(value: float) -> float:
    """To microseconds, as TSROUND does."""
    return round(value * _US_PER_SECOND) / _US_PER_SECOND


def _cascaded(months: int, days: int, micros: int, scaled: Callable[[int], float]) -> _Interval:
    """What is left of a month becomes days, what is left of a day becomes time; full days of that are days again."""
    exact_months, exact_days = scaled(months), scaled(days)
    whole_months, whole_days = _whole(exact_months, _INT32), _whole(exact_days, _INT32)
    rest_days = _rounded((exact_months - whole_months) * _DAYS_PER_MONTH)
    seconds = _rounded((exact_days - whole_days + rest_days - int(rest_days)) * _SECONDS_PER_DAY)
    if abs(seconds) >= _SECONDS_PER_DAY:
        more = int(seconds / _SECONDS_PER_DAY)
        whole_days += more
        seconds -= more * _SECONDS_PER_DAY
    whole_days = _whole(whole_days + int(rest_days), _INT32)
    time = scaled(micros) + seconds * _US_PER_SECOND
    return [whole_months, whole_days, _whole(round(time) if math.isfinite(time) else time, _INT64)]


def _times(months: int, days: int, micros: int, factor: float) -> _Interval:
    if not math.isfinite(factor):
        raise _out_of_range()
    return _cascaded(months, days, micros, lambda part: part * factor)


def _divided(months: int, days: int, micros: int, divisor: float) -> _Interval:
    if divisor == 0:
        raise SqlError("22012", "division by zero")
    if math.isnan(divisor):
        raise _out_of_range()
    return _cascaded(months, days, micros, lambda part: part / divisor)


def _total(values: Sequence[Sequence[int] | None]) -> _Interval | None:
    present = [v for v in values if v is not None]
    return [sum(column) for column in zip(*present, strict=True)] if present else None


def _mean(values: Sequence[Sequence[int] | None]) -> _Interval | None:
    total = _total(values)
    if total is None:
        return None
    months, days, micros = total
    return _divided(months, days, micros, float(sum(v is not None for v in values)))


_PARTS = ("BIGINT", "BIGINT", "BIGINT")
UDFS: tuple[Udf, ...] = (
    Udf("rv_interval_mul", _times, (*_PARTS, "DOUBLE"), "BIGINT[]"),
    Udf("rv_interval_div", _divided, (*_PARTS, "DOUBLE"), "BIGINT[]"),
    Udf("rv_interval_sub", lambda a, b, c, x, y, z: [a - x, b - y, c - z], _PARTS * 2, "BIGINT[]"),
    nullable("rv_interval_total", _total, ("BIGINT[][]",), "BIGINT[]"),
    nullable("rv_interval_mean", _mean, ("BIGINT[][]",), "BIGINT[]"),
)
