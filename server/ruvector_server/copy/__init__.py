"""COPY's data formats: text, csv and binary, in and out, streamed with bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ruvector_engine.results import Column, CopyIn, CopyOptions, Row
from ruvector_engine.types.encodings import AS_UTF8
from ruvector_engine.types.text import DEFAULT_SETTINGS, Settings
from ruvector_server.copy.binary import BinaryDecoder, BinaryEncoder
from ruvector_server.copy.csv import CsvDecoder, CsvEncoder
from ruvector_server.copy.recoding import RecodingDecoder, RecodingEncoder
from ruvector_server.copy.text import TextDecoder, TextEncoder
from ruvector_server.types import client_encoding

__all__ = ["CopyDecoder", "CopyEncoder", "copy_decoder", "copy_encoder"]


class CopyDecoder(Protocol):
    """Turns the bytes of COPY FROM STDIN into batches of columns for the sink.

    Both methods may block in the sink and raise SqlError with PostgreSQL's message and CONTEXT.
    """

    def feed(self, data: bytes) -> None:
        """Take the next piece of data, cut anywhere."""

    def finish(self) -> None:
        """The data is complete: hand over the rest. Does not finish the sink."""


class CopyEncoder(Protocol):
    """Turns rows into the payloads of CopyData messages."""

    def header(self) -> bytes:
        """What comes before the rows; empty for nothing."""

    def rows(self, batch: Sequence[Row]) -> list[bytes]:
        """One payload a row."""

    def trailer(self) -> bytes:
        """What comes after the rows; empty for nothing."""


def copy_decoder(copy: CopyIn, settings: Settings = DEFAULT_SETTINGS) -> CopyDecoder:
    """The decoder for the format the COPY asks for; `settings` are the session's (TimeZone, DateStyle)."""
    if copy.options.format == "binary":
        return BinaryDecoder(copy, client_encoding(settings))
    decoder = (CsvDecoder if copy.options.format == "csv" else TextDecoder)(copy, settings)
    encoding = copy.options.encoding or client_encoding(settings)
    return decoder if encoding in AS_UTF8 else RecodingDecoder(decoder, encoding)


def copy_encoder(columns: Sequence[Column], options: CopyOptions, settings: Settings = DEFAULT_SETTINGS) -> CopyEncoder:
    """The encoder for the format the COPY asks for."""
    if options.format == "binary":
        return BinaryEncoder(columns, client_encoding(settings))
    encoder = (CsvEncoder if options.format == "csv" else TextEncoder)(columns, options, settings)
    encoding = options.encoding or client_encoding(settings)
    return encoder if encoding in AS_UTF8 else RecodingEncoder(encoder, encoding)
