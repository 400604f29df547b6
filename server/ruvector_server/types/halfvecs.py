"""Binary halfvec: int16 dimensions, int16 zero, float16 big-endian; values are little-endian."""

from __future__ import annotations

import struct

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.vectors import check_dimension_count, check_elements
from ruvector_server.types.codec import BinaryCodec, Data, wrong_size

_HEADER = struct.Struct(">hh")
_WIRE = np.dtype(">f2")
_VALUE = np.dtype("<f2")


def _decode(data: Data) -> bytes:
    if len(data) < _HEADER.size:
        raise wrong_size(data, _HEADER.size)
    dimensions, unused = _HEADER.unpack_from(data)
    check_dimension_count(dimensions, "halfvec")
    if unused:
        raise SqlError("22000", f"expected unused to be 0, not {unused}")
    if len(data) != _HEADER.size + 2 * dimensions:
        raise wrong_size(data, _HEADER.size + 2 * dimensions)
    elements = np.frombuffer(data, _WIRE, dimensions, _HEADER.size)
    check_elements(elements.astype(np.float32), "halfvec")
    return elements.astype(_VALUE).tobytes()


def _encode(value: bytes) -> bytes:
    elements = np.frombuffer(value, _VALUE)
    return _HEADER.pack(len(elements), 0) + elements.astype(_WIRE).tobytes()


CODECS: dict[int, BinaryCodec] = {registry.HALFVEC: BinaryCodec(_decode, _encode)}
