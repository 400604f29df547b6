r"""Bytes of the protocol to the lines of libpq's trace (`PQtrace`), and such lines to bytes.

A line is `F` (from the client) or `B` (from the server), the message's length, its name and its words:

    F	13	Query	 "SELECT 1"
    B	5	ReadyForQuery	 I

Lines made here are PQtrace's but for this: bytes that are not printable ASCII are \xNN in strings too, authentication
requests are all `Authentication` with their number, and the zero byte that ends a list of fields is not shown.

What cannot be the same on two servers is replaced, by these rules:

* BackendKeyData's process id and secret, and the process id of a NotificationResponse, are `NNNN`.
* ErrorResponse and NoticeResponse are without the fields F, L and R (file, line and routine of the server's source),
  so their length is `NN`. The field W (context) of a COPY that the client gives up, or breaks off by another message,
  names the line at which the server was then, which depends on how the bytes arrive: there it is left out.
* OIDs from 16384 on, which are of objects that users and extensions have made, are `NNNN`.
* The value of the setting `server_version` is `SSSS`, and so is the length of that ParameterStatus.
* ParameterStatus messages that follow each other are sorted: PostgreSQL sends them in the order of a hash table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from struct import pack, unpack_from

from tests.transcripts.layouts import BACKEND, CODES, FRONTEND

#: The first OID of an object that did not come with the server.
FIRST_USER_OID = 16384
_HIDDEN_FIELDS = "FLR"
_AT_ANY_LINE = ('"COPY from stdin failed', '"unexpected message type')
_WORD = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\S+)""")
_ESCAPE = re.compile(rb"""\\(x[0-9a-fA-F]{2}|["'\\])""")


class BadLine(ValueError):
    """A line that is no message."""


