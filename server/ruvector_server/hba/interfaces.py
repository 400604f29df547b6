"""The addresses of this machine's network interfaces, as getifaddrs(3) tells them: for samehost and samenet."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

Interface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface

#: Where the address stands in a sockaddr, and how long it is, by address family.
_PLACES: Final = {socket.AF_INET: (4, 4), socket.AF_INET6: (8, 16)}


class _Entry(ctypes.Structure):
    """The beginning of a struct ifaddrs."""


_Entry._fields_ = [
    ("next", ctypes.POINTER(_Entry)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
    ("netmask", ctypes.c_void_p),
]


def interfaces() -> list[Interface]:
    """Every address with its network. Asked for at each use, since interfaces come and go."""
    libc = ctypes.CDLL(None, use_errno=True)
    first = ctypes.POINTER(_Entry)()
    if libc.getifaddrs(ctypes.byref(first)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    try:
        return list(_read(first))
    finally:
        libc.freeifaddrs(first)


def _read(entry: Any) -> Iterator[Interface]:
    while entry:
        found = entry.contents
        entry = found.next
        if found.address is None:
            continue
        family = ctypes.c_ushort.from_address(found.address).value
        if family not in _PLACES:
            continue
        offset, length = _PLACES[socket.AddressFamily(family)]
        address = ipaddress.ip_address(ctypes.string_at(found.address + offset, length))
        bits: int = address.max_prefixlen
        if found.netmask is not None:
            mask = ctypes.string_at(found.netmask + offset, length)
            bits = int.from_bytes(mask, "big").bit_count()
        yield ipaddress.ip_interface((address, bits))
