"""inet and cidr: addresses of hosts and networks, IPv4 and IPv6.

A value is bytes that sort as PostgreSQL sorts the types, and are equal for equal values:

    family (2: IPv4, 3: IPv6), the network's address, the length of its mask, the whole address
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.textio import TextType, invalid_syntax, plain

IPV4, IPV6 = 2, 3
_SIZES = {IPV4: 4, IPV6: 16}

_MASK = re.compile(r"(.*?)(?:/(\d{1,4}))?", re.DOTALL | re.ASCII)
_OCTETS = re.compile(r"0*\d{1,3}(?:\.0*\d{1,3}){0,3}\.?", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX]([0-9a-fA-F]+)")
#: First octets of the classes of networks, from the highest, and the mask that each stands for.
_CLASSES = ((240, 32), (224, 8), (192, 24), (128, 16), (0, 8))
_MULTICAST, _MULTICAST_BITS = 224, 4

_Reader = Callable[[str, "int | None"], "Network | None"]


class Network(NamedTuple):
    """An address as a number, with the length of its mask in bits."""

    family: int
    address: int
    bits: int

    @property
    def size(self) -> int:
        """The length of the address in bits."""
        return _SIZES[self.family] * 8

    @property
    def netmask(self) -> int:
        """The mask as a number."""
        return (1 << self.size) - (1 << self.size - self.bits)

    @property
    def network(self) -> int:
        """The address with what the mask does not cover set to zero."""
        return self.address & self.netmask

    def pack(self) -> bytes:
        """The value's form in the registry."""
        length = self.size // 8
        network, address = self.network.to_bytes(length, "big"), self.address.to_bytes(length, "big")
        return bytes((self.family,)) + network + bytes((self.bits,)) + address


def unpack(value: bytes) -> Network:
    """The parts of a value."""
    length = _SIZES[value[0]]
    return Network(value[0], int.from_bytes(value[-length:], "big"), value[length + 1])


def host_text(network: Network) -> str:
    """The address without its mask, in PostgreSQL's spelling."""
    if network.family == IPV4:
        return str(ipaddress.IPv4Address(network.address))
    address = network.address
    words = [address >> shift & 0xFFFF for shift in range(112, -16, -16)]
    start, length = longest_zeros(words)
    if start == 0 and (length == 6 or (length == 5 and words[5] == 0xFFFF)):
        return f"::{'ffff:' if length == 5 else ''}{ipaddress.IPv4Address(address & 0xFFFFFFFF)}"
    if length < 2:
        return ":".join(f"{word:x}" for word in words)
    before, after = words[:start], words[start + length :]
    return f"{':'.join(f'{word:x}' for word in before)}::{':'.join(f'{word:x}' for word in after)}"


def longest_zeros(words: list[int]) -> tuple[int, int]:
    """Where the longest run of zeros begins, and how many there are; the first of several."""
    best = (-1, 0)
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and words[end] == 0:
            end += 1
        if end - at > best[1]:
            best = (at, end - at)
        at = end + 1
    return best


def format_inet(value: bytes) -> str:
    """The address, and the mask's length where it does not cover all of it."""
    network = unpack(value)
    return host_text(network) if network.bits == network.size else f"{host_text(network)}/{network.bits}"


def format_with_mask(value: bytes) -> str:
    """The address and always the mask's length: cidr's text, and what text(inet) gives."""
    network = unpack(value)
    return f"{host_text(network)}/{network.bits}"


def parse_inet(text: str) -> bytes:
    """An address with an optional mask length."""
    network = _read(text, _ipv4_host)
    if network is None:
        raise invalid_syntax("inet", text)
    return network.pack()


def parse_cidr(text: str) -> bytes:
    """A network; octets at the end of an IPv4 one may be left out, and the mask follows from what is there."""
    network = _read(text, _ipv4_network)
    if network is None:
        raise invalid_syntax("cidr", text)
    if network.network != network.address:
        raise SqlError("22P02", f'invalid cidr value: "{text}"', detail="Value has bits set to right of mask.")
    return network.pack()


def _read(text: str, ipv4: _Reader) -> Network | None:
    match = _MASK.fullmatch(text)
    assert match is not None
    body, mask = match[1], None if match[2] is None else int(match[2])
    if ":" in body:
        return _ipv6(body, mask)
    return ipv4(body, mask)


def _ipv6(body: str, mask: int | None) -> Network | None:
    try:
        address = int(ipaddress.IPv6Address(body))
    except ValueError:
        return None
    bits = 128 if mask is None else mask
    return Network(IPV6, address, bits) if bits <= 128 and "%" not in body else None


def _octets(body: str) -> list[int] | None:
    if _OCTETS.fullmatch(body) is None:
        return None
    octets = [int(part.lstrip("0") or 0) for part in body.rstrip(".").split(".")]
    return octets if max(octets) <= 255 and not (body.endswith(".") and len(octets) == 4) else None


def _number(octets: list[int]) -> int:
    return int.from_bytes(bytes([*octets, 0, 0, 0][:4]), "big")


def _ipv4_host(body: str, mask: int | None) -> Network | None:
    octets = _octets(body)
    if octets is None or body.endswith(".") or (mask is None and len(octets) < 4):
        return None
    bits = 32 if mask is None else mask
    if bits > 32 or bits // 8 > len(octets):
        return None
    return Network(IPV4, _number(octets), bits)


def _ipv4_network(body: str, mask: int | None) -> Network | None:
    hexadecimal = _HEXADECIMAL.fullmatch(body)
    if hexadecimal is not None:
        digits = hexadecimal[1]
        if len(digits) > 8:
            return None
        octets: list[int] | None = list(bytes.fromhex(digits + "0" * (len(digits) % 2)))
    else:
        octets = _octets(body)
    if octets is None:
        return None
    bits = _class_bits(octets) if mask is None else mask
    return Network(IPV4, _number(octets), bits) if bits <= 32 else None


def _class_bits(octets: list[int]) -> int:
    bits = next(bits for first, bits in _CLASSES if octets[0] >= first)
    bits = max(bits, len(octets) * 8)
    return _MULTICAST_BITS if bits == 8 and octets[0] == _MULTICAST else bits


TEXT_TYPES: dict[int, TextType] = {
    registry.INET: plain(parse_inet, format_inet),
    registry.CIDR: plain(parse_cidr, format_with_mask),
}
