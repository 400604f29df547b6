"""Text of booleans, integers, oids and floating point numbers."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.textio import C_SPACE, Formatter, Settings, TextType, invalid_syntax, plain

_SPACE = r"[ \t\n\v\f\r]*"
_INTEGER = re.compile(
    rf"{_SPACE}([+-]?)(?:(0[xX](?:_?[0-9a-fA-F])+)|(0[oO](?:_?[0-7])+)|(0[bB](?:_?[01])+)|([0-9](?:_?[0-9])*)){_SPACE}"
)
_LEADING_DIGITS = re.compile(rf"{_SPACE}[+-]?([0-9](?:_?[0-9])*)")
_OID = re.compile(rf"{_SPACE}([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*){_SPACE}")
_FLOAT = re.compile(
    rf"{_SPACE}([+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|"
    rf"(0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?)|"
    rf"(inf(?:inity)?|nan(?:\([a-zA-Z0-9_]*\))?))){_SPACE}",
    re.IGNORECASE,
)
_FLOAT32 = struct.Struct("<f")
_FLOAT64 = struct.Struct("<d")
_BITS64 = struct.Struct("<q")
_XID8_LIMIT = 2**64
_XID8_DIGITS = 40
_FLOAT32_MIN_NORMAL = 2.0**-126

_TRUE = {"true"[:n] for n in range(1, 5)} | {"yes"[:n] for n in range(1, 4)} | {"on", "1"}
_FALSE = {"false"[:n] for n in range(1, 6)} | {"no"[:n] for n in range(1, 3)} | {"off", "of", "0"}


def parse_bool(text: str) -> bool:
    """The usual spellings of true and false, and their unambiguous beginnings."""
    word = text.strip(C_SPACE).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise invalid_syntax("boolean", text)


def _format_bool(value: bool) -> str:
    return "t" if value else "f"


def _out_of_range(type_name: str, text: str) -> SqlError:
    return SqlError("22003", f'value "{text}" is out of range for type {type_name}')


def integer_parser(type_name: str, bits: int) -> Callable[[str], int]:
    """A reader of signed integers of that many bits: decimal, 0x, 0o, 0b, single underscores between digits."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def parse(text: str) -> int:
        if len(text) < 25 and text.isdecimal() and text.isascii():
            value = int(text)
        else:
            match = _INTEGER.fullmatch(text)
            # The number is read from the left: too many digits are noticed before what follows them.
            leading = _LEADING_DIGITS.match(text)
            digits = leading[1].replace("_", "").lstrip("0") if leading else ""
            if len(digits) > 20 or (match is None and digits and int(digits) > high + 1):
                raise _out_of_range(type_name, text)
            if match is None:
                raise invalid_syntax(type_name, text)
            sign, hexadecimal, octal, binary, decimal = match.groups()
            value = int(digits or "0") if decimal else int(hexadecimal or octal or binary, 0)
            if sign == "-":
                value = -value
        if not low <= value <= high:
            raise _out_of_range(type_name, text)
        return value

    return parse


parse_int2 = integer_parser("smallint", 16)
parse_int4 = integer_parser("integer", 32)
parse_int8 = integer_parser("bigint", 64)


