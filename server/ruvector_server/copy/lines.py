"""What COPY's text and csv formats share: data in pieces becomes lines, lines become fields, fields become values.

Whole pieces are split at once where nothing in them needs care (escapes, quotes, carriage returns); the careful way
goes line by line. Values are converted column by column; when that fails, row by row, to find the error that comes
first.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias

from ruvector_engine.errors import SqlError
from ruvector_engine.results import DEFAULT_VALUE, CopyIn, Default
from ruvector_engine.types import registry
from ruvector_engine.types.registry import TypeRef
from ruvector_engine.types.text import Settings, parser
from ruvector_engine.types.textio import Parser
from ruvector_server.copy.batches import ColumnBatches
from ruvector_server.copy.errors import at_column, at_line, malformed
from ruvector_server.types.codec import invalid_utf8

#: A line that grows beyond this is refused: it would have to be held in memory whole.
MAX_LINE_BYTES = 256 * 1024 * 1024

_VERBATIM = frozenset({registry.TEXT, registry.VARCHAR})

#: A field's text; None for NULL, or the sign that the column's default is asked for.
Field: TypeAlias = str | Default | None
Fields: TypeAlias = list[Field]


def fields_of(field: re.Pattern[str], line: str) -> list[str]:
    """A line cut into raw fields: `field` matches one (group 1) and the delimiter, or the line's end (group 2)."""
    fields: list[str] = []
    at = 0
    while True:
        match = field.match(line, at)
        assert match is not None
        fields.append(match[1])
        if match[2] is not None:
            return fields
        at = match.end()


