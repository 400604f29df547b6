"""to_char() of timestamps, intervals and numbers; to_date() and to_timestamp() with a template (formatting.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.sql.storage import EPOCH_SHIFT
from ruvector_engine.types.timezones import find_zone

_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_EPOCH = datetime(1970, 1, 1)

_TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*)"|(FM)|'
    r"(HH24|HH12|HH|MI|SSSSS|SSSS|SS|MS|US|FF[1-6]|AM|PM|am|pm|A\.M\.|P\.M\.|a\.m\.|p\.m\.|"
    r"Y,YYY|YYYY|YYY|YY|Y|IYYY|IYY|IY|IDDD|ID|IW|I|BC|AD|MONTH|Month|month|MON|Mon|mon|MM|DAY|Day|day|DY|Dy|dy|"
    r"DDD|DD|D|WW|W|CC|J|Q|RM|rm|TZ|tz|OF)(TH|th)?|(.)",
    re.DOTALL,
)


def _cased(name: str, token: str, width: int, fill: bool) -> str:
    text = name.upper() if token.isupper() else name.lower() if token.islower() else name
    return text.ljust(width) if fill else text


def _number(value: int, width: int, fill: bool) -> str:
    return str(value).rjust(width, "0") if fill else str(value)


_Field = Callable[[datetime, str, bool], str]


def _year(width: int) -> _Field:
    return lambda t, _token, fill: _number(t.year % 10**width, width, fill)


def _iso_year(width: int) -> _Field:
    return lambda t, _token, fill: _number(t.isocalendar().year % 10**width, width, fill)


def _fraction(digits: int) -> _Field:
    return lambda t, _token, _fill: f"{t.microsecond:06d}"[:digits]


def _half(t: datetime, token: str, _fill: bool) -> str:
    half = "PM" if t.hour >= 12 else "AM"
    dotted = f"{half[0]}.{half[1]}." if "." in token else half
    return dotted if token[0].isupper() else dotted.lower()


def _era(_t: datetime, token: str, _fill: bool) -> str:
    return "AD" if token.isupper() else "ad"


_FIELDS: dict[str, _Field] = {
    "YYYY": _year(4),
    "YYY": _year(3),
    "YY": _year(2),
    "Y": _year(1),
    "IYYY": _iso_year(4),
    "IYY": _iso_year(3),
    "IY": _iso_year(2),
    "I": _iso_year(1),
    "Y,YYY": lambda t, _k, _f: f"{t.year:,}",
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
    "CC": lambda t, _k, f: _number((t.year - 1) // 100 + 1, 2, f),
    "J": lambda t, _k, _f: str(t.toordinal() + 1_721_425),
    **{f"FF{n}": _fraction(n) for n in range(1, 7)},
    **dict.fromkeys(("MONTH", "Month", "month"), lambda t, k, f: _cased(_MONTHS[t.month - 1], k, 9, f)),
    **dict.fromkeys(("MON", "Mon", "mon"), lambda t, k, f: _cased(_MONTHS[t.month - 1][:3], k, 0, f)),
    **dict.fromkeys(("DAY", "Day", "day"), lambda t, k, f: _cased(_DAYS[t.isoweekday() % 7], k, 9, f)),
    **dict.fromkeys(("DY", "Dy", "dy"), lambda t, k, f: _cased(_DAYS[t.isoweekday() % 7][:3], k, 0, f)),
    **dict.fromkeys(("AM", "PM", "am", "pm", "A.M.", "P.M.", "a.m.", "p.m."), _half),
    **dict.fromkeys(("BC", "AD"), _era),
    "RM": lambda t, _k, f: _ROMAN[t.month - 1].ljust(4 if f else 0),
    "rm": lambda t, _k, f: _ROMAN[t.month - 1].lower().ljust(4 if f else 0),
}


def _ordinal(digits: str, suffix: str) -> str:
    last = int(digits[-2:])
    ending = "th" if 11 <= last <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(last % 10, "th")
    return ending.upper() if suffix.isupper() else ending


def format_moment(micros: int, offset: int, zone: str, template: str) -> str:
    """A local time by the template: microseconds since 1970, `offset` seconds east of UTC, in the zone of that name."""
    moment = _EPOCH + timedelta(microseconds=micros)
    abbreviation = _abbreviation(zone, micros - offset * 1_000_000)
    zones = {"TZ": abbreviation.upper(), "tz": abbreviation.lower(), "OF": _offset_text(offset)}
    result: list[str] = []
    fill = True
    for quoted, modifier, token, ordinal, other in _TOKEN.findall(template):
        if modifier:
            fill = False
            continue
        if token in zones:
            result.append(zones[token])
        elif token:
            text = _FIELDS[token](moment, token, fill)
            result.append(text + (_ordinal(text, ordinal) if ordinal else ""))
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


def _format_interval(months: int, days: int, micros: int, template: str) -> str:
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
    for quoted, modifier, token, _, other in _TOKEN.findall(template):
        if modifier:
            fill = False
            continue
        if token:
            if token not in fields:
                raise SqlError("22007", "invalid format specification for an interval value")
            value, width = fields[token]
            result.append(_number(value, width, fill))
        else:
            result.append(quoted or other)
        fill = True
    return "".join(result)


# ---------------------------------------------------------------- numbers

_NUMBER_PART = re.compile(r'FM|MI|PL|SG|PR|TH|th|EEEE|RN|rn|V|[09.,DGSL]|"[^"]*"|.', re.DOTALL)


def format_number(digits: str, template: str) -> str:
    """A number by the template; digits that do not fit print as #."""
    parts = _NUMBER_PART.findall(template)
    for refused in ("EEEE", "V", "RN", "rn"):
        if refused in parts:
            raise not_supported(f'"{refused}" in a number template is not supported')
    fill = "FM" not in parts
    point = next((i for i, p in enumerate(parts) if p in ".D"), len(parts))
    before = [p for p in parts[:point] if p in "09"]
    after = [p for p in parts[point:] if p in "09"]
    value = Decimal(digits)
    if not value.is_finite():
        raise not_supported("to_char() of NaN or infinity is not supported")
    negative = value < 0
    rounded = abs(value).quantize(Decimal(1).scaleb(-len(after)), rounding=ROUND_HALF_UP)
    whole, _, fraction = format(rounded, "f").partition(".")
    negative = negative and rounded != 0
    whole = "" if whole == "0" and len(before) and "0" not in before else whole
    if len(whole) > len(before):
        return _lay_out(parts, ["#"] * len(before), ["#"] * len(after), negative, fill)
    zeros_from = before.index("0") if "0" in before else len(before)
    padded: list[str] = []
    for i in range(len(before)):
        place = i - (len(before) - len(whole))
        padded.append(whole[place] if place >= 0 else "0" if i >= zeros_from else " ")
    if not whole and zeros_from == len(before) and not after and before:
        padded[-1] = "0"
    tail = list(fraction)
    if not fill:
        last_zero = max((i for i, p in enumerate(after) if p == "0"), default=-1)
        while len(tail) - 1 > last_zero and tail and tail[-1] == "0":
            tail.pop()
    return _lay_out(parts, padded, tail, negative, fill)


