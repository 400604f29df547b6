"""Binary tsvector and tsquery.

A tsvector: int32 number of lexemes; of each its text and a zero byte, int16 number of positions, and of each of those
14 bits of position under 2 bits of weight. A tsquery: int32 number of nodes, from the root on, right operands first.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from ruvector_engine.errors import SqlError
from ruvector_engine.text_search import documents, queries
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query
from ruvector_engine.types import registry
from ruvector_server.types.codec import BinaryCodec, Data, decode_utf8, insufficient

_COUNT = struct.Struct(">i")
_POSITION = struct.Struct(">H")
_BYTE = struct.Struct(">B")
_OPERATORS = {"!": 1, "&": 2, "|": 3, "<->": 4}
_SYMBOLS = {number: symbol for symbol, number in _OPERATORS.items()}
_VALUE, _OPERATOR = 1, 2


class _Reader:
    def __init__(self, data: Data, read: Callable[[Data], str]) -> None:
        self._data = bytes(data)
        self._read = read
        self._at = 0

    def number(self, form: struct.Struct) -> int:
        if self._at + form.size > len(self._data):
            raise insufficient()
        (value,) = form.unpack_from(self._data, self._at)
        self._at += form.size
        return int(value)

    def byte(self) -> int:
        return self.number(_BYTE)

    def text(self) -> str:
        end = self._data.find(0, self._at)
        if end < 0:
            raise SqlError("08P01", "invalid string in message")
        found = self._read(self._data[self._at : end])
        self._at = end + 1
        return found

    def finish(self) -> None:
        if self._at != len(self._data):
            raise SqlError("22P03", "incorrect binary data format")


def _decode_tsvector(read: Callable[[Data], str], data: Data) -> str:
    reader = _Reader(data, read)
    count = reader.number(_COUNT)
    if not 0 <= count <= len(data):
        raise SqlError("XX000", "invalid size of tsvector")
    entries: dict[str, list[documents.Position]] = {}
    for _ in range(count):
        lexeme = reader.text()
        positions = [reader.number(_POSITION) for _ in range(reader.number(_POSITION))]
        if not lexeme or len(lexeme.encode()) > documents.MAX_LEXEME_BYTES:
            raise SqlError("XX000", "invalid tsvector: lexeme too long")
        entries[lexeme] = [(entry & 0x3FFF, entry >> 14) for entry in positions]
    reader.finish()
    return documents.write(documents.ordered(entries))


def _encode_tsvector(write: Callable[[str], bytes], value: str) -> bytes:
    vector = documents.read(value)
    parts = [_COUNT.pack(len(vector))]
    for lexeme, positions in vector.items():
        parts += [write(lexeme), b"\0", _POSITION.pack(len(positions))]
        parts += [_POSITION.pack(weight << 14 | position) for position, weight in positions]
    return b"".join(parts)


def _decode_tsquery(read: Callable[[Data], str], data: Data) -> str:
    reader = _Reader(data, read)
    count = reader.number(_COUNT)
    if not 0 <= count <= len(data):
        raise SqlError("XX000", "invalid size of tsquery")
    query = _decode_node(reader) if count else None
    reader.finish()
    return queries.write(query)


def _decode_node(reader: _Reader) -> Query:
    kind = reader.byte()
    if kind == _VALUE:
        weights, prefix = reader.byte(), reader.byte()
        if weights > 0xF:
            raise SqlError("XX000", "invalid tsquery: invalid weight bitmap")
        return Lexeme(reader.text(), weights, bool(prefix))
    if kind != _OPERATOR:
        raise SqlError("XX000", f"unrecognized tsquery node type: {kind}")
    symbol = _SYMBOLS.get(number := reader.byte())
    if symbol is None:
        raise SqlError("XX000", f"invalid tsquery: unrecognized operator type {number}")
    if symbol == "!":
        return Not(_decode_node(reader))
    distance = reader.number(_POSITION) if symbol == "<->" else 1
    right = _decode_node(reader)
    return Both(symbol, _decode_node(reader), right, distance)  # type: ignore[arg-type]


def _encode_tsquery(write: Callable[[str], bytes], value: str) -> bytes:
    query = queries.read(value)
    nodes = [] if query is None else _encoded_nodes(write, query)
    return _COUNT.pack(len(nodes)) + b"".join(nodes)


def _encoded_nodes(write: Callable[[str], bytes], query: Query) -> list[bytes]:
    if isinstance(query, Lexeme):
        return [bytes((_VALUE, query.weights, query.prefix)) + write(query.text) + b"\0"]
    if isinstance(query, Not):
        return [bytes((_OPERATOR, _OPERATORS["!"])), *_encoded_nodes(write, query.operand)]
    assert isinstance(query, Both)
    head = bytes((_OPERATOR, _OPERATORS[query.operator]))
    if query.operator == "<->":
        head += _POSITION.pack(query.distance)
    return [head, *_encoded_nodes(write, query.right), *_encoded_nodes(write, query.left)]


def codecs(read: Callable[[Data], str], write: Callable[[str], bytes]) -> dict[int, BinaryCodec]:
    """The codecs for a client whose text `read` and `write` know the bytes of."""
    return {
        registry.TSVECTOR: BinaryCodec(partial(_decode_tsvector, read), partial(_encode_tsvector, write)),
        registry.TSQUERY: BinaryCodec(partial(_decode_tsquery, read), partial(_encode_tsquery, write)),
    }


CODECS: dict[int, BinaryCodec] = codecs(decode_utf8, str.encode)
