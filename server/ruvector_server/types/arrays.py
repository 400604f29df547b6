"""Binary arrays: dimensions, a flag for NULLs, the element type, then each element with its length."""

from __future__ import annotations

import struct
from itertools import chain
from math import prod
from typing import Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.types import registry
from ruvector_engine.types.arrays import MAX_DIMENSIONS
from ruvector_engine.types.registry import PgType, Value
from ruvector_server.types.codec import BinaryCodec, Data, Decoder, incorrect, insufficient

_HEADER = struct.Struct(">iiI")
_DIMENSION = struct.Struct(">ii")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_MAX_ELEMENTS = 134_217_727


def array_codec(array: PgType, element: BinaryCodec, *, lower_bound: int = 1) -> BinaryCodec:
    """The codec of an array type, given its element's. int2vector and oidvector count from 0."""

    def decode(data: Data) -> list[Value]:
        lengths = _read_dimensions(data, array, lower_bound)
        start = _HEADER.size + _DIMENSION.size * len(lengths)
        items = _read_items(data, start, prod(lengths) if lengths else 0, element.decode)
        for length in reversed(lengths[1:]):
            items = [items[i : i + length] for i in range(0, len(items), length)]
        return items

    def encode(value: list[Any]) -> bytes:
        lengths, items = _flatten(value)
        parts = [_HEADER.pack(len(lengths), None in items, array.element_oid)]
        parts += [_DIMENSION.pack(length, lower_bound) for length in lengths]
        for item in items:
            if item is None:
                parts.append(_NULL)
            else:
                encoded = element.encode(item)
                parts += (_LENGTH.pack(len(encoded)), encoded)
        return b"".join(parts)

    return BinaryCodec(decode, encode)


def _flatten(value: list[Any]) -> tuple[list[int], list[Any]]:
    """The lengths by dimension, and the elements in storage order."""
    if not value:
        return [], []
    lengths, items = [len(value)], value
    while isinstance(items[0], list):
        lengths.append(len(items[0]))
        items = list(chain.from_iterable(items))
    return lengths, items


def _read_dimensions(data: Data, array: PgType, lower_bound: int) -> list[int]:
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
    lengths = [length for length, _lower in dimensions]
    if any(length < 0 for length in lengths) or prod(lengths) > _MAX_ELEMENTS:
        raise SqlError("54000", f"array size exceeds the maximum allowed ({_MAX_ELEMENTS})")
    if any(lower != lower_bound for _length, lower in dimensions):
        raise not_supported("array lower bounds other than 1 are not supported")
    return lengths if all(lengths) else []


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
