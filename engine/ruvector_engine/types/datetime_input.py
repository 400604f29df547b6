"""Reading dates and times: the fields of a text in any of the orders and spellings people use.

Follows PostgreSQL's rules: the text is cut into fields by their look, each field then says which parts it fills, and
a part filled twice, or missing at the end, is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from ruvector_engine.errors import SqlError
from ruvector_engine.types.calendar import (
    MIN_DAY,
    US_PER_DAY,
    US_PER_HOUR,
    US_PER_MINUTE,
    US_PER_SECOND,
    current_timestamp,
    day_number,
    month_length,
)
from ruvector_engine.types.textio import InputContext
from ruvector_engine.types.timezones import Zone, find_named_offset, find_zone

_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
MONTHS = {name: n for n, name in enumerate(_MONTH_NAMES, 1)}
MONTHS |= {name[:3]: n for name, n in MONTHS.items()} | {"sept": 9}
_DAY_NAMES = frozenset(
    (
        "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
        "sun", "mon", "tue", "tues", "wed", "weds", "thu", "thur", "thurs", "fri", "sat",
    )
)  # fmt: skip
#: More than this many characters, white space apart, are no date.
MAX_TEXT = 150
_NOISE = frozenset(["at", "on"])
_SPECIAL_DAYS = {"today": 0, "tomorrow": 1, "yesterday": -1}
_WHOLE = frozenset(["infinity", "+infinity", "-infinity", "epoch", "now"])

_FIELD = re.compile(
    r"""[\s,;'"!()*&%$@]*(?:
    (?P<time>\d+:[\d:.]*)
    |(?P<date>\d+[-/.](?:\d+|[a-z]+)(?:[-/.]\d+)?|[a-z]{3,9}[-/.]\d+[-/.]\d+)
    |(?P<number>\d+\.?\d*|\.\d+)
    |(?P<julian>j\d+(?:\.\d+)?(?![a-z0-9]))
    |(?P<infinity>[+-]\s*infinity)
    |(?P<zone>[+-]\s*\d+(?::\d*)*)
    |(?P<word_t>t)(?=\d)
    |(?P<named>[a-z]{3,}[+-]\d+(?::\d+)*|z[+-]\d+|[a-z_]+\d+[a-z]+|[a-z_]+(?:/[a-z_+\-0-9]+)+)
    |(?P<word>[a-z_]+)
    |(?P<skipped>[-/])
    )[\s,;'"!()*&%$@]*""",
    re.VERBOSE | re.ASCII,
)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?",
    re.ASCII,
)


@dataclass(slots=True)
class Moment:
    """What a text said. `day` counts from 2000-01-01, `time` in microseconds from midnight, offsets in seconds east."""

    day: int | None = None
    time: int | None = None
    offset: int | None = None
    zone: Zone | None = None
    infinite: int = 0
    instant: int | None = None  # 'now' and 'epoch': microseconds since 2000-01-01 UTC

    def local_offset(self, session: Zone) -> int:
        """The offset to read the clock with: the text's own, or the session's time zone at that time."""
        if self.offset is not None:
            return self.offset
        return (self.zone or session).offset_for_local((self.day or 0) * US_PER_DAY + (self.time or 0))


def session_zone(context: InputContext) -> Zone:
    """The session's TimeZone."""
    name = context.settings.get("TimeZone", "UTC")
    zone = find_zone(name)
    if zone is None:
        raise SqlError("22023", f'time zone "{name}" not recognized')
    return zone


def parse_moment(text: str, type_name: str, context: InputContext, *, time_only: bool = False) -> Moment:
    """Read a date, a time, or both. SqlError 22007 for what makes no sense, 22008 for parts out of range."""
    if not time_only:
        match = _ISO.fullmatch(text)
        if match:
            moment = _from_iso(match)
            if moment is not None:
                return moment
    return _Fields(text, type_name, context, time_only).moment()


def _from_iso(match: re.Match[str]) -> Moment | None:
    """The usual form, when all is in range; None leaves errors and oddities to the general reader."""
    year, month, day, hour, minute, second, fraction, zulu, sign, zone_hour, zone_minute = match.groups()
    y, m, d = int(year), int(month), int(day)
    if not (y and 1 <= m <= 12 and 1 <= d <= month_length(y, m)):
        return None
    moment = Moment(day_number(y, m, d))
    if hour is not None:
        h, mi, s = int(hour), int(minute), int(second or 0)
        if h > 23 or mi > 59 or s > 59:
            return None
        moment.time = h * US_PER_HOUR + mi * US_PER_MINUTE + s * US_PER_SECOND
        if fraction:
            moment.time += int(fraction.ljust(6, "0"))
    if zulu:
        moment.offset = 0
    elif sign:
        zh, zm = int(zone_hour), int(zone_minute or 0)
        if zh > 15 or zm > 59:
            return None
        moment.offset = (zh * 3600 + zm * 60) * (-1 if sign == "-" else 1)
    return moment


