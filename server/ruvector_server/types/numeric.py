"""Binary numeric: digits to the base 10,000, the weight of the first, a sign and the scale to show."""

from __future__ import annotations

import struct
from decimal import ROUND_DOWN, Context, Decimal

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.numeric import MAX_SCALE, MAX_WHOLE_DIGITS, format_numeric
from ruvector_server.types.codec import BinaryCodec, Data, incorrect, insufficient

_HEADER = struct.Struct(">HhHH")
_POSITIVE, _NEGATIVE = 0x0000, 0x4000
_SPECIAL = {0xC000: Decimal("NaN"), 0xD000: Decimal("Infinity"), 0xF000: Decimal("-Infinity")}
_BASE = 10_000
#: PostgreSQL announces a scale for infinities, which means nothing.
_INFINITY_SCALE = 0x20
_EXACT = Context(prec=MAX_WHOLE_DIGITS + MAX_SCALE + 8, rounding=ROUND_DOWN, Emin=-400_000, Emax=400_000)


def _decode(data: Data) -> Decimal:
    if len(data) < _HEADER.size:
        raise insufficient()
    count, weight, sign, scale = _HEADER.unpack_from(data)
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    if sign not in (_POSITIVE, _NEGATIVE):
        raise SqlError("22P03", 'invalid sign in external "numeric" value')
    if scale > MAX_SCALE:
        raise SqlError("22P03", 'invalid scale in external "numeric" value')
    if len(data) != _HEADER.size + 2 * count:
        raise insufficient() if len(data) < _HEADER.size + 2 * count else incorrect()
    groups = struct.unpack_from(f">{count}H", data, _HEADER.size)
    if any(group >= _BASE for group in groups):
        raise SqlError("22P03", 'invalid digit in external "numeric" value')
    digits = "".join([f"{group:04d}" for group in groups]) or "0"
    value = Decimal(f"{digits}E{4 * (weight - count + 1)}")
    if value.adjusted() >= MAX_WHOLE_DIGITS:
        raise SqlError("22003", "value overflows numeric format")
    value = value.quantize(Decimal((0, (1,), -scale)), context=_EXACT)
    return value.copy_negate() if sign == _NEGATIVE and value else value  # -value would round to 28 digits


def _encode(value: Decimal) -> bytes:
    if not value.is_finite():
        if value.is_nan():
            return _HEADER.pack(0, 0, 0xC000, 0)
        return _HEADER.pack(0, 0, 0xD000 if value > 0 else 0xF000, _INFINITY_SCALE)
    whole, _, fraction = format_numeric(value.copy_abs()).partition(".")
    scale = len(fraction)
    whole = whole.zfill(-(-len(whole) // 4) * 4)
    fraction = fraction.ljust(-(-scale // 4) * 4, "0")
    digits = whole + fraction
    groups = [int(digits[i : i + 4]) for i in range(0, len(digits), 4)]
    first = next((i for i, group in enumerate(groups) if group), None)
    if first is None:
        return _HEADER.pack(0, 0, _POSITIVE, scale)
    while not groups[-1]:
        groups.pop()
    weight = len(whole) // 4 - 1 - first
    kept = groups[first:]
    sign = _NEGATIVE if value < 0 else _POSITIVE
    return _HEADER.pack(len(kept), weight, sign, scale) + struct.pack(f">{len(kept)}H", *kept)


CODECS: dict[int, BinaryCodec] = {registry.NUMERIC: BinaryCodec(_decode, _encode)}
