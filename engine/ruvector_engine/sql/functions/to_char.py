"""to_char() of timestamps, intervals and numbers; to_date() and to_timestamp() with a template (formatting.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.moment_format import MONTHS, TOKEN, format_interval, format_moment, ordinal_ending
from ruvector_engine.sql.nodes import FunctionDef

_EPOCH = datetime(1970, 1, 1)

# ---------------------------------------------------------------- numbers

_NUMBER_PART = re.compile(
    r'FM|fm|MI|mi|PL|pl|SG|sg|SP|sp|PR|pr|TH|th|EEEE|eeee|RN|rn|[Vv09.,DdGgSsLlBbCc]|"[^"]*"|.', re.DOTALL
)
#: Parts that mean the same in small letters.
_SMALL = ("fm", "mi", "pl", "sg", "sp", "pr", "eeee", "v", "d", "g", "s", "l", "b", "c")
#: Parts that PostgreSQL knows and prints nothing for.
_SILENT = ("SP", "B", "C")


def format_number(digits: str, template: str) -> str:
    """A number by the template; digits that do not fit print as #."""
    parts = [p.upper() if p in _SMALL else p for p in _NUMBER_PART.findall(template)]
    parts = [p for p in parts if p not in _SILENT]
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
            result.append(ordinal_ending("".join(d for d in whole if d.isdigit()) or "0", part))
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
    for quoted, modifier, token, _, other in TOKEN.findall(template):
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
    for i, name in enumerate(MONTHS, 1):
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
    # An infinite moment, and an empty template, give NULL.
    of_timestamp = "(CASE WHEN isfinite({0}) THEN rv_to_char(epoch_us({0}), 0, '', nullif({1}, '')) END)"
    yield function("to_char", "timestamp,text", "text", of_timestamp)
    yield function("to_char", "timestamptz,text", "text", "rv_to_char_zone({0}, nullif({1}, ''))")
    yield function(
        "to_char",
        "interval,text",
        "text",
        "rv_interval_to_char(rv_months({0}), rv_days({0}), rv_micros({0}), nullif({1}, ''))",
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
    Udf("rv_interval_to_char", format_interval, ("BIGINT", "BIGINT", "BIGINT", "VARCHAR"), "VARCHAR"),
    Udf("rv_number_to_char", format_number, ("VARCHAR", "VARCHAR"), "VARCHAR"),
    Udf("rv_read_moment", _read_micros, ("VARCHAR", "VARCHAR"), "BIGINT"),
)
