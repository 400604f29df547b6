"""Values as bytes on the wire: text and binary, in and out. One module a type family; this is their one list.

Text is the engine's (`ruvector_engine.types.text`) with the client's encoding around it; binary formats are known here
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from ruvector_engine.results import Column
from ruvector_engine.types import registry
from ruvector_engine.types.encodings import AS_UTF8, Reader, Writer, reader, writer
from ruvector_engine.types.registry import CompositeType, EnumType, PgType, TypeRef, UserOid, Value
from ruvector_engine.types.text import DEFAULT_SETTINGS, Settings, formatter, parser
from ruvector_server.types import (
    aclitems,
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
from ruvector_server.types.composites import composite_codec
from ruvector_server.types.ranges import range_codec
from ruvector_server.types.rows import RowEncoder, field_encoder, rows_of_fields, rows_of_structs

__all__ = [
    "binary_decoder",
    "binary_encoder",
    "client_encoding",
    "fixed_width_code",
    "row_encoder",
    "text_decoder",
    "text_encoder",
    "text_reader",
]

_SCALARS: dict[int, BinaryCodec] = {
    **numbers.CODECS,
    **numeric.CODECS,
    **strings.CODECS,
    **bits.CODECS,
    **macaddrs.CODECS,
    **aclitems.CODECS,
    **networks.CODECS,
    **datetimes.CODECS,
    **vectors.CODECS,
    **halfvecs.CODECS,
    **sparsevecs.CODECS,
    **textsearch.CODECS,
}
_COUNTED_FROM_ZERO = ("int2vector", "oidvector")


def _all_codecs(scalars: dict[int, BinaryCodec]) -> dict[int, BinaryCodec]:
    codecs = dict(scalars)
    for pg_range in registry.RANGES:
        codecs[pg_range.oid] = range_codec(pg_range, scalars[pg_range.subtype])
    for name in _COUNTED_FROM_ZERO:
        pg_type = registry.BY_NAME[name]
        codecs[pg_type.oid] = counted_from_zero(pg_type, scalars[pg_type.element_oid])
    for pg_type in registry.ALL_TYPES:
        if pg_type.element_oid and pg_type.oid not in codecs:
            codecs[pg_type.oid] = array_codec(pg_type, codecs[pg_type.element_oid])
    return codecs


_CODECS = _all_codecs(_SCALARS)


def _codec(oid: int, encoding: str = "UTF8") -> BinaryCodec:
    return _user_codec(oid.pg, encoding) if isinstance(oid, UserOid) else _codecs_in(encoding)[oid]


def _user_codec(pg: PgType, encoding: str) -> BinaryCodec:
    if isinstance(pg, EnumType):
        return enums.CODEC if encoding in AS_UTF8 else _recoded(enums.CODEC, reader(encoding), writer(encoding))
    if isinstance(pg, CompositeType):
        return composite_codec(pg, lambda oid: _codec(oid, encoding))
    return array_codec(pg, _codec(pg.element_oid, encoding))


def _is_enum(oid: int) -> bool:
    return isinstance(oid, UserOid) and isinstance(oid.pg, EnumType)


#: Types whose text is the value itself.
_PLAIN_TEXT = frozenset({registry.TEXT, registry.VARCHAR, registry.BPCHAR, registry.UNKNOWN})
#: Types whose text is an int's own digits.
_INTEGERS = frozenset({registry.INT2, registry.INT4, registry.INT8, registry.OID})


@lru_cache
def _codecs_in(encoding: str) -> dict[int, BinaryCodec]:
    """The codecs for a client whose text is in that encoding."""
    if encoding in AS_UTF8:
        return _CODECS
    read, write = reader(encoding), writer(encoding)
    texts = {oid: _recoded(codec, read, write) for oid, codec in _SCALARS.items() if codec.text}
    return _all_codecs({**_SCALARS, **texts, **textsearch.codecs(lambda data: read(bytes(data)), write)})


def _recoded(codec: BinaryCodec, read: Reader, write: Writer) -> BinaryCodec:
    """The codec of a text that `read` and `write` know the bytes of."""

    def decode(data: Data) -> Value:
        return codec.decode(read(bytes(data)).encode())

    def encode(value: Value) -> bytes:
        return write(codec.encode(value).decode())

    return BinaryCodec(decode, encode)


def binary_decoder(oid: int, encoding: str = "UTF8") -> Decoder:
    """From the type's binary format to a value. SqlError 08P01 or 22P03 for malformed bytes, else the type's own.

    `encoding` is that of the client's text.
    """
    return _codec(oid, encoding).decode


def binary_encoder(oid: int, encoding: str = "UTF8") -> Encoder:
    """From a value that is not NULL to the type's binary format."""
    return _codec(oid, encoding).encode


def client_encoding(settings: Settings) -> str:
    """The encoding of the client's text."""
    return settings.get("client_encoding", "UTF8")


def fixed_width_code(oid: int) -> str:
    """The struct character of a type whose binary format is one number, or nothing."""
    return _codec(oid).code


def text_decoder(oid: int, settings: Settings = DEFAULT_SETTINGS) -> Decoder:
    """From the client's text to a value. SqlError 22021 and 22P05 for what is no text, else as the type's parser.

    `settings` matter to dates and times without a zone of their own (TimeZone, DateStyle), and say the encoding.
    """
    if settings is DEFAULT_SETTINGS and not isinstance(oid, UserOid):
        return _default_text_decoder(oid)
    return _text_decoder(oid, settings)


def _text_decoder(oid: int, settings: Settings) -> Decoder:
    read = text_reader(settings)
    if oid in _PLAIN_TEXT or _is_enum(oid):
        return read
    parse = parser(TypeRef(oid), settings)

    def decode(data: Data) -> Value:
        return parse(read(data))

    return decode


def text_reader(settings: Settings) -> Callable[[Data], str]:
    """From the client's bytes to text."""
    encoding = client_encoding(settings)
    if encoding in AS_UTF8:
        return decode_utf8
    read = reader(encoding)
    return lambda data: read(bytes(data))


@lru_cache(maxsize=256)
def _default_text_decoder(oid: int) -> Decoder:
    return _text_decoder(oid, DEFAULT_SETTINGS)


def text_encoder(oid: int, settings: Settings = DEFAULT_SETTINGS) -> Encoder:
    """From a value that is not NULL to the client's text, as the settings (DateStyle, TimeZone, ...) want it."""
    encoding = client_encoding(settings)
    if oid in _PLAIN_TEXT or _is_enum(oid):
        return writer(encoding)
    if oid in _INTEGERS:
        return b"%d".__mod__
    write = formatter(TypeRef(oid), settings)
    if encoding not in AS_UTF8:
        to_client = writer(encoding)
        return lambda value: to_client(write(value))

    def encode(value: Value) -> bytes:
        return write(value).encode()

    return encode


def row_encoder(columns: Sequence[Column], formats: Sequence[int], settings: Settings) -> RowEncoder:
    """From a batch of rows to their DataRow messages, one after the other. `formats`: 0 or 1 (binary) a column."""
    encoders = [
        binary_encoder(column.type.oid, client_encoding(settings)) if code else text_encoder(column.type.oid, settings)
        for column, code in zip(columns, formats, strict=True)
    ]
    general = rows_of_fields([field_encoder(encode) for encode in encoders])
    codes = [fixed_width_code(column.type.oid) if code else "" for column, code in zip(columns, formats, strict=True)]
    if codes and all(codes):
        return rows_of_structs("".join(codes), general)
    return general
