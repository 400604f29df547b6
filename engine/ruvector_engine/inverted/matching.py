"""Which documents of a segment match a tsquery: as `text_search.matching`, for all documents at once.

The three values of an answer are two masks: the documents of which it is true, and those of which it is true or may be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ruvector_engine.inverted.segment import SLOT_SHIFT, Mask, Postings, Segment
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query


@dataclass(frozen=True, slots=True)
class _Answer:
    certain: Mask
    possible: Mask


@dataclass(frozen=True, slots=True)
class _Places:
    """Keys of where something ends, sorted; `negated`: everywhere else. `width`: words before that it begins at."""

    keys: npt.NDArray[np.int64]
    negated: bool = False
    width: int = 0


def matching(segment: Segment, query: Query) -> Mask:
    """The documents (n,) that match."""
    return _Matcher(segment).answer(query).possible


class _Matcher:
    def __init__(self, segment: Segment) -> None:
        self._segment = segment

    def answer(self, query: Query) -> _Answer:
        """What the documents say of a query."""
        if isinstance(query, Lexeme):
            return self._lexeme(query)
        if isinstance(query, Not):
            inner = self.answer(query.operand)
            return _Answer(~inner.possible, ~inner.certain)
        assert isinstance(query, Both)
        if query.operator == "<->":
            found = self._documents(self._places(query))
            return _Answer(found, found)
        left, right = self.answer(query.left), self.answer(query.right)
        if query.operator == "&":
            return _Answer(left.certain & right.certain, left.possible & right.possible)
        return _Answer(left.certain | right.certain, left.possible | right.possible)

    def _postings(self, lexeme: Lexeme) -> Postings:
        return self._segment.postings_of(lexeme.text, prefix=lexeme.prefix)

    def _mask(self, slots: npt.NDArray[np.integer]) -> Mask:
        mask = np.zeros(len(self._segment.ids), np.bool_)
        mask[slots] = True
        return mask

    def _lexeme(self, lexeme: Lexeme) -> _Answer:
        postings = self._postings(lexeme)
        if not lexeme.weights:
            found = self._mask(postings.slots)
            return _Answer(found, found)
        certain = self._mask(postings.keys(lexeme.weights) >> SLOT_SHIFT)
        return _Answer(certain, certain | self._mask(postings.slots[postings.counts == 0]))

    def _documents(self, places: _Places) -> Mask:
        if places.negated:
            return np.ones(len(self._segment.ids), np.bool_)
        return self._mask(places.keys >> SLOT_SHIFT)

    def _places(self, query: Query) -> _Places:
        if isinstance(query, Lexeme):
            return _Places(self._postings(query).keys(query.weights))
        if isinstance(query, Not):
            inner = self._places(query.operand)
            return _Places(inner.keys, not inner.negated, inner.width)
        assert isinstance(query, Both)
        left, right = self._places(query.left), self._places(query.right)
        if query.operator == "<->":
            return _joined(left, right, query.distance + right.width, 0, left.width + query.distance + right.width)
        width = max(left.width, right.width)
        if query.operator == "&":
            return _joined(left, right, width - left.width, width - right.width, width)
        return _either(left, right, width)


def _joined(left: _Places, right: _Places, left_offset: int, right_offset: int, width: int) -> _Places:
    """Where both hold, once their positions are brought together."""
    a, b = left.keys + left_offset, right.keys + right_offset
    if left.negated and right.negated:
        return _Places(np.union1d(a, b), True, width)
    if left.negated:
        return _Places(np.setdiff1d(b, a, assume_unique=True), False, width)
    if right.negated:
        return _Places(np.setdiff1d(a, b, assume_unique=True), False, width)
    return _Places(np.intersect1d(a, b, assume_unique=True), False, width)


def _either(left: _Places, right: _Places, width: int) -> _Places:
    a, b = left.keys + (width - left.width), right.keys + (width - right.width)
    if left.negated and right.negated:
        return _Places(np.intersect1d(a, b, assume_unique=True), True, width)
    if left.negated:
        return _Places(np.setdiff1d(a, b, assume_unique=True), True, width)
    if right.negated:
        return _Places(np.setdiff1d(b, a, assume_unique=True), True, width)
    return _Places(np.union1d(a, b), False, width)
