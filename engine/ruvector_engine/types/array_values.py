"""What an array's value is beside its elements: how long it is in each dimension, and where it begins to count.

A value is a list, nested for more dimensions; one that does not count from 1 everywhere is a `BoundedArray`. The flat
form is its elements in storage order (the last dimension runs fastest) and its shape: [number of dimensions, the
lengths, the lower bounds]. Flat forms compare as PostgreSQL's arrays do: first the elements, then the shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from math import prod
from typing import Any

#: The shape of an array without elements.
EMPTY_SHAPE = [0]


class BoundedArray(list[Any]):
    """An array whose lower bounds, one a dimension, are not all 1."""

    __slots__ = ("lower",)

    def __init__(self, items: Sequence[Any], lower: Sequence[int]) -> None:
        super().__init__(items)
        self.lower = tuple(lower)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundedArray) and self.lower == other.lower and list.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


def is_plain(value: object) -> bool:
    """Whether it is an array of one dimension that counts from 1, or empty."""
    return type(value) is list and not (value and isinstance(value[0], list))


def lengths_of(value: Sequence[Any]) -> list[int]:
    """The lengths by dimension, of an array whose sub-arrays are known to match; none when it is empty."""
    lengths: list[int] = []
    at: Any = value
    while isinstance(at, list) and at:
        lengths.append(len(at))
        at = at[0]
    return lengths


def flat(value: list[Any]) -> tuple[list[Any], list[int]]:
    """The elements in storage order, and the shape."""
    lengths = lengths_of(value)
    items = value
    for _ in lengths[1:]:
        items = list(chain.from_iterable(items))
    lower = value.lower if isinstance(value, BoundedArray) else [1] * len(lengths)
    return list(items), [len(lengths), *lengths, *lower] if lengths else EMPTY_SHAPE


def nested(items: list[Any], shape: Sequence[int]) -> list[Any]:
    """The value of a flat form."""
    dimensions = shape[0]
    lengths, lower = shape[1 : dimensions + 1], shape[dimensions + 1 :]
    for length in reversed(lengths[1:]):
        items = [items[i : i + length] for i in range(0, len(items), length)]
    return items if all(bound == 1 for bound in lower) else BoundedArray(items, lower)


def mapped(value: list[Any], function: Callable[[Any], Any]) -> list[Any]:
    """The array of what the function makes of the elements that are not NULL."""
    items = [
        mapped(item, function) if isinstance(item, list) else None if item is None else function(item) for item in value
    ]
    return BoundedArray(items, value.lower) if isinstance(value, BoundedArray) else items


def count(shape: Sequence[int]) -> int:
    """How many elements an array of that shape has."""
    return prod(shape[1 : shape[0] + 1]) if shape[0] else 0
