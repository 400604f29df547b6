"""DataRow messages, whole batches at a time.

The hot path of the server ends here, so rows of fixed-width binary columns (an id and a distance) are packed by one
precompiled struct each; everything else is encoded field by field.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from ruvector_engine.results import Row

RowEncoder: TypeAlias = Callable[[Sequence[Row]], bytes]
FieldEncoder: TypeAlias = Callable[[Any], bytes]

_MESSAGE = struct.Struct(">cih")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_pack_length = _LENGTH.pack
#: The length words of short fields, which most are: a lookup costs a third of packing.
_SHORT_LENGTHS = tuple(_LENGTH.pack(length) for length in range(256))


def field_encoder(encode: FieldEncoder) -> FieldEncoder:
    """A field as DataRow and COPY BINARY have it: its length, then its bytes; length -1 for NULL."""

    def field(value: Any) -> bytes:
        if value is None:
            return _NULL
        encoded = encode(value)
        length = len(encoded)
        return (_SHORT_LENGTHS[length] if length < 256 else _pack_length(length)) + encoded

    return field


def rows_of_fields(fields: Sequence[FieldEncoder]) -> RowEncoder:
    """DataRow messages of any columns."""
    count = len(fields)
    pack = _MESSAGE.pack

    def encode(rows: Sequence[Row]) -> bytes:
        messages: list[bytes] = []
        for row in rows:
            body = b"".join([field(value) for field, value in zip(fields, row, strict=True)])
            messages += (pack(b"D", len(body) + 6, count), body)
        return b"".join(messages)

    return encode


def rows_of_structs(codes: str, general: RowEncoder) -> RowEncoder:
    """DataRow messages of fixed-width columns, one struct character each; batches with NULLs go to `general`."""
    pack_batch = _batch_packer(codes)

    def encode(rows: Sequence[Row]) -> bytes:
        try:
            return pack_batch(rows)
        except struct.error:  # a NULL
            return general(rows)

    return encode


@lru_cache(maxsize=512)
def _batch_packer(codes: str) -> RowEncoder:
    """A function that packs each row with one call.

    It is compiled from source made here (from struct characters alone), because spreading a row's values between the
    lengths costs more in a generic loop than the packing itself.
    """
    sizes = [struct.calcsize(f">{code}") for code in codes]
    layout = struct.Struct(">cih" + "".join(f"i{code}" for code in codes))
    values = [f"v{i}" for i in range(len(codes))]
    arguments = ", ".join(f"{size}, {value}" for size, value in zip(sizes, values, strict=True))
    call = f"pack(b'D', {layout.size - 1}, {len(codes)}, {arguments})"
    source = f"lambda rows: join([{call} for {', '.join(values)}, in rows])"
    packer: RowEncoder = eval(source, {"pack": layout.pack, "join": b"".join})
    return packer
