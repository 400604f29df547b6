"""The packets before a session exists: they have a length and a code, but no type byte."""

from __future__ import annotations

from struct import unpack_from

from ruvector_server.wire.errors import OldProtocol, ProtocolError
from ruvector_server.wire.messages import CancelRequest, GSSENCRequest, SSLRequest, StartupMessage

CANCEL_CODE = (1234, 5678)
SSL_CODE = (1234, 5679)
GSSENC_CODE = (1234, 5680)
#: The longest cancel secret protocol 3.2 allows, in bytes.
MAX_SECRET = 256

StartupPacket = SSLRequest | GSSENCRequest | CancelRequest | StartupMessage


def parse_startup_packet(body: bytes) -> StartupPacket:
    """Read a packet (from its code on; at least 4 bytes). Every error is fatal: there is no session to go on with."""
    major, minor = unpack_from("!HH", body)
    if (major, minor) == SSL_CODE and len(body) == 4:
        return SSLRequest()
    if (major, minor) == GSSENC_CODE and len(body) == 4:
        return GSSENCRequest()
    if (major, minor) == CANCEL_CODE:
        if not 8 < len(body) <= 8 + MAX_SECRET:
            raise ProtocolError("invalid length of query cancel packet", untold=True)
        return CancelRequest(unpack_from("!i", body, 4)[0], body[8:])
    if major != 3:
        raise unsupported_protocol(major, minor)
    return StartupMessage(major, minor, _parameters(body))


def unsupported_protocol(major: int, minor: int) -> ProtocolError:
    """What a client of another protocol, or with a request that is no longer in place, is told."""
    kind = OldProtocol if major < 3 else ProtocolError
    text = f"unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2"
    return kind(text, sqlstate="0A000", fatal=True)


def _parameters(body: bytes) -> dict[str, str]:
    """Names and values, each ended by a zero byte, and one zero byte at the end of all."""
    if len(body) < 5 or body[-1] != 0:
        raise _bad_layout()
    words = body[4:-1].split(b"\0")
    if words.pop() != b"" or len(words) % 2 or b"" in words[::2]:
        raise _bad_layout()
    # Bytes that are not UTF-8 survive the round trip: such a name is then refused as unknown, not as garbage.
    texts = [word.decode("utf-8", "surrogateescape") for word in words]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def _bad_layout() -> ProtocolError:
    return ProtocolError("invalid startup packet layout: expected terminator as last byte", fatal=True)
