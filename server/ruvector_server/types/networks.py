"""Binary inet and cidr: family, length of the mask, whether it is a cidr, length of the address, the address."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.networks import IPV4, IPV6, Network, unpack
from ruvector_server.types.codec import BinaryCodec, Data, wrong_size

_HEADER = 4
_SIZES = {IPV4: 4, IPV6: 16}


def _codec(type_name: str) -> BinaryCodec:
    is_cidr = type_name == "cidr"

    def invalid(what: str) -> SqlError:
        return SqlError("22P03", f'invalid {what} in external "{type_name}" value')

    def decode(data: Data) -> bytes:
        if len(data) < _HEADER:
            raise SqlError("08P01", "no data left in message")
        family, bits, length = data[0], data[1], data[3]
        size = _SIZES.get(family)
        if size is None:
            raise invalid("address family")
        if bits > size * 8:
            raise invalid("bits")
        if length != size:
            raise invalid("length")
        if len(data) != _HEADER + size:
            raise wrong_size(data, _HEADER + size)
        network = Network(family, int.from_bytes(data[_HEADER:], "big"), bits)
        if is_cidr and network.address != network.network:
            raise SqlError("22P03", 'invalid external "cidr" value', detail="Value has bits set to right of mask.")
        return network.pack()

    def encode(value: bytes) -> bytes:
        network = unpack(value)
        size = _SIZES[network.family]
        return bytes((network.family, network.bits, is_cidr, size)) + network.address.to_bytes(size, "big")

    return BinaryCodec(decode, encode)


CODECS: dict[int, BinaryCodec] = {registry.INET: _codec("inet"), registry.CIDR: _codec("cidr")}
