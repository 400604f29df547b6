"""Binary bit and varbit: int32 number of bits, then the bits from the highest of each byte on."""

from __future__ import annotations

import struct

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_server.types.codec import BinaryCodec, Data, wrong_size

_LENGTH = struct.Struct(">i")
_MAX_BITS = 2**31 - 8


def _decode(data: Data) -> str:
    if len(data) < _LENGTH.size:
        raise wrong_size(data, _LENGTH.size)
    (length,) = _LENGTH.unpack_from(data)
    if not 0 <= length <= _MAX_BITS:
        raise SqlError("22P03", "invalid length in external bit string")
    wanted = _LENGTH.size + (length + 7) // 8
    if len(data) != wanted:
        raise wrong_size(data, wanted)
    return "".join(f"{byte:08b}" for byte in data[_LENGTH.size :])[:length]


def _encode(value: str) -> bytes:
    size = (len(value) + 7) // 8
    bits = int(value.ljust(size * 8, "0") or "0", 2)
    return _LENGTH.pack(len(value)) + bits.to_bytes(size, "big")


CODECS: dict[int, BinaryCodec] = dict.fromkeys((registry.BIT, registry.VARBIT), BinaryCodec(_decode, _encode))
