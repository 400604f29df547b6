"""Binary composite values: the number of fields, then of each its type's OID, its length and its bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.types.registry import BY_OID, CompositeType, Value
from ruvector_server.types.codec import BinaryCodec, Data, incorrect, insufficient

_COUNT = struct.Struct(">i")
_FIELD = struct.Struct(">Ii")


def composite_codec(pg: CompositeType, codec_of: Callable[[int], BinaryCodec]) -> BinaryCodec:
    """The codec of a composite type, given those of its fields' types."""
    oids = [int(a.type.oid) for a in pg.attributes]
    codecs = [codec_of(a.type.oid) for a in pg.attributes]

    def decode(data: Data) -> tuple[Value, ...]:
        if len(data) < _COUNT.size:
            raise insufficient()
        (count,) = _COUNT.unpack_from(data)
        if count != len(oids):
            raise SqlError("42804", f"wrong number of columns: {count}, expected {len(oids)}")
        at = _COUNT.size
        fields: list[Value] = []
        for number, (oid, codec) in enumerate(zip(oids, codecs, strict=True), 1):
            if at + _FIELD.size > len(data):
                raise insufficient()
            sent, length = _FIELD.unpack_from(data, at)
            at += _FIELD.size
            if sent != oid:
                raise _other_type(sent, pg.attributes[number - 1].type.oid, number)
            if length == -1:
                fields.append(None)
                continue
            if length < 0 or at + length > len(data):
                raise SqlError("22P03", "insufficient data left in message")
            fields.append(codec.decode(data[at : at + length]))
            at += length
        if at != len(data):
            raise incorrect()
        return tuple(fields)

    def encode(value: tuple[Any, ...]) -> bytes:
        parts = [_COUNT.pack(len(oids))]
        for oid, codec, field in zip(oids, codecs, value, strict=True):
            if field is None:
                parts.append(_FIELD.pack(oid, -1))
            else:
                encoded = codec.encode(field)
                parts += (_FIELD.pack(oid, len(encoded)), encoded)
        return b"".join(parts)

    return BinaryCodec(decode, encode)


def _other_type(sent: int, wanted: int, number: int) -> SqlError:
    known = BY_OID.get(sent)
    return SqlError(
        "42804",
        f"binary data has type {sent} ({known.sql_name if known else '???'}) instead of expected {int(wanted)} "
        f"({BY_OID[wanted].sql_name}) in record column {number}",
    )
