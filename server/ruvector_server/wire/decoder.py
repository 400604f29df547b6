"""Bytes from a client to messages, one at a time.

One rule: whatever the bytes are, `next_message` gives a message, None (more bytes are needed) or a ProtocolError.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from struct import Struct

from ruvector_server.wire import parsers
from ruvector_server.wire.errors import LostSync, ProtocolError, encoding_error
from ruvector_server.wire.limits import MAX_STARTUP_PACKET, MIN_STARTUP_PACKET
from ruvector_server.wire.messages import Frontend
from ruvector_server.wire.phases import LEGAL, Phase, illegal_type
from ruvector_server.wire.recoding import recoding
from ruvector_server.wire.startup import parse_startup_packet

_INT32 = Struct("!i").unpack_from
_SYNC = b"S\0\0\0\4"


class FrontendDecoder:
    """An incremental decoder. Set `phase` as the conversation moves on; messages not yet asked for obey it."""

    def __init__(self, phase: Phase = Phase.STARTUP) -> None:
        self._buffer = b""  # parsed up to _position
        self._position = 0
        # What came after an incomplete message. A bytearray, so that a long message arriving in small pieces is
        # not copied again and again.
        self._tail = bytearray()
        self._needed = 0  # bytes from _position on without which it is no use to look
        self._read: Callable[[bytes], str] | None = None
        self.phase = phase

    @property
    def recodes(self) -> bool:
        """Whether the client's text is in another encoding than UTF-8."""
        return self._read is not None

    def recode(self, read: Callable[[bytes], str] | None) -> None:
        """From the next message on, strings are what `read` reads; None: UTF-8."""
        self._read = read
        self.phase = self._phase

    @property
    def phase(self) -> Phase:
        """Where the conversation stands: decides which messages are legal."""
        return self._phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        self._phase = phase
        self._frames = LEGAL[phase] if self._read is None else recoding(LEGAL[phase], self._read)
        if phase is Phase.CLOSED:
            self._buffer, self._position = b"", 0
            self._tail.clear()

    @property
    def buffered(self) -> int:
        """Bytes received and not yet given out as messages."""
        return len(self._buffer) - self._position + len(self._tail)

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._position == len(self._buffer) and not self._tail:
            if self._phase is not Phase.CLOSED:
                self._buffer, self._position, self._needed = data, 0, 0
        else:
            self._tail += data

    def take_buffered(self) -> bytes:
        """Take back the bytes that were fed and not yet given out as messages."""
        taken = self._buffer[self._position :] + bytes(self._tail)
        self._buffer, self._position, self._tail = b"", 0, bytearray()
        return taken

    def next_message(self) -> Frontend | None:
        """Return the next message, or None when it has not arrived yet; ProtocolError for what is none."""
        buffer, position = self._buffer, self._position
        available = len(buffer) - position
        if self._tail:
            if available + len(self._tail) < self._needed:
                return None
            buffer = self._buffer = buffer[position:] + self._tail
            position = self._position = self._needed = 0
            self._tail = bytearray()
            available = len(buffer)
        if self._phase is Phase.STARTUP:
            return self._next_startup_packet(buffer, position, available)
        if available < 5:
            self._needed = 5
            if not available:
                self._buffer, self._position = b"", 0  # nothing keeps a long message alive
            return None
        kind = buffer[position]
        frame = self._frames.get(kind)
        if frame is None:
            raise self._illegal(kind)
        (length,) = _INT32(buffer, position + 1)
        if not 4 <= length <= frame.limit:
            raise self._fatal("invalid message length", untold=True)
        if available <= length:
            self._needed = length + 1
            return None
        position += 5
        end = self._position = position + length - 4
        try:
            return frame.parse(buffer, position, end)
        except (ProtocolError, ValueError, struct.error) as error:
            raise _parse_error(error, kind) from None

    def next_is_sync(self) -> bool:
        """Whether the next message has arrived already and is a Sync."""
        start = self._position
        return self._phase is Phase.READY and self._buffer[start : start + 5] == _SYNC

    def _next_startup_packet(self, buffer: bytes, position: int, available: int) -> Frontend | None:
        if available < 4:
            self._needed = 4
            return None
        (length,) = _INT32(buffer, position)
        if not MIN_STARTUP_PACKET <= length <= MAX_STARTUP_PACKET:
            raise self._fatal("invalid length of startup packet", untold=True)
        if available < length:
            self._needed = length
            return None
        self._position = position + length
        try:
            return parse_startup_packet(buffer[position + 4 : position + length])
        except ProtocolError:
            self.phase = Phase.CLOSED
            raise

    def _illegal(self, kind: int) -> ProtocolError:
        phase = self._phase
        self.phase = Phase.CLOSED
        return (LostSync if phase is Phase.COPY_IN else ProtocolError)(illegal_type(phase, kind), fatal=True)

    def _fatal(self, message: str, *, untold: bool = False) -> ProtocolError:
        self.phase = Phase.CLOSED
        return ProtocolError(message, fatal=True, untold=untold)


def _parse_error(error: ProtocolError | ValueError | struct.error, kind: int) -> ProtocolError:
    """What is wrong with a body, from what its parser stumbled over."""
    if isinstance(error, UnicodeDecodeError):
        found = encoding_error(error)
    elif isinstance(error, ProtocolError):
        found = error
    elif isinstance(error, struct.error):
        found = ProtocolError(parsers.INSUFFICIENT)
    else:  # no zero byte where a string should end
        found = ProtocolError("invalid string in message")
    found.message_type = kind
    return found
