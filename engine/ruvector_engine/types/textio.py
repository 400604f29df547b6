"""What a type brings to be read from text and written as text; `text.py` lists the types.

Rule: pure functions of text, settings and the clock they are given. Names (of relations, types) are resolved elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from ruvector_engine.errors import SqlError
from ruvector_engine.types.registry import Value

#: Setting names as ParameterStatus spells them: DateStyle, TimeZone, IntervalStyle, extra_float_digits, bytea_output.
Settings: TypeAlias = Mapping[str, str]
Parser: TypeAlias = Callable[[str], Value]
Formatter: TypeAlias = Callable[[Any], str]

DEFAULT_SETTINGS: Settings = MappingProxyType(
    {
        "DateStyle": "ISO, MDY",
        "TimeZone": "UTC",
        "IntervalStyle": "postgres",
        "extra_float_digits": "1",
        "bytea_output": "hex",
    }
)

#: What C's isspace() takes for white space in the C locale; Python's strip() takes more.
C_SPACE = " \t\n\v\f\r"


@dataclass(frozen=True, slots=True)
class InputContext:
    """What reading text may depend on besides the text.

    `now` is the transaction's start, microseconds since 2000-01-01 UTC, for 'now' and 'today'; None: the wall clock.
    `typmod` matters here to interval alone, whose fields say what a bare number counts.
    """

    settings: Settings = field(default_factory=lambda: DEFAULT_SETTINGS)
    now: int | None = None
    typmod: int = -1


@dataclass(frozen=True, slots=True)
class TextType:
    """A type's text functions. `apply_typmod(value, typmod, explicit)` makes a value fit a modifier or raises.

    `explicit` is for casts that SQL lets truncate ('abcd'::varchar(3)); input functions and assignments raise instead.
    """

    parser: Callable[[InputContext], Parser]
    formatter: Callable[[Settings], Formatter]
    apply_typmod: Callable[[Any, int, bool], Value] | None = None


def plain(parse: Parser, write: Formatter, apply_typmod: Callable[[Any, int, bool], Value] | None = None) -> TextType:
    """A type whose text depends on no setting."""
    return TextType(lambda _context: parse, lambda _settings: write, apply_typmod)


def invalid_syntax(type_name: str, text: str, *, detail: str | None = None) -> SqlError:
    """22P02, the answer to text that is not a value of the type."""
    return SqlError("22P02", f'invalid input syntax for type {type_name}: "{text}"', detail=detail)


def quoted_part(text: str, at: int, ends: str, malformed: Callable[[str, str], SqlError]) -> tuple[str | None, int]:
    """A part of a composite value's or range's text, without its quotes, and where it ends: before one of `ends`.

    Nothing at all is None, for NULL. `malformed` makes the error from the text and a detail.
    """
    if text[at : at + 1] and text[at] in ends:
        return None, at
    parts: list[str] = []
    quoted = False
    while quoted or not text[at : at + 1] or text[at] not in ends:
        character = text[at : at + 1]
        at += 1
        if not character or (character == "\\" and at == len(text)):
            raise malformed(text, "Unexpected end of input.")
        if character == "\\":
            parts.append(text[at])
            at += 1
        elif character != '"':
            parts.append(character)
        elif quoted and text[at : at + 1] == '"':
            parts.append('"')
            at += 1
        else:
            quoted = not quoted
    return "".join(parts), at