class LineDecoder(ABC):
    """COPY FROM STDIN for formats made of lines. Feed bytes in any pieces, then finish; both may block in the sink."""

    def __init__(self, copy: CopyIn, settings: Settings) -> None:
        self.options = copy.options
        self.table = copy.table
        self.columns = copy.columns
        self.done = False  # the end-of-copy marker was read
        self.newline: str | None = None  # the style of the first line's end is everyone's
        self.line_number = 0
        self._parsers = [_column_parser(column.type, settings) for column in copy.columns]
        self._sink = copy.sink
        self._batches = ColumnBatches(copy.sink, len(copy.columns))
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._header_due = copy.options.header != "off"
        self._with_default = [column.name in copy.with_default for column in copy.columns]

    @abstractmethod
    def complete_until(self, data: bytes) -> int:
        """The length of the longest prefix that consists of whole lines; `newline` is known."""

    @abstractmethod
    def first_newline(self, data: bytes, *, final: bool) -> str | None:
        """The style of the first line's end, or None when it is not there yet."""

    @abstractmethod
    def is_plain(self, text: str) -> bool:
        """Whether lines may be cut at every newline."""

    @abstractmethod
    def match_line(self, text: str, at: int) -> re.Match[str] | None:
        """The line at that offset as groups (content, line end); None when it does not end."""

    @abstractmethod
    def fields(self, line: str) -> Fields:
        """The line's fields, NULLs as None."""

    @abstractmethod
    def header_fields(self, line: str) -> list[tuple[str, bool]]:
        """The header line's fields, each with whether it reads as NULL."""

    @abstractmethod
    def wrong_newline(self, found: str) -> SqlError:
        """The error for a line end in another style than the first one's."""

    @abstractmethod
    def unterminated(self) -> SqlError:
        """The error for a last line that does not end."""

    @abstractmethod
    def ends_copy(self, line: str, line_end: str) -> bool:
        """Whether the line is the end-of-copy marker."""

    def may_break(self, _line: str) -> bool:
        """Whether `inner_breaks` may be more than 0."""
        return False

    def with_defaults(self, raws: Sequence[str], values: Fields) -> Fields:
        """The fields, with DEFAULT_VALUE for those that were written as the option DEFAULT says."""
        marker = self.options.default
        if marker is None or marker not in raws:
            return values
        for index, raw in enumerate(raws):
            if raw == marker and index < len(self.columns):
                if not self._with_default[index]:
                    error = malformed("unexpected default marker in COPY data")
                    error.detail = f'Column "{self.columns[index].name}" has no default value.'
                    raise error
                values[index] = DEFAULT_VALUE
        return values

    @abstractmethod
    def inner_breaks(self, line: str, first: bool) -> int:
        """How many more lines the line counts for, having line breaks inside; `first`: no line came before it."""

    def feed(self, data: bytes) -> None:
        """Take the next piece of data."""
        if self.done or not data:
            return
        self._pending.append(data)
        self._pending_size += len(data)
        if b"\n" not in data and b"\r" not in data and self.newline is not None:
            self._check_size()
            return
        buffered = b"".join(self._pending)
        if self.newline is None:
            self.newline = self.first_newline(buffered, final=False)
        end = self.complete_until(buffered) if self.newline is not None else 0
        self._keep(buffered[end:])
        if end:
            self._take(buffered[:end])

    def finish(self) -> None:
        """Take what is left as the last line, and hand everything to the sink."""
        rest = b"".join(self._pending)
        self._keep(b"")
        if self.newline is None:
            self.newline = self.first_newline(rest, final=True)
        if rest and not self.done:
            self._take(rest)
        if self._header_due and not self.done:
            self._header("")
        self._batches.flush()

    def _keep(self, rest: bytes) -> None:
        self._pending = [rest] if rest else []
        self._pending_size = len(rest)
        self._check_size()

    def _check_size(self) -> None:
        if self._pending_size > MAX_LINE_BYTES:
            error = SqlError("54000", f"COPY line exceeds the maximum allowed size ({MAX_LINE_BYTES} bytes)")
            raise at_line(error, self.table, self.line_number + 1)

    def _take(self, data: bytes) -> None:
        """Decode whole lines (the last one may lack its end)."""
        try:
            text = data.decode()
            bad = text.find("\0")
            start = len(text[:bad].encode()) if bad >= 0 else -1
        except UnicodeDecodeError as error:
            start = error.start
        if start < 0:
            self._take_text(text, len(data))
            return
        before = self.complete_until(data[:start]) if self.newline is not None else 0
        self._take_text(data[:before].decode(), before)
        if not self.done:
            raise at_line(invalid_utf8(data, start), self.table, self.line_number + 1)

    def _take_text(self, text: str, size: int) -> None:
        if not text:
            return
        lines = self._lines(text)
        if self._header_due and lines:
            self._header(lines.pop(0))
        if lines:
            self._rows(lines, size)

    def _lines(self, text: str) -> list[str]:
        uniform = text.count("\r") == (text.count("\r\n") if self.newline == "\r\n" else 0)
        if self.newline == "\r" or not uniform or not self.is_plain(text):
            return self._careful_lines(text)
        if self.newline == "\r\n":
            if text.count("\n") != text.count("\r"):
                return self._careful_lines(text)
            text = text.replace("\r\n", "\n")
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        return lines

    def _careful_lines(self, text: str) -> list[str]:
        """Line by line, until the end-of-copy marker or the first line that is wrong."""
        lines: list[str] = []
        at = 0
        while at < len(text):
            match = self.match_line(text, at)
            if match is None:
                self._fail_after(lines, self.unterminated(), text[at:])
            line, line_end = match.groups()
            try:
                if self.ends_copy(line, line_end):
                    self.done = True
                    break
                if line_end and line_end != self.newline:
                    raise self.wrong_newline(line_end)
            except SqlError as error:
                self._fail_after(lines, error, None)
            lines.append(line)
            at = match.end()
        return lines

    def _fail_after(self, lines: list[str], error: SqlError, content: str | None) -> NoReturn:
        """Deal with the lines before the wrong one, which may hold earlier errors, then raise."""
        if self._header_due and lines:
            self._header(lines.pop(0))
        if lines:
            self._rows(lines, 0)
        number = self._number_after(self.line_number, content or "")
        raise at_line(error, self.table, number, content)

    def _number_after(self, number: int, line: str) -> int:
        """The number of a line that follows line `number`: that of its last part."""
        return number + 1 + self.inner_breaks(line, number == 0)

    def _header(self, line: str) -> None:
        self._header_due = False
        self.line_number = self._number_after(self.line_number, line)
        if self.options.header != "match":
            return
        found, names = self.header_fields(line), [column.name for column in self.columns]
        if len(found) != len(names):
            problem = f"wrong number of fields in header line: got {len(found)}, expected {len(names)}"
            raise at_line(malformed(problem), self.table, self.line_number, line)
        for number, ((got, is_null), name) in enumerate(zip(found, names, strict=True), 1):
            if is_null or got != name:
                shown = f'null value ("{self.options.null}")' if is_null else f'"{got}"'
                problem = f'column name mismatch in header line field {number}: got {shown}, expected "{name}"'
                raise at_line(malformed(problem), self.table, self.line_number, line)

    def _rows(self, lines: list[str], size: int) -> None:
        try:
            rows = [self.fields(line) for line in lines]
            # strict: rows of different lengths are a ValueError, and so is a wrong number of columns.
            columns = [
                _convert(values, parse) for values, parse in zip(zip(*rows, strict=True), self._parsers, strict=True)
            ]
        except (SqlError, ValueError):
            if self.options.on_error == "ignore":
                self._rows_that_fit(lines, size)
                return
            self._find_error(lines)
            raise
        self._batches.add(columns, size, self._count(lines), lines)

    def _count(self, lines: list[str]) -> Sequence[int]:
        """The numbers of the next lines."""
        before, count = self.line_number, len(lines)
        if not any(map(self.may_break, lines)):
            self.line_number += count
            return range(before + 1, before + 1 + count)
        numbers = []
        for line in lines:
            self.line_number = self._number_after(self.line_number, line)
            numbers.append(self.line_number)
        return numbers

    def _rows_that_fit(self, lines: list[str], size: int) -> None:
        """Row by row, without those that have a value its type refuses.

        As in PostgreSQL, where a vector's input function has no way to refuse but with an error, that stays one.
        """
        kept: list[list[Any]] = []
        numbers: list[int] = []
        kept_lines: list[str] = []
        for line in lines:
            self.line_number = self._number_after(self.line_number, line)
            fields = self._fields_of(line, self.line_number)
            row: list[Any] = []
            for column, parse, value in zip(self.columns, self._parsers, fields, strict=True):
                try:
                    row.append(parse(value) if isinstance(value, str) and parse is not None else value)
                except SqlError as error:
                    if column.type.is_vector:
                        raise at_column(error, self.table, self.line_number, column.name, str(value)) from None
                    self._skip(column.name, value if isinstance(value, str) else None)
                    break
            else:
                kept.append(row)
                numbers.append(self.line_number)
                kept_lines.append(line)
        if kept:
            self._batches.add(list(zip(*kept, strict=True)), size, numbers, kept_lines)

    def _skip(self, column: str, value: str | None) -> None:
        try:
            self._sink.skip(self.line_number, column, value)
        except SqlError as error:
            raise at_column(error, self.table, self.line_number, column, value) from None

    def _fields_of(self, line: str, number: int) -> Fields:
        """The line's fields, as many as there are columns; else an error that ON_ERROR does not ignore."""
        try:
            fields = self.fields(line)
            if len(fields) > len(self.columns):
                raise malformed("extra data after last expected column")
            if len(fields) < len(self.columns):
                raise malformed(f'missing data for column "{self.columns[len(fields)].name}"')
        except SqlError as error:
            raise at_line(error, self.table, number, line) from None
        return fields

    def _find_error(self, lines: list[str]) -> None:
        """Convert row by row and raise the first error with its place."""
        number = self.line_number
        for line in lines:
            number = self._number_after(number, line)
            try:
                fields = self.fields(line)
                if len(fields) > len(self.columns):
                    raise malformed("extra data after last expected column")
            except SqlError as error:
                raise at_line(error, self.table, number, line) from None
            self._convert_row(fields, line, number)

    def _convert_row(self, fields: Fields, line: str, number: int) -> None:
        for index, (column, parse) in enumerate(zip(self.columns, self._parsers, strict=True)):
            if index >= len(fields):
                error = malformed(f'missing data for column "{column.name}"')
                raise at_line(error, self.table, number, line)
            value = fields[index]
            if isinstance(value, str) and parse is not None:
                try:
                    parse(value)
                except SqlError as error:
                    raise at_column(error, self.table, number, column.name, value) from None


def _column_parser(type_ref: TypeRef, settings: Settings) -> Parser | None:
    """The column's input function; None when the text is the value."""
    if type_ref.oid in _VERBATIM and type_ref.typmod < 0:
        return None
    return parser(type_ref, settings)


def _convert(values: Sequence[Field], parse: Parser | None) -> Sequence[Any]:
    if parse is None:
        return values
    if None in values or DEFAULT_VALUE in values:
        return [parse(value) if isinstance(value, str) else value for value in values]
    return list(map(parse, values))  # type: ignore[arg-type]
