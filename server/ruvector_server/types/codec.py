"""What a type brings to travel in binary; `__init__` lists the types.

Decoders take bytes or memoryview and raise SqlError: 08P01 for too few bytes, 22P03 for too many or for nonsense.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ruvector_engine.errors import SqlError
from ruvector_engine.types.encodings import character_end, invalid_bytes
from ruvector_engine.types.registry import Value

#: memoryview comes from COPY, which cuts fields out of large buffers.
Data: TypeAlias = bytes | memoryview
Decoder: TypeAlias = Callable[[Data], Value]
Encoder: TypeAlias = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class BinaryCodec:
    """A type's binary format, in UTF-8. `code` is the struct character of a fixed-width type that packs as it is."""

    decode: Decoder
    encode: Encoder
    code: str = ""
    #: Whether the bytes are text, which travels in the client's encoding.
    text: bool = False


def fixed(code: str) -> BinaryCodec:
    """The codec of a number that struct knows by that character."""
    layout = struct.Struct(f">{code}")
    unpack = layout.unpack

    def decode(data: Data) -> Value:
        try:
            return unpack(data)[0]
        except struct.error:
            raise wrong_size(data, layout.size) from None

    return BinaryCodec(decode, layout.pack, code)


def wrong_size(data: Data, wanted: int) -> SqlError:
    """The error for a value that is not `wanted` bytes long."""
    return insufficient() if len(data) < wanted else incorrect()


def insufficient() -> SqlError:
    """The value ended before its parts did."""
    return SqlError("08P01", "insufficient data left in message")


def incorrect() -> SqlError:
    """The value went on after its parts."""
    return SqlError("22P03", "incorrect binary data format")


def decode_utf8(data: Data) -> str:
    """Bytes from a client as text. SqlError 22021 for what is no UTF-8, and for zero bytes, which text cannot hold."""
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise invalid_utf8(bytes(data), error.start) from None
    if "\0" in text:
        raise invalid_utf8(b"\0", 0)
    return text


def invalid_utf8(data: bytes, start: int) -> SqlError:
    """22021 for the sequence that begins at `start`, showing as many bytes as its first one announces."""
    return invalid_bytes("UTF8", data[start : character_end("UTF8", data, start)])
