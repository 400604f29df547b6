"""The words of a path, after jsonpath_scan.l."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ruvector_engine.errors import SqlError

_CASELESS = frozenset(
    {"is", "to", "abs", "lax", "date", "flag", "last", "size", "time", "type", "with", "bigint", "double", "exists"}
    | {"number", "starts", "strict", "string", "boolean", "ceiling", "decimal", "floor", "integer", "time_tz"}
    | {"unknown", "datetime", "keyvalue", "timestamp", "like_regex", "timestamp_tz"}
)
_LITERALS = frozenset({"null", "true", "false"})
KEYWORDS = _CASELESS | _LITERALS
_OTHER = r'[^?%$.\[\]{}()|&!=<>@#,*:\-+/ \t\n\r\f\\"]'
_BLANK = re.compile(r"(?:[ \t\n\r\f]+|/\*(?:[^*]|\*(?!/))*\*/)+")
_NUMBER = re.compile(
    r"(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+"
    r"|(?:(?:0|[1-9](?:_?[0-9])*)(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?)"
)
_SYMBOL = re.compile(r"&&|\|\||!=|\*\*|<=|==|<>|>=|[?%$.\[\]{}()|&!=<>@#,*:\-+/]")
_WORD = re.compile(rf"(?:{_OTHER}|\\.)+", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word: `kind` is the symbol or keyword itself, or number, string, name, variable, end.

    `near` is what an error says it is at: of a name the blank that ends it, as PostgreSQL's scanner has read so far.
    """

    kind: str
    value: str
    near: str


def failure(message: str, near: str) -> SqlError:
    """What jsonpath_yyerror raises; `near` is empty at the end of the path."""
    place = f'at or near "{near}"' if near else "at end"
    return SqlError("42601", f"{message} {place} of jsonpath input")


def tokens(text: str) -> Iterator[Token]:
    """The words of the text, the last one being its end. They are read when asked for: errors come in order."""
    at = 0
    while True:
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at
        if text.startswith("/*", at):
            raise failure("unexpected end of comment", "")
        if at >= len(text):
            break
        token, at = _next(text, at)
        yield token
    yield Token("end", "", "")


def _next(text: str, at: int) -> tuple[Token, int]:
    character = text[at]
    if character == '"':
        value, end = _quoted(text, at + 1)
        return Token("string", value, '"'), end
    if character == "$" and text.startswith('"', at + 1):
        value, end = _quoted(text, at + 2)
        return Token("variable", value, '"'), end
    if character == "$" and (word := _WORD.match(text, at + 1)):
        return Token("variable", _unescaped(word.group()), _blank_after(text, word.end())), word.end()
    if number := _NUMBER.match(text, at):
        return _number(text, number.group(), number.end()), number.end()
    if symbol := _SYMBOL.match(text, at):
        return Token(symbol.group(), symbol.group(), symbol.group()), symbol.end()
    word = _WORD.match(text, at)
    if word is None:
        raise failure("unexpected end after backslash", "")
    name = word.group()
    lower = name.lower()
    kind = lower if lower in _CASELESS or name in _LITERALS else "name"
    return Token(kind, _unescaped(name), _blank_after(text, word.end())), word.end()


def _blank_after(text: str, end: int) -> str:
    return text[end : end + 1] if _BLANK.match(text, end) and text[end] != "/" else ""


def _number(text: str, number: str, end: int) -> Token:
    if re.match(_OTHER, text[end : end + 1]):
        raise failure("trailing junk after numeric literal", text[end - len(number) : end + 1])
    return Token("number", number, number)


def _quoted(text: str, start: int) -> tuple[str, int]:
    at = start
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    if at >= len(text):
        raise failure("unterminated quoted string", "")
    return _unescaped(text[start:at]), at + 1


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    result = _ESCAPE.sub(_character, text)
    try:
        return result.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise SqlError(
            "22P02",
            "invalid input syntax for type json",
            detail="Unicode low surrogate must follow a high surrogate.",
        ) from None


def _character(match: re.Match[str]) -> str:
    braced, four, two, other = match.groups()
    if other is not None:
        if other in "ux":
            kind = "Unicode" if other == "u" else "hexadecimal character"
            raise failure(
                f"invalid {kind} escape sequence" if other == "u" else f"invalid {kind} sequence", match.group()
            )
        return _CONTROLS.get(other, other)
    code = int(braced or four or two, 16)
    if not code:
        detail = "\\u0000 cannot be converted to text."
        raise SqlError("22P05", "unsupported Unicode escape sequence", detail=detail)
    return chr(code)
