"""Binary macaddr: its six bytes."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.macaddrs import format_octets, octets_of
from ruvector_server.types.codec import BinaryCodec, Data, incorrect

_SIZE = 6


def _decode(data: Data) -> str:
    if len(data) < _SIZE:
        raise SqlError("08P01", "no data left in message")
    if len(data) > _SIZE:
        raise incorrect()
    return format_octets(bytes(data))


CODECS: dict[int, BinaryCodec] = {registry.MACADDR: BinaryCodec(_decode, octets_of)}