class _Reader:
    """A cursor over bytes; `words` is what it has passed."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0
        self.words: list[str] = []

    def _take(self, count: int) -> bytes:
        start, self._position = self._position, self._position + count
        if self._position > len(self._body):
            raise BadLine(f"a message that is too short: {self._body!r}")
        return self._body[start : self._position]

    def byte(self) -> str:
        data = self._take(1)
        self.words.append(data.decode() if data.isalnum() else f"\\x{data[0]:02x}")
        return self.words[-1]

    def int16(self) -> int:
        (number,) = unpack_from("!h", self._take(2))
        self.words.append(str(number))
        return int(number)

    def int32(self) -> int:
        (number,) = unpack_from("!i", self._take(4))
        self.words.append(str(number))
        return int(number)

    def oid(self) -> int:
        (number,) = unpack_from("!I", self._take(4))
        self.words.append(str(number) if number < FIRST_USER_OID else "NNNN")
        return int(number)

    def string(self) -> str:
        end = self._body.find(0, self._position)
        if end < 0:
            raise BadLine(f"a string without an end: {self._body!r}")
        self.words.append(_quoted(self._take(end - self._position), '"'))
        self._take(1)
        return self.words[-1]

    def chars(self, count: int | None = None) -> None:
        self.words.append(_quoted(self._take(len(self._body) - self._position if count is None else count), "'"))

    def more(self) -> bool:
        if self._body[self._position : self._position + 1] == b"\0":
            self._take(1)
            return False
        return True

    def end(self) -> None:
        if self._position != len(self._body):
            raise BadLine(f"a message that is too long: {self._body!r}")


class _Writer:
    """A cursor over the words of a line; `body` is the bytes they stand for."""

    def __init__(self, words: list[str]) -> None:
        self._words = iter(words)
        self._next = next(self._words, None)
        self.body = b""

    def _take(self) -> str:
        word, self._next = self._next, next(self._words, None)
        if word is None:
            raise BadLine("words are missing")
        return word

    def byte(self) -> str:
        word = self._take()
        self.body += _unescaped(word)
        return word

    def int16(self) -> int:
        number = int(self._take())
        self.body += pack("!H", number & 0xFFFF)
        return number

    def int32(self) -> int:
        number = int(self._take())
        self.body += pack("!I", number & 0xFFFFFFFF)
        return number

    def oid(self) -> int:
        return self.int32()

    def string(self) -> str:
        word = self._take()
        self.body += _unquoted(word, '"') + b"\0"
        return word

    def chars(self, count: int | None = None) -> None:
        data = _unquoted(self._take(), "'")
        if count is not None and count != len(data):
            raise BadLine(f"{len(data)} bytes where {count} are announced: {data!r}")
        self.body += data

    def more(self) -> bool:
        if self._next is None:
            self.body += b"\0"
        return self._next is not None

    def end(self) -> None:
        if self._next is not None:
            raise BadLine(f"too many words: {self._next}")


def _quoted(data: bytes, quote: str) -> str:
    shown = "".join(
        "\\" + chr(code) if chr(code) in (quote, "\\") else chr(code) if 0x20 <= code < 0x7F else f"\\x{code:02x}"
        for code in data
    )
    return f"{quote}{shown}{quote}"


def _unquoted(word: str, quote: str) -> bytes:
    if len(word) < 2 or word[0] != quote or word[-1] != quote:
        raise BadLine(f"{word} is not in {quote}")
    return _unescaped(word[1:-1])


def _unescaped(text: str) -> bytes:
    def meant(found: re.Match[bytes]) -> bytes:
        escape = found[1]
        return bytes.fromhex(escape[1:].decode()) if escape[:1] == b"x" else escape

    return _ESCAPE.sub(meant, text.encode())


def words_of(text: str) -> list[str]:
    """The words of a line."""
    return _WORD.findall(text)


# ------------------------------------------------------------------ from the client


def frontend(text: str) -> tuple[str, bytes]:
    """A message of a client, without `F`: the line as PQtrace has it, and the bytes.

    The length need not be given. `Bytes '...'` is any bytes at all, for what is no message; `Packet '...'` is the same
    where there is no session yet.
    """
    words = words_of(text)
    if words and words[0].isdecimal():
        del words[0]
    name, *rest = words
    if name in ("Bytes", "Packet"):
        (word,) = rest
        data = _unquoted(word, "'")
        return f"{len(data)}\t{name}\t {word}", data
    if name not in FRONTEND:
        raise BadLine(f"no message of a client: {name}")
    kind, layout = FRONTEND[name]
    writer = _Writer(rest)
    layout(writer)
    writer.end()
    code = pack("!HH", *CODES[name]) if name in CODES else b""
    length = 4 + len(code) + len(writer.body)
    shown = "".join(f" {word}" for word in rest)
    line = f"{length}\t{name}" + (f"\t{shown}" if shown else "")
    return line, kind + pack("!i", length) + code + writer.body


# ------------------------------------------------------------------ from the server


def split(data: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """The whole messages in `data`, each as its type and body, and what is left."""
    found = []
    while len(data) >= 5:
        (length,) = unpack_from("!i", data, 1)
        if len(data) <= length:
            break
        found.append((chr(data[0]), data[5 : length + 1]))
        data = data[length + 1 :]
    return found, data


def backend(kind: str, body: bytes) -> str:
    """A message of the server, without `B`, normalised by the rules above."""
    name, layout = BACKEND[kind]
    reader = _Reader(body)
    layout(reader)
    reader.end()
    length, words = str(len(body) + 4), reader.words
    if name == "BackendKeyData":
        words = ["NNNN"] * 2
    elif name == "NotificationResponse":
        words[0] = "NNNN"
    elif name in ("ErrorResponse", "NoticeResponse"):
        length, words = "NN", list(_shown_fields(words))
    elif name == "ParameterStatus" and words[0] == '"server_version"':
        length, words[1] = "NN", '"SSSS"'
    shown = "".join(f" {word}" for word in words)
    return f"{length}\t{name}" + (f"\t{shown}" if shown else "")


def _shown_fields(words: list[str]) -> Iterator[str]:
    fields = dict(zip(words[::2], words[1::2], strict=True))
    hidden = _HIDDEN_FIELDS
    if fields["M"].startswith(_AT_ANY_LINE):
        hidden += "W"
    for code, value in fields.items():
        if code not in hidden:
            yield from (code, value)


def sorted_settings(lines: Iterable[str]) -> list[str]:
    """The lines with runs of ParameterStatus sorted."""
    found: list[str] = []
    run: list[str] = []
    for line in lines:
        if "\tParameterStatus\t" in line:
            run.append(line)
            continue
        found += [*sorted(run, key=_setting), line]
        run = []
    return found + sorted(run, key=_setting)


def _setting(line: str) -> str:
    return line.split("\t", 2)[-1].lower()
