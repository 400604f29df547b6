"""From documents, tsvectors in their canonical text, to a segment: in numpy wherever there is one thing a lexeme."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ruvector_engine.inverted.segment import NO_DOCUMENT, WEIGHT_BITS, Ids, Postings, Segment, assembled
from ruvector_engine.text_search import documents

_QUOTE, _ZERO, _NINE = b"'"[0], b"0"[0], b"9"[0]
#: What a position has at most, in digits: 16383.
_MOST_DIGITS = 5


class _Codes(dict[str, int]):
    """Numbers of lexemes, in the order in which they come."""

    def __missing__(self, lexeme: str) -> int:
        self[lexeme] = code = len(self)
        return code


def segment_of(ids: Ids, texts: Sequence[str | None]) -> Segment:
    """The segment of documents with these row ids (n,), in any order."""
    order = np.argsort(ids, kind="stable")
    lexemes: list[str] = []
    written: list[str] = []
    sizes = []
    for document in (texts[place] for place in order.tolist()):
        before = len(lexemes)
        if document is None:
            lexemes.append(NO_DOCUMENT)
            written.append("")
        elif "''" in document or "\\" in document:
            for lexeme, positions in documents.read(document).items():
                lexemes.append(lexeme)
                written.append(documents.write_positions(positions))
        else:  # every quote begins or ends a lexeme
            pieces = document.split("'")
            lexemes += pieces[1::2]
            written += pieces[2::2]
        sizes.append(len(lexemes) - before)
    codes = _Codes()
    numbers = np.fromiter(map(codes.__getitem__, lexemes), np.int64, len(lexemes))
    terms = sorted(codes)
    ranks = np.empty(len(terms), np.int64)
    ranks[np.fromiter(map(codes.__getitem__, terms), np.int64, len(terms))] = np.arange(len(terms))
    slots = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    counts, places = _positions(written)
    return assembled(np.asarray(ids)[order], terms, ranks[numbers], Postings(slots, counts, places))


def _positions(written: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """Positions as documents have them, such as ":3,17A": how many there are in each text, and all of them."""
    joined = "'".join(written)
    data = np.frombuffer(joined.encode() + b"\0" * (_MOST_DIGITS + 1), np.uint8)
    is_digit = (data >= _ZERO) & (data <= _NINE)
    begins = np.flatnonzero(is_digit & ~np.concatenate(([False], is_digit[:-1])))
    text_at = np.searchsorted(np.flatnonzero(data == _QUOTE), begins)
    counts = np.bincount(text_at, minlength=len(written)).astype(np.uint8)
    values = np.zeros(len(begins), np.uint32)
    ends = begins.copy()
    for step in range(_MOST_DIGITS):
        going = is_digit[begins + step] & (ends == begins + step)
        values = np.where(going, values * 10 + (data[begins + step] - _ZERO), values)
        ends += going
    weight_of = np.zeros(256, np.uint32)
    for weight, letter in enumerate(documents.WEIGHTS):
        weight_of[ord(letter)] = weight
    return counts, (values << WEIGHT_BITS | weight_of[data[ends]]).astype(np.uint16)
