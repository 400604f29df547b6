"""Reading intervals: PostgreSQL's, the SQL standard's and ISO 8601's spellings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from ruvector_engine.errors import SqlError
from ruvector_engine.types.calendar import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from ruvector_engine.types.datetime_input import MAX_TEXT

#: Months, days, microseconds, each with its own sign.
Interval: TypeAlias = tuple[int, int, int]

INFINITY: Interval = (2**31 - 1, 2**31 - 1, 2**63 - 1)
MINUS_INFINITY: Interval = (-(2**31), -(2**31), -(2**63))

_MONTHS, _DAYS, _MICROSECONDS = "months", "days", "microseconds"
#: Unit -> (which part, how much of it a unit is, its name to notice units given twice).
_UNIT_TABLE: tuple[tuple[str, int, str, str], ...] = (
    (_MONTHS, 12_000, "millennium", "mil mils millennia millenniums"),
    (_MONTHS, 1200, "century", "c cent centuries"),
    (_MONTHS, 120, "decade", "dec decs decades"),
    (_MONTHS, 12, "year", "y yr yrs years"),
    (_MONTHS, 1, "month", "mon mons months"),
    (_DAYS, 7, "week", "w weeks"),
    (_DAYS, 1, "day", "d days"),
    (_MICROSECONDS, US_PER_HOUR, "hour", "h hr hrs hours"),
    (_MICROSECONDS, US_PER_MINUTE, "minute", "m min mins minutes"),
    (_MICROSECONDS, US_PER_SECOND, "second", "s sec secs seconds"),
    (_MICROSECONDS, 1000, "millisecond", "ms msec msecs mseconds milliseconds millisecon"),
    (_MICROSECONDS, 1, "microsecond", "us usec usecs useconds microseconds microsecon"),
)
UNITS = {
    spelling: (part, amount, name) for part, amount, name, others in _UNIT_TABLE for spelling in (name, *others.split())
}
_DAYS_PER_MONTH = 30

#: Bits of the typmod's field mask.
_MONTH_BIT, _YEAR_BIT, _DAY_BIT, _HOUR_BIT, _MINUTE_BIT, _SECOND_BIT = (1 << n for n in (1, 2, 3, 10, 11, 12))
_DAY_TO_HOUR = _DAY_BIT | _HOUR_BIT
#: The mask of an interval without fields.
FULL_RANGE = 0x7FFF
#: The unit that the fields of a modifier end in, where it is not the second.
SMALLEST_FIELD = {
    _YEAR_BIT: "year",
    _MONTH_BIT: "month",
    _YEAR_BIT | _MONTH_BIT: "month",
    _DAY_BIT: "day",
    _HOUR_BIT: "hour",
    _DAY_TO_HOUR: "hour",
    _MINUTE_BIT: "minute",
    _HOUR_BIT | _MINUTE_BIT: "minute",
    _DAY_BIT | _HOUR_BIT | _MINUTE_BIT: "minute",
}

_FIELD = re.compile(
    r"""[\s,'"@]*(?:
    (?P<time>[+-]?\s*\d*:[\d:.]*)
    |(?P<years>[+-]?\s*\d+-(?:\d+(?!\d*[a-z.]))?(?=\s|$|[,]))
    |(?P<number>[+-]?\s*\d+\.?\d*|\.\d+)
    |(?P<word>[a-z]+)
    )""",
    re.VERBOSE | re.ASCII,
)
_ISO_FIELD = re.compile(r"(-?\d*\.?\d*)([YMWDHS])", re.ASCII)
_ISO_DATE = re.compile(r"(-?\d+)(?:-(\d+))?(?:-(\d+))?|(\d{4})(\d\d)(\d\d)", re.ASCII)
_ISO_TIME = re.compile(r"(-?\d+)(?::(\d+))?(?::(\d+(?:\.\d*)?))?|(\d\d)(\d\d)(\d\d(?:\.\d*)?)", re.ASCII)


@dataclass(slots=True)
class _Reader:
    text: str
    months: int = 0
    days: int = 0
    microseconds: int = 0
    seen: set[str] = field(default_factory=set)

    def malformed(self) -> NoReturn:
        raise SqlError("22007", f'invalid input syntax for type interval: "{self.text}"')

    def out_of_range(self) -> NoReturn:
        raise SqlError("22015", f'interval field value out of range: "{self.text}"')

    def result(self) -> Interval:
        if not -(2**31) <= self.days < 2**31 or not -(2**63) <= self.microseconds < 2**63:
            self.out_of_range()
        if not -(2**31) <= self.months < 2**31:
            raise SqlError("22008", "interval out of range")
        return self.months, self.days, self.microseconds

    def see(self, unit: str) -> None:
        if unit in self.seen:
            self.malformed()
        self.seen.add(unit)

    def add(self, number: str, part: str, amount: int) -> None:
        """Add a number of units; a fraction of months spills into days, a fraction of days into time."""
        whole_text, _, fraction_text = number.partition(".")
        sign = -1 if number.startswith("-") else 1
        whole = int(whole_text) if whole_text.lstrip("+-") else 0
        if abs(whole) >= 2**63 or (part == _DAYS and amount == 1 and not -(2**31) <= whole < 2**31):
            self.out_of_range()
        if part == _MONTHS and abs(whole) >= 2**31:
            self.out_of_range()
        fraction = sign * float(f"0.{fraction_text}") if fraction_text else 0.0
        if part == _MONTHS:
            self.months += whole * amount
            if amount > 1:
                self.months += round(fraction * amount)
            else:
                self.add_days(fraction * _DAYS_PER_MONTH)
        elif part == _DAYS:
            self.days += whole * amount
            self.add_days(fraction * amount)
        else:
            self.microseconds += whole * amount + _round_half_in(fraction * amount)

    def add_days(self, days: float) -> None:
        whole = int(days)
        self.days += whole
        self.microseconds += round((days - whole) * US_PER_DAY)

    def add_time(self, text: str, mask: int) -> None:
        """[-]H:M[:S[.f]], or M:S where the fields or a fraction say so."""
        negative = text.startswith("-")
        parts = text.lstrip("+-").strip().split(":")
        if len(parts) > 3 or any("." in part for part in parts[:-1]):
            self.malformed()
        if len(parts) == 2 and (mask == _MINUTE_BIT | _SECOND_BIT or "." in parts[1] or not parts[0]):
            parts.insert(0, "0")
        hours, minutes, seconds = [*parts, "0"][:3]
        second, _, fraction = seconds.partition(".")
        if int(minutes or 0) > 59 or int(second or 0) > 60:
            self.out_of_range()
        total = int(hours or 0) * US_PER_HOUR + int(minutes or 0) * US_PER_MINUTE + int(second or 0) * US_PER_SECOND
        total += round(float(f"0.{fraction}") * US_PER_SECOND) if fraction else 0
        self.microseconds += -total if negative else total

    def add_years(self, text: str) -> None:
        """[-]Y-M, the SQL standard's."""
        sign = -1 if text.startswith("-") else 1
        years, _, months = text.lstrip("+-").strip().partition("-")
        if int(months or 0) >= 12:
            self.out_of_range()
        self.months += sign * (int(years) * 12 + int(months or 0))


