"""Everything about a statement's bytes that is the same at each execution, made once and kept beside the statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column, Row
from ruvector_engine.types.array_values import mapped
from ruvector_engine.types.encodings import AS_UTF8, writer
from ruvector_engine.types.registry import BY_OID, NAME_TYPES, TEXT, TypeRef, Value
from ruvector_server.session.engine import Settings
from ruvector_server.types import binary_decoder, client_encoding, row_encoder, text_decoder, text_reader
from ruvector_server.wire import backend

Formats: TypeAlias = tuple[int, ...]
Decoder: TypeAlias = Callable[[bytes], Value]
RowEncoder: TypeAlias = Callable[[Sequence[Row]], bytes]
#: From the OID of a type (regclass, regtype, ...) and a name to the OID of what bears it; of an enum, to its label.
NameReader: TypeAlias = Callable[[int, str], int | str]

#: The settings that change how values are read and printed.
TEXT_SETTINGS = ("client_encoding", "DateStyle", "TimeZone", "IntervalStyle", "extra_float_digits", "bytea_output")
#: Combinations of formats for which a statement keeps its codecs; clients use one or two.
MAX_FORMATS = 16

T = TypeVar("T")


def keep(cache: dict[Formats, T], formats: Formats, value: T) -> None:
    """Put a value into a cache by formats, which a client that asks for all combinations empties."""
    if len(cache) >= MAX_FORMATS:
        cache.clear()
    cache[formats] = value


def name_writer(settings: Mapping[str, str]) -> Callable[[str], bytes]:
    """From text in messages to the client's bytes; what its encoding has no equivalent for becomes a question mark."""
    encoding = client_encoding(settings)
    if encoding in AS_UTF8:
        return backend.utf8
    write = writer(encoding)

    def encode(text: str) -> bytes:
        try:
            return write(text)
        except SqlError:
            return b"".join(_one_of(write, character) for character in text)

    return encode


def _one_of(write: Callable[[str], bytes], character: str) -> bytes:
    try:
        return write(character)
    except SqlError:
        return b"?"


class TextSettings:
    """How a session reads and prints values: `current()` returns the same object as long as nothing of it changes."""

    def __init__(self, settings: Settings, read_name: NameReader) -> None:
        self.read_name = read_name
        self._settings = settings
        self._generation = -1
        self._values: dict[str, str] = {}

    def current(self) -> dict[str, str]:
        """Return the values of TEXT_SETTINGS by name; not to be changed."""
        generation = self._settings.generation
        if generation != self._generation:
            self._generation = generation
            values = {name: self._settings[name] for name in TEXT_SETTINGS}
            if values != self._values:
                self._values = values
        return self._values


class RowCodec:
    """How rows of certain columns go out, by the formats asked for: none is all text, one is for all columns."""

    def __init__(self, columns: tuple[Column, ...], text: TextSettings) -> None:
        self.columns = columns
        self._text = text
        self._used = text.current()
        self._descriptions: dict[Formats, bytes] = {}
        self._encoders: dict[Formats, RowEncoder] = {}

    def row_description(self, formats: Formats) -> bytes:
        """RowDescription."""
        found = self._descriptions.get(formats)
        if found is None:
            encode = name_writer(self._text.current())
            found = backend.row_description(self.columns, self._expand(formats), encode)
            keep(self._descriptions, formats, found)
        return found

    def encoder(self, formats: Formats) -> RowEncoder:
        """Return the function from rows to DataRow messages."""
        used = self._text.current()
        if used is not self._used:
            self._used = used
            self._encoders.clear()
        found = self._encoders.get(formats)
        if found is None:
            for code in formats:
                if code not in (0, 1):
                    raise _unsupported_format(code)
            found = row_encoder(self.columns, self._expand(formats), used)
            keep(self._encoders, formats, found)
        return found

    def check(self, formats: Formats) -> None:
        """Raise PostgreSQL's error when Bind gives a wrong number of formats. Wrong ones are told when rows go out."""
        if len(formats) > 1 and len(formats) != len(self.columns):
            raise SqlError(
                "08P01",
                f"bind message has {len(formats)} result formats but query has {len(self.columns)} columns",
            )

    def _expand(self, formats: Formats) -> Formats:
        return formats if len(formats) > 1 else (formats or (0,)) * len(self.columns)


def parameter_decoders(
    oids: Sequence[int], formats: Formats, settings: Mapping[str, str], read_name: NameReader
) -> tuple[Decoder, ...]:
    """One decoder a parameter, by the formats in Bind: none is all text, one is for all; else one a parameter."""
    codes = formats if len(formats) > 1 else (formats or (0,)) * len(oids)
    return tuple(_decoder(oid, code, settings, read_name) for oid, code in zip(oids, codes, strict=True))


def _decoder(oid: int, code: int, settings: Mapping[str, str], read_name: NameReader) -> Decoder:
    if (code == 0 and oid in NAME_TYPES) or (code in (0, 1) and TypeRef(oid).enum is not None):
        read = text_reader(settings)
        return lambda data: read_name(oid, read(data))
    element = BY_OID[oid].element_oid
    if code == 0 and element in NAME_TYPES:
        texts = text_decoder(BY_OID[TEXT].array_oid, settings)
        return lambda data: _names(texts(data), lambda name: read_name(element, name))
    if code == 0:
        return text_decoder(oid, settings)
    if code == 1:
        return binary_decoder(oid, client_encoding(settings))

    def refuse(_data: bytes) -> Value:
        raise _unsupported_format(code)

    return refuse


def _names(value: Value, read: Callable[[str], int | str]) -> Value:
    """An array of texts as one of what they name."""
    assert isinstance(value, list)
    return mapped(value, read)


def _unsupported_format(code: int) -> SqlError:
    return SqlError("22023", f"unsupported format code: {code}")
