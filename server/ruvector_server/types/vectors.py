"""Binary vectors: int16 dimensions, int16 zero, float32 big-endian, as pgvector has it; values are little-endian."""

from __future__ import annotations

import struct

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.vectors import check_dimension_count, check_elements
from ruvector_server.types.codec import BinaryCodec, Data, wrong_size

_HEADER = struct.Struct(">hh")
_WIRE = np.dtype(">f4")
_VALUE = np.dtype("<f4")


def _decode(data: Data) -> bytes:
    if len(data) < _HEADER.size:
        raise wrong_size(data, _HEADER.size)
    dimensions, unused = _HEADER.unpack_from(data)
    if unused or len(data) != _HEADER.size + 4 * dimensions or not 0 < dimensions <= registry.VECTOR_MAX_DIM:
        check_dimension_count(dimensions)
        if unused:
            raise SqlError("22000", f"expected unused to be 0, not {unused}")
        raise wrong_size(data, _HEADER.size + 4 * dimensions)
    elements = np.frombuffer(data, _WIRE, dimensions, _HEADER.size).astype(_VALUE)
    check_elements(elements)
    return elements.tobytes()


def _encode(value: bytes) -> bytes:
    elements = np.frombuffer(value, _VALUE)
    return _HEADER.pack(len(elements), 0) + elements.astype(_WIRE).tobytes()


CODECS: dict[int, BinaryCodec] = {oid: BinaryCodec(_decode, _encode) for oid in registry.VECTOR_TYPES}
