"""Text of composite values: fields between parentheses, an empty one for NULL. After rowtypes.c."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.types.registry import Attribute, TypeRef
from ruvector_engine.types.textio import C_SPACE, Formatter, InputContext, Parser, Settings, TextType, quoted_part

_NEEDS_QUOTES = re.compile(r'["\\(),\s]')


def split_record(text: str, count: int) -> list[str | None]:
    """The fields' texts; 22P02 unless there are `count` of them."""
    return list(_fields(text, count))


def _fields(text: str, count: int) -> Iterator[str | None]:
    """The same one by one: what is wrong with a field is told before what is wrong with those that follow."""
    at = len(text) - len(text.lstrip(C_SPACE))
    if text[at : at + 1] != "(":
        raise _malformed(text, "Missing left parenthesis.")
    at += 1
    for place in range(count):
        if place:
            if text[at : at + 1] != ",":
                raise _malformed(text, "Too few columns.")
            at += 1
        field, at = quoted_part(text, at, ",)", _malformed)
        yield field
    if text[at : at + 1] != ")":
        raise _malformed(text, "Too many columns.")
    if text[at + 1 :].strip(C_SPACE):
        raise _malformed(text, "Junk after right parenthesis.")


def _malformed(text: str, detail: str) -> SqlError:
    return SqlError("22P02", f'malformed record literal: "{text}"', detail=detail)


def join_record(fields: Sequence[str | None]) -> str:
    """The text of these fields together."""
    return "(" + ",".join(["" if f is None else _shown(f) for f in fields]) + ")"


def _shown(text: str) -> str:
    if text and not _NEEDS_QUOTES.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '""')
    return f'"{escaped}"'


def text_type(
    attributes: Sequence[Attribute],
    parser_of: Callable[[TypeRef, InputContext], Parser],
    formatter_of: Callable[[TypeRef, Settings], Formatter],
) -> TextType:
    """The text functions of a composite type, given those of its fields' types."""

    def parser(context: InputContext) -> Parser:
        parsers = [parser_of(a.type, context) for a in attributes]

        def parse(text: str) -> tuple[Any, ...]:
            fields = _fields(text, len(parsers))
            value = tuple(None if f is None else parse(f) for parse, f in zip(parsers, fields, strict=False))
            next(fields, None)  # looks at what comes after the last
            return value

        return parse

    def formatter(settings: Settings) -> Formatter:
        formatters = [formatter_of(a.type, settings) for a in attributes]

        def write(value: tuple[Any, ...]) -> str:
            return join_record([None if f is None else w(f) for f, w in zip(value, formatters, strict=True)])

        return write

    return TextType(parser, formatter)
