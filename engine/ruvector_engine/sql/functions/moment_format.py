"""Dates, timestamps and intervals by a template of to_char() (formatting.c)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.storage import EPOCH_SHIFT
from ruvector_engine.types.timezones import find_zone

MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_EPOCH = datetime(1970, 1, 1)

TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*)"|(FM)|'
    r"(HH24|HH12|HH|MI|SSSSS|SSSS|SS|MS|US|FF[1-6]|AM|PM|am|pm|A\.M\.|P\.M\.|a\.m\.|p\.m\.|"
    r"Y,YYY|YYYY|YYY|YY|Y|IYYY|IYY|IY|IDDD|ID|IW|I|BC|AD|bc|ad|B\.C\.|A\.D\.|b\.c\.|a\.d\.|MONTH|Month|month|MON|Mon|mon|MM|DAY|Day|day|DY|Dy|dy|"
    r"DDD|DD|D|WW|W|CC|J|Q|RM|rm|TZH|tzh|TZM|tzm|TZ|tz|OF)(TH|th)?|(.)",
    re.DOTALL,
)


def _cased(name: str, token: str, width: int, fill: bool) -> str:
    text = name.upper() if token.isupper() else name.lower() if token.islower() else name
    return text.ljust(width) if fill else text


def _number(value: int, width: int, fill: bool) -> str:
    return str(value).rjust(width, "0") if fill else str(value)


_Field = Callable[[datetime, str, bool], str]


def _fraction(digits: int) -> _Field:
    return lambda t, _token, _fill: f"{t.microsecond:06d}"[:digits]


def _half(t: datetime, token: str, _fill: bool) -> str:
    half = "PM" if t.hour >= 12 else "AM"
    dotted = f"{half[0]}.{half[1]}." if "." in token else half
    return dotted if token[0].isupper() else dotted.lower()


_FIELDS: dict[str, _Field] = {
    "MM": lambda t, _k, f: _number(t.month, 2, f),
    "DD": lambda t, _k, f: _number(t.day, 2, f),
    "DDD": lambda t, _k, f: _number(t.timetuple().tm_yday, 3, f),
    "IDDD": lambda t, _k, f: _number((t.isocalendar().week - 1) * 7 + t.isocalendar().weekday, 3, f),
    "D": lambda t, _k, _f: str(t.isoweekday() % 7 + 1),
    "ID": lambda t, _k, _f: str(t.isoweekday()),
    "HH24": lambda t, _k, f: _number(t.hour, 2, f),
    "HH12": lambda t, _k, f: _number((t.hour + 11) % 12 + 1, 2, f),
    "HH": lambda t, _k, f: _number((t.hour + 11) % 12 + 1, 2, f),
    "MI": lambda t, _k, f: _number(t.minute, 2, f),
    "SS": lambda t, _k, f: _number(t.second, 2, f),
    "MS": lambda t, _k, f: _number(t.microsecond // 1000, 3, f),
    "US": lambda t, _k, f: _number(t.microsecond, 6, f),
    "SSSS": lambda t, _k, _f: str(t.hour * 3600 + t.minute * 60 + t.second),
    "SSSSS": lambda t, _k, _f: str(t.hour * 3600 + t.minute * 60 + t.second),
    "WW": lambda t, _k, f: _number((t.timetuple().tm_yday - 1) // 7 + 1, 2, f),
    "IW": lambda t, _k, f: _number(t.isocalendar().week, 2, f),
    "W": lambda t, _k, _f: str((t.day - 1) // 7 + 1),
    "Q": lambda t, _k, _f: str((t.month - 1) // 3 + 1),
    **{f"FF{n}": _fraction(n) for n in range(1, 7)},
    **dict.fromkeys(("MONTH", "Month", "month"), lambda t, k, f: _cased(MONTHS[t.month - 1], k, 9, f)),
    **dict.fromkeys(("MON", "Mon", "mon"), lambda t, k, f: _cased(MONTHS[t.month - 1][:3], k, 0, f)),
    **dict.fromkeys(("DAY", "Day", "day"), lambda t, k, f: _cased(_DAYS[t.isoweekday() % 7], k, 9, f)),
    **dict.fromkeys(("DY", "Dy", "dy"), lambda t, k, f: _cased(_DAYS[t.isoweekday() % 7][:3], k, 0, f)),
    **dict.fromkeys(("AM", "PM", "am", "pm", "A.M.", "P.M.", "a.m.", "p.m."), _half),
    "RM": lambda t, _k, f: _ROMAN[t.month - 1].ljust(4 if f else 0),
    "rm": lambda t, _k, f: _ROMAN[t.month - 1].lower().ljust(4 if f else 0),
}


#: The calendar is the same again after so many years and days; Python's knows the years 1 to 9999 only.
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
_CYCLE_MICROS = _CYCLE_DAYS * 86_400_000_000
_FIRST_CYCLE = (datetime(1601, 1, 1) - _EPOCH) // timedelta(microseconds=1)
_JULIAN_OF_YEAR_1 = 1_721_425


def _century(year: int, fill: bool) -> str:
    century = (year - 1) // 100 + 1 if year > 0 else -(-year // 100) - 1
    return f"{century:0{2 if century >= 0 else 3}d}" if fill else str(century)


def _year_field(moment: datetime, cycles: int, token: str, fill: bool) -> str:
    """A field that tells the year, of a moment that was moved by so many cycles to where Python's calendar is."""
    of_weeks = token[0] == "I"
    year = (moment.isocalendar().year if of_weeks else moment.year) + cycles * _CYCLE_YEARS
    if token == "J":
        return str(moment.toordinal() + _JULIAN_OF_YEAR_1 + cycles * _CYCLE_DAYS)
    if token == "CC":
        return _century(year, fill)
    if token[0] in "BAba":
        era = "AD" if year > 0 else "BC"
        shown = f"{era[0]}.{era[1]}." if "." in token else era
        return shown if token.isupper() else shown.lower()
    year = year if year > 0 else 1 - year  # there is no year 0
    if token == "Y,YYY":
        return f"{year // 1000},{year % 1000:03d}"
    width = len(token)
    return _number(year if width == 4 else year % 10**width, width, fill)


