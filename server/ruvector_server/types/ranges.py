"""Binary ranges: a byte of flags, then each bound that is there with its length."""

from __future__ import annotations

import struct
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.types.ranges import EMPTY, Range, made
from ruvector_engine.types.registry import RangeType, Value
from ruvector_server.types.codec import BinaryCodec, Data, incorrect, insufficient

_LENGTH = struct.Struct(">i")
_EMPTY, _LOWER_INC, _UPPER_INC, _LOWER_INF, _UPPER_INF = 1, 2, 4, 8, 16
_KNOWN = _EMPTY | _LOWER_INC | _UPPER_INC | _LOWER_INF | _UPPER_INF


def range_codec(pg: RangeType, bound: BinaryCodec) -> BinaryCodec:
    """The codec of a range type, given its bounds'."""

    def decode(data: Data) -> Range:
        if len(data) < 1:
            raise insufficient()
        flags, at = data[0] & _KNOWN, 1
        bounds: list[Value] = [None, None]
        for place, absent in enumerate((_LOWER_INF, _UPPER_INF)):
            if flags & (_EMPTY | absent):
                continue
            if at + _LENGTH.size > len(data):
                raise insufficient()
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size
            if length < 0 or at + length > len(data):
                raise SqlError("08P01", "insufficient data left in message")
            bounds[place] = bound.decode(data[at : at + length])
            at += length
        if at != len(data):
            raise incorrect()
        if flags & _EMPTY:
            return EMPTY
        return made(pg.subtype, bounds[0], bounds[1], bool(flags & _LOWER_INC), bool(flags & _UPPER_INC))

    def encode(value: Range) -> bytes:
        if value.empty:
            return bytes([_EMPTY])
        flags = _LOWER_INC * value.lower_inc | _UPPER_INC * value.upper_inc
        flags |= _LOWER_INF * (value.lower is None) | _UPPER_INF * (value.upper is None)
        parts: list[bytes] = [bytes([flags])]
        for item in (value.lower, value.upper):
            if item is not None:
                parts += _with_length(bound, item)
        return b"".join(parts)

    return BinaryCodec(decode, encode)


def _with_length(bound: BinaryCodec, item: Any) -> tuple[bytes, bytes]:
    encoded = bound.encode(item)
    return _LENGTH.pack(len(encoded)), encoded
