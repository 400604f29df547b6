"""Text of interval: (months, days, microseconds), each with its own sign; written as IntervalStyle says."""

from __future__ import annotations

from ruvector_engine.types import registry
from ruvector_engine.types.calendar import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from ruvector_engine.types.datetimes import format_seconds
from ruvector_engine.types.interval_input import (
    FULL_RANGE,
    INFINITY,
    MINUS_INFINITY,
    SMALLEST_FIELD,
    UNITS,
    Interval,
    parse_interval,
)
from ruvector_engine.types.textio import Formatter, Settings, TextType

__all__ = ["TEXT_TYPES", "parse_interval"]


def _apply_typmod(value: Interval, typmod: int, _explicit: bool) -> Interval:
    """Drop what the fields do not hold, and round seconds to the precision."""
    if value in (INFINITY, MINUS_INFINITY):
        return value
    months, days, microseconds = value
    mask, precision = typmod >> 16 & 0x7FFF, typmod & 0xFFFF
    if mask != FULL_RANGE:
        smallest = SMALLEST_FIELD.get(mask, "second")
        if smallest in ("year", "month", "day"):
            microseconds = 0
            days = days if smallest == "day" else 0
            if smallest == "year":
                months = int(months / 12) * 12
        elif smallest != "second":
            unit = UNITS[smallest][1]
            microseconds = (abs(microseconds) // unit * unit) * (-1 if microseconds < 0 else 1)
    if precision < 6:
        unit = 10 ** (6 - precision)
        magnitude = (abs(microseconds) + unit // 2) // unit * unit
        microseconds = -magnitude if microseconds < 0 else magnitude
    return months, days, microseconds


def _split(value: Interval) -> tuple[int, int, int, int, int, int]:
    """Years, months, days, hours, minutes, microseconds of a minute; each keeps its part's sign."""
    months, days, microseconds = value
    year_sign = -1 if months < 0 else 1
    time_sign = -1 if microseconds < 0 else 1
    years, months = divmod(abs(months), 12)
    hours, rest = divmod(abs(microseconds), US_PER_HOUR)
    minutes, rest = divmod(rest, US_PER_MINUTE)
    return year_sign * years, year_sign * months, days, time_sign * hours, time_sign * minutes, time_sign * rest


def _format_postgres(value: Interval) -> str:
    years, months, days, hours, minutes, rest = _split(value)
    parts: list[str] = []
    for amount, unit in ((years, "year"), (months, "mon"), (days, "day")):
        if amount:
            plus = "+" if parts and parts[-1].startswith("-") and amount > 0 else ""
            parts.append(f"{plus}{amount} {unit}{'' if amount == 1 else 's'}")
    if value[2] or not parts:
        negative = value[2] < 0
        sign = "-" if negative else "+" if parts and parts[-1].startswith("-") else ""
        parts.append(f"{sign}{abs(hours):02d}:{abs(minutes):02d}:{format_seconds(abs(rest))}")
    return " ".join(parts)


def _format_verbose(value: Interval) -> str:
    years, months, days, hours, minutes, rest = _split(value)
    parts: list[str] = []
    ago: bool | None = None
    for amount, unit in ((years, "year"), (months, "mon"), (days, "day"), (hours, "hour"), (minutes, "min")):
        if amount:
            ago = amount < 0 if ago is None else ago
            shown = -amount if ago else amount
            parts.append(f"{shown} {unit}{'' if abs(shown) == 1 else 's'}")
    if rest:
        ago = rest < 0 if ago is None else ago
        sign = "-" if (rest < 0) != ago else ""
        parts.append(f"{sign}{_seconds(abs(rest))} sec{'' if abs(rest) == US_PER_SECOND else 's'}")
    return f"@ {' '.join(parts) or '0'}{' ago' if ago else ''}"


def _seconds(microseconds: int) -> str:
    """Without the leading zero that clocks show."""
    text = format_seconds(microseconds)
    return text[1:] if text[0] == "0" else text


def _format_iso(value: Interval) -> str:
    if value == (0, 0, 0):
        return "PT0S"
    years, months, days, hours, minutes, rest = _split(value)
    date = "".join(f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (days, "D")) if n)
    time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
    if rest:
        time += f"{'-' if rest < 0 else ''}{_seconds(abs(rest))}S"
    return f"P{date}{'T' if time else ''}{time}"


def _format_sql(value: Interval) -> str:
    months, days, microseconds = value
    years, month, _days, hours, minutes, rest = _split(value)
    clock = f"{abs(hours)}:{abs(minutes):02d}:{format_seconds(abs(rest))}"
    time_sign = "-" if microseconds < 0 else ""
    signs = {n > 0 for n in value if n}
    if not signs:
        return "0"
    if len(signs) > 1 or (months and (days or microseconds)):
        month_sign, day_sign = "-" if months < 0 else "+", "-" if days < 0 else "+"
        return f"{month_sign}{abs(years)}-{abs(month)} {day_sign}{abs(days)} {time_sign or '+'}{clock}"
    if months:
        return f"{'-' if months < 0 else ''}{abs(years)}-{abs(month)}"
    if days:
        return f"{days} {clock}"
    return f"{time_sign}{clock}"


_STYLES = {
    "postgres": _format_postgres,
    "postgres_verbose": _format_verbose,
    "iso_8601": _format_iso,
    "sql_standard": _format_sql,
}


def _formatter(settings: Settings) -> Formatter:
    write = _STYLES[settings.get("IntervalStyle", "postgres")]

    def checked(value: Interval) -> str:
        if value[0] == INFINITY[0] and value == INFINITY:
            return "infinity"
        return "-infinity" if value == MINUS_INFINITY else write(value)

    return checked


TEXT_TYPES: dict[int, TextType] = {
    registry.INTERVAL: TextType(
        lambda context: (
            lambda text: parse_interval(
                text, context.typmod, sql_standard=context.settings.get("IntervalStyle") == "sql_standard"
            )
        ),
        _formatter,
        _apply_typmod,
    ),
}
