"""A client on a socket that sends any messages, or any bytes at all."""

from __future__ import annotations

import socket

from tests.server.dialogue import STARTUP
from tests.wire.client import Backend, encode, split

from ruvector_server.wire import messages as m


class RawClient:
    """Connected from the start; with a session of its own unless `startup` is None."""

    def __init__(self, port: int, *, startup: m.StartupMessage | None = STARTUP) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(20)
        self._rest = b""
        if startup is not None:
            self.send(startup)
            self.until("ReadyForQuery")

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send(self, *messages: m.Frontend) -> None:
        self.send_bytes(b"".join(map(encode, messages)))

    def until(self, name: str) -> list[Backend]:
        """The messages up to one of that name; fewer when the server closes the connection."""
        found: list[Backend] = []
        while not any(message.name == name for message in found):
            data = self.socket.recv(65536)
            if not data:
                break
            messages, self._rest = split(self._rest + data)
            found += messages
        return found

    def at_end(self) -> bool:
        """Whether the server has closed the connection, after anything it may still have sent."""
        while data := self.socket.recv(65536):
            self._rest += data
        return True
