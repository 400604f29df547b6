"""Text of date, time, timestamp and timestamptz.

Dates are days, the others microseconds, from 2000-01-01 (time: from midnight); timestamptz counts in UTC and is read
and written in the session's TimeZone. Output follows DateStyle.
"""

from __future__ import annotations

from functools import lru_cache

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.calendar import (
    END_DAY,
    END_TIMESTAMP,
    MIN_DAY,
    MIN_TIMESTAMP,
    US_PER_DAY,
    US_PER_HOUR,
    US_PER_MINUTE,
    US_PER_SECOND,
    civil_date,
    weekday,
)
from ruvector_engine.types.datetime_input import Moment, parse_moment, session_zone
from ruvector_engine.types.registry import (
    DATE_INFINITY,
    DATE_MINUS_INFINITY,
    TIMESTAMP_INFINITY,
    TIMESTAMP_MINUS_INFINITY,
)
from ruvector_engine.types.textio import Formatter, InputContext, Parser, Settings, TextType
from ruvector_engine.types.timezones import Zone

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIMESTAMP_INFINITE = {TIMESTAMP_INFINITY: "infinity", TIMESTAMP_MINUS_INFINITY: "-infinity"}
_DATE_INFINITE = {DATE_INFINITY: "infinity", DATE_MINUS_INFINITY: "-infinity"}


def _date_parser(context: InputContext) -> Parser:
    def parse(text: str) -> int:
        moment = parse_moment(text, "date", context)
        if moment.infinite:
            return DATE_INFINITY if moment.infinite > 0 else DATE_MINUS_INFINITY
        if moment.instant is not None:
            return (moment.instant + session_zone(context).offset_at(moment.instant) * US_PER_SECOND) // US_PER_DAY
        assert moment.day is not None
        if not MIN_DAY <= moment.day < END_DAY:
            raise SqlError("22008", f'date out of range: "{text}"')
        return moment.day

    return parse


def _time_parser(context: InputContext) -> Parser:
    def parse(text: str) -> int:
        moment = parse_moment(text, "time", context, time_only=True)
        if moment.instant is not None:
            return (moment.instant + session_zone(context).offset_at(moment.instant) * US_PER_SECOND) % US_PER_DAY
        assert moment.time is not None
        return moment.time

    return parse


def _timestamp_parser(context: InputContext) -> Parser:
    def parse(text: str) -> int:
        moment = parse_moment(text, "timestamp", context)
        if moment.infinite:
            return TIMESTAMP_INFINITY if moment.infinite > 0 else TIMESTAMP_MINUS_INFINITY
        if moment.instant is not None:
            return moment.instant + session_zone(context).offset_at(moment.instant) * US_PER_SECOND
        return _within_range(_clock(moment), text)

    return parse


def _timestamptz_parser(context: InputContext) -> Parser:
    def parse(text: str) -> int:
        moment = parse_moment(text, "timestamp with time zone", context)
        if moment.infinite:
            return TIMESTAMP_INFINITY if moment.infinite > 0 else TIMESTAMP_MINUS_INFINITY
        if moment.instant is not None:
            return moment.instant
        offset = moment.local_offset(session_zone(context))
        return _within_range(_clock(moment) - offset * US_PER_SECOND, text)

    return parse


def _clock(moment: Moment) -> int:
    assert moment.day is not None
    return moment.day * US_PER_DAY + (moment.time or 0)


def _within_range(timestamp: int, text: str) -> int:
    if not MIN_TIMESTAMP <= timestamp < END_TIMESTAMP:
        raise SqlError("22008", f'timestamp out of range: "{text}"')
    return timestamp