def _round_half_in(number: float) -> int:
    """The nearest integer, halves towards zero."""
    whole = int(number)
    return whole + (1 if number - whole > 0.5 else -1 if number - whole < -0.5 else 0)


def parse_interval(text: str, typmod: int = -1, *, sql_standard: bool = False) -> Interval:
    """Months, days and microseconds. SqlError 22007 for nonsense, 22015 and 22008 for too much.

    The modifier's fields say which unit a bare number counts. `sql_standard`: one leading sign is for all.
    """
    word = text.strip().lower()
    if word in ("infinity", "+infinity"):
        return INFINITY
    if word == "-infinity":
        return MINUS_INFINITY
    reader = _Reader(text)
    if len(text) > MAX_TEXT and len("".join(text.split())) > MAX_TEXT:
        reader.malformed()
    if text[:1] == "P":
        _read_iso(reader, text[1:])
    else:
        _read_fields(reader, text.lower(), FULL_RANGE if typmod < 0 else typmod >> 16 & FULL_RANGE, sql_standard)
    return reader.result()


def _read_fields(reader: _Reader, text: str, mask: int, sql_standard: bool) -> None:
    tokens = _tokens(reader, text)
    if sql_standard and tokens and tokens[0][1].startswith("-") and not any(t[1][0] in "+-" for t in tokens[1:]):
        tokens = [(kind, f"-{value}" if kind != "word" and value[0] != "-" else value) for kind, value in tokens]
    ago = bool(tokens) and tokens[-1] == ("word", "ago")
    if ago:
        tokens.pop()
    if not tokens or tokens[0][0] == "word":
        reader.malformed()
    index = 0
    while index < len(tokens):
        kind, value = tokens[index]
        following = tokens[index + 1] if index + 1 < len(tokens) else ("", "")
        index += 1
        if kind == "time":
            for unit in ("hour", "minute", "second"):
                reader.see(unit)
            reader.add_time(value, mask)
        elif kind == "years":
            reader.see("month")
            reader.add_years(value)
        elif kind == "word":
            reader.malformed()
        elif following[0] == "word":
            part, amount, name = UNITS.get(following[1], ("", 0, ""))
            if not part:
                reader.malformed()
            reader.see(name)
            reader.add(value, part, amount)
            index += 1
        else:
            _bare_number(reader, value, following[0], mask, index == len(tokens))
    if ago:
        if tokens[-1][0] == "number" and "second" in reader.seen and len(tokens) == 1:
            reader.malformed()
        reader.months, reader.days, reader.microseconds = -reader.months, -reader.days, -reader.microseconds


