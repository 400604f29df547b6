"""Text of numeric: Decimal in, digits out, never an exponent."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.textio import TextType, invalid_syntax, plain

MAX_SCALE = 16_383
MAX_WHOLE_DIGITS = 131_072
#: Wide enough for every numeric; ROUND_HALF_UP is away from zero, as PostgreSQL rounds.
_CONTEXT = Context(prec=MAX_WHOLE_DIGITS + MAX_SCALE + 1, rounding=ROUND_HALF_UP, Emin=-200_000, Emax=200_000)

_SPACE = r"[ \t\n\v\f\r]*"
_DIGITS = r"[0-9](?:_?[0-9])*"
_DECIMAL = re.compile(
    rf"{_SPACE}([+-]?)(?:({_DIGITS})(?:\.({_DIGITS})?)?|\.({_DIGITS}))(?:[eE]([+-]?{_DIGITS}))?{_SPACE}"
)
_BASED = re.compile(rf"{_SPACE}([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+){_SPACE}")
_SPECIAL = re.compile(rf"{_SPACE}(?:([+-]?)inf(?:inity)?|(nan)){_SPACE}", re.IGNORECASE)


def parse_numeric(text: str) -> Decimal:
    """A Decimal with the scale the text shows; 22003 beyond what numeric can hold."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return _parse_unusual(text)
    sign, whole, fraction, bare_fraction, exponent = match.groups()
    whole, fraction = whole or "", fraction or bare_fraction or ""
    if exponent is None and "_" not in text:
        value = Decimal(f"{sign}{whole}.{fraction}")
    else:
        power = int(exponent or "0") if len(exponent or "") < 12 else 10**9
        digits = (whole + fraction).replace("_", "")
        scale = len(fraction.replace("_", "")) - power
        if scale < 0 and abs(power) <= 2 * MAX_WHOLE_DIGITS:
            digits, scale = digits + "0" * -scale, 0
        if not 0 <= scale <= MAX_SCALE:
            raise _overflow()
        value = Decimal(f"{sign}{digits}e{-scale}")
    if value.adjusted() >= MAX_WHOLE_DIGITS or (exponent is None and len(fraction) > MAX_SCALE):
        raise _overflow()
    return value if value else value.copy_abs()


def _parse_unusual(text: str) -> Decimal:
    special = _SPECIAL.fullmatch(text)
    if special:
        return Decimal("NaN") if special[2] else Decimal(f"{special[1]}Infinity")
    based = _BASED.fullmatch(text)
    if based is None:
        raise invalid_syntax("numeric", text)
    value = Decimal(int(based[2], 0))
    return -value if based[1] == "-" and value else value


def _overflow() -> SqlError:
    return SqlError("22003", "value overflows numeric format")


def format_numeric(value: Decimal) -> str:
    """All digits, none in an exponent."""
    text = str(value)
    return format(value, "f") if "E" in text else text


def unpack_typmod(typmod: int) -> tuple[int, int]:
    """Precision and scale of a numeric modifier; the scale may be negative."""
    packed = typmod - 4
    return packed >> 16 & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024


def _apply_typmod(value: Decimal, typmod: int, _explicit: bool) -> Decimal:
    precision, scale = unpack_typmod(typmod)
    if value.is_nan():
        return value
    if value.is_infinite():
        raise _field_overflow(f"A field with precision {precision}, scale {scale} cannot hold an infinite value.")
    rounded = value.quantize(Decimal(1).scaleb(-scale, _CONTEXT), context=_CONTEXT)
    if rounded and rounded.adjusted() >= precision - scale:
        whole = precision - scale
        limit = f"10^{whole}" if whole else "1"
        raise _field_overflow(
            f"A field with precision {precision}, scale {scale} must round to an absolute value less than {limit}."
        )
    if scale < 0:
        rounded = rounded.quantize(Decimal(1), context=_CONTEXT)
    return rounded if rounded else rounded.copy_abs()


def _field_overflow(detail: str) -> SqlError:
    return SqlError("22003", "numeric field overflow", detail=detail)


TEXT_TYPES: dict[int, TextType] = {registry.NUMERIC: plain(parse_numeric, format_numeric, _apply_typmod)}
