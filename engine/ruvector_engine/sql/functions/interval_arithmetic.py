"""Intervals times and divided by numbers, their sums and means: timestamp.c's steps, in its order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, nullable
from ruvector_engine.types.interval_input import INFINITY, MINUS_INFINITY

_DAYS_PER_MONTH = 30
_SECONDS_PER_DAY = 86_400
_US_PER_SECOND = 1_000_000
_US_PER_DAY = _SECONDS_PER_DAY * _US_PER_SECOND
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


def _sign_of_infinity(parts: Sequence[int]) -> int:
    """1 or -1 for an infinite interval, 0 for any other."""
    if parts[0] not in (INFINITY[0], MINUS_INFINITY[0]):
        return 0
    return 1 if tuple(parts) == INFINITY else -1 if tuple(parts) == MINUS_INFINITY else 0


def _infinite(sign: float) -> _Interval:
    if sign == 0 or math.isnan(sign):
        raise _out_of_range()
    return list(INFINITY if sign > 0 else MINUS_INFINITY)


def _minus(a: int, b: int, c: int, x: int, y: int, z: int) -> _Interval:
    left, right = _sign_of_infinity((a, b, c)), _sign_of_infinity((x, y, z))
    if left or right:
        return _infinite(left - right if left != right else 0)
    return [a - x, b - y, c - z]


def _times(months: int, days: int, micros: int, factor: float) -> _Interval:
    sign = _sign_of_infinity((months, days, micros))
    if sign:
        return _infinite(sign * factor)
    if not math.isfinite(factor):
        raise _out_of_range()
    return _cascaded(months, days, micros, lambda part: part * factor)


def _divided(months: int, days: int, micros: int, divisor: float) -> _Interval:
    if divisor == 0:
        raise SqlError("22012", "division by zero")
    sign = _sign_of_infinity((months, days, micros))
    if math.isnan(divisor) or (sign and math.isinf(divisor)):
        raise _out_of_range()
    if sign:
        return _infinite(sign * divisor)
    return _cascaded(months, days, micros, lambda part: part / divisor)


def _total(values: Sequence[Sequence[int] | None]) -> _Interval | None:
    present = [v for v in values if v is not None]
    signs = {_sign_of_infinity(v) for v in present} - {0}
    if signs:
        return _infinite(sum(signs))
    return [sum(column) for column in zip(*present, strict=True)] if present else None


def _mean(values: Sequence[Sequence[int] | None]) -> _Interval | None:
    total = _total(values)
    if total is None:
        return None
    months, days, micros = total
    return _divided(months, days, micros, float(sum(v is not None for v in values)))


def _quotient(value: int, unit: int) -> int:
    """Towards zero, as C divides."""
    return abs(value) // unit * (-1 if value < 0 else 1)


def _days_aligned(months: int, days: int, micros: int) -> _Interval:
    """Days with the sign of the months."""
    if months > 0 and (days < 0 or (days == 0 and micros < 0)):
        return [months - 1, days + _DAYS_PER_MONTH, micros]
    if months < 0 and (days > 0 or (days == 0 and micros > 0)):
        return [months + 1, days - _DAYS_PER_MONTH, micros]
    return [months, days, micros]


def _time_aligned(months: int, days: int, micros: int) -> _Interval:
    """Time with the sign of the days."""
    if days > 0 > micros:
        return [months, days - 1, micros + _US_PER_DAY]
    if days < 0 < micros:
        return [months, days + 1, micros - _US_PER_DAY]
    return [months, days, micros]


def _justify_days(months: int, days: int, micros: int) -> _Interval:
    if _sign_of_infinity((months, days, micros)):
        return [months, days, micros]
    more = _quotient(days, _DAYS_PER_MONTH)
    months, days, _ = _days_aligned(months + more, days - more * _DAYS_PER_MONTH, 0)
    return [months, days, micros]


def _justify_hours(months: int, days: int, micros: int) -> _Interval:
    if _sign_of_infinity((months, days, micros)):
        return [months, days, micros]
    more = _quotient(micros, _US_PER_DAY)
    return _time_aligned(months, days + more, micros - more * _US_PER_DAY)


def _justify(months: int, days: int, micros: int) -> _Interval:
    if _sign_of_infinity((months, days, micros)):
        return [months, days, micros]
    more_days = _quotient(micros, _US_PER_DAY)
    days, micros = days + more_days, micros - more_days * _US_PER_DAY
    more = _quotient(days, _DAYS_PER_MONTH)
    return _time_aligned(*_days_aligned(months + more, days - more * _DAYS_PER_MONTH, micros))


def _make(years: int, months: int, weeks: int, days: int, hours: int, mins: int, secs: float) -> _Interval:
    """make_interval()."""
    if not math.isfinite(secs):
        raise _out_of_range()
    time = (hours * 3600 + mins * 60) * _US_PER_SECOND + round(secs * _US_PER_SECOND)
    parts = ((years * 12 + months, _INT32), (weeks * 7 + days, _INT32), (time, _INT64))
    if not all(-limit <= part < limit for part, limit in parts):
        raise _out_of_range()
    return [part for part, _ in parts]


_PARTS = ("BIGINT", "BIGINT", "BIGINT")
UDFS: tuple[Udf, ...] = (
    Udf("rv_interval_mul", _times, (*_PARTS, "DOUBLE"), "BIGINT[]"),
    Udf("rv_interval_div", _divided, (*_PARTS, "DOUBLE"), "BIGINT[]"),
    Udf("rv_interval_sub", _minus, _PARTS * 2, "BIGINT[]"),
    Udf("rv_interval_justify_days", _justify_days, _PARTS, "BIGINT[]"),
    Udf("rv_interval_justify_hours", _justify_hours, _PARTS, "BIGINT[]"),
    Udf("rv_interval_justify", _justify, _PARTS, "BIGINT[]"),
    Udf("rv_make_interval", _make, (*["INTEGER"] * 6, "DOUBLE"), "BIGINT[]"),
    nullable("rv_interval_total", _total, ("BIGINT[][]",), "BIGINT[]"),
    nullable("rv_interval_mean", _mean, ("BIGINT[][]",), "BIGINT[]"),
)