def _bare_number(reader: _Reader, value: str, following: str, mask: int, last: bool) -> None:
    """A number without a unit: days before a time, else what the type's fields end in (seconds, as a rule)."""
    if following == "time":
        reader.see("day")
        reader.add(value, _DAYS, 1)
        return
    if not last:
        if following == "number" and mask == _DAY_TO_HOUR:
            unit = "day"
        else:
            reader.malformed()
    else:
        unit = SMALLEST_FIELD.get(mask, "second")
    part, amount, name = UNITS[unit]
    reader.see(name)
    reader.add(value, part, amount)


def _tokens(reader: _Reader, text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _FIELD.match(text, at)
        if match is None:
            if not text[at:].strip(" \t\n\v\f\r,'\"@"):
                break
            reader.malformed()
        kind = match.lastgroup or ""
        tokens.append((kind, "".join(match[kind].split())))
        at = match.end()
    return tokens


def _read_iso(reader: _Reader, text: str) -> None:
    """ISO 8601: designators (1Y2M3DT4H) or the alternative format (0001-02-03T04:05:06)."""
    date, separator, time = text.partition("T")
    if not date and not separator:
        reader.malformed()
    for part, is_time in ((date, False), (time, True)):
        if part and not _iso_designators(reader, part, is_time) and not _iso_alternative(reader, part, is_time):
            reader.malformed()


def _iso_designators(reader: _Reader, part: str, is_time: bool) -> bool:
    units = {"H": "hour", "M": "minute", "S": "second"} if is_time else {"Y": "year", "M": "month", "W": "week"}
    if not is_time:
        units["D"] = "day"
    found = list(_ISO_FIELD.finditer(part))
    if "".join(match[0] for match in found) != part:
        return False
    for match in found:
        if match[2] not in units or not any(map(str.isdigit, match[1])):
            return False
        unit_part, amount, _name = UNITS[units[match[2]]]
        reader.add(match[1], unit_part, amount)
    return True


def _iso_alternative(reader: _Reader, part: str, is_time: bool) -> bool:
    match = (_ISO_TIME if is_time else _ISO_DATE).fullmatch(part)
    if match is None:
        return False
    pieces = match.groups()[3:] if match[4] and (is_time or len(part) == 8) else match.groups()[:3]
    if not is_time and len(part) == 8 and part.isdecimal():
        pieces = (part[:4], part[4:6], part[6:])
    elif is_time and len(part) >= 6 and part[:6].isdecimal():
        pieces = (part[:2], part[2:4], part[4:])
    for piece, unit in zip(pieces, ("hour", "minute", "second") if is_time else ("year", "month", "day"), strict=True):
        if piece:
            unit_part, amount, _name = UNITS[unit]
            reader.add(piece, unit_part, amount)
    return True
