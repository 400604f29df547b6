"""COPY's text format: tabs, newlines, backslash escapes, \\N for NULL."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column, CopyIn, CopyOptions, Row
from ruvector_engine.types.text import Settings, formatter
from ruvector_server.copy.errors import malformed
from ruvector_server.copy.lines import Fields, LineDecoder, fields_of
from ruvector_server.types.codec import decode_utf8

_LINE = re.compile(r"((?>(?:[^\\\r\n]+|\\.)*)\\?)(\r\n|\r|\n|\Z)", re.DOTALL)
_FIRST_END = re.compile(rb"(?>(?:[^\\\r\n]+|\\.)*)(\r\n|\r|\n)", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.)|\Z)", re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_CONTROL = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_ESCAPED = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\"}
_MARKER = "\\."


class TextDecoder(LineDecoder):
    """Reads the text format."""

    def __init__(self, copy: CopyIn, settings: Settings) -> None:
        super().__init__(copy, settings)
        delimiter = re.escape(copy.options.delimiter)
        self._field = re.compile(rf"((?>(?:[^\\{delimiter}]+|\\.)*)\\?)(?:{delimiter}|(\Z))", re.DOTALL)

    def first_newline(self, data: bytes, *, final: bool) -> str | None:
        """Skips escaped line ends; a carriage return at the very end may have its newline still to come."""
        match = _FIRST_END.match(data)
        if match is None or (match[1] == b"\r" and match.end() == len(data) and not final):
            return None
        return match[1].decode()

    def complete_until(self, data: bytes) -> int:
        """Up to the last line end that no backslash escapes."""
        end = b"\r" if self.newline == "\r" else b"\n"
        at = data.rfind(end)
        while at >= 0:
            before = data[:at].rstrip(b"\\") if data[at - 1 : at] == b"\\" else data[:at]
            if (at - len(before)) % 2 == 0:
                return at + 1
            at = data.rfind(end, 0, at)
        return 0

    def is_plain(self, text: str) -> bool:
        """No line end is escaped, and nothing looks like the end-of-copy marker."""
        return "\\" not in text or not ("\\\n" in text or "\\\r" in text or _MARKER in text)

    def match_line(self, text: str, at: int) -> re.Match[str] | None:
        """Always matches: a last line needs no end."""
        return _LINE.match(text, at)

    def ends_copy(self, line: str, line_end: str) -> bool:
        """The marker must have a line of its own, ended as all lines are."""
        if _MARKER not in line:
            return False
        if line == _MARKER and line_end:
            if self.newline not in (None, line_end):
                raise malformed("end-of-copy marker does not match previous newline style")
            return True
        if any(match[1] == "." for match in _PAIR.finditer(line)):
            raise malformed("end-of-copy marker is not alone on its line")
        return False

    def inner_breaks(self, _line: str, _first: bool) -> int:
        """None: escaped line ends do not count."""
        return 0

    def fields(self, line: str) -> Fields:
        """Cut at unescaped delimiters; NULL is recognised before escapes are undone."""
        null, delimiter = self.options.null, self.options.delimiter
        if "\\" not in line:
            parts: list[str] = line.split(delimiter)
            fields: Fields = list(parts) if null not in parts else [None if part == null else part for part in parts]
            return fields if self.options.default is None else self.with_defaults(parts, fields)
        raws = self._raw_fields(line)
        fields = [None if raw == null else _unescape(raw) if "\\" in raw else raw for raw in raws]
        return fields if self.options.default is None else self.with_defaults(raws, fields)

    def header_fields(self, line: str) -> list[tuple[str, bool]]:
        """As data fields are read."""
        return [(_unescape(raw), raw == self.options.null) for raw in self._raw_fields(line)]

    def _raw_fields(self, line: str) -> list[str]:
        delimiter = self.options.delimiter
        if f"\\{delimiter}" not in line:
            return line.split(delimiter)
        return fields_of(self._field, line)

    def wrong_newline(self, found: str) -> SqlError:
        """Says how to write the character that is not a line end here."""
        if found == "\n" or (found == "\r\n" and self.newline == "\r"):
            return malformed("literal newline found in data", 'Use "\\n" to represent newline.')
        return malformed("literal carriage return found in data", 'Use "\\r" to represent carriage return.')

    def unterminated(self) -> SqlError:
        """Cannot be: text lines may end with the data."""
        return malformed("unexpected EOF in COPY data")


def _unescape(raw: str) -> str:
    """Undo backslash escapes. They may spell bytes, so that only the result need be UTF-8."""
    return decode_utf8(_ESCAPE.sub(_unescaped, raw.encode()))


def _unescaped(match: re.Match[bytes]) -> bytes:
    hexadecimal, octal, character = match.groups()
    if hexadecimal is not None:
        return bytes((int(hexadecimal, 16),))
    if octal is not None:
        return bytes((int(octal, 8) & 0xFF,))
    return b"" if character is None else _CONTROL.get(character, character)


class TextEncoder:
    """Writes the text format, one CopyData payload a row."""

    def __init__(self, columns: Sequence[Column], options: CopyOptions, settings: Settings) -> None:
        self._names = [column.name for column in columns]
        self._options = options
        self._formatters = [formatter(column.type, settings) for column in columns]
        self._table = str.maketrans(
            _ESCAPED | {options.delimiter: _ESCAPED.get(options.delimiter, f"\\{options.delimiter}")}
        )

    def header(self) -> bytes:
        """The names of the columns, where asked for."""
        return self._line(self._names) if self._options.header != "off" else b""

    def rows(self, batch: Sequence[Row]) -> list[bytes]:
        """A line a row."""
        null, delimiter, formatters, escape = (
            self._options.null,
            self._options.delimiter,
            self._formatters,
            self._escape,
        )
        lines: list[bytes] = []
        for row in batch:
            texts = [
                null if value is None else escape(write(value)) for value, write in zip(row, formatters, strict=True)
            ]
            lines.append(f"{delimiter.join(texts)}\n".encode())
        return lines

    def trailer(self) -> bytes:
        """Nothing: CopyDone says it."""
        return b""

    def _escape(self, text: str) -> str:
        # Printable text has none of the control characters; these checks are much faster than a search for all of them.
        if text.isprintable() and "\\" not in text and self._options.delimiter not in text:
            return text
        return text.translate(self._table)

    def _line(self, texts: Sequence[str]) -> bytes:
        return f"{self._options.delimiter.join(map(self._escape, texts))}\n".encode()
