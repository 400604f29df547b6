"""What is set on a client's socket, and what it tells of the client."""

from __future__ import annotations

import logging
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Final

from ruvector_server.session.engine import Settings
from ruvector_server.session.peer import Peer

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How long a client may take to say who it is, in seconds."""

    authentication_timeout: float = 60.0


#: The settings that are about a TCP socket, and its options.
OPTIONS: Final = {
    "tcp_keepalives_idle": socket.TCP_KEEPIDLE,
    "tcp_keepalives_interval": socket.TCP_KEEPINTVL,
    "tcp_keepalives_count": socket.TCP_KEEPCNT,
    "tcp_user_timeout": socket.TCP_USER_TIMEOUT,
}


class TcpOptions:
    """A client's TCP socket, as its session's settings see it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._system = {name: self.value(name) for name in OPTIONS}
        self._applied = dict.fromkeys(OPTIONS, 0)

    def follow(self, settings: Settings) -> None:
        """Set the options as the settings say; 0 is what the system had for this socket."""
        for name, option in OPTIONS.items():
            wanted = int(settings[name])
            if wanted == self._applied[name]:
                continue
            self._applied[name] = wanted
            try:
                self._sock.setsockopt(socket.IPPROTO_TCP, option, wanted or self._system[name])
            except OSError as error:  # as in PostgreSQL, that is no error of the statement
                _log.warning("%s could not be set to %d: %s", name, wanted, error.strerror)

    def value(self, name: str) -> int:
        """What the socket has for a setting."""
        return self._sock.getsockopt(socket.IPPROTO_TCP, OPTIONS[name])


def prepare(sock: socket.socket) -> None:
    """Set the options of a client's socket."""
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def peer_of(sock: socket.socket) -> Peer:
    """Who is at the other end. OSError when it has reset the connection already."""
    if sock.family == socket.AF_UNIX:
        return Peer(None, -1, os_user=_owner(sock))
    address, port = sock.getpeername()[:2]
    return Peer(address, port, tcp=TcpOptions(sock))


#: Who has reset the connection before it could be asked.
NOBODY = Peer("0.0.0.0", 0)


def _owner(sock: socket.socket) -> str | None:
    """The user of the operating system at the other end of a Unix-domain socket."""
    _pid, uid, _gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
