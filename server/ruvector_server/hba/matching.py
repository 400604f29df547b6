"""Where a regular expression matches: sets of positions in a text, as the bits of integers.

A node takes every position at which it may begin to every one at which it may end, all at once, so that nothing is
tried twice and no expression takes exponential time; a run of characters is one addition, whose carry runs through it
(as in Cameron et al., Bitwise data parallelism in regular expression matching, 2014). What is still long, repetitions
in repetitions, is bounded by a number of steps.
"""

from __future__ import annotations

from typing import Final

from ruvector_server.hba.expressions import parsed
from ruvector_server.hba.nodes import WORD, Characters, Either, Group, Node, Place, Repeat, Sequence

#: How many steps one match may take: a tenth of a second, in which no other client is answered.
MOST_STEPS: Final = 20_000


class TooComplex(Exception):
    """A match was given up; whether there is one is not known."""


class Expression:
    """A regular expression of PostgreSQL's; ValueError, with the reason, for one that cannot be."""

    def __init__(self, text: str) -> None:
        self._node = parsed(text)

    @property
    def captures(self) -> bool:
        """Whether there is a group."""
        return _first_group(self._node, repeated=False) is not None

    @property
    def captures_once(self) -> bool:
        """Whether the first group is part of no repetition: of what PostgreSQL captures there, this does not know."""
        return _first_group(self._node, repeated=False) is False

    def matches(self, text: str) -> bool:
        """Whether it matches somewhere in a text."""
        return _Match(text).ends(self._node, _Match.everywhere(text)) != 0

    def captured(self, text: str) -> str | None:
        """What the first group, which is not repeated, matched; "" if it took no part; None when there is no match.

        Of several matches, PostgreSQL's: the longest of the leftmost; and in it, each part as long as can be, the
        first ones first.
        """
        match = _Match(text)
        for start in range(len(text) + 1):
            ends = match.ends(self._node, 1 << start)
            if ends:
                match.dissect(self._node, start, ends.bit_length() - 1)
                return match.first_group
        return None


def _first_group(node: Node, *, repeated: bool) -> bool | None:
    """Whether the first group is repeated; None when there is no group."""
    match node:
        case Group():
            return repeated
        case Sequence(items) | Either(items):
            found = (_first_group(item, repeated=repeated) for item in items)
            return next((one for one in found if one is not None), None)
        case Repeat(item):
            return _first_group(item, repeated=True)
        case _:
            return None


class _Match:
    """One text, and what is known of it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._masks: dict[Node, int] = {}
        self._steps = 0
        self.first_group = ""

    @staticmethod
    def everywhere(text: str) -> int:
        """Every position in a text, the one after its end too."""
        return (1 << len(text) + 1) - 1

    def ends(self, node: Node, starts: int) -> int:
        """Where a node may end that begins at one of some positions."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooComplex
        if not starts:
            return 0
        match node:
            case Characters():
                return (starts & self._mask(node)) << 1
            case Place():
                return starts & self._mask(node)
            case Sequence(items):
                for item in items:
                    starts = self.ends(item, starts)
                return starts
            case Either(options):
                found = 0
                for option in options:
                    found |= self.ends(option, starts)
                return found
            case Repeat():
                return self._repeated(node, starts)
            case Group(item):
                return self.ends(item, starts)

    def _repeated(self, node: Repeat, starts: int) -> int:
        for _ in range(node.least):
            starts = self.ends(node.item, starts)
        if node.most is None and isinstance(node.item, Characters):
            run = self._mask(node.item)
            return (((starts & run) + run) ^ run) | starts
        found, new, left = starts, starts, node.most
        while new and (left is None or left > node.least):
            new = self.ends(node.item, new) & ~found
            found |= new
            left = None if left is None else left - 1
        return found

    def _mask(self, node: Characters | Place) -> int:
        """The positions that a node lets pass."""
        mask = self._masks.get(node)
        if mask is None:
            mask = self._masks[node] = self._mask_of(node)
        return mask

    def _mask_of(self, node: Characters | Place) -> int:
        text = self._text
        if isinstance(node, Characters):
            return int("0" + "".join("1" if node.has(character) else "0" for character in reversed(text)), 2)
        if node.kind in "^$":
            return 1 if node.kind == "^" else 1 << len(text)
        inside = self._mask(WORD)
        begins, ends = inside & ~(inside << 1), ~inside & (inside << 1)
        border = begins | ends
        return {"m": begins, "M": ends, "y": border, "Y": self.everywhere(text) & ~border}[node.kind]

    # ------------------------------------------------------------ captures

    def dissect(self, node: Node, start: int, end: int) -> None:
        """Find what the first group matches, where it is known that a node matches from `start` to `end`."""
        match node:
            case Sequence(items):
                self._dissect_all(items, start, end)
            case Either(options):
                chosen = next(option for option in options if self._fits(option, start, end))
                self.dissect(chosen, start, end)
            case Group(item, number):
                if number == 1:
                    self.first_group = self._text[start:end]
                self.dissect(item, start, end)
            case Characters() | Place() | Repeat():
                pass  # groups in repetitions are not asked for

    def _fits(self, node: Node, start: int, end: int) -> bool:
        return bool(self.ends(node, 1 << start) >> end & 1)

    def _dissect_all(self, items: tuple[Node, ...], start: int, end: int) -> None:
        for number, item in enumerate(items):
            rest = Sequence(items[number + 1 :])
            middle = self._longest(item, rest, start, end)
            self.dissect(item, start, middle)
            start = middle

    def _longest(self, item: Node, rest: Node, start: int, end: int) -> int:
        """The greatest position up to which an item can match, so that the rest matches from there to the end."""
        candidates = self.ends(item, 1 << start)
        while candidates:
            middle = candidates.bit_length() - 1
            if middle <= end and self._fits(rest, middle, end):
                return middle
            candidates ^= 1 << middle
        raise AssertionError("a match cannot be taken apart")
