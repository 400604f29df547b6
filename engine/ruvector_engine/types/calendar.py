"""Calendar arithmetic on PostgreSQL's day and microsecond counts, for any year it knows (4714 BC to 5874897 AD).

Years are astronomical: 0 is 1 BC. Days count from 2000-01-01, as values do.
"""

from __future__ import annotations

import time
from functools import lru_cache

US_PER_SECOND = 1_000_000
US_PER_MINUTE = 60 * US_PER_SECOND
US_PER_HOUR = 60 * US_PER_MINUTE
US_PER_DAY = 24 * US_PER_HOUR

#: 1970-01-01 in days from 2000-01-01.
UNIX_EPOCH_DAY = -10_957
#: Julian day 0 is the first date there is; then the first day past the last one, 5874897-12-31.
MIN_DAY = -2_451_545
END_DAY = 2_147_483_494 + MIN_DAY
#: Timestamps: from the first date to the end of 294276.
MIN_TIMESTAMP = MIN_DAY * US_PER_DAY
END_TIMESTAMP = 9_223_371_331_200_000_000

_DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS_IN_400_YEARS = 146_097


def is_leap(year: int) -> bool:
    """Whether the (astronomical) year has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    """Days in the month."""
    return 29 if month == 2 and is_leap(year) else _MONTH_LENGTHS[month - 1]


def day_number(year: int, month: int, day: int) -> int:
    """Days from 2000-01-01 to the date; `day` may run past the month's end."""
    past = year - 1
    days = past * 365 + past // 4 - past // 100 + past // 400 + _DAYS_BEFORE_MONTH[month - 1] + day
    if month > 2 and is_leap(year):
        days += 1
    return days - 730_120


@lru_cache(maxsize=4096)
def civil_date(day: int) -> tuple[int, int, int]:
    """Year, month and day of a day number."""
    # Counted from 0000-03-01, so that a leap day is the last of its year.
    cycle, rest = divmod(day + 730_425, _DAYS_IN_400_YEARS)
    year = (rest - rest // 1460 + rest // 36_524 - rest // 146_096) // 365
    in_year = rest - (365 * year + year // 4 - year // 100)
    shifted = (5 * in_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return cycle * 400 + year + (month <= 2), month, in_year - (153 * shifted + 2) // 5 + 1


def weekday(day: int) -> int:
    """0 for Sunday."""
    return (day + 6) % 7


def current_timestamp() -> int:
    """The wall clock in microseconds since 2000-01-01 UTC."""
    return time.time_ns() // 1000 + UNIX_EPOCH_DAY * US_PER_DAY