def _oid_parser(type_name: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        match = _OID.fullmatch(text)
        if match is None:
            raise invalid_syntax(type_name, text)
        sign, digits = match.groups()
        if len(digits) > 40:
            raise _out_of_range(type_name, text)
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
        value = int(digits, base) * (-1 if sign == "-" else 1)
        if not -(2**31) <= value < 2**32:
            raise _out_of_range(type_name, text)
        return value % 2**32

    return parse


parse_oid = _oid_parser("oid")


def _parse_xid8(text: str) -> int:
    """As an oid, of 64 bits."""
    match = _OID.fullmatch(text)
    if match is None:
        raise invalid_syntax("xid8", text)
    sign, digits = match.groups()
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    value = int(digits, base) if len(digits) <= _XID8_DIGITS else _XID8_LIMIT
    if value >= _XID8_LIMIT:
        raise _out_of_range("xid8", text)
    return -value % _XID8_LIMIT if sign == "-" else value


def nearest_float32(text: str, value: float) -> float:
    """The float32 nearest to a decimal number, given the float64 nearest to it.

    Rounding twice goes wrong only where the float64 lies exactly between two float32 values; there the text decides.
    Raises OverflowError beyond float32's range.
    """
    (bits,) = _BITS64.unpack(_FLOAT64.pack(value))
    if bits & 0x1FFFFFFF == 0x10000000:
        exact, middle = Decimal(text), Decimal(value)
        if exact != middle:
            value = math.nextafter(value, math.inf if exact > middle else -math.inf)
    rounded: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    return rounded


def _float_parser(type_name: str, single: bool) -> Callable[[str], float]:
    def parse(text: str) -> float:
        match = _FLOAT.fullmatch(text)
        if match is None:
            raise invalid_syntax(type_name, text)
        number, hexadecimal, special = match.groups()
        if special:
            return math.nan if special[0] in "nN" else math.copysign(math.inf, -1 if number[0] == "-" else 1)
        try:
            value = float.fromhex(number) if hexadecimal else float(number)
            if single and math.isfinite(value):
                value = nearest_float32(number, value) if not hexadecimal else _FLOAT32.unpack(_FLOAT32.pack(value))[0]
        except OverflowError:
            value = math.inf
        if math.isinf(value) or (value == 0.0 and re.search("[1-9a-fA-F]", re.split("[eEpP]", number)[0])):
            raise SqlError("22003", f'"{number}" is out of range for type {type_name}')
        return value

    return parse


_parse_float8_exactly = _float_parser("double precision", single=False)
parse_float4 = _float_parser("real", single=True)


def parse_float8(text: str) -> float:
    """A double as strtod reads it; 22003 where it overflows or underflows to nothing."""
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    # Python's float() takes a little more than strtod does (underscores, other scripts' digits), so anything unusual
    # goes the exact way.
    if value != 0.0 and -math.inf < value < math.inf and text.isascii() and text.isprintable() and "_" not in text:
        return value
    return _parse_float8_exactly(text)


def _special(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _with_exponent(digits: str) -> str:
    """repr()'s fixed notation rewritten with an exponent, for large values: 123456.7 -> 1.234567e+05."""
    sign, digits = ("-", digits[1:]) if digits[0] == "-" else ("", digits)
    whole, _, fraction = digits.partition(".")
    mantissa = (whole + fraction).rstrip("0")
    point = "." if len(mantissa) > 1 else ""
    return f"{sign}{mantissa[0]}{point}{mantissa[1:]}e+{len(whole) - 1:02d}"


def format_float8(value: float) -> str:
    """The shortest text that reads back as the same double, as PostgreSQL writes it."""
    text = repr(value)
    if text.endswith(".0"):
        text = text[:-2]
    if -1e15 < value < 1e15:
        return text
    if value - value != 0.0:
        return _special(value)
    if 2.0**53 <= abs(value) < 1e40:
        text = _inside_float64(text, value)
    return text if "e" in text else _with_exponent(text)


def _inside_float64(text: str, value: float) -> str:
    """PostgreSQL never prints a decimal that lies exactly between two doubles; repr() does when it reads back."""
    for digits in (16, 17):
        if abs(int(Decimal(text)) - int(value)) * 2 != int(math.ulp(value)) and float(text) == value:
            return text
        text = f"{value:.{digits}g}"
    return text


def _reads_back(candidate: float, value: float) -> bool:
    """Whether a decimal (its nearest double) lies strictly inside what rounds to this float32."""
    outwards = math.nextafter(candidate, math.inf if candidate > value else -math.inf) if candidate != value else value
    try:
        rounded: float = _FLOAT32.unpack(_FLOAT32.pack(outwards))[0]
    except OverflowError:  # rounded up past the largest float32
        return False
    return rounded == value


def _power_of_two_digits(value: float) -> float:
    """Shortest decimal of a float32 power of two, where the interval that reads back as `value` is lopsided."""
    exact = Decimal(value)
    for digits in range(1, 9):
        unit = Decimal(1).scaleb(exact.adjusted() - digits + 1)
        below = exact // unit * unit
        for candidate in sorted((below, below + unit), key=lambda c: abs(c - exact)):
            if _reads_back(float(candidate), value):
                return float(candidate)
    return float(f"{value:.9g}")


def shortest_float32(value: float) -> float:
    """The double whose repr() is the shortest decimal that reads back as this (finite) float32."""
    if abs(math.frexp(value)[0]) == 0.5:
        return math.copysign(_power_of_two_digits(abs(value)), value)
    # %g drops trailing zeros, so six digits stand for all shorter ones too, except where precision runs out.
    for digits in (6, 7, 8) if abs(value) >= _FLOAT32_MIN_NORMAL else range(1, 9):
        candidate = float(f"{value:.{digits}g}")
        if _reads_back(candidate, value):
            return candidate
    return float(f"{value:.9g}")


def format_float4(value: float) -> str:
    """The shortest text that reads back as the same float32, as PostgreSQL and pgvector write it."""
    if value - value != 0.0:
        return _special(value)
    text = repr(shortest_float32(value))
    if text.endswith(".0"):
        text = text[:-2]
    if -1e6 < value < 1e6 or "e" in text:
        return text
    return _with_exponent(text)


def _float_formatter(shortest: Formatter, digits: int) -> Callable[[Settings], Formatter]:
    def formatter(settings: Settings) -> Formatter:
        extra = int(settings.get("extra_float_digits", "1"))
        if extra > 0:
            return shortest
        precision = max(digits + extra, 1)
        return lambda value: _special(value) if value - value != 0.0 else f"{value:.{precision}g}"

    return formatter


TEXT_TYPES: dict[int, TextType] = {
    registry.BOOL: plain(parse_bool, _format_bool),
    registry.INT2: plain(parse_int2, str),
    registry.INT4: plain(parse_int4, str),
    registry.INT8: plain(parse_int8, str),
    # A name may stand for the number where the engine has resolved it, so text goes out as it is.
    **{registry.BY_NAME[name].oid: plain(parse_oid, str) for name in ("oid", "regproc", "regclass", "regtype")},
    **{
        registry.BY_NAME[name].oid: plain(parse_oid, str)
        for name in ("regnamespace", "regrole", "regconfig", "regdictionary")
    },
    registry.BY_NAME["xid"].oid: plain(_oid_parser("xid"), str),
    registry.XID8: plain(_parse_xid8, str),
    registry.FLOAT4: TextType(lambda _context: parse_float4, _float_formatter(format_float4, 6)),
    registry.FLOAT8: TextType(lambda _context: parse_float8, _float_formatter(format_float8, 15)),
}
