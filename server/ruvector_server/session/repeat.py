"""A query that a client repeats: known again by its bytes, and answered without reading them message by message.

A client that runs one prepared statement over and over sends the same Bind, Describe, Execute and Sync each time, but
for the values of the parameters. Taking the messages apart, once known, costs as much as all the rest of a short query.
Sans-IO, like the conversation that keeps one.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Result
from ruvector_engine.types.registry import Value
from ruvector_server.session.codecs import Formats
from ruvector_server.session.engine import Query
from ruvector_server.session.running import command_complete
from ruvector_server.session.state import SessionState
from ruvector_server.session.statements import Statement
from ruvector_server.wire import backend
from ruvector_server.wire.decoder import FrontendDecoder
from ruvector_server.wire.errors import ProtocolError
from ruvector_server.wire.messages import Bind, Describe, Execute, Frontend, Sync
from ruvector_server.wire.phases import Phase

#: More parameters, or longer data, than this is no short query.
MAX_PARAMETERS: Final = 16
MAX_BYTES: Final = 64 * 1024
#: Queries of one client that are kept in mind.
MAX_KNOWN: Final = 32
#: A statement that had to be run the long way so many times in a row is no short query.
MAX_MISSES: Final = 16
_BINARY: Final = 1
#: Where the statement's name begins in a Bind of the unnamed portal.
_NAME_AT: Final = 6
_READY = backend.READY_FOR_QUERY["I"]
_int32_at = Struct("!i").unpack_from


_Key: TypeAlias = tuple[int, bytes]


class Repeat:
    """What to expect of the next repetition, and how to answer it."""

    __slots__ = (
        "_columns",
        "_count",
        "_formats",
        "_head",
        "_parameter_formats",
        "_prefix",
        "_size",
        "_suffix",
        "misses",
        "statement",
    )

    def __init__(self, statement: Statement, bind: Bind, data: bytes, *, described: bool) -> None:
        """`data` is one repetition whole; its parameters are binary, none NULL, and it has been answered."""
        assert statement.rows is not None
        self.statement = statement
        self._formats: Formats = bind.result_formats
        self._parameter_formats: Formats = bind.parameter_formats
        names = len(bind.portal.encode()) + len(bind.statement.encode()) + 2
        start = 5 + names + 2 + 2 * len(bind.parameter_formats) + 2
        end = start + sum(4 + len(value) for value in bind.parameters if value is not None)
        #: Times in a row that it had to be run the long way after all.
        self.misses = 0
        self._count = len(bind.parameters)
        self._size = len(data)
        self._prefix, self._suffix = data[:start], data[end:]
        description = statement.rows.row_description(self._formats) if described else b""
        self._head = backend.BIND_COMPLETE + description
        self._columns = statement.rows.columns

    @classmethod
    def of(cls, data: bytes, state: SessionState) -> Repeat | None:
        """What a client will send again if it repeats `data`, just answered; None when that is no such query.

        SqlError or ProtocolError for what cannot have been answered but with an error.
        """
        if len(data) > MAX_BYTES:
            return None
        messages = _messages(data)
        if messages is None:
            return None
        bind, *describe, execute, _sync = messages
        assert isinstance(bind, Bind)
        assert isinstance(execute, Execute)
        if bind.portal or execute.portal or execute.max_rows > 0 or not 0 < len(bind.parameters) <= MAX_PARAMETERS:
            return None
        if None in bind.parameters or set(bind.parameter_formats) != {_BINARY}:
            return None
        statement = state.statements.find(bind.statement)
        if statement is None or statement.rows is None or statement.prepared is None:
            return None
        statement.rows.check(bind.result_formats)
        statement.rows.encoder(bind.result_formats)
        return cls(statement, bind, data, described=bool(describe))

    def values(self, data: bytes) -> list[Value] | None:
        """The parameters in `data`, if it is a repetition and they can be read; else None."""
        if len(data) != self._size or not data.startswith(self._prefix) or not data.endswith(self._suffix):
            return None
        at, end = len(self._prefix), self._size - len(self._suffix)
        values: list[Value] = []
        for decode in self.statement.decoders(self._parameter_formats, self._count):
            if at + 4 > end:
                return None
            (length,) = _int32_at(data, at)
            at += 4
            if not 0 <= length <= end - at:
                return None
            values.append(decode(data[at : at + length]))
            at += length
        return values if at == end else None

    def answer(self, result: Result) -> bytes | None:
        """All that goes to the client for a complete result; None when it is none, or its columns are others."""
        rows, columns = self.statement.rows, result.columns
        if rows is None or result.more is not None or result.close is not None or result.copy is not None:
            return None
        if columns is not self._columns and columns != self._columns:
            return None
        found: Sequence[tuple[Value, ...]] = result.rows
        data = rows.encoder(self._formats)(found) if found else b""
        return b"".join((self._head, data, command_complete(result, len(found)), _READY))


class Repetition(NamedTuple):
    """A query that has come again, ready to run."""

    repeat: Repeat
    query: Query
    data: bytes


class Repeats:
    """What one client repeats. A query is learnt when it comes the second time."""

    def __init__(self) -> None:
        self._seen: set[_Key] = set()
        self._known: dict[_Key, Repeat | None] = {}  # None: no such query

    def __bool__(self) -> bool:
        return bool(self._known)

    def find(self, data: bytes, state: SessionState) -> Repetition | None:
        """The query in `data`, if it is known."""
        key = _key(data)
        repeat = self._known.get(key)
        if repeat is None or repeat.misses >= MAX_MISSES:
            return None
        statement = repeat.statement
        if state.statements.find(statement.name) is not statement:  # closed, or another of that name
            del self._known[key]
            return None
        try:
            values = repeat.values(data)
        except SqlError:  # told by whoever reads it properly
            return None
        if values is None:
            return None
        return Repetition(repeat, Query(state.engine, statement.prepared, values), data)

    def note(self, data: bytes, state: SessionState) -> None:
        """`data` has been read and answered the long way."""
        key = _key(data)
        if key in self._known:
            return
        if key not in self._seen:
            if len(self._seen) >= MAX_KNOWN:
                self._seen.clear()
                self._known.clear()
            self._seen.add(key)
            return
        try:
            self._known[key] = Repeat.of(data, state)
        except (ProtocolError, SqlError):  # which is what it was answered with
            self._known[key] = None


def _key(data: bytes) -> _Key:
    """The size, and the Bind up to the name of its statement: with the same key it is likely the same query."""
    return len(data), data[: data.find(0, _NAME_AT)]


def _messages(data: bytes) -> list[Frontend] | None:
    """The messages, if they are Bind, perhaps Describe of the unnamed portal, Execute and Sync, and nothing else."""
    decoder = FrontendDecoder(Phase.READY)
    decoder.feed(data)
    found: list[Frontend] = []
    while len(found) < 5 and (message := decoder.next_message()) is not None:
        found.append(message)
    kinds = [type(message) for message in found]
    if decoder.buffered or kinds not in ([Bind, Execute, Sync], [Bind, Describe, Execute, Sync]):
        return None
    if len(found) == 4 and found[1] != Describe("P", ""):
        return None
    return found
