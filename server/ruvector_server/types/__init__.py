"""Values as bytes on the wire: text and binary, in and out. One module a type family; this is their one list.

Text is the engine's (`ruvector_engine.types.text`) with UTF-8 around it; binary formats are known here alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ruvector_engine.results import Column
from ruvector_engine.types import registry
from ruvector_engine.types.registry import EnumType, PgType, TypeRef, UserOid, Value
from ruvector_engine.types.text import DEFAULT_SETTINGS, Settings, formatter, parser
from ruvector_server.types import (
    bits,
    datetimes,
    enums,
    halfvecs,
    macaddrs,
    networks,
    numbers,
    numeric,
    sparsevecs,
    strings,
    textsearch,
    vectors,
)
from ruvector_server.types.arrays import array_codec, counted_from_zero
from ruvector_server.types.codec import BinaryCodec, Data, Decoder, Encoder, decode_utf8
from ruvector_server.types.rows import RowEncoder, field_encoder, rows_of_fields, rows_of_structs

__all__ = ["binary_decoder", "binary_encoder", "fixed_width_code", "row_encoder", "text_decoder", "text_encoder"]

_SCALARS: dict[int, BinaryCodec] = {
    **numbers.CODECS,
    **numeric.CODECS,
    **strings.CODECS,
    **bits.CODECS,
    **macaddrs.CODECS,
    **networks.CODECS,
    **datetimes.CODECS,
    **vectors.CODECS,
    **halfvecs.CODECS,
    **sparsevecs.CODECS,
    **textsearch.CODECS,
}
_COUNTED_FROM_ZERO = ("int2vector", "oidvector")


def _all_codecs() -> dict[int, BinaryCodec]:
    codecs = dict(_SCALARS)
    for name in _COUNTED_FROM_ZERO:
        pg_type = registry.BY_NAME[name]
        codecs[pg_type.oid] = counted_from_zero(pg_type, _SCALARS[pg_type.element_oid])
    for pg_type in registry.ALL_TYPES:
        if pg_type.element_oid and pg_type.oid not in codecs:
            codecs[pg_type.oid] = array_codec(pg_type, codecs[pg_type.element_oid])
    return codecs


_CODECS = _all_codecs()


def _codec(oid: int) -> BinaryCodec:
    return _user_codec(oid.pg) if isinstance(oid, UserOid) else _CODECS[oid]


def _user_codec(pg: PgType) -> BinaryCodec:
    return enums.CODEC if isinstance(pg, EnumType) else array_codec(pg, _codec(pg.element_oid))


def _is_enum(oid: int) -> bool:
    return isinstance(oid, UserOid) and isinstance(oid.pg, EnumType)


#: Types whose text is the value itself.
_PLAIN_TEXT = frozenset({registry.TEXT, registry.VARCHAR, registry.BPCHAR, registry.UNKNOWN})
#: Types whose text is an int's own digits.
_INTEGERS = frozenset({registry.INT2, registry.INT4, registry.INT8, registry.OID})


def binary_decoder(oid: int) -> Decoder:
    """From the type's binary format to a value. SqlError 08P01 or 22P03 for malformed bytes, else the type's own."""
    return _codec(oid).decode


def binary_encoder(oid: int) -> Encoder:
    """From a value that is not NULL to the type's binary format."""
    return _codec(oid).encode


def fixed_width_code(oid: int) -> str:
    """The struct character of a type whose binary format is one number, or nothing."""
    return _codec(oid).code


def text_decoder(oid: int, settings: Settings = DEFAULT_SETTINGS) -> Decoder:
    """From UTF-8 text to a value. SqlError 22021 for what is no UTF-8, else as the type's parser.

    `settings` matter to dates and times without a zone of their own (TimeZone, DateStyle).
    """
    if settings is DEFAULT_SETTINGS and not isinstance(oid, UserOid):
        return _default_text_decoder(oid)
    return _text_decoder(oid, settings)


def _text_decoder(oid: int, settings: Settings) -> Decoder:
    if oid in _PLAIN_TEXT or _is_enum(oid):
        return decode_utf8
    parse = parser(TypeRef(oid), settings)

    def decode(data: Data) -> Value:
        return parse(decode_utf8(data))

    return decode


@lru_cache(maxsize=256)
def _default_text_decoder(oid: int) -> Decoder:
    return _text_decoder(oid, DEFAULT_SETTINGS)


def text_encoder(oid: int, settings: Settings = DEFAULT_SETTINGS) -> Encoder:
    """From a value that is not NULL to UTF-8 text, as the settings (DateStyle, TimeZone, ...) want it."""
    if oid in _PLAIN_TEXT or _is_enum(oid):
        return str.encode
    if oid in _INTEGERS:
        return b"%d".__mod__
    write = formatter(TypeRef(oid), settings)

    def encode(value: Value) -> bytes:
        return write(value).encode()

    return encode


def row_encoder(columns: Sequence[Column], formats: Sequence[int], settings: Settings) -> RowEncoder:
    """From a batch of rows to their DataRow messages, one after the other. `formats`: 0 or 1 (binary) a column."""
    encoders = [
        binary_encoder(column.type.oid) if code else text_encoder(column.type.oid, settings)
        for column, code in zip(columns, formats, strict=True)
    ]
    general = rows_of_fields([field_encoder(encode) for encode in encoders])
    codes = [fixed_width_code(column.type.oid) if code else "" for column, code in zip(columns, formats, strict=True)]
    if codes and all(codes):
        return rows_of_structs("".join(codes), general)
    return general
