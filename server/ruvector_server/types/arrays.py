"""Binary arrays: dimensions, a flag for NULLs, the element type, then each element with its length."""

from __future__ import annotations

import struct
from math import prod
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.array_values import flat, nested
from ruvector_engine.types.arrays import MAX_DIMENSIONS
from ruvector_engine.types.registry import PgType, Value
from ruvector_server.types.codec import BinaryCodec, Data, Decoder, incorrect, insufficient

_HEADER = struct.Struct(">iiI")
_DIMENSION = struct.Struct(">ii")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_MAX_ELEMENTS = 134_217_727
_MAX_INT = 2**31 - 1


def array_codec(array: PgType, element: BinaryCodec) -> BinaryCodec:
    """The codec of an array type, given its element's."""

    def decode(data: Data) -> list[Value]:
        lengths, lower = _read_dimensions(data, array)
        start = _HEADER.size + _DIMENSION.size * len(lengths)
        items = _read_items(data, start, prod(lengths) if lengths else 0, element.decode)
        if not items:
            return []
        if len(lengths) == 1 and lower == [1]:
            return items
        return nested(items, [len(lengths), *lengths, *lower])

    def encode(value: list[Any]) -> bytes:
        items, shape = flat(value)
        dimensions = shape[0]
        bounds = zip(shape[1 : dimensions + 1], shape[dimensions + 1 :], strict=True)
        return _encoded(array, element, items, list(bounds))

    return BinaryCodec(decode, encode)


def counted_from_zero(array: PgType, element: BinaryCodec) -> BinaryCodec:
    """The codec of int2vector and oidvector: one dimension, counted from 0."""

    def decode(data: Data) -> list[Value]:
        lengths, lower = _read_dimensions(data, array)
        if len(lengths) != 1 or lower != [0]:
            raise SqlError("22P03", f"invalid {array.name} data")
        return _read_items(data, _HEADER.size + _DIMENSION.size, lengths[0], element.decode)

    def encode(value: list[Any]) -> bytes:
        return _encoded(array, element, value, [(len(value), 0)])

    return BinaryCodec(decode, encode)


def _encoded(array: PgType, element: BinaryCodec, items: list[Any], bounds: list[tuple[int, int]]) -> bytes:
    parts = [_HEADER.pack(len(bounds), None in items, array.element_oid)]
    parts += [_DIMENSION.pack(*bound) for bound in bounds]
    for item in items:
        if item is None:
            parts.append(_NULL)
        else:
            encoded = element.encode(item)
            parts += (_LENGTH.pack(len(encoded)), encoded)
    return b"".join(parts)


def _read_dimensions(data: Data, array: PgType) -> tuple[list[int], list[int]]:
    """The lengths and the lower bounds."""
    if len(data) < _HEADER.size:
        raise insufficient()
    count, flags, element_oid = _HEADER.unpack_from(data)
    if count < 0:
        raise SqlError("22P03", f"invalid number of dimensions: {count}")
    if count > MAX_DIMENSIONS:
        raise SqlError("54000", f"number of array dimensions ({count}) exceeds the maximum allowed ({MAX_DIMENSIONS})")
    if flags not in (0, 1):
        raise SqlError("22P03", "invalid array flags")
    if element_oid != array.element_oid:
        sent = registry.BY_OID.get(element_oid)
        wanted = registry.BY_OID[array.element_oid].sql_name
        raise SqlError(
            "42804",
            f"binary data has array element type {element_oid} ({sent.sql_name if sent else '???'}) "
            f"instead of expected {array.element_oid} ({wanted})",
        )
    if len(data) < _HEADER.size + _DIMENSION.size * count:
        raise insufficient()
    dimensions = [_DIMENSION.unpack_from(data, _HEADER.size + _DIMENSION.size * i) for i in range(count)]
    lengths, lower = [length for length, _ in dimensions], [bound for _, bound in dimensions]
    if any(length < 0 for length in lengths) or prod(lengths) > _MAX_ELEMENTS:
        raise SqlError("54000", f"array size exceeds the maximum allowed ({_MAX_ELEMENTS})")
    for length, bound in dimensions:
        if bound + length > _MAX_INT:
            raise SqlError("54000", f"array lower bound is too large: {bound}")
    return lengths, lower


def _read_items(data: Data, start: int, count: int, decode: Decoder) -> list[Value]:
    items: list[Value] = []
    at = start
    for _ in range(count):
        if at + _LENGTH.size > len(data):
            raise insufficient()
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if length == -1:
            items.append(None)
            continue
        if length < 0 or at + length > len(data):
            raise SqlError("22P03", "insufficient data left in message")
        items.append(decode(data[at : at + length]))
        at += length
    if at != len(data):
        raise incorrect()
    return items
