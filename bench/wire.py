"""A PostgreSQL client that does nothing but repeat one prepared k-NN query, so that its own cost is small.

Standard library only: the client processes of a measurement import this and start fast. Errors end the measurement.
"""

from __future__ import annotations

import socket
import struct

_READY_IDLE = b"Z\x00\x00\x00\x05I"
_RECEIVE = 1 << 16
_PROTOCOL_3_0 = 196608
_BINARY = 1


class ServerError(RuntimeError):
    """The server sent an ErrorResponse, or something no measurement expects."""


def vector_parameter(values: bytes) -> bytes:
    """Return pgvector's binary form of a vector whose elements are given as big-endian float32 bytes."""
    return struct.pack("!hh", len(values) // 4, 0) + values


class Connection:
    """One connection, trust authentication, blocking."""

    def __init__(self, port: int, database: str = "postgres") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        parameters = f"user\0postgres\0database\0{database}\0\0".encode()
        self._socket.sendall(struct.pack("!ii", len(parameters) + 8, _PROTOCOL_3_0) + parameters)
        self._messages(self._reply())

    def execute(self, sql: str) -> None:
        """Run a statement with the simple protocol."""
        self._socket.sendall(_message(b"Q", sql.encode() + b"\0"))
        self._messages(self._reply())

    def prepare(self, sql: str) -> None:
        """Prepare the statement that `query_message` executes; its parameter types are left to the server."""
        self._socket.sendall(_message(b"P", b"knn\0" + sql.encode() + b"\0\0\0") + _message(b"S", b""))
        self._messages(self._reply())

    def query(self, message: bytes) -> bytes:
        """Send what `query_message` made and return the whole answer, unread."""
        self._socket.sendall(message)
        return self._reply()

    def ids(self, message: bytes) -> list[int]:
        """Run one query and return the int8 in the first column of each row."""
        rows = [body for kind, body in self._messages(self.query(message)) if kind == b"D"]
        return [struct.unpack_from("!q", row, 6)[0] for row in rows]

    def close(self) -> None:
        """Say goodbye."""
        self._socket.sendall(_message(b"X", b""))
        self._socket.close()

    def check(self, answer: bytes) -> None:
        """Raise ServerError when an answer contains an error."""
        self._messages(answer)

    def _reply(self) -> bytes:
        data = self._socket.recv(_RECEIVE)
        while not data.endswith(_READY_IDLE):
            more = self._socket.recv(_RECEIVE)
            if not more:
                self._messages(data)
                raise ServerError("the server closed the connection")
            data += more
        return data

    @staticmethod
    def _messages(data: bytes) -> list[tuple[bytes, bytes]]:
        messages = []
        at = 0
        while at + 5 <= len(data):
            kind, length = data[at : at + 1], struct.unpack_from("!i", data, at + 1)[0]
            body = data[at + 5 : at + 1 + length]
            if kind == b"E":
                raise ServerError(body.replace(b"\0", b" ").decode(errors="replace"))
            messages.append((kind, body))
            at += 1 + length
        return messages


def query_message(parameter: bytes) -> bytes:
    """Return Bind, Describe, Execute and Sync with one binary parameter and binary results, as libpq sends them."""
    bind = b"\0knn\0" + struct.pack("!hhhi", 1, _BINARY, 1, len(parameter)) + parameter + struct.pack("!hh", 1, _BINARY)
    return (
        _message(b"B", bind)
        + _message(b"D", b"P\0")
        + _message(b"E", b"\0" + struct.pack("!i", 0))
        + _message(b"S", b"")
    )


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body
