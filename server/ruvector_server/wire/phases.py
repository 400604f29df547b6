"""Which messages are legal when, and how long each may be: one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ruvector_server.wire import parsers
from ruvector_server.wire.limits import MAX_AUTHENTICATION_MESSAGE, MAX_LARGE_MESSAGE, MAX_SMALL_MESSAGE
from ruvector_server.wire.parsers import Parser


class Phase(Enum):
    """Where a conversation stands."""

    STARTUP = auto()  # packets without a type byte
    PASSWORD = auto()  # the client must send a password in clear
    SASL_INITIAL = auto()  # the client must choose a mechanism
    SASL_RESPONSE = auto()  # the client must go on with it
    READY = auto()
    COPY_IN = auto()  # the client sends data
    CLOSED = auto()  # nothing is read any more


@dataclass(frozen=True, slots=True)
class Frame:
    """How a message type is read. `limit` bounds its length field, in bytes."""

    parse: Parser
    limit: int


def _large(parse: Parser) -> Frame:
    return Frame(parse, MAX_LARGE_MESSAGE)


def _small(parse: Parser) -> Frame:
    return Frame(parse, MAX_SMALL_MESSAGE)


_COPY = {
    b"d": _large(parsers.parse_copy_data),
    b"c": _small(parsers.parse_copy_done),
    b"f": _small(parsers.parse_copy_fail),
    b"H": _small(parsers.parse_flush),
    b"S": _small(parsers.parse_sync),
}
_READY = {
    b"Q": _large(parsers.parse_query),
    b"P": _large(parsers.parse_parse),
    b"B": _large(parsers.parse_bind),
    b"F": _large(parsers.parse_function_call),
    b"D": _small(parsers.parse_describe),
    b"E": _small(parsers.parse_execute),
    b"C": _small(parsers.parse_close),
    b"X": _small(parsers.parse_terminate),
    b"H": _small(parsers.parse_flush),
    b"S": _small(parsers.parse_sync),
    # A client that sends COPY data cannot know yet that the COPY has failed: what is on the way is ignored.
    b"d": _large(parsers.parse_stray_copy),
    b"c": _small(parsers.parse_stray_copy),
    b"f": _small(parsers.parse_stray_copy),
}
_LEGAL: dict[Phase, dict[bytes, Frame]] = {
    Phase.STARTUP: {},
    Phase.PASSWORD: {b"p": Frame(parsers.parse_password, MAX_AUTHENTICATION_MESSAGE)},
    Phase.SASL_INITIAL: {b"p": Frame(parsers.parse_sasl_initial_response, MAX_AUTHENTICATION_MESSAGE)},
    Phase.SASL_RESPONSE: {b"p": Frame(parsers.parse_sasl_response, MAX_AUTHENTICATION_MESSAGE)},
    Phase.READY: _READY,
    Phase.COPY_IN: _COPY,
    Phase.CLOSED: {},
}
#: The table, by phase and type byte (as an integer: what indexing bytes gives).
LEGAL: dict[Phase, dict[int, Frame]] = {
    phase: {kind[0]: frame for kind, frame in frames.items()} for phase, frames in _LEGAL.items()
}


def illegal_type(phase: Phase, kind: int) -> str:
    """Return what PostgreSQL says of a message type that is not legal in a phase."""
    if phase is Phase.COPY_IN:
        return f"unexpected message type 0x{kind:02X} during COPY from stdin"
    if phase is Phase.PASSWORD:
        return f"expected password response, got message type {kind}"
    if phase in (Phase.SASL_INITIAL, Phase.SASL_RESPONSE):
        return f"expected SASL response, got message type {kind}"
    return f"invalid frontend message type {kind}"
