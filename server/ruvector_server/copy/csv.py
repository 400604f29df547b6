"""COPY's csv format, PostgreSQL's dialect of it: a quote may open anywhere in a field, and an unquoted null is NULL."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column, CopyIn, CopyOptions, Row
from ruvector_engine.types.text import Settings, formatter
from ruvector_engine.types.textio import Formatter
from ruvector_server.copy.errors import malformed
from ruvector_server.copy.lines import Fields, LineDecoder, fields_of


def _inner(options: CopyOptions) -> str:
    """A regular expression for what stands between quotes."""
    quote, escape = re.escape(options.quote), re.escape(options.escape)
    if options.quote == options.escape:
        return rf"(?:[^{quote}]+|{quote}{quote})*"
    return rf"(?:[^{quote}{escape}]+|{escape}[{quote}{escape}]?)*"


class CsvDecoder(LineDecoder):
    """Reads the csv format."""

    def __init__(self, copy: CopyIn, settings: Settings) -> None:
        super().__init__(copy, settings)
        options = copy.options
        quote, escape, delimiter = (re.escape(c) for c in (options.quote, options.escape, options.delimiter))
        quoted = f"{quote}(?>{_inner(options)}){quote}"
        line = rf"(?>(?:[^{quote}\r\n]+|{quoted})*)"
        self._line = re.compile(rf"({line})(\r\n|\r|\n|\Z)")
        self._byte_line = re.compile(rf"{line}(\r\n|\r|\n)".encode())
        self._field = re.compile(rf"((?>(?:[^{quote}{delimiter}]+|{quoted})*))(?:{delimiter}|(\Z))")
        self._quoted = re.compile(rf"{quote}((?>{_inner(options)})){quote}")
        self._escaped = re.compile(rf"{escape}([{quote}{escape}])")
        self._keep_null = [_is_named(column.name, options.force_not_null) for column in copy.columns]
        self._quoted_null = [_is_named(column.name, options.force_null) for column in copy.columns]
        self._forced = any(self._keep_null) or any(self._quoted_null)

    def first_newline(self, data: bytes, *, final: bool) -> str | None:
        """Skips quoted line ends; a carriage return at the very end may have its newline still to come."""
        match = self._byte_line.match(data)
        if match is None or (match[1] == b"\r" and match.end() == len(data) and not final):
            return None
        return match[1].decode()

    def complete_until(self, data: bytes) -> int:
        """Up to the last line end outside quotes."""
        options = self.options
        if options.quote != options.escape:
            return self._scan_lines(data)
        # Outside quotes, an even number of them has gone by: doubled ones inside count as two.
        quote, end = options.quote.encode(), b"\r" if self.newline == "\r" else b"\n"
        at = data.rfind(end)
        odd = at >= 0 and data.count(quote, 0, at) % 2
        while at >= 0 and odd:
            before = data.rfind(end, 0, at)
            odd ^= data.count(quote, max(before, 0), at) % 2
            at = before
        return at + 1

    def _scan_lines(self, data: bytes) -> int:
        at = 0
        while match := self._byte_line.match(data, at):
            at = match.end()
        return at

    def is_plain(self, text: str) -> bool:
        """Nothing is quoted."""
        return self.options.quote not in text

    def match_line(self, text: str, at: int) -> re.Match[str] | None:
        """Matches unless a quote is left open."""
        return self._line.match(text, at)

    def ends_copy(self, _line: str, _line_end: str) -> bool:
        """Never: this format has no such marker."""
        return False

    def may_break(self, line: str) -> bool:
        """Only quotes can have a line break between them."""
        return self.options.quote in line

    def inner_breaks(self, line: str, first: bool) -> int:
        """Quoted line breaks of the kind that ends lines; PostgreSQL takes that for CR until it has seen a line end."""
        return line.count("\n" if self.newline == "\n" and not first else "\r")

    def fields(self, line: str) -> Fields:
        """Cut at unquoted delimiters; NULL is what equals the null string without having been quoted."""
        options = self.options
        null = options.null
        if options.quote not in line and not self._forced:
            raws = line.split(options.delimiter)
            fields: Fields = list(raws) if null not in raws else [None if raw == null else raw for raw in raws]
        else:
            raws = self._raw_fields(line)
            fields = [
                self._forced_value(index, raw) if self._forced else self._value(raw) for index, raw in enumerate(raws)
            ]
        return fields if options.default is None else self.with_defaults(raws, fields)

    def _value(self, raw: str) -> str | None:
        return None if raw == self.options.null else self._unquote(raw)

    def _forced_value(self, index: int, raw: str) -> str | None:
        """FORCE_NOT_NULL and FORCE_NULL; fields beyond the last column are an error in any case."""
        value = self._unquote(raw)
        if index >= len(self._keep_null):
            return value
        if raw == self.options.null and not self._keep_null[index]:
            return None
        return None if value == self.options.null and self._quoted_null[index] else value

    def header_fields(self, line: str) -> list[tuple[str, bool]]:
        """As data fields are read."""
        return [(self._unquote(raw), raw == self.options.null) for raw in self._raw_fields(line)]

    def _raw_fields(self, line: str) -> list[str]:
        if self.options.quote not in line:
            return line.split(self.options.delimiter)
        return fields_of(self._field, line)

    def _unquote(self, raw: str) -> str:
        if self.options.quote not in raw:
            return raw
        return self._quoted.sub(lambda match: self._escaped.sub(r"\1", match[1]), raw)

    def wrong_newline(self, found: str) -> SqlError:
        """Says how to write the character that is not a line end here."""
        if found == "\n" or (found == "\r\n" and self.newline == "\r"):
            return malformed("unquoted newline found in data", "Use quoted CSV field to represent newline.")
        return malformed("unquoted carriage return found in data", "Use quoted CSV field to represent carriage return.")

    def unterminated(self) -> SqlError:
        """A quote was left open."""
        return malformed("unterminated CSV quoted field")


def _is_named(column: str, names: frozenset[str] | None) -> bool:
    """Whether an option is about a column; None: about every one."""
    return names is None or column in names


class CsvEncoder:
    """Writes the csv format, one CopyData payload a row."""

    def __init__(self, columns: Sequence[Column], options: CopyOptions, settings: Settings) -> None:
        self._names = [column.name for column in columns]
        self._options = options
        self._formatters = [formatter(column.type, settings) for column in columns]
        self._force = [_is_named(column.name, options.force_quote) for column in columns]

    def header(self) -> bytes:
        """The names of the columns, where asked for."""
        if self._options.header == "off":
            return b""
        names = [self._quote(name) if self._needs_quotes(name) else name for name in self._names]
        return f"{self._options.delimiter.join(names)}\n".encode()

    def rows(self, batch: Sequence[Row]) -> list[bytes]:
        """A line a row."""
        return [
            f"{self._options.delimiter.join(map(self._field, row, self._formatters, self._force))}\n".encode()
            for row in batch
        ]

    def trailer(self) -> bytes:
        """Nothing: CopyDone says it."""
        return b""

    def _field(self, value: object, write: Formatter, force: bool) -> str:
        if value is None:
            return self._options.null
        text = write(value)
        return self._quote(text) if force or self._needs_quotes(text) else text

    def _needs_quotes(self, text: str) -> bool:
        """Whether the text would read as something else: NULL, two fields, or (alone on its line) an end marker."""
        options = self._options
        if text == options.null or options.delimiter in text or options.quote in text or "\n" in text or "\r" in text:
            return True
        return text == "\\." and len(self._names) == 1

    def _quote(self, text: str) -> str:
        options = self._options
        if options.escape != options.quote:
            text = text.replace(options.escape, options.escape * 2)
        return f"{options.quote}{text.replace(options.quote, options.escape + options.quote)}{options.quote}"