def apply_precision(value: int, typmod: int, _explicit: bool) -> int:
    """Round to that many digits of a second, halves away from zero."""
    if typmod >= 6 or value in _TIMESTAMP_INFINITE:
        return value
    unit: int = 10 ** (6 - typmod)
    magnitude = (abs(value) + unit // 2) // unit * unit
    return magnitude if value >= 0 else -magnitude


def format_seconds(microseconds: int) -> str:
    """Seconds of a minute with what is left of a fraction: "05", "05.25"."""
    second, fraction = divmod(microseconds, US_PER_SECOND)
    return f"{second:02d}.{fraction:06d}".rstrip("0") if fraction else f"{second:02d}"


def format_time(value: int) -> str:
    """Microseconds since midnight as HH:MM:SS[.ffffff]."""
    hour, rest = divmod(value, US_PER_HOUR)
    minute, microseconds = divmod(rest, US_PER_MINUTE)
    return f"{hour:02d}:{minute:02d}:{format_seconds(microseconds)}"


@lru_cache(maxsize=4096)
def _format_day(day: int, style: str, day_first: bool) -> tuple[str, str]:
    """A date in the style, and its era suffix."""
    year, month, month_day = civil_date(day)
    era = "" if year > 0 else " BC"
    if year <= 0:
        year = 1 - year
    first, second = (month_day, month) if day_first else (month, month_day)
    if style == "ISO":
        text = f"{year:04d}-{month:02d}-{month_day:02d}"
    elif style == "GERMAN":
        text = f"{month_day:02d}.{month:02d}.{year:04d}"
    else:
        separator = "/" if style == "SQL" else "-"
        text = f"{first:02d}{separator}{second:02d}{separator}{year:04d}"
    return text, era


def _style(settings: Settings) -> tuple[str, bool]:
    """DateStyle's output format, upper case, and whether the day comes before the month."""
    style, _, order = settings.get("DateStyle", "ISO, MDY").upper().replace(" ", "").partition(",")
    return style, order == "DMY"


def _date_formatter(settings: Settings) -> Formatter:
    style, day_first = _style(settings)

    def write(value: int) -> str:
        if value in _DATE_INFINITE:
            return _DATE_INFINITE[value]
        text, era = _format_day(value, style, day_first)
        return text + era

    return write


def _timestamp_text(local: int, style: str, day_first: bool, zone: str) -> str:
    """A clock reading in the style; `zone` goes where the style puts it."""
    day, time = divmod(local, US_PER_DAY)
    text, era = _format_day(day, style, day_first)
    if style != "POSTGRES":
        return f"{text} {format_time(time)}{zone}{era}"
    year, month, month_day = civil_date(day)
    month_name = _MONTHS[month - 1]
    date = f"{month_day:02d} {month_name}" if day_first else f"{month_name} {month_day:02d}"
    shown_year = year if year > 0 else 1 - year
    return f"{_WEEKDAYS[weekday(day)]} {date} {format_time(time)} {shown_year:04d}{zone}{era}"


def _timestamp_formatter(settings: Settings) -> Formatter:
    style, day_first = _style(settings)

    def write(value: int) -> str:
        if value in _TIMESTAMP_INFINITE:
            return _TIMESTAMP_INFINITE[value]
        return _timestamp_text(value, style, day_first, "")

    return write


def _timestamptz_formatter(settings: Settings) -> Formatter:
    style, day_first = _style(settings)
    zone = session_zone(InputContext(settings))

    def write(value: int) -> str:
        if value in _TIMESTAMP_INFINITE:
            return _TIMESTAMP_INFINITE[value]
        offset = zone.offset_at(value)
        shown = format_offset(offset) if style == "ISO" else _zone_name(zone, value, offset)
        return _timestamp_text(value + offset * US_PER_SECOND, style, day_first, shown)

    return write


def _zone_name(zone: Zone, instant: int, offset: int) -> str:
    return f" {zone.abbreviation_at(instant) or format_offset(offset)}"


@lru_cache(maxsize=256)
def format_offset(offset: int) -> str:
    """Seconds east as +HH[:MM[:SS]]."""
    minutes, seconds = divmod(abs(offset), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{'-' if offset < 0 else '+'}{hours:02d}"
    if minutes or seconds:
        text += f":{minutes:02d}"
    return f"{text}:{seconds:02d}" if seconds else text


TEXT_TYPES: dict[int, TextType] = {
    registry.DATE: TextType(_date_parser, _date_formatter),
    registry.TIME: TextType(_time_parser, lambda _settings: format_time, apply_precision),
    registry.TIMESTAMP: TextType(_timestamp_parser, _timestamp_formatter, apply_precision),
    registry.TIMESTAMPTZ: TextType(_timestamptz_parser, _timestamptz_formatter, apply_precision),
}
