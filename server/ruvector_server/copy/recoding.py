"""COPY's ENCODING: data in another encoding, of a byte a character, between the client and the UTF-8 formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Row
from ruvector_engine.types.encodings import ENCODINGS
from ruvector_server.copy.errors import at_line


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
    """COPY FROM STDIN: hands UTF-8 on to another decoder."""

    def __init__(self, decoder: LineNumbered, encoding: str) -> None:
        self._decoder = decoder
        self._encoding = encoding

    def feed(self, data: bytes) -> None:
        """Take the next piece of data, cut anywhere."""
        try:
            text = data.decode(ENCODINGS[self._encoding])
        except UnicodeDecodeError as error:
            good = data[: error.start].decode(ENCODINGS[self._encoding])
            self._decoder.feed(good.encode())
            raise at_line(
                _no_equivalent(data[error.start : error.start + 1], self._encoding, "UTF8"),
                self._decoder.table,
                self._decoder.line_number + 1,
            ) from None
        self._decoder.feed(text.encode())

    def finish(self) -> None:
        """The data is complete: hand over the rest."""
        self._decoder.finish()


class RecodingEncoder:
    """COPY TO STDOUT: turns payloads in UTF-8 into another encoding."""

    def __init__(self, encoder: PayloadEncoder, encoding: str) -> None:
        self._encoder = encoder
        self._encoding = encoding

    def header(self) -> bytes:
        """What comes before the rows."""
        return self._recoded(self._encoder.header())

    def rows(self, batch: Sequence[Row]) -> list[bytes]:
        """One payload a row."""
        return [self._recoded(payload) for payload in self._encoder.rows(batch)]

    def trailer(self) -> bytes:
        """What comes after the rows."""
        return self._recoded(self._encoder.trailer())

    def _recoded(self, payload: bytes) -> bytes:
        try:
            return payload.decode().encode(ENCODINGS[self._encoding])
        except UnicodeEncodeError as error:
            raise _no_equivalent(error.object[error.start].encode(), "UTF8", self._encoding) from None


def _no_equivalent(character: bytes, source: str, target: str) -> SqlError:
    shown = " ".join(f"0x{byte:02x}" for byte in character)
    problem = f'character with byte sequence {shown} in encoding "{source}" has no equivalent in encoding "{target}"'
    return SqlError("22P05", problem)
