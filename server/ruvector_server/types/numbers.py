"""Binary booleans, integers, oids and floats."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_server.types.codec import BinaryCodec, Data, fixed, incorrect

_OIDS = ("oid", "xid", "regproc", "regclass", "regtype", "regnamespace", "regrole", "regconfig", "regdictionary")


def _decode_bool(data: Data) -> bool:
    if len(data) != 1:
        raise incorrect() if data else SqlError("08P01", "no data left in message")
    return data[0] != 0


def _encode_bool(value: bool) -> bytes:
    return b"\1" if value else b"\0"


CODECS: dict[int, BinaryCodec] = {
    # Not by struct's "?", which would take NULL for false.
    registry.BOOL: BinaryCodec(_decode_bool, _encode_bool),
    registry.INT2: fixed("h"),
    registry.INT4: fixed("i"),
    registry.INT8: fixed("q"),
    registry.FLOAT4: fixed("f"),
    registry.FLOAT8: fixed("d"),
    registry.XID8: fixed("Q"),
    **{registry.BY_NAME[name].oid: fixed("I") for name in _OIDS},
}
