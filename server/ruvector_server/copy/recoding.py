"""COPY data in another encoding, between the client (or a file) and the UTF-8 formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Row
from ruvector_engine.types.encodings import MAX_BYTES, character_end, reader, writer
from ruvector_server.copy.errors import at_line

#: Bytes below this are never a part of a longer character.
_ALONE = 0x30
#: As far back as one of them is looked for.
_LOOK_BACK = 4096


class LineNumbered(Protocol):
    """A decoder of lines in UTF-8."""

    table: str
    line_number: int

    def feed(self, data: bytes) -> None:
        """Take the next piece of data."""

    def finish(self) -> None:
        """The data is complete."""


class PayloadEncoder(Protocol):
    """An encoder to UTF-8."""

    def header(self) -> bytes:
        """What comes before the rows."""

    def rows(self, batch: Sequence[Row]) -> list[bytes]:
        """One payload a row."""

    def trailer(self) -> bytes:
        """What comes after the rows."""


class RecodingDecoder:
    """COPY FROM: hands UTF-8 on to another decoder."""

    def __init__(self, decoder: LineNumbered, encoding: str) -> None:
        self._decoder = decoder
        self._encoding = encoding
        self._read = reader(encoding)
        self._rest = b""  # the beginning of a character, perhaps

    def feed(self, data: bytes) -> None:
        """Take the next piece of data, cut anywhere."""
        if self._encoding in MAX_BYTES:
            data = self._rest + data
            end = self._complete(data)
            data, self._rest = data[:end], data[end:]
        self._hand_on(data)

    def finish(self) -> None:
        """The data is complete: hand over the rest."""
        rest, self._rest = self._rest, b""
        self._hand_on(rest)
        self._decoder.finish()

    def _hand_on(self, data: bytes) -> None:
        try:
            text = self._read(data)
        except SqlError as error:
            self._decoder.feed(self._good(data).encode())
            raise at_line(error, self._decoder.table, self._decoder.line_number + 1) from None
        self._decoder.feed(text.encode())

    def _good(self, data: bytes) -> str:
        """What comes before the first thing that cannot be read, character by character."""
        found, at = [], 0
        while at < len(data):
            end = character_end(self._encoding, data, at)
            try:
                found.append(self._read(data[at:end]))
            except SqlError:
                break
            at = end
        return "".join(found)

    def _complete(self, data: bytes) -> int:
        """How much of the data is whole characters: up to the last byte that must be one, or counted from there."""
        at = next((i + 1 for i in range(len(data) - 1, max(len(data) - _LOOK_BACK, 0) - 1, -1) if data[i] < _ALONE), 0)
        while at < len(data):
            end = character_end(self._encoding, data, at)
            # The second byte of GB18030 says how long a character is.
            if end > len(data) or (at + 1 == len(data) and data[at] >= 0x80):
                break
            at = end
        return at


class RecodingEncoder:
    """COPY TO: turns payloads in UTF-8 into another encoding."""

    def __init__(self, encoder: PayloadEncoder, encoding: str) -> None:
        self._encoder = encoder
        self._write = writer(encoding)

    def header(self) -> bytes:
        """What comes before the rows."""
        return self._write(self._encoder.header().decode())

    def rows(self, batch: Sequence[Row]) -> list[bytes]:
        """One payload a row."""
        return [self._write(payload.decode()) for payload in self._encoder.rows(batch)]

    def trailer(self) -> bytes:
        """What comes after the rows."""
        return self._write(self._encoder.trailer().decode())
