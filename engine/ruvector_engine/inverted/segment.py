"""One immutable piece of an inverted index: documents by slot, and for every lexeme where it stands in which."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ids: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: A place is a position and, in its two lowest bits, a weight: 0 to 3 for D to A.
WEIGHT_BITS = 2
#: Stands for a lexeme of rows whose document is NULL: the index knows them, and no query matches them.
NO_DOCUMENT = ""
#: A key is a slot and, in its lower bits, a position.
SLOT_SHIFT = 32


@dataclass(frozen=True, slots=True)
class Postings:
    """Of one lexeme, or of several that follow each other: a posting a lexeme and document.

    `slots` (p,) int32, ascending within a lexeme; `counts` (p,) uint8, how many of the `places` (q,) uint16 are each
    posting's. A posting of a stripped document has none.
    """

    slots: npt.NDArray[np.int32]
    counts: npt.NDArray[np.uint8]
    places: npt.NDArray[np.uint16]

    def keys(self, weights: int) -> npt.NDArray[np.int64]:
        """Sorted keys of all places whose weight is one of the bits of `weights`; 0 for any."""
        slots = np.repeat(self.slots, self.counts).astype(np.int64)
        keys = (slots << SLOT_SHIFT) | (self.places >> WEIGHT_BITS)
        if weights:
            keys = keys[weights >> (self.places & 3) & 1 == 1]
        return keys if (keys[1:] > keys[:-1]).all() else np.unique(keys)


@dataclass(frozen=True, slots=True)
class Segment:
    """Documents and their lexemes.

    `ids` (n,) int64 ascending: slot -> row id. `terms`, in order: the lexemes. The postings of term t are those from
    `starts[t]` up to `starts[t + 1]`, their places those from `place_starts[t]` up to `place_starts[t + 1]`.
    """

    ids: Ids
    terms: Sequence[str]
    starts: npt.NDArray[np.int64]
    place_starts: npt.NDArray[np.int64]
    postings: Postings

    def postings_of(self, lexeme: str, *, prefix: bool) -> Postings:
        """The postings of a lexeme, or of all that begin with it."""
        first = bisect_left(self.terms, lexeme)
        last = first
        if prefix:
            last = bisect_left(self.terms, True, lo=first, key=lambda term: not term.startswith(lexeme))
        elif first < len(self.terms) and self.terms[first] == lexeme:
            last = first + 1
        begin, end = self.starts[first], self.starts[last]
        places = self.postings.places[self.place_starts[first] : self.place_starts[last]]
        return Postings(self.postings.slots[begin:end], self.postings.counts[begin:end], places)

    def slots_of(self, ids: Ids) -> npt.NDArray[np.int64]:
        """The slot of each id, shape (n,); -1 for those of no document here."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        slots = np.searchsorted(self.ids, ids)
        slots[slots == len(self.ids)] = 0
        slots[self.ids[slots] != ids] = -1
        return slots

    @property
    def nbytes(self) -> int:
        """About how many bytes of memory it takes."""
        arrays = (self.ids, self.starts, self.place_starts, *_arrays(self.postings))
        return sum(array.nbytes for array in arrays) + sum(map(len, self.terms)) + 57 * len(self.terms)


def _arrays(postings: Postings) -> tuple[npt.NDArray[np.generic], ...]:
    return postings.slots, postings.counts, postings.places


def assembled(ids: Ids, terms: Sequence[str], codes: npt.NDArray[np.int64], postings: Postings) -> Segment:
    """A segment of postings in any order.

    `ids` (n,) ascending; `codes` (p,): which of `terms`, in order, each posting is of. Terms without one are left out.
    """
    order = np.argsort(codes * max(len(ids), 1) + postings.slots, kind="stable")
    per_term = np.bincount(codes, minlength=len(terms))
    present = np.flatnonzero(per_term)
    if len(present) < len(terms):
        terms = [terms[t] for t in present.tolist()]
        per_term = per_term[present]
    counts = postings.counts[order]
    starts = _cumulated(per_term)
    places = _gathered(postings, order)
    return Segment(ids, terms, starts, _cumulated(counts)[starts], Postings(postings.slots[order], counts, places))


def _cumulated(counts: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """(n,) counts to (n + 1,) offsets."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _gathered(postings: Postings, order: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
    """The places of the postings in another order."""
    begins = _cumulated(postings.counts)[:-1][order]
    counts = postings.counts[order]
    within = np.arange(int(counts.sum(dtype=np.int64))) - np.repeat(_cumulated(counts)[:-1], counts)
    places: npt.NDArray[np.uint16] = postings.places[np.repeat(begins, counts) + within]
    return places


def merged(parts: Sequence[tuple[Segment, Mask | None]]) -> Segment:
    """One segment of the live documents of several; a mask (n,) says which are live, None: all."""
    live = [np.ones(len(segment.ids), np.bool_) if mask is None else mask for segment, mask in parts]
    ids = np.concatenate([segment.ids[mask] for (segment, _), mask in zip(parts, live, strict=True)])
    order = np.argsort(ids, kind="stable")
    places = np.empty(len(ids), np.int64)
    places[order] = np.arange(len(ids))
    terms = sorted({term for segment, _ in parts for term in segment.terms})
    code_of = {term: code for code, term in enumerate(terms)}
    all_codes, all_postings = [], []
    before = 0
    for (segment, _), mask in zip(parts, live, strict=True):
        here = int(mask.sum())
        slots = np.full(len(segment.ids), -1, np.int32)
        slots[mask] = places[before : before + here]
        before += here
        codes = np.fromiter((code_of[term] for term in segment.terms), np.int64, len(segment.terms))
        codes = np.repeat(codes, np.diff(segment.starts))
        kept = mask[segment.postings.slots]
        counts = segment.postings.counts
        all_codes.append(codes[kept])
        all_postings.append(
            Postings(
                slots[segment.postings.slots[kept]],
                counts[kept],
                segment.postings.places if kept.all() else segment.postings.places[np.repeat(kept, counts)],
            )
        )
    joined = Postings(
        np.concatenate([p.slots for p in all_postings]),
        np.concatenate([p.counts for p in all_postings]),
        np.concatenate([p.places for p in all_postings]),
    )
    return assembled(ids[order], terms, np.concatenate(all_codes), joined)
