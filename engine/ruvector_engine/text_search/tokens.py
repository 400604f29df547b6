"""The default text parser: a document into tokens of PostgreSQL's 23 kinds.

It answers as PostgreSQL's does (manual, section 12.5), which was asked for every rule here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

#: Token kinds by number: alias and description, as ts_token_type() lists them.
KINDS: dict[int, tuple[str, str]] = {
    1: ("asciiword", "Word, all ASCII"),
    2: ("word", "Word, all letters"),
    3: ("numword", "Word, letters and digits"),
    4: ("email", "Email address"),
    5: ("url", "URL"),
    6: ("host", "Host"),
    7: ("sfloat", "Scientific notation"),
    8: ("version", "Version number"),
    9: ("hword_numpart", "Hyphenated word part, letters and digits"),
    10: ("hword_part", "Hyphenated word part, all letters"),
    11: ("hword_asciipart", "Hyphenated word part, all ASCII"),
    12: ("blank", "Space symbols"),
    13: ("tag", "XML tag"),
    14: ("protocol", "Protocol head"),
    15: ("numhword", "Hyphenated word, letters and digits"),
    16: ("asciihword", "Hyphenated word, all ASCII"),
    17: ("hword", "Hyphenated word, all letters"),
    18: ("url_path", "URL path"),
    19: ("file", "File or path name"),
    20: ("float", "Decimal notation"),
    21: ("int", "Signed integer"),
    22: ("uint", "Unsigned integer"),
    23: ("entity", "XML entity"),
}
_NUMBER = {alias: number for number, (alias, _) in KINDS.items()}
BLANK, _ASCII_WORD = _NUMBER["blank"], _NUMBER["asciiword"]


class Token(NamedTuple):
    """A token: its kind's number, and its text as it stands in the document."""

    kind: int
    text: str


_WORD = r"[^\W_]"  # a letter or a digit
_LETTER = r"[^\W\d_]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}\.)+[A-Za-z]{{2,}}(?![A-Za-z0-9_]|[.-][A-Za-z0-9]+\.[A-Za-z])"
_TAIL = r"/[!-;=?-~]+"

