"""Ranges: values, their canonical form, and their text. After rangetypes.c.

A value is a `Range`; of the discrete types (int4range, int8range, daterange) it has an inclusive lower and an exclusive
upper bound, so that equal ranges are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.types.calendar import END_DAY
from ruvector_engine.types.registry import (
    DATE,
    DATE_INFINITY,
    DATE_MINUS_INFINITY,
    INT4,
    INT8,
    RangeType,
    TypeRef,
)
from ruvector_engine.types.textio import C_SPACE, Formatter, InputContext, Parser, Settings, TextType, quoted_part

_NEEDS_QUOTES = re.compile(r'["\\()\[\],\s]')
_ENDS = {INT4: 2**31, INT8: 2**63, DATE: END_DAY}
_OVERFLOWS = {
    INT4: ("22003", "integer out of range"),
    INT8: ("22003", "bigint out of range"),
    DATE: ("22008", "date out of range"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """The values between two bounds, None for no bound. An empty one has neither."""

    lower: Any = None
    upper: Any = None
    lower_inc: bool = False
    upper_inc: bool = False
    empty: bool = False


EMPTY = Range(empty=True)


def made(subtype: int, lower: Any, upper: Any, lower_inc: bool, upper_inc: bool) -> Range:
    """The range of these bounds in canonical form; 22000 when they are the wrong way round."""
    if lower is not None and upper is not None:
        low, high = _order(lower), _order(upper)
        if low > high:
            raise SqlError("22000", "range lower bound must be less than or equal to range upper bound")
        if low == high and not (lower_inc and upper_inc):
            return EMPTY
    lower_inc, upper_inc = lower_inc and lower is not None, upper_inc and upper is not None
    if subtype in _ENDS:
        lower, lower_inc = (lower, lower_inc) if lower_inc else _next(subtype, lower)
        upper, upper_inc = _following(subtype, upper) if upper_inc else (upper, False)
        if lower is not None and lower == upper and not (lower_inc and upper_inc):
            return EMPTY
    return Range(lower, upper, lower_inc, upper_inc)


def _order(value: Any) -> Any:
    """NaN is greater than every other number, and equal to itself."""
    if isinstance(value, Decimal):
        return (1, Decimal(0)) if value.is_nan() else (0, value)
    return value


def _is_infinite(subtype: int, value: Any) -> bool:
    return value is None or (subtype == DATE and value in (DATE_INFINITY, DATE_MINUS_INFINITY))


def _next(subtype: int, value: Any) -> tuple[Any, bool]:
    """An exclusive lower bound as an inclusive one."""
    return (value, False) if _is_infinite(subtype, value) else (_successor(subtype, value), True)


def _following(subtype: int, value: Any) -> tuple[Any, bool]:
    """An inclusive upper bound as an exclusive one."""
    return (value, True) if _is_infinite(subtype, value) else (_successor(subtype, value), False)


def _successor(subtype: int, value: int) -> int:
    if value + 1 >= _ENDS[subtype]:
        raise SqlError(*_OVERFLOWS[subtype])
    return value + 1


# ---------------------------------------------------------------- text


@dataclass(frozen=True, slots=True)
class BoundTexts:
    """A range literal taken apart; None for a bound that is not there."""

    empty: bool
    lower: str | None = None
    upper: str | None = None
    lower_inc: bool = False
    upper_inc: bool = False


def split_range(text: str) -> BoundTexts:
    """The bounds' texts; 22P02 when the literal is malformed."""
    body = text.lstrip(C_SPACE)
    if body[:5].lower() == "empty":
        if body[5:].strip(C_SPACE):
            raise _malformed(text, 'Junk after "empty" key word.')
        return BoundTexts(empty=True)
    if body[:1] not in ("[", "("):
        raise _malformed(text, "Missing left parenthesis or bracket.")
    at = len(text) - len(body) + 1
    lower, at = quoted_part(text, at, ",)]", _malformed)
    if text[at : at + 1] != ",":
        raise _malformed(text, "Missing comma after lower bound.")
    upper, at = quoted_part(text, at + 1, ",)]", _malformed)
    closing = text[at : at + 1]
    if closing == ",":
        raise _malformed(text, "Too many commas.")
    if text[at + 1 :].strip(C_SPACE):
        raise _malformed(text, "Junk after right parenthesis or bracket.")
    return BoundTexts(False, lower, upper, body[0] == "[", closing == "]")


def _malformed(text: str, detail: str) -> SqlError:
    return SqlError("22P02", f'malformed range literal: "{text}"', detail=detail)


def join_range(empty: bool, lower: str | None, upper: str | None, lower_inc: bool, upper_inc: bool) -> str:
    """The text of a range with these bounds."""
    if empty:
        return "empty"
    opening, closing = "[" if lower_inc else "(", "]" if upper_inc else ")"
    return f"{opening}{_shown(lower)},{_shown(upper)}{closing}"


def _shown(text: str | None) -> str:
    if text is None:
        return ""
    if text and not _NEEDS_QUOTES.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '""')
    return f'"{escaped}"'


def text_type(
    pg: RangeType,
    parser_of: Callable[[TypeRef, InputContext], Parser],
    formatter_of: Callable[[TypeRef, Settings], Formatter],
) -> TextType:
    """The text functions of a range type, given those of its bounds' type."""
    subtype = TypeRef(pg.subtype)

    def parser(context: InputContext) -> Parser:
        parse_bound = parser_of(subtype, context)

        def parse(text: str) -> Range:
            found = split_range(text)
            if found.empty:
                return EMPTY
            lower, upper = (None if t is None else parse_bound(t) for t in (found.lower, found.upper))
            return made(pg.subtype, lower, upper, found.lower_inc, found.upper_inc)

        return parse

    def formatter(settings: Settings) -> Formatter:
        write_bound = formatter_of(subtype, settings)

        def write(value: Range) -> str:
            lower, upper = (None if b is None else write_bound(b) for b in (value.lower, value.upper))
            return join_range(value.empty, lower, upper, value.lower_inc, value.upper_inc)

        return write

    return TextType(parser, formatter)


def bound_flags(text: str | None) -> int:
    """What a constructor's third argument says: 1 for an inclusive lower bound, 2 for an inclusive upper one."""
    if text is None:
        raise SqlError("22000", "range constructor flags argument must not be null")
    if len(text) != 2 or text[0] not in "[(" or text[1] not in ")]":
        raise SqlError("42601", "invalid range bound flags", hint='Valid values are "[]", "[)", "(]", and "()".')
    return (text[0] == "[") + 2 * (text[1] == "]")