def ordinal_ending(digits: str, suffix: str) -> str:
    """st, nd, rd or th after the digits, in the case of `suffix`."""
    last = int(digits[-2:])
    ending = "th" if 11 <= last <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(last % 10, "th")
    return ending.upper() if suffix.isupper() else ending


def format_moment(micros: int, offset: int, zone: str, template: str) -> str:
    """A local time by the template: microseconds since 1970, `offset` seconds east of UTC, in the zone of that name."""
    cycles = (micros - _FIRST_CYCLE) // _CYCLE_MICROS
    moment = _EPOCH + timedelta(microseconds=micros - cycles * _CYCLE_MICROS)
    abbreviation = _abbreviation(zone, micros - offset * 1_000_000)
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset) // 60
    zones = {"TZ": abbreviation.upper(), "tz": abbreviation.lower(), "OF": _offset_text(offset)}
    zones |= dict.fromkeys(("TZH", "tzh"), f"{sign}{minutes // 60:02d}")
    zones |= dict.fromkeys(("TZM", "tzm"), f"{minutes % 60:02d}")
    result: list[str] = []
    fill = True
    for quoted, modifier, token, ordinal, other in TOKEN.findall(template):
        if modifier:
            fill = False
            continue
        if token in zones:
            result.append(zones[token])
        elif token:
            field = _FIELDS.get(token)
            text = field(moment, token, fill) if field else _year_field(moment, cycles, token, fill)
            result.append(text + (ordinal_ending(text, ordinal) if ordinal else ""))
        else:
            result.append(re.sub(r"\\(.)", r"\1", quoted) if quoted else other)
        fill = True
    return "".join(result)


def _abbreviation(zone: str, instant: int) -> str:
    """What the zone is called at that moment (microseconds since 1970): CET, CEST."""
    found = find_zone(zone) if zone else None
    return found.abbreviation_at(instant - EPOCH_SHIFT) if found is not None else zone


def _offset_text(offset: int) -> str:
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset) // 60
    return f"{sign}{minutes // 60:02d}" + (f":{minutes % 60:02d}" if minutes % 60 else "")


def format_interval(months: int, days: int, micros: int, template: str) -> str:
    """An interval by the template."""
    seconds, fraction = divmod(micros, 1_000_000)
    fields = {
        "YYYY": (months // 12, 4),
        "YY": (months // 12 % 100, 2),
        "MM": (months % 12, 2),
        "DD": (days, 2),
        "HH24": (seconds // 3600, 2),
        "HH12": ((seconds // 3600 + 11) % 12 + 1, 2),
        "HH": ((seconds // 3600 + 11) % 12 + 1, 2),
        "MI": (seconds // 60 % 60, 2),
        "SS": (seconds % 60, 2),
        "MS": (fraction // 1000, 3),
        "US": (fraction, 6),
    }
    result, fill = [], True
    for quoted, modifier, token, _, other in TOKEN.findall(template):
        if modifier:
            fill = False
            continue
        if token:
            if token not in fields:
                raise SqlError(
                    "22007",
                    "invalid format specification for an interval value",
                    hint="Intervals are not tied to specific calendar dates.",
                )
            value, width = fields[token]
            result.append(_number(value, width, fill))
        else:
            result.append(quoted or other)
        fill = True
    return "".join(result)
