"""Text of arrays: braces, quotes, NULL, any number of dimensions up to six.

See `array_values` for what an array's value is.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from ruvector_engine.errors import SqlError
from ruvector_engine.types.array_values import BoundedArray, lengths_of, mapped
from ruvector_engine.types.registry import Value
from ruvector_engine.types.textio import C_SPACE, Formatter, Parser, TextType

MAX_DIMENSIONS = 6
_SPACE = re.compile(r"[ \t\n\v\f\r]*")
_BOUND = re.compile(r"[+-]?[0-9]+")
_MAX_INT = 2**31 - 1
_UNQUOTED = re.compile(r'(?:[^"\\{},]|\\.)+', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r'["\\{}, \t\n\v\f\r]')
#: A one-dimensional list of plain words: no quotes, escapes, inner braces or empty elements.
_SIMPLE = re.compile(r'\{([^"\\{}]*)\}')


def array_type(element: TextType) -> TextType:
    """The text functions of the array over an element type."""
    apply_element = element.apply_typmod

    def apply_typmod(value: list[Any], typmod: int, explicit: bool) -> Value:
        assert apply_element is not None
        return mapped(value, lambda item: apply_element(item, typmod, explicit))

    return TextType(
        lambda context: array_parser(element.parser(context)),
        lambda settings: array_formatter(element.formatter(settings)),
        apply_typmod if apply_element else None,
    )


def array_parser(parse_element: Parser) -> Parser:
    """A reader of array literals whose elements are read by `parse_element`."""

    def parse(text: str) -> list[Value]:
        simple = _SIMPLE.fullmatch(text)
        if simple:
            words = [word.strip(C_SPACE) for word in simple[1].split(",")]
            if "" not in words:
                return [None if word.upper() == "NULL" else parse_element(word) for word in words]
        return _ArrayScan(text, parse_element).array()

    return parse


class _ArrayScan:
    def __init__(self, text: str, parse_element: Parser) -> None:
        self.text = text
        self.parse_element = parse_element
        self.at = 0

    def fail(self, detail: str) -> NoReturn:
        raise SqlError("22P02", f'malformed array literal: "{self.text}"', detail=detail)

    def array(self) -> list[Value]:
        bounds = self.bounds()
        self.skip_space()
        if self.peek() != "{":
            if bounds is not None:
                self.fail('Array contents must start with "{".')
            self.fail('Array value must start with "{" or dimension information.')
        value = self.braces(1)
        self.skip_space()
        if self.at != len(self.text):
            self.fail("Junk after closing right brace.")
        shape = _shape(value)
        if shape is None:
            self.mismatch()
        if 0 in shape:
            value, shape = [], []
        if bounds is None:
            return value
        if [high - low + 1 for low, high in bounds] != shape:
            self.fail("Specified array dimensions do not match array contents.")
        lower = [low for low, _ in bounds]
        return value if all(low == 1 for low in lower) else BoundedArray(value, lower)

    def bounds(self) -> list[tuple[int, int]] | None:
        """The bounds that "[2:3]=" style dimensions announce, or None when there are none."""
        bounds: list[tuple[int, int]] = []
        self.skip_space()
        while self.peek() == "[":
            bounds.append(self.one_bound())
            self.skip_space()
            if len(bounds) > MAX_DIMENSIONS:
                raise too_many_dimensions()
        if not bounds:
            return None
        if self.peek() != "=":
            self.fail('Missing "=" after array dimensions.')
        self.at += 1
        return bounds

    def one_bound(self) -> tuple[int, int]:
        """What "[low:high]" or "[high]" announces."""
        self.at += 1
        low, high = 1, self.bound()
        if high is None:
            self.fail('"[" must introduce explicitly-specified array dimensions.')
        if self.peek() == ":":
            self.at += 1
            low, high = high, self.bound()
            if high is None:
                self.fail("Missing array dimension value.")
        if self.peek() != "]":
            self.fail('Missing "]" after array dimensions.')
        self.at += 1
        if high < low:
            raise SqlError("2202E", "upper bound cannot be less than lower bound")
        if high == _MAX_INT:
            raise SqlError("54000", f"array upper bound is too large: {high}")
        return low, high

    def bound(self) -> int | None:
        match = _BOUND.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        if len(match[0]) > 11 or not -_MAX_INT - 1 <= int(match[0]) <= _MAX_INT:
            raise SqlError("54000", "array bound is out of integer range")
        return int(match[0])

    def skip_space(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def mismatch(self) -> NoReturn:
        self.fail("Multidimensional arrays must have sub-arrays with matching dimensions.")

    def braces(self, depth: int) -> list[Value]:
        """The elements between braces, `at` on the opening one."""
        if depth > MAX_DIMENSIONS:
            raise too_many_dimensions()
        self.at += 1
        items: list[Value] = []
        self.skip_space()
        if self.peek() == "}":
            self.at += 1
            return items
        while True:
            self.skip_space()
            items.append(self.braces(depth + 1) if self.peek() == "{" else self.element())
            if isinstance(items[0], list) != isinstance(items[-1], list):
                self.mismatch()
            self.skip_space()
            separator = self.peek()
            self.at += 1
            if separator == "}":
                return items
            if not separator:
                self.fail("Unexpected end of input.")
            if separator != ",":  # only after inner braces: elements have looked themselves
                self.fail(f'Unexpected "{separator}" character.' if separator == "{" else "Unexpected array element.")

    def element(self) -> Value:
        found = self.peek()
        if not found:
            self.fail("Unexpected end of input.")
        if found in ",}":
            self.fail(f'Unexpected "{found}" character.')
        if found == '"':
            quoted = _QUOTED.match(self.text, self.at)
            if quoted is None:
                self.fail("Unexpected end of input.")
            text, is_null = quoted[1], False
            self.at = quoted.end()
            self.skip_space()
        else:
            word = _UNQUOTED.match(self.text, self.at)
            if word is None:
                self.fail("Unexpected end of input.")
            text = _trim(word[0])
            is_null = text.upper() == "NULL"
            self.at = word.end()
        # What follows is looked at before the element's own type has a say.
        following = self.peek()
        if not following or (following == "\\" and found != '"'):  # an escape of nothing
            self.fail("Unexpected end of input.")
        if following == "{" and found != '"':
            self.fail('Unexpected "{" character.')
        if following not in "{,}":
            self.fail("Incorrectly quoted array element.")
        return None if is_null else self.parse_element(_ESCAPED.sub(r"\1", text))


def too_many_dimensions(count: int | None = None) -> SqlError:
    """54000, the answer to more than MAX_DIMENSIONS dimensions."""
    shown = "" if count is None else f" ({count})"
    return SqlError("54000", f"number of array dimensions{shown} exceeds the maximum allowed ({MAX_DIMENSIONS})")


def _trim(word: str) -> str:
    """Without white space at the end, unless it is escaped."""
    trimmed = word.rstrip(C_SPACE)
    if len(trimmed) < len(word):
        backslashes = len(trimmed) - len(trimmed.rstrip("\\"))
        if backslashes % 2:
            return word[: len(trimmed) + 1]
    return trimmed


def _shape(value: list[Any]) -> list[int] | None:
    """The lengths by dimension, or None when sub-arrays differ in shape."""
    if not value or not isinstance(value[0], list):
        return [len(value)]
    inner = _shape(value[0])
    if inner is None or any(_shape(item) != inner for item in value[1:]):
        return None
    return [len(value), *inner]


def array_formatter(format_element: Formatter) -> Formatter:
    """A writer of array literals whose elements are written by `format_element`."""

    def write(value: list[Any]) -> str:
        if isinstance(value, BoundedArray):
            bounds = zip(value.lower, lengths_of(value), strict=True)
            return "".join(f"[{low}:{low + length - 1}]" for low, length in bounds) + "=" + _braces(value)
        return _braces(value)

    def _braces(value: list[Any]) -> str:
        return "{" + ",".join([_item(item) for item in value]) + "}"

    def _item(item: Any) -> str:
        if item is None:
            return "NULL"
        if isinstance(item, list):
            return _braces(item)
        text = format_element(item)
        if not text or _NEEDS_QUOTES.search(text) or text.upper() == "NULL":
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return text

    return write


def vector_type(element: TextType) -> TextType:
    """The text functions of int2vector and oidvector: elements with white space between them."""

    def parser(parse_element: Parser) -> Parser:
        return lambda text: [parse_element(word) for word in re.split(r"[ \t\n\v\f\r]+", text.strip(C_SPACE)) if word]

    def formatter(format_element: Formatter) -> Formatter:
        return lambda value: " ".join(map(format_element, value))

    return TextType(
        lambda context: parser(element.parser(context)), lambda settings: formatter(element.formatter(settings))
    )