_TAG = re.compile(
    r"<!--.*?-->|<\?[A-Za-z][^>]*>|<![A-Za-z][^>]*>|</[A-Za-z_:][\w:.-]*\s*>"
    r"|<[A-Za-z_:][\w:.-]*(?:\s+(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)?/?>",
    re.DOTALL | re.ASCII,
)
_ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z_:][A-Za-z0-9_:.-]*);", re.ASCII)
_PROTOCOL = re.compile(r"[A-Za-z]+://", re.ASCII)
_EMAIL = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?@{_HOST}", re.ASCII)
_URL = re.compile(rf"({_HOST}(?::[0-9]+)?)({_TAIL})?", re.ASCII)
_FILE = re.compile(
    r"(?:/\.?[A-Za-z0-9_]|(?:[A-Za-z]|[0-9]+(?:[A-Za-z]|(?=/)))[A-Za-z0-9]*(?:/\.?|\.)(?=[A-Za-z0-9_]))"
    r"(?:-|/?\.?[A-Za-z0-9_])*",
    re.ASCII,
)
_DOTTED_FILE = re.compile(r"\.\.?/\.?[A-Za-z0-9_](?:-|/?\.?[A-Za-z0-9_])*|\.\.(?=\s|$|/)", re.ASCII)
_NUMBERS = (
    ("version", re.compile(r"[0-9]+(?:\.[0-9]+){2,}", re.ASCII)),
    ("sfloat", re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?[eE][-+]?[0-9]+", re.ASCII)),
    ("float", re.compile(r"[-+]?[0-9]+\.[0-9]+(?!\.?[0-9])", re.ASCII)),
    ("int", re.compile(r"[-+][0-9]+(?![0-9]|\.[0-9]+\.[0-9])", re.ASCII)),
    ("uint", re.compile(r"[0-9]+", re.ASCII)),
)
# Most words of most texts, told at once: what follows can be no part of anything longer.
_PLAIN = re.compile(r"[A-Za-z]+(?=[\s,;!?()\"']|\.?(?:\s|$))", re.ASCII)
# Some of them in a row, with nothing but blanks between them.
_PLAIN_RUN = re.compile(rf"(?:(?:[\s,;!?()\"']|\.(?=\s|$))*{_PLAIN.pattern})+", re.ASCII)
_LETTERS = re.compile(r"[A-Za-z]+")
_WORDS = re.compile(rf"{_WORD}+")
# Each part has a letter in it: "gcc-12" is a word and a signed number.
_PART = rf"\d*{_LETTER}{_WORD}*"
_HYPHENATED = re.compile(rf"{_PART}(?:-{_PART})+")


def parse(text: str) -> Iterator[Token]:
    """The tokens of a document, without the blanks between them."""
    at = start = 0
    while at < len(text):
        if run := _PLAIN_RUN.match(text, at):
            for word in _LETTERS.findall(run[0]):
                yield Token(_ASCII_WORD, word)
            at = start = run.end()
            continue
        tokens, end = _at(text, at, at > start)
        if tokens:
            yield from (token for token in tokens if token.kind != BLANK)
            start = end
        at = end


def parse_all(text: str) -> Iterator[Token]:
    """The tokens of a document, blanks and all, each run of them as one."""
    at = start = 0
    while at < len(text):
        tokens, end = _at(text, at, at > start)
        if tokens:
            if at > start:
                yield Token(BLANK, text[start:at])
            yield from tokens
            start = end
        at = end
    if at > start:
        yield Token(BLANK, text[start:at])


def _at(text: str, at: int, blank: bool) -> tuple[list[Token], int]:
    """The tokens that begin at a place, which may follow a blank, and where to go on."""
    first = text[at]
    if first == "." and not blank and (found := _DOTTED_FILE.match(text, at)):
        return [_token("file", found[0])], found.end()
    if first.isalnum():
        return _alphanumeric(text, at)
    if first in "<&":
        for kind, form in (("tag", _TAG), ("entity", _ENTITY)):
            if found := form.match(text, at):
                return [_token(kind, found[0])], found.end()
    if first in "+-":
        return _number(text, at) or ([], at + 1)
    if first == "/" and (found := _FILE.match(text, at)):
        return [_token("file", found[0])], found.end()
    return [], at + 1


def _alphanumeric(text: str, at: int) -> tuple[list[Token], int]:
    if found := _PLAIN.match(text, at):
        return [Token(_ASCII_WORD, found[0])], found.end()
    for kind, form in (("protocol", _PROTOCOL), ("email", _EMAIL)):
        if found := form.match(text, at):
            return [_token(kind, found[0])], found.end()
    if found := _URL.match(text, at):
        return _address(found)
    if found := _FILE.match(text, at):
        return [_token("file", found[0])], found.end()
    word = _WORDS.match(text, at)
    number = _number(text, at)
    if number is not None and (word is None or number[1] >= word.end()):
        return number
    if found := _HYPHENATED.match(text, at):
        return _compound(text, found)
    assert word is not None
    return [_word(word[0], "asciiword", "word", "numword")], word.end()


def _address(found: re.Match[str]) -> tuple[list[Token], int]:
    host, path = found[1], found[2]
    if path is None:
        return [_token("host", host)], found.end()
    return [_token("url", found[0]), _token("host", host), _token("url_path", path)], found.end()


def _number(text: str, at: int) -> tuple[list[Token], int] | None:
    for kind, form in _NUMBERS:
        if found := form.match(text, at):
            return [_token(kind, found[0])], found.end()
    return None


def _compound(text: str, found: re.Match[str]) -> tuple[list[Token], int]:
    """A hyphenated word, whole and in parts."""
    whole = found[0]
    tokens = [_word(whole.replace("-", ""), "asciihword", "hword", "numhword", shown=whole)]
    for number, part in enumerate(whole.split("-")):
        if number:
            tokens.append(Token(BLANK, "-"))
        tokens.append(_word(part, "hword_asciipart", "hword_part", "hword_numpart"))
    end = found.end()
    if text[end : end + 1] != "-":
        return tokens, end
    return [*tokens, Token(BLANK, "-")], end + 1


def _word(letters: str, ascii_kind: str, letter_kind: str, other_kind: str, *, shown: str = "") -> Token:
    kind = other_kind
    if not any(character.isdigit() for character in letters):
        kind = ascii_kind if letters.isascii() else letter_kind
    return _token(kind, shown or letters)


def _token(kind: str, text: str) -> Token:
    return Token(_NUMBER[kind], text)
