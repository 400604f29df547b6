"""Distances between strings of bits, packed into 64-bit words, shape (n, words); what is beyond the length is 0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ruvector_simd.arrays import Float64Array
from ruvector_simd.metric import BitMetric

Words = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.uint32]

_WORD = 64


def packed(characters: npt.NDArray[np.uint8]) -> Words:
    """Rows of the characters "0" and "1", shape (n, length), as words."""
    count, length = characters.shape
    octets = np.zeros((count, words_for(length) * 8), np.uint8)
    octets[:, : (length + 7) // 8] = np.packbits(characters & 1, axis=1)
    return octets.view(np.uint64)


def words_for(length: int) -> int:
    """Words that hold so many bits."""
    return (length + _WORD - 1) // _WORD


def bit_counts(words: Words) -> Counts:
    """How many bits of each row are set."""
    return _counted(words, lambda column, _: column)


def bit_distances(metric: BitMetric, query: Words, words: Words, counts: Counts | None = None) -> Float64Array:
    """Distances from `query`, shape (words,), to each row. JACCARD takes the rows' `counts` where they are known.

    Hamming: bits that differ. Jaccard: one minus the share of the bits set in both among those set in either, and 1
    where no bit is set in both.
    """
    if metric is BitMetric.HAMMING:
        return _counted(words, lambda column, place: column ^ query[place]).astype(np.float64)
    both = _counted(words, lambda column, place: column & query[place]).astype(np.float64)
    set_here = bit_counts(words) if counts is None else counts
    either = set_here + float(bit_counts(query[None, :])[0]) - both
    return 1.0 - np.divide(both, either, out=np.zeros_like(both), where=both > 0)


def _counted(words: Words, combined: Callable[[Words, int], Words]) -> Counts:
    """The bits set in each row of what is made of the columns: one after the other is faster."""
    total = np.zeros(len(words), np.uint32)
    for place in range(words.shape[1]):
        total += np.bitwise_count(combined(words[:, place], place))
    return total
