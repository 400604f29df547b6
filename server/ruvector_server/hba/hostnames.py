"""Host names in the address field: a client's name must lead back to its address, as in PostgreSQL."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HostName:
    """A name, or the end of one if it begins with a dot."""

    text: str

    def fits(self, name: str) -> bool:
        """Whether a host's full name is meant."""
        wanted, given = self.text.lower(), name.lower()
        return given.endswith(wanted) if wanted.startswith(".") else given == wanted


@dataclass(slots=True)
class Resolver:
    """The names of one client, looked up when a rule asks for the first time. Blocks."""

    _name: str | None = field(default=None, init=False)
    _confirmed: bool | None = field(default=None, init=False)

    def is_named(self, address: str, wanted: HostName) -> bool:
        """Whether the name of an address fits, and the address is among those of that name."""
        if self._name is None:
            try:
                self._name = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]
            except OSError:
                self._name = ""
        if not self._name or not wanted.fits(self._name):
            return False
        if self._confirmed is None:
            try:
                found = socket.getaddrinfo(self._name, None)
            except OSError:
                found = []
            self._confirmed = address in {place[4][0] for place in found}
        return self._confirmed
