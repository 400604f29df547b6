"""What is wrong with bytes from a client."""

from __future__ import annotations

from ruvector_engine.errors import SqlError


class ProtocolError(SqlError):
    """Bytes that are no legal message here.

    With severity ERROR the message was framed well and the next one can be read; with FATAL the place in the
    stream is lost, or the client must go. `message_type` is the type byte of a message that was framed well.
    `untold` is an end of which PostgreSQL tells its log only: whoever sends such bytes is hardly a client.
    """

    def __init__(self, message: str, *, sqlstate: str = "08P01", fatal: bool = False, untold: bool = False) -> None:
        super().__init__(sqlstate, message, severity="FATAL" if fatal or untold else "ERROR")
        self.untold = untold
        self.message_type: int | None = None

    @property
    def fatal(self) -> bool:
        """Whether nothing more can be read from this client."""
        return self.severity == "FATAL"


class LostSync(ProtocolError):
    """A message that cannot be where it is, during COPY: it is told as an error, and then the session ends."""


class OldProtocol(ProtocolError):
    """A protocol older than 3, whose clients are told so in its own form."""


def encoding_error(error: UnicodeDecodeError) -> ProtocolError:
    """Turn a failed decoding into PostgreSQL's 22021, which shows the bytes of the first bad character."""
    data, start = error.object, error.start
    lead = data[start]
    length = 4 if lead & 0xF8 == 0xF0 else 3 if lead & 0xF0 == 0xE0 else 2 if lead & 0xE0 == 0xC0 else 1
    shown = " ".join(f"0x{byte:02x}" for byte in data[start : start + length])
    return ProtocolError(f'invalid byte sequence for encoding "UTF8": {shown}', sqlstate="22021")
