"""The text of pg_hba.conf to lines of fields of tokens, by PostgreSQL's rules of quoting, commas and comments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from ruvector_server.hba.matching import Expression


class Token(NamedTuple):
    """A word; a quoted one is a name and nothing else, whatever it spells."""

    text: str
    quoted: bool = False

    def is_keyword(self, word: str) -> bool:
        """Whether this is the word `word`, in its special meaning."""
        return not self.quoted and self.text == word


class BadToken(Exception):
    """A line that cannot be read."""


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; a backslash at the end of one continues it on the next."""
    number, start, joined = 0, 1, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.endswith("\\"):
            joined += line[:-1]
            continue
        yield start, joined + line
        start, joined = number + 1, ""
    if joined:
        yield start, joined


def fields(line: str) -> list[list[Token]]:
    """The fields of a line: lists of tokens, for a comma continues a field."""
    found: list[list[Token]] = []
    position, continued = 0, False
    while (parsed := _next_token(line, position)) is not None:
        token, position, comma = parsed
        if continued:
            found[-1].append(token)
        else:
            found.append([token])
        continued = comma
    return found


def _next_token(line: str, position: int) -> tuple[Token, int, bool] | None:
    """The token at or after a position, where it ends, and whether a comma follows; None at the end or a comment."""
    while position < len(line) and (line[position].isspace() or line[position] == ","):
        position += 1
    if position == len(line) or line[position] == "#":
        return None
    text, inside, quoted = "", False, line[position] == '"'
    while position < len(line):
        character = line[position]
        if not inside and (character.isspace() or character in ",#"):
            break
        position += 1
        if character != '"':
            text += character
        elif inside and line[position : position + 1] == '"':
            text += '"'
            position += 1
        else:
            inside = not inside
    if inside:
        raise BadToken("unterminated quoted string")
    comma = line[position : position + 1] == ","
    return Token(text, quoted), position, comma


@lru_cache(maxsize=1024)
def compiled(token: Token) -> Expression | None:
    """The regular expression that a token is, if it begins with a slash, quoted or not; ValueError for a bad one."""
    if not token.text.startswith("/"):
        return None
    try:
        return Expression(token.text[1:])
    except ValueError as error:
        raise ValueError(f'invalid regular expression "{token.text[1:]}": {error}') from None
