"""Binary macaddr and macaddr8: their bytes."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.macaddrs import format_octets, octets_of, to_macaddr8
from ruvector_server.types.codec import BinaryCodec, Data, incorrect


def _codec(size: int) -> BinaryCodec:
    def decode(data: Data) -> str:
        if len(data) < size:
            raise SqlError("08P01", "no data left in message")
        if len(data) > size:
            raise incorrect()
        return format_octets(bytes(data))

    return BinaryCodec(decode, octets_of)


def _decode_macaddr8(data: Data) -> str:
    """An address of six bytes is taken, too."""
    if len(data) == _SIX:
        return to_macaddr8(format_octets(bytes(data)))
    return str(_EIGHT.decode(data))


_SIX = 6
_EIGHT = _codec(8)
CODECS: dict[int, BinaryCodec] = {
    registry.MACADDR: _codec(_SIX),
    registry.MACADDR8: BinaryCodec(_decode_macaddr8, octets_of),
}
