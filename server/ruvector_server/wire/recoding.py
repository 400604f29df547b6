"""Messages of a client whose text is not in UTF-8: their strings are turned into UTF-8 before they are parsed.

The values of a Bind stay as they came: which of them are text, the statement says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ruvector_engine.errors import SqlError
from ruvector_server.wire.errors import ProtocolError
from ruvector_server.wire.messages import Frontend
from ruvector_server.wire.phases import Frame

#: By message type: where in the body its strings begin, and how many there are.
_STRINGS = {b"Q"[0]: (0, 1), b"P"[0]: (0, 2), b"B"[0]: (0, 2), b"D"[0]: (1, 1), b"C"[0]: (1, 1), b"E"[0]: (0, 1)}
_STRINGS[b"f"[0]] = (0, 1)


def recoding(frames: Mapping[int, Frame], read: Callable[[bytes], str]) -> dict[int, Frame]:
    """The frames with parsers that take strings which `read` reads."""
    return {kind: _recoding(kind, frame, read) if kind in _STRINGS else frame for kind, frame in frames.items()}


def _recoding(kind: int, frame: Frame, read: Callable[[bytes], str]) -> Frame:
    skipped, count = _STRINGS[kind]

    def parse(buffer: bytes, position: int, end: int) -> Frontend:
        at = min(position + skipped, end)
        parts = [buffer[position:at]]
        for _ in range(count):
            stop = buffer.find(0, at, end)
            if stop < 0:  # the parser will find that too
                break
            try:
                parts.append(read(buffer[at:stop]).encode() + b"\0")
            except SqlError as error:
                raise ProtocolError(error.message, sqlstate=error.sqlstate) from None
            at = stop + 1
        body = b"".join((*parts, buffer[at:end]))
        return frame.parse(body, 0, len(body))

    return Frame(parse, frame.limit)
