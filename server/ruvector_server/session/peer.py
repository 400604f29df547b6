"""What is known of a client before it says a word: where it is; and how its stream is encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ruvector_server.session.engine import Settings
from ruvector_server.tls import Encryption


class TcpOptions(Protocol):
    """The options of a client's TCP socket that settings are about."""

    def follow(self, settings: Settings) -> None:
        """Set them as the settings say; 0 is what the system has."""

    def value(self, name: str) -> int:
        """What the socket has for a setting."""


@dataclass(slots=True)
class Peer:
    """The other end of a socket. For a Unix-domain socket `address` is None and `port` -1; else `os_user` is None."""

    address: str | None = "127.0.0.1"
    port: int = 0
    os_user: str | None = None
    encryption: Encryption | None = None
    tcp: TcpOptions | None = None

    @property
    def place(self) -> tuple[str | None, int]:
        """The address, without the interface that an IPv6 one may name, and the port."""
        return None if self.address is None else self.address.partition("%")[0], self.port