@dataclass(slots=True)
class _Fields:
    text: str
    type_name: str
    context: InputContext
    time_only: bool
    year: int | None = None
    month: int | None = None
    month_named: bool = False
    day: int | None = None
    short_year: bool = False
    numbers: list[str] = field(default_factory=list)
    result: Moment = field(default_factory=Moment)
    half_day: str = ""
    era: str = ""

    def malformed(self) -> NoReturn:
        raise SqlError("22007", f'invalid input syntax for type {self.type_name}: "{self.text}"')

    def out_of_range(self, *, order: bool = False) -> NoReturn:
        hint = 'Perhaps you need a different "DateStyle" setting.' if order else None
        raise SqlError("22008", f'date/time field value out of range: "{self.text}"', hint=hint)

    def moment(self) -> Moment:
        lowered = self.text.lower()
        if len(lowered) > MAX_TEXT and len("".join(lowered.split())) > MAX_TEXT:
            self.malformed()
        at = 0
        while at < len(lowered):
            match = _FIELD.match(lowered, at)
            if match is None:
                if lowered[at:].isspace():
                    break
                self.malformed()
            kind = match.lastgroup or ""
            getattr(self, f"take_{kind.removesuffix('_t')}")(match[kind])
            at = match.end()
        return self.finish()

    def take_skipped(self, _text: str) -> None:
        """Punctuation between fields says nothing."""

    def take_time(self, text: str) -> None:
        if self.result.time is not None:
            self.malformed()
        parts = text.split(":")
        if len(parts) > 3 or any("." in part for part in parts[:-1]):
            self.malformed()
        seconds, _, fraction = (parts[2] if len(parts) > 2 else "0").partition(".")
        if len(parts) == 2 and "." in parts[1]:
            self.malformed()
        self.set_time(int(parts[0]), int(parts[1] or 0), int(seconds or 0), fraction)

    def set_time(self, hour: int, minute: int, second: int, fraction: str) -> None:
        microseconds = round(float(f"0.{fraction}") * 1e6) if fraction else 0
        if minute > 59 or second > 60 or hour > 24 or (hour == 24 and (minute or second or microseconds)):
            self.out_of_range()
        self.result.time = hour * US_PER_HOUR + minute * US_PER_MINUTE + second * US_PER_SECOND + microseconds

    def take_date(self, text: str) -> None:
        delimiter = next(c for c in text if c in "-/.")
        parts = text.split(delimiter)
        if self.day is not None or self.result.day is not None or any("-" in p or "/" in p for p in parts):
            self.malformed()
        if len(parts) == 2:
            self.take_day_of_year(parts, delimiter)
            return
        named = [i for i, part in enumerate(parts) if part.isalpha()]
        if named:
            self.take_named_month(parts, named[0])
            return
        self.numbers.extend(parts)
        self.order_numbers()

    def take_named_month(self, parts: list[str], named: int) -> None:
        month = MONTHS.get(parts.pop(named))
        if month is None:
            self.malformed()
        self.month, self.month_named = month, True
        self.numbers.extend(parts)
        self.order_numbers()

    def take_day_of_year(self, parts: list[str], delimiter: str) -> None:
        """1999.008 is the eighth day of 1999; 20.5 might be anything, so it is nothing."""
        if self.time_only and delimiter == ".":
            self.take_number(".".join(parts))
            return
        if delimiter != "." or len(parts[0]) < 4 or len(parts[1]) != 3 or not parts[1].isdecimal():
            self.malformed()
        self.result.day = day_number(int(parts[0]), 1, 1) + int(parts[1]) - 1

    def take_number(self, text: str) -> None:
        whole, _, fraction = text.partition(".")
        has_date = self.day is not None or self.result.day is not None
        if (has_date or self.time_only) and self.result.time is None and len(whole) in (4, 6):
            self.set_time(int(whole[:2]), int(whole[2:4]), int(whole[4:] or 0), fraction)
        elif len(whole) >= 6 and not has_date and not self.numbers and not self.month_named:
            year = whole[:-4]
            self.short_year = len(year) == 2
            self.year, self.month, self.day = int(year), int(whole[-4:-2]), int(whole[-2:])
        elif "." in text or has_date:
            self.malformed()
        else:
            self.numbers.append(whole)

    def order_numbers(self) -> None:
        """Give the collected numbers their meaning, by their length and the DateStyle's order."""
        numbers, self.numbers = self.numbers, []
        order = self.context.settings.get("DateStyle", "ISO, MDY").upper()
        if self.month_named:
            if len(numbers) != 2:
                self.malformed()
            first_is_year = len(numbers[0]) > 2 or (order.endswith("YMD") and len(numbers[1]) <= 2)
            year, day = numbers if first_is_year else numbers[::-1]
        elif len(numbers) != 3:
            self.malformed()
        else:
            if len(numbers[0]) > 2 or order.endswith("YMD"):
                year, month, day = numbers
            elif order.endswith("DMY"):
                day, month, year = numbers
            else:
                month, day, year = numbers
            self.month = int(month)
        if len(day) > 2:
            self.out_of_range(order=True)
        if len(year) > 9:
            self.out_of_range()
        self.year, self.day, self.short_year = int(year), int(day), len(year) <= 2

    def take_infinity(self, text: str) -> None:
        self.take_word(text.replace(" ", ""))

    def take_zone(self, text: str) -> None:
        if self.result.offset is not None or self.result.zone is not None:
            self.malformed()
        sign, digits = text[0], text[1:].strip()
        parts = digits.split(":")
        if len(parts) == 1 and len(digits) > 2:
            parts = [digits[:-2], digits[-2:]]
        hours, minutes, seconds = (int(part or 0) for part in [*parts, "0", "0"][:3])
        if hours > 15 or minutes > 59 or seconds > 59 or len(parts) > 3:
            raise SqlError("22009", f'time zone displacement out of range: "{self.text}"')
        offset = hours * 3600 + minutes * 60 + seconds
        self.result.offset = -offset if sign == "-" else offset

    def take_julian(self, text: str) -> None:
        if self.day is not None or self.result.day is not None:
            self.malformed()
        whole, _, fraction = text[1:].partition(".")
        self.result.day = int(whole[:12]) + MIN_DAY
        if fraction:
            self.result.time = round(float(f"0.{fraction}") * US_PER_DAY)

    def take_named(self, text: str) -> None:
        zone = find_named_offset(text)
        if zone is None and "/" in text:
            raise SqlError("22023", f'time zone "{text}" not recognized')
        if zone is None or self.result.zone is not None or self.result.offset is not None:
            self.malformed()
        self.result.zone = zone

    def take_word(self, word: str) -> None:
        if word in MONTHS and not self.month_named and self.day is None:
            self.month, self.month_named = MONTHS[word], True
        elif word in _WHOLE or word in _SPECIAL_DAYS:
            self.take_special(word)
        elif word in ("am", "pm") and not self.half_day:
            self.half_day = word
        elif word in ("bc", "ad") and not self.era:
            self.era = word
        elif word == "allballs" and self.result.time is None:
            self.result.time, self.result.offset = 0, 0
        elif word not in _DAY_NAMES and word not in _NOISE and word != "t":
            self.take_named(word)

    def take_special(self, word: str) -> None:
        result = self.result
        if result.infinite or result.instant is not None or result.day is not None:
            self.malformed()
        now = self.context.now if self.context.now is not None else current_timestamp()
        if word in _SPECIAL_DAYS:
            local = now + session_zone(self.context).offset_at(now) * US_PER_SECOND
            result.day = local // US_PER_DAY + _SPECIAL_DAYS[word]
        elif word == "now":
            result.instant = now
        elif word == "epoch":
            result.instant = day_number(1970, 1, 1) * US_PER_DAY
        else:
            result.infinite = -1 if word[0] == "-" else 1

    def finish(self) -> Moment:
        result = self.result
        if self.numbers:
            self.order_numbers()
        if result.infinite and self.time_only:
            self.malformed()
        if result.infinite or result.instant is not None:
            if self.day is not None or result.day is not None or result.time is not None or self.month is not None:
                self.malformed()
            return result
        if self.day is not None:
            result.day = self.calendar_day()
        elif self.month_named or self.era:
            self.malformed()
        self.apply_half_day()
        if (result.time is None) if self.time_only else (result.day is None):
            self.malformed()
        if self.time_only and result.zone is not None and result.day is None and "/" in result.zone.name:
            self.malformed()
        return result

    def apply_half_day(self) -> None:
        if not self.half_day:
            return
        if self.result.time is None:
            self.malformed()
        hour, rest = divmod(self.result.time, US_PER_HOUR)
        if hour > 12:
            self.out_of_range()
        self.result.time = (hour % 12 + (12 if self.half_day == "pm" else 0)) * US_PER_HOUR + rest

    def calendar_day(self) -> int:
        year, month, day = self.year, self.month, self.day
        assert year is not None
        assert month is not None
        assert day is not None
        if self.era == "bc":
            if year <= 0:
                self.out_of_range()
            year = 1 - year
        elif self.short_year:
            year += 2000 if year < 70 else 1900
        elif year == 0:
            self.out_of_range()
        if not 1 <= month <= 12 or not 1 <= day <= 31:
            self.out_of_range(order=True)
        if day > month_length(year, month):
            self.out_of_range()
        return day_number(year, month, day)
