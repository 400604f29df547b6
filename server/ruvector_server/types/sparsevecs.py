"""Binary sparsevec, big-endian: int32 dimensions, number of elements and zero, int32 indices from 0, float32 values."""

from __future__ import annotations

import struct

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.sparsevecs import check_element_count, check_indices, check_size, pack, unpack
from ruvector_engine.types.vectors import check_elements
from ruvector_server.types.codec import BinaryCodec, Data, wrong_size

_HEADER = struct.Struct(">iii")
_INDEX = np.dtype(">i4")
_VALUE = np.dtype(">f4")


def _decode(data: Data) -> bytes:
    if len(data) < _HEADER.size:
        raise wrong_size(data, _HEADER.size)
    dimensions, count, unused = _HEADER.unpack_from(data)
    check_size(dimensions)
    _check_count(count, dimensions)
    if unused:
        raise SqlError("22000", f"expected unused to be 0, not {unused}")
    sent = min(count, (len(data) - _HEADER.size) // _INDEX.itemsize)
    indices = np.frombuffer(data, _INDEX, sent, _HEADER.size).astype(np.int32)
    check_indices(dimensions, indices)
    wanted = _HEADER.size + (_INDEX.itemsize + _VALUE.itemsize) * count
    if len(data) != wanted:
        raise wrong_size(data, wanted)
    values = np.frombuffer(data, _VALUE, count, _HEADER.size + _INDEX.itemsize * count).astype(np.float32)
    check_elements(values, "sparsevec")
    if not values.all():
        raise SqlError("22000", "binary representation of sparsevec cannot contain zero values")
    return pack(dimensions, indices, values)


def _check_count(count: int, dimensions: int) -> None:
    if count < 0:
        raise SqlError("22000", "sparsevec cannot have negative number of elements")
    check_element_count(count)
    if count > dimensions:
        raise SqlError("54000", "sparsevec cannot have more elements than dimensions")


def _encode(value: bytes) -> bytes:
    dimensions, indices, values = unpack(value)
    header = _HEADER.pack(dimensions, len(indices), 0)
    return header + indices.astype(_INDEX).tobytes() + values.astype(_VALUE).tobytes()


CODECS: dict[int, BinaryCodec] = {registry.SPARSEVEC: BinaryCodec(_decode, _encode)}
