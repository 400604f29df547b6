"""The names of the fields of dates and times, as extract() and date_trunc() take them (datetime.c's deltatktbl)."""

from __future__ import annotations

import re

from ruvector_engine.errors import SqlError, not_supported

_CONSTANT = re.compile(r"'((?:[^']|'')*)'")
#: PostgreSQL compares so many characters of a name.
_SIGNIFICANT = 10

_SPELLINGS = {
    "microseconds": "us usec usecs usecond useconds microsecon",
    "milliseconds": "ms msec msecs msecond mseconds millisecon",
    "second": "s sec secs second seconds",
    "minute": "m min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "d day days",
    "week": "w week weeks",
    "month": "mon mons month months",
    "quarter": "qtr quarter",
    "year": "y yr yrs year years",
    "decade": "dec decs decade decades",
    "century": "c cent century centuries",
    "millennium": "mil mils millennia millennium",
    "timezone": "timezone",
    "timezone_hour": "timezone_h",
    "timezone_minute": "timezone_m",
}
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
#: Those that extract() knows besides.
_SPECIAL = {"dow": "dow", "isodow": "isodow", "doy": "doy", "isoyear": "isoyear", "epoch": "epoch"} | dict.fromkeys(
    ("j", "jd", "julian"), "julian"
)

#: What a moment can be cut to, from the smallest on.
TRUNCATED = tuple(_SPELLINGS)[:-3]


def spellings(unit: str) -> list[str]:
    """What may be written for the unit; of longer words the first ten characters."""
    return _SPELLINGS[unit].split()


def constant_text(sql: str) -> str | None:
    """The text that a literal stands for, in small letters; None for any other SQL."""
    found = _CONSTANT.fullmatch(sql)
    return found.group(1).replace("''", "'").lower() if found else None


def unit_name(text: str) -> str | None:
    """The canonical name of a unit of date_trunc()."""
    return _UNITS.get(text[:_SIGNIFICANT])


def field_name(sql: str, type_name: str) -> str:
    """The canonical name of extract()'s field, which must be a constant; 22023 for one that no type has."""
    text = constant_text(sql)
    if text is None:
        raise not_supported("a date field that is not a constant is not supported")
    name = unit_name(text) or _SPECIAL.get(text[:_SIGNIFICANT])
    if name is None:
        raise SqlError("22023", f'unit "{text}" not recognized for type {type_name}')
    return name


def unsupported(name: str, type_name: str) -> SqlError:
    """The error for a unit that exists, but not for that type."""
    return SqlError("0A000", f'unit "{name}" not supported for type {type_name}')
