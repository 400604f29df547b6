"""tsvector: the lexemes of a document, sorted, each with its positions and their weights.

A value travels as its canonical text; `read` and `write` lead to and from the parsed form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from ruvector_engine.errors import SqlError
from ruvector_engine.text_search.dictionaries import lexemes
from ruvector_engine.text_search.tokens import parse

#: PostgreSQL's limits: positions beyond the last count as it, a lexeme keeps so many, and is so long at most (bytes).
MAX_POSITION = 16_383
MAX_POSITIONS = 255
MAX_LEXEME_BYTES = 2_046

#: A position and its weight, 0 to 3 for D to A.
Position: TypeAlias = tuple[int, int]
#: Lexemes in order of their bytes, with their positions in order; none in a stripped tsvector.
TsVector: TypeAlias = dict[str, tuple[Position, ...]]

WEIGHTS = "DCBA"
_QUOTED = re.compile(r"'((?:[^'\\]|''|\\.)*)'(?::([0-9A-Da-d*,]+))?", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)
_ENTRY = re.compile(r"([0-9]+)([A-Da-d*]?)")


def ordered(entries: Mapping[str, Iterable[Position]]) -> TsVector:
    """A tsvector of entries in any order: a position that comes twice keeps its greatest weight."""
    found: TsVector = {}
    for lexeme in sorted(entries):  # by code points, which is by bytes
        places = tuple(entries[lexeme])
        if len(places) < 2:
            found[lexeme] = places
            continue
        best: dict[int, int] = {}
        for position, weight in places:
            best[position] = max(weight, best.get(position, 0))
        found[lexeme] = tuple(sorted(best.items()))[:MAX_POSITIONS]
    return found


def to_tsvector(configuration: str, text: str) -> TsVector:
    """The document's lexemes by a configuration. Stop words are left out, and counted."""
    words = Words(configuration)
    words.add(text)
    return words.vector()


class Words:
    """The lexemes of the parts of a document."""

    def __init__(self, configuration: str) -> None:
        self._configuration = configuration
        self._entries: dict[str, list[Position]] = {}
        self.position = 0  # of the last token

    def add(self, text: str) -> bool:
        """Take in a text; whether it has a lexeme."""
        found = False
        for token in parse(text):
            words = lexemes(self._configuration, token)
            if words is None:
                continue
            self.position += 1
            for word in words:
                if len(word.encode()) <= MAX_LEXEME_BYTES:
                    self._entries.setdefault(word, []).append((min(self.position, MAX_POSITION), 0))
                    found = True
        return found

    def vector(self) -> TsVector:
        """The document."""
        return ordered(self._entries)


def write(vector: TsVector) -> str:
    """The canonical text."""
    return " ".join(quote(lexeme) + write_positions(positions) for lexeme, positions in vector.items())


def quote(lexeme: str) -> str:
    """A lexeme in quotes, as output shows it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def write_positions(positions: Sequence[Position]) -> str:
    """What follows a lexeme in the canonical text: its positions, or nothing."""
    if not positions:
        return ""
    return ":" + ",".join(f"{position}{WEIGHTS[weight] if weight else ''}" for position, weight in positions)


@lru_cache(maxsize=1024)
def read(text: str) -> TsVector:
    """The parsed form of canonical text; not to be changed."""
    return {
        _ESCAPE.sub(lambda escape: escape[1] or "'", found[1]): read_positions(found[2] or "")
        for found in _QUOTED.finditer(text)
    }


def written_positions(text: str, lexemes: Sequence[str]) -> tuple[str | None, ...] | None:
    """What canonical text has behind each of these lexemes; None for one that is not there.

    None altogether where the text or a lexeme has what is escaped: then the document must be read as a whole.
    """
    if "''" in text or "\\" in text:
        return None
    found: list[str | None] = []
    for lexeme in lexemes:
        if "'" in lexeme or "\\" in lexeme:
            return None
        quoted = f"'{lexeme}'"
        at = text.find(quoted)
        while at >= 0 and text.count("'", 0, at) % 2:  # it begins with the end of another lexeme
            at = text.find(quoted, at + 1)
        if at < 0:
            found.append(None)
            continue
        start = at + len(quoted)
        end = text.find(" ", start)
        found.append(text[start:] if end < 0 else text[start:end])
    return tuple(found)


@lru_cache(maxsize=16_384)
def read_positions(written: str) -> tuple[Position, ...]:
    """The positions of what `written_positions` finds."""
    return tuple((int(entry[1]), WEIGHTS.index(entry[2] or "D")) for entry in _ENTRY.finditer(written))


def parse_tsvector(text: str) -> TsVector:
    """A tsvector as a user writes it; 42601 where it is none."""
    reader = LexemeReader(text, _syntax_error(text))
    entries: dict[str, list[Position]] = {}
    while (lexeme := reader.lexeme()) is not None:
        entries.setdefault(lexeme, []).extend(reader.positions())
    return ordered(entries)


def _syntax_error(text: str) -> SqlError:
    return SqlError("42601", f'syntax error in tsvector: "{text}"')


class LexemeReader:
    """Reads lexemes, quoted or not, from the text of a tsvector or tsquery. `error` is raised where there is none.

    `delimiters` end an unquoted lexeme, as white space does.
    """

    def __init__(self, text: str, error: SqlError, delimiters: str = "") -> None:
        self.text = text
        self.at = 0
        self._error = error
        self._delimiters = delimiters

    def skip_blanks(self) -> None:
        """Move on to the next character that is none."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def lexeme(self) -> str | None:
        """The next lexeme, unescaped; None at the end."""
        self.skip_blanks()
        if self.at >= len(self.text):
            return None
        word = self._quoted() if self.text[self.at] == "'" else self._bare()
        if not word:
            raise self._error
        if len(word.encode()) > MAX_LEXEME_BYTES:
            size = len(word.encode())
            raise SqlError("54000", f"word is too long ({size} bytes, max {MAX_LEXEME_BYTES} bytes)")
        return word

    def _quoted(self) -> str:
        found = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL).match(self.text, self.at)
        if found is None:
            raise self._error
        self.at = found.end()
        return _ESCAPE.sub(lambda escape: escape[1] or "'", found[1])

    def _bare(self) -> str:
        word = ""
        while self.at < len(self.text):
            character = self.text[self.at]
            if character.isspace() or character in ":'" or character in self._delimiters:
                break
            if character == "\\":
                self.at += 1
                character = self.text[self.at : self.at + 1]
                if not character:
                    raise SqlError("42601", f'there is no escaped character: "{self.text}"')
            word += character
            self.at += 1
        return word

    def positions(self) -> list[Position]:
        """The positions that follow a lexeme."""
        found: list[Position] = []
        if self.text[self.at : self.at + 1] != ":":
            if self.text[self.at : self.at + 1].strip():
                raise self._error
            return found
        while True:
            entry = _ENTRY.match(self.text, self.at + 1)
            if entry is None:
                raise self._error
            # More digits than an int can be made of are beyond the last position anyway.
            position = int(entry[1][:9]) if len(entry[1]) > 9 else int(entry[1])
            if position == 0:
                raise SqlError("42601", f'wrong position info in tsvector: "{self.text}"')
            weight = "A" if entry[2] == "*" else (entry[2] or "D").upper()
            found.append((min(position, MAX_POSITION), WEIGHTS.index(weight)))
            self.at = entry.end()
            following = self.text[self.at : self.at + 1]
            if following != ",":
                if following.strip():
                    raise self._error
                return found