def _lay_out(parts: list[str], whole: list[str], tail: list[str], negative: bool, fill: bool) -> str:
    explicit = any(p in ("S", "SG", "MI", "PL", "PR") for p in parts)
    started = False
    result: list[str] = []
    heads, tails = iter(whole), iter(tail)
    in_fraction = False
    sign = "-" if negative else "+"
    for part in parts:
        if part == "FM":
            continue
        if part in "09":
            digit = next(tails, "") if in_fraction else next(heads)
            if digit not in ("", " ") and not started:
                started = True
                if not explicit:
                    result.append("-" if negative else " " if fill else "")
            result.append(digit if digit != " " or fill else "")
        elif part in ".D":
            in_fraction = True
            if not started and not explicit:
                started = True
                result.append("-" if negative else " " if fill else "")
            result.append(".")
        elif part in ",G":
            result.append("," if started else " " if fill else "")
        elif part in ("S", "SG"):
            result.append(sign)
        elif part == "MI":
            result.append("-" if negative else " " if fill else "")
        elif part == "PL":
            result.append("+" if not negative else " " if fill else "")
        elif part == "PR":
            continue
        elif part == "L":
            result.append(" " if fill else "")
        elif part in ("TH", "th"):
            result.append(_ordinal("".join(d for d in whole if d.isdigit()) or "0", part))
        else:
            result.append(part.strip('"'))
    text = "".join(result)
    if "S" in parts and parts[0] == "S" and fill:
        body = text[1:]
        text = " " * (len(body) - len(body.lstrip())) + sign + body.lstrip()
    if "PR" in parts:
        body = text.strip()
        text = (
            (f"<{body}>" if negative else f" {body} ").rjust(len(text) + 2)
            if fill
            else f"<{body}>"
            if negative
            else body
        )
    return text


# ---------------------------------------------------------------- reading

_READ_WIDTHS = {
    "YYYY": 4,
    "YY": 2,
    "MM": 2,
    "DD": 2,
    "HH24": 2,
    "HH12": 2,
    "HH": 2,
    "MI": 2,
    "SS": 2,
    "MS": 3,
    "US": 6,
    "DDD": 3,
}


