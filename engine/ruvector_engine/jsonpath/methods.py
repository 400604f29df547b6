"""Methods of items in a path: .type(), .abs(), .double(), .keyvalue() and their like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.jsonpath import arithmetic
from ruvector_engine.jsonpath.arithmetic import PathError
from ruvector_engine.sql.functions.jsonb_values import Digits, make_object, type_name
from ruvector_engine.types.numbers import parse_float8
from ruvector_engine.types.numeric import format_numeric, parse_numeric


def call(name: str, value: Any, document: Any) -> Iterator[Any]:
    """What the method gives for an item."""
    if name == "type":
        yield type_name(value)
    elif name == "keyvalue":
        yield from _pairs(value, document)
    elif name == "double":
        yield _double(value)
    elif isinstance(value, Digits):
        yield arithmetic.applied(name, value)
    else:
        raise PathError("22036", f"jsonpath item method .{name}() can only be applied to a numeric value")


def _double(value: Any) -> Digits:
    if not isinstance(value, str):
        raise PathError("22036", "jsonpath item method .double() can only be applied to a string or numeric value")
    try:
        number = parse_float8(str(value))
    except SqlError:
        problem = f'argument "{value}" of jsonpath item method .double() is invalid for type double precision'
        raise PathError("22036", problem) from None
    if not math.isfinite(number):
        raise PathError("22036", "NaN or Infinity is not allowed for jsonpath item method .double()")
    return value if isinstance(value, Digits) else Digits(format_numeric(parse_numeric(f"{number:.15g}")))


def _pairs(value: Any, document: Any) -> Iterator[Any]:
    if not isinstance(value, dict):
        raise PathError("2203C", "jsonpath item method .keyvalue() can only be applied to an object")
    if value is not document:
        raise not_supported(
            "jsonpath item method .keyvalue() is supported for the whole document only",
            hint="Use jsonb_each() over what the path finds.",
        )
    for key, item in value.items():
        yield make_object([("id", Digits(0)), ("key", key), ("value", item)])
