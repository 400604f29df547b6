"""Which documents of a segment match a tsquery: as `text_search.matching`, for all documents at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ruvector_engine.inverted.segment import NO_DOCUMENT, SLOT_SHIFT, Mask, Postings, Segment
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query

_Keys = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Places:
    """Sorted keys of where something ends, of which document; `negated`: everywhere else.

    `width`: how many words before that it begins. `unknown`: the documents where nobody knows; None: there is none.
    """

    keys: _Keys
    negated: bool = False
    width: int = 0
    unknown: Mask | None = None


def matching(segment: Segment, query: Query) -> Mask:
    """The documents (n,) that match."""
    mask = _Matcher(segment).answer(query)
    mask[segment.postings_of(NO_DOCUMENT, prefix=False).slots] = False
    return mask


class _Matcher:
    def __init__(self, segment: Segment) -> None:
        self._segment = segment

    def answer(self, query: Query) -> Mask:
        """The documents of which a query holds."""
        if isinstance(query, Lexeme):
            postings = self._postings(query)
            if not query.weights:
                return self._mask(postings.slots)
            with_weight = self._mask(postings.keys(query.weights) >> SLOT_SHIFT)
            return with_weight | self._mask(postings.slots[postings.counts == 0])
        if isinstance(query, Not):
            return ~self.answer(query.operand)
        assert isinstance(query, Both)
        if query.operator == "<->":
            found = self._places(query)
            return self._documents(found) if found.unknown is None else self._documents(found) & ~found.unknown
        left, right = self.answer(query.left), self.answer(query.right)
        return left & right if query.operator == "&" else left | right

    def _postings(self, lexeme: Lexeme) -> Postings:
        return self._segment.postings_of(lexeme.text, prefix=lexeme.prefix)

    def _mask(self, slots: npt.NDArray[np.integer]) -> Mask:
        mask = np.zeros(len(self._segment.ids), np.bool_)
        mask[slots] = True
        return mask

    def _documents(self, places: _Places) -> Mask:
        """Those with a place."""
        if places.negated:
            return np.ones(len(self._segment.ids), np.bool_)
        return self._mask(places.keys >> SLOT_SHIFT)

    def _places(self, query: Query) -> _Places:
        if isinstance(query, Lexeme):
            postings = self._postings(query)
            placeless = postings.slots[postings.counts == 0]
            return _Places(postings.keys(query.weights), unknown=self._mask(placeless) if len(placeless) else None)
        if isinstance(query, Not):
            inner = self._places(query.operand)
            return _Places(inner.keys, not inner.negated, inner.width, inner.unknown)
        assert isinstance(query, Both)
        left, right = self._places(query.left), self._places(query.right)
        unknown = self._unknown(query, left, right)
        if query.operator == "<->":
            width = left.width + query.distance + right.width
            return _joined(left, right, (query.distance + right.width, 0), width, unknown)
        width = max(left.width, right.width)
        if query.operator == "&":
            return _joined(left, right, (width - left.width, width - right.width), width, unknown)
        return _either(left, right, width, unknown)

    def _unknown(self, query: Both, left: _Places, right: _Places) -> Mask | None:
        """Where it is unknown whether both hold: one side is, and the other is not nowhere."""
        if left.unknown is None and right.unknown is None:
            return None
        none = np.zeros(len(self._segment.ids), np.bool_)
        of_left = none if left.unknown is None else left.unknown
        of_right = none if right.unknown is None else right.unknown
        if query.operator == "|":
            return of_left | of_right
        return (of_left | self._documents(left)) & (of_right | self._documents(right)) & (of_left | of_right)


def _joined(left: _Places, right: _Places, offsets: tuple[int, int], width: int, unknown: Mask | None) -> _Places:
    """Where both hold, once their positions are brought together."""
    a, b = left.keys + offsets[0], right.keys + offsets[1]
    if left.negated and right.negated:
        return _Places(np.union1d(a, b), True, width, unknown)
    if left.negated:
        return _Places(np.setdiff1d(b, a, assume_unique=True), False, width, unknown)
    if right.negated:
        return _Places(np.setdiff1d(a, b, assume_unique=True), False, width, unknown)
    return _Places(np.intersect1d(a, b, assume_unique=True), False, width, unknown)


def _either(left: _Places, right: _Places, width: int, unknown: Mask | None) -> _Places:
    a, b = left.keys + (width - left.width), right.keys + (width - right.width)
    if left.negated and right.negated:
        return _Places(np.intersect1d(a, b, assume_unique=True), True, width, unknown)
    if left.negated:
        return _Places(np.setdiff1d(a, b, assume_unique=True), True, width, unknown)
    if right.negated:
        return _Places(np.setdiff1d(b, a, assume_unique=True), True, width, unknown)
    return _Places(np.union1d(a, b), False, width, unknown)
