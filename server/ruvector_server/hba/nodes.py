"""What regular expressions in the files of rules are made of: `expressions` reads them, `matching` matches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]

#: The greatest code of a character.
LAST: Final = 0x10FFFF


@dataclass(frozen=True, slots=True, eq=False)
class Characters:
    """One character of a set."""

    ranges: Ranges

    def has(self, character: str) -> bool:
        """Whether it is in the set."""
        code = ord(character)
        return any(low <= code <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A condition on where one is: "^", "$", "m", "M", "y", "Y"."""

    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """So many times the same; `most` None: any number."""

    item: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """What is captured, by the number of the group."""

    item: Node
    number: int


Node: TypeAlias = Characters | Place | Sequence | Either | Repeat | Group

_ALNUM: Ranges = ((48, 57), (65, 90), (97, 122))
CLASSES: Final[dict[str, Ranges]] = {
    "alnum": _ALNUM,
    "alpha": ((65, 90), (97, 122)),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": ((48, 57),),
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": (*_ALNUM, (95, 95)),
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
WORD: Final = Characters(CLASSES["word"])


def size(node: Node) -> int:
    """How many nodes there are when every bound is written out."""
    match node:
        case Sequence(items) | Either(items):
            return 1 + sum(map(size, items))
        case Repeat(item, least, most):
            return 1 + size(item) * max(least, most or 1)
        case Group(item):
            return 1 + size(item)
        case _:
            return 1


def complement(ranges: Ranges) -> Ranges:
    """The characters that are in none of the ranges."""
    found, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return (*found, (start, LAST)) if start <= LAST else tuple(found)
