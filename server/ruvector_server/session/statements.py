"""Prepared statements and portals: what Parse and Bind make, and Execute runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Result, Row
from ruvector_engine.types.registry import Value
from ruvector_server.session.codecs import Decoder, Formats, RowCodec, TextSettings, keep, parameter_decoders
from ruvector_server.session.engine import Prepared
from ruvector_server.wire import backend
from ruvector_server.wire.messages import Bind
from ruvector_server.wire.parsers import parameter_owner


class Statement:
    """A prepared statement with the codecs of its parameters and rows. `prepared` is None for an empty query."""

    __slots__ = ("_decoders", "_text", "_used", "described", "name", "parameters", "prepared", "rows")

    def __init__(self, name: str, prepared: Prepared | None, text: TextSettings) -> None:
        self.name = name
        self.prepared = prepared
        self.parameters: tuple[int, ...] = () if prepared is None else prepared.description.parameters
        columns = None if prepared is None else prepared.description.columns
        self.rows = None if columns is None else RowCodec(columns, text)
        self._text = text
        self._used = text.current()
        self._decoders: dict[Formats, tuple[Decoder, ...]] = {}
        self.described: bytes | None = None

    def describe(self) -> bytes:
        """ParameterDescription, then RowDescription (the formats being unknown yet: text) or NoData."""
        if self.described is None:
            rows = backend.NO_DATA if self.rows is None else self.rows.row_description(())
            self.described = backend.parameter_description(self.parameters) + rows
        return self.described

    def values(self, message: Bind) -> list[Value]:
        """Decode the parameters of a Bind; SqlError for wrong numbers, formats or contents."""
        given = message.parameters
        decoders = self.decoders(message.parameter_formats, len(given))
        if not given:
            return []
        values: list[Value] = []
        try:
            for decode, data in zip(decoders, given, strict=True):
                values.append(None if data is None else decode(data))
        except SqlError as error:
            if error.sqlstate == "22P03":
                error.message += f" in bind parameter {len(values) + 1}"
            error.context = _parameter_context(message, len(values), error)
            raise
        return values

    def decoders(self, formats: Formats, given: int) -> tuple[Decoder, ...]:
        """What decodes so many parameters in these formats, one each; SqlError for wrong numbers."""
        used = self._text.current()
        if used is not self._used:
            self._used = used
            self._decoders.clear()
        decoders = self._decoders.get(formats)
        if decoders is None or given != len(decoders):
            decoders = self._make_decoders(formats, given)
        return decoders

    def _make_decoders(self, formats: Formats, given: int) -> tuple[Decoder, ...]:
        if len(formats) > 1 and len(formats) != given:
            raise SqlError("08P01", f"bind message has {len(formats)} parameter formats but {given} parameters")
        if given != len(self.parameters):
            raise SqlError(
                "08P01",
                f'bind message supplies {given} parameters, but prepared statement "{self.name}" '
                f"requires {len(self.parameters)}",
            )
        decoders = parameter_decoders(self.parameters, formats, self._used, self._text.read_name)
        keep(self._decoders, formats, decoders)
        return decoders


def _parameter_context(message: Bind, index: int, error: SqlError) -> str:
    """PostgreSQL says which parameter, and of a text that could be read, that there is a value it does not show."""
    formats = message.parameter_formats
    code = 0 if not formats else formats[0] if len(formats) == 1 else formats[index]
    value = "" if code or error.sqlstate == "22021" else " = '...'"
    own = f"{parameter_owner(message.portal)} parameter ${index + 1}{value}"
    return own if error.context is None else f"{error.context}\n{own}"


class Statements:
    """A session's prepared statements by name: with their codecs here, without them in the engine session's table.

    SQL sees the same names (PREPARE makes one, DEALLOCATE drops it), so the engine's table says what exists. The
    unnamed statement is the protocol's alone.
    """

    def __init__(self, prepared: dict[str, Prepared | None], text: TextSettings) -> None:
        self._prepared = prepared
        self._text = text
        self._named: dict[str, Statement] = {}
        self._unnamed: Statement | None = None

    def get(self, name: str) -> Statement:
        """Return a statement; 26000 when there is none of that name."""
        found = self.find(name)
        if found is None:
            shown = f'prepared statement "{name}"' if name else "unnamed prepared statement"
            raise SqlError("26000", f"{shown} does not exist")
        return found

    def find(self, name: str) -> Statement | None:
        """Return a statement, if there is one of that name."""
        if not name:
            return self._unnamed
        found = self._named.get(name)
        if name not in self._prepared:
            return None
        prepared = self._prepared[name]
        if found is None or found.prepared is not prepared:
            found = self._named[name] = Statement(name, prepared, self._text)
        return found

    def store(self, name: str, prepared: Prepared | None) -> None:
        """Keep a statement; 42P05 when there is one of that name already."""
        if not name:
            self._unnamed = Statement("", prepared, self._text)
            return
        if name in self._prepared:
            raise SqlError("42P05", f'prepared statement "{name}" already exists')
        self._prepared[name] = prepared
        if len(self._named) > 2 * len(self._prepared):  # SQL has dropped many
            self._named = {known: found for known, found in self._named.items() if known in self._prepared}

    def renew(self) -> None:
        """Make all codecs anew: the client has another encoding."""
        self._named.clear()
        if self._unnamed is not None:
            self._unnamed = Statement("", self._unnamed.prepared, self._text)

    def drop(self, name: str) -> None:
        """Forget a statement, if there is one of that name."""
        if name:
            self._prepared.pop(name, None)
            self._named.pop(name, None)
        else:
            self._unnamed = None


class Portal:
    """A statement with its values: ready to run, running, or done."""

    __slots__ = (
        "_close",
        "_position",
        "_rows",
        "formats",
        "level",
        "more",
        "name",
        "result",
        "statement",
        "suspended",
        "values",
    )

    def __init__(
        self, name: str, statement: Statement, values: Sequence[Value], formats: Formats, level: int = 0
    ) -> None:
        """`level` is the number of savepoints that there were when it was made."""
        self.name = name
        self.statement = statement
        self.values = values
        self.formats = formats
        self.level = level
        self.suspended = False  # by a limit, at least once
        self.result: Result | None = None  # None until it runs
        self.more: Callable[[int], list[Row]] | None = None
        self._rows: Sequence[Row] = ()
        self._position = 0  # rows before it have been sent
        self._close: Callable[[], None] | None = None

    def start(self, result: Result) -> None:
        """Take what running the statement gave."""
        self.result = result
        self.more = result.more
        self._rows = result.rows
        self._close = result.close

    def take(self, count: int) -> Sequence[Row]:
        """Return up to `count` rows of those already fetched."""
        start, self._position = self._position, self._position + count
        return self._rows if start == 0 and count >= len(self._rows) else self._rows[start : start + count]

    def refill(self, rows: list[Row]) -> None:
        """Take rows that `more` gave; none means that there are no more."""
        self._rows, self._position = rows, 0
        if not rows:
            self.more = None

    def take_close(self) -> Callable[[], None] | None:
        """Return what frees the result, the first time; it may block. The portal gives no rows any more."""
        close, self._close = self._close, None
        self._rows, self.more = (), None
        return close
