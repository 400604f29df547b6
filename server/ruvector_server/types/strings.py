"""Binary text types, json, bytea and uuid: mostly the bytes themselves."""

from __future__ import annotations

from uuid import UUID

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.types import registry
from ruvector_engine.types.jsons import parse_json, parse_jsonb, parse_jsonpath
from ruvector_engine.types.strings import NAME_MAX_BYTES
from ruvector_server.types.codec import BinaryCodec, Data, decode_utf8, incorrect, insufficient, wrong_size

_JSONB_VERSION = 1


def _decode_name(data: Data) -> str:
    if len(data) > NAME_MAX_BYTES:
        raise SqlError("42622", "identifier too long", detail="Identifier must be less than 64 characters.")
    return decode_utf8(data)


def _decode_char(data: Data) -> str:
    if len(data) != 1:
        raise incorrect() if data else SqlError("08P01", "no data left in message")
    return bytes(data).decode("latin-1").strip("\0")


def _encode_char(value: str) -> bytes:
    return value.encode("latin-1") or b"\0"


def _decode_json(data: Data) -> str:
    return parse_json(decode_utf8(data))


def _decode_jsonb(data: Data) -> str:
    if not data:
        raise insufficient()
    if data[0] != _JSONB_VERSION:
        raise SqlError("XX000", f"unsupported jsonb version number {data[0]}")
    return parse_jsonb(decode_utf8(data[1:]))


def _encode_jsonb(value: str) -> bytes:
    return b"\1" + value.encode()


def _decode_jsonpath(data: Data) -> str:
    if not data:
        raise insufficient()
    if data[0] != _JSONB_VERSION:
        raise SqlError("XX000", f"unsupported jsonpath version number: {data[0]}")
    return parse_jsonpath(decode_utf8(data[1:]))


def _decode_uuid(data: Data) -> UUID:
    if len(data) != 16:
        raise wrong_size(data, 16)
    return UUID(int=int.from_bytes(data, "big"))


def _encode_uuid(value: UUID) -> bytes:
    return value.bytes


def _encode_record(_value: object) -> bytes:
    raise not_supported("binary output of anonymous composite types is not supported")


def _decode_record(_data: Data) -> str:
    raise not_supported("input of anonymous composite types is not implemented")


_TEXT = BinaryCodec(decode_utf8, str.encode, text=True)

CODECS: dict[int, BinaryCodec] = {
    registry.TEXT: _TEXT,
    registry.VARCHAR: _TEXT,
    registry.BPCHAR: _TEXT,
    registry.UNKNOWN: _TEXT,
    registry.CSTRING: _TEXT,
    registry.NAME: BinaryCodec(_decode_name, str.encode, text=True),
    registry.BY_NAME["char"].oid: BinaryCodec(_decode_char, _encode_char),
    registry.JSON: BinaryCodec(_decode_json, str.encode, text=True),
    registry.JSONB: BinaryCodec(_decode_jsonb, _encode_jsonb, text=True),
    registry.JSONPATH: BinaryCodec(_decode_jsonpath, _encode_jsonb, text=True),
    registry.BYTEA: BinaryCodec(bytes, bytes),
    registry.UUID: BinaryCodec(_decode_uuid, _encode_uuid),
    registry.RECORD: BinaryCodec(_decode_record, _encode_record),
    registry.VOID: BinaryCodec(lambda _data: "", lambda _value: b""),
}