def _read(text: str, template: str) -> datetime:
    found = {"YYYY": 1, "MM": 1, "DD": 1, "HH24": 0, "MI": 0, "SS": 0, "US": 0}
    half, at = "", 0
    for quoted, modifier, token, _, other in _TOKEN.findall(template):
        if modifier:
            continue
        while token and at < len(text) and text[at] in " \t":
            at += 1
        if not token:
            at = (
                at + max(len(quoted), 1)
                if at < len(text) and (quoted or not text[at].isdigit() or other.isalpha())
                else at
            )
            continue
        if token.upper() in ("MONTH", "MON"):
            at = _read_month(text, at, token, found)
            continue
        if token.upper() in ("AM", "PM"):
            half, at = text[at : at + 2].upper(), at + 2
            continue
        if token not in _READ_WIDTHS:
            raise not_supported(f'"{token}" in a template to read is not supported')
        digits = re.match(rf"\d{{1,{_READ_WIDTHS[token]}}}", text[at:])
        if digits is None:
            raise SqlError(
                "22007",
                f'invalid value "{text[at : at + _READ_WIDTHS[token]]}" for "{token}"',
                detail="Value must be an integer.",
            )
        at += digits.end()
        _store(found, token, digits.group())
    return _assemble(found, half)


def _read_month(text: str, at: int, token: str, found: dict[str, int]) -> int:
    for i, name in enumerate(_MONTHS, 1):
        wanted = name if token.upper() == "MONTH" else name[:3]
        if text[at : at + len(wanted)].lower() == wanted.lower():
            found["MM"] = i
            return at + len(wanted)
    raise SqlError(
        "22007",
        f'invalid value "{text[at : at + 3]}" for "{token}"',
        detail="The given value did not match any of the allowed values for this field.",
    )


def _store(found: dict[str, int], token: str, digits: str) -> None:
    value = int(digits)
    if token == "YY":
        found["YYYY"] = value + (2000 if value < 70 else 1900)
    elif token in ("HH12", "HH"):
        found["HH24"] = value
    elif token == "MS":
        found["US"] = int(digits.ljust(3, "0")) * 1000
    elif token == "US":
        found["US"] = int(digits.ljust(6, "0"))
    else:
        found[token] = value


def _assemble(found: dict[str, int], half: str) -> datetime:
    hour = found["HH24"]
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    try:
        if "DDD" in found:
            day = date(found["YYYY"], 1, 1) + timedelta(days=found["DDD"] - 1)
        else:
            day = date(found["YYYY"], found["MM"], found["DD"])
        return datetime(day.year, day.month, day.day, hour, found["MI"], found["SS"], found["US"])
    except ValueError:
        raise SqlError("22008", "date/time field value out of range") from None


def _read_micros(text: str, template: str) -> int:
    return (_read(text, template) - _EPOCH) // timedelta(microseconds=1)


def _functions() -> Iterator[FunctionDef]:
    yield function("to_char", "timestamp,text", "text", "rv_to_char(epoch_us({0}), 0, '', {1})")
    yield function("to_char", "timestamptz,text", "text", "rv_to_char_zone({0}, {1})")
    yield function(
        "to_char",
        "interval,text",
        "text",
        "rv_interval_to_char(rv_months({0}), rv_days({0}), rv_micros({0}), {1})",
    )
    for name in ("int4", "int8", "float4", "float8"):
        yield function("to_char", f"{name},text", "text", "rv_number_to_char(CAST({0} AS VARCHAR), {1})")
    yield function("to_char", "numeric,text", "text", lambda n, t: f"rv_number_to_char({numeric.as_text(n)}, {t})")
    yield function("to_date", "text,text", "date", "CAST(make_timestamp(rv_read_moment({0}, {1})) AS DATE)")
    yield function(
        "to_timestamp",
        "text,text",
        "timestamptz",
        "CAST(make_timestamp(rv_read_moment({0}, {1})) AS TIMESTAMPTZ)",
    )


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())
UDFS: tuple[Udf, ...] = (
    Udf("rv_to_char", format_moment, ("BIGINT", "BIGINT", "VARCHAR", "VARCHAR"), "VARCHAR"),
    Udf("rv_interval_to_char", _format_interval, ("BIGINT", "BIGINT", "BIGINT", "VARCHAR"), "VARCHAR"),
    Udf("rv_number_to_char", format_number, ("VARCHAR", "VARCHAR"), "VARCHAR"),
    Udf("rv_read_moment", _read_micros, ("VARCHAR", "VARCHAR"), "BIGINT"),
)
