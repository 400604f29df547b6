"""Binary dates and times: counts since 2000-01-01, which is how values travel anyway."""

from __future__ import annotations

import struct

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.calendar import END_DAY, END_TIMESTAMP, MIN_DAY, MIN_TIMESTAMP, US_PER_DAY
from ruvector_engine.types.registry import (
    DATE_INFINITY,
    DATE_MINUS_INFINITY,
    TIMESTAMP_INFINITY,
    TIMESTAMP_MINUS_INFINITY,
)
from ruvector_engine.types.timetzs import OFFSET_LIMIT, pack, unpack
from ruvector_server.types.codec import BinaryCodec, Data, wrong_size

_INTERVAL = struct.Struct(">qii")


def _bounded(code: str, low: int, end: int, special: tuple[int, ...], name: str) -> BinaryCodec:
    """An integer from `low` to just before `end`, or one of the special values."""
    layout = struct.Struct(f">{code}")

    def decode(data: Data) -> int:
        try:
            (value,) = layout.unpack(data)
        except struct.error:
            raise wrong_size(data, layout.size) from None
        if not low <= value < end and value not in special:
            raise SqlError("22008", f"{name} out of range")
        return int(value)

    return BinaryCodec(decode, layout.pack, code)


def _decode_interval(data: Data) -> tuple[int, int, int]:
    if len(data) != _INTERVAL.size:
        raise wrong_size(data, _INTERVAL.size)
    microseconds, days, months = _INTERVAL.unpack(data)
    return months, days, microseconds


def _encode_interval(value: tuple[int, int, int]) -> bytes:
    months, days, microseconds = value
    return _INTERVAL.pack(microseconds, days, months)


_TIMETZ = struct.Struct(">qi")


def _decode_timetz(data: Data) -> int:
    if len(data) != _TIMETZ.size:
        raise wrong_size(data, _TIMETZ.size)
    microseconds, west = _TIMETZ.unpack(data)
    if not 0 <= microseconds <= US_PER_DAY:
        raise SqlError("22008", "time out of range")
    if not -OFFSET_LIMIT < west < OFFSET_LIMIT:
        raise SqlError("22009", "time zone displacement out of range")
    return pack(microseconds, west)


def _encode_timetz(value: int) -> bytes:
    return _TIMETZ.pack(*unpack(value))


_TIMESTAMP = _bounded("q", MIN_TIMESTAMP, END_TIMESTAMP, (TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY), "timestamp")

CODECS: dict[int, BinaryCodec] = {
    registry.DATE: _bounded("i", MIN_DAY, END_DAY, (DATE_INFINITY, DATE_MINUS_INFINITY), "date"),
    registry.TIME: _bounded("q", 0, US_PER_DAY + 1, (), "time"),
    registry.TIMETZ: BinaryCodec(_decode_timetz, _encode_timetz),
    registry.TIMESTAMP: _TIMESTAMP,
    registry.TIMESTAMPTZ: _TIMESTAMP,
    registry.INTERVAL: BinaryCodec(_decode_interval, _encode_interval),
}
