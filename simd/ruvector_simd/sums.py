"""Sums in the order, and with the roundings, of pgvector's loops for norms, halfvec and sparsevec on x86-64 with AVX2.

Terms are float64, which holds a product of two float32 exactly: rounding once after adding such a term is a fused
multiply-add, rounding the term first is a multiplication followed by an addition.
"""

from __future__ import annotations

import numpy as np

from ruvector_simd.arrays import Float32Array, Float64Array

_LANES, _GROUP = 8, 4


def products(a: Float32Array, b: Float32Array) -> Float64Array:
    """The exact products of the elements."""
    return a.astype(np.float64) * b


def rounded(terms: Float64Array) -> Float64Array:
    """The terms as float32 holds them."""
    return terms.astype(np.float32).astype(np.float64)


def sequential_sum(terms: Float64Array, start: float = 0.0) -> float:
    """One term after the other, rounded after each."""
    total = start
    for term in terms.tolist():
        total = float(np.float32(total + term))
    return total


def fused_lane_sum(terms: Float64Array) -> float:
    """halfvec's kernels: eight lanes, folded by halves, then the rest one by one."""
    return float(fused_lane_sums(terms[None, :])[0])


def fused_lane_sums(terms: Float64Array) -> Float32Array:
    """The same for each row of `terms`, shape (n, d)."""
    n, d = terms.shape
    whole = d // _LANES * _LANES
    lanes = np.zeros((n, _LANES), np.float32)
    for start in range(0, whole, _LANES):
        lanes = (lanes + terms[:, start : start + _LANES]).astype(np.float32)
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    totals: Float32Array = lanes[:, 0]
    for place in range(whole, d):
        totals = (totals + terms[:, place]).astype(np.float32)
    return totals


def lane_sum(terms: Float64Array, start: float = 0.0) -> float:
    """The compiler's vector loop over sparsevec's values: eight lanes, then a group of four, then one by one.

    The terms are rounded first, but for those of the group of four.
    """
    done = 0
    if len(terms) >= _GROUP:
        done = len(terms) // _LANES * _LANES
        heads = terms[:done].astype(np.float32).reshape(-1, _LANES)
        lanes = np.add.reduce(heads, axis=0, dtype=np.float32)
        lanes = lanes[:_GROUP] + lanes[_GROUP:]
        if len(terms) - done >= _GROUP:
            lanes = (lanes + terms[done : done + _GROUP]).astype(np.float32)
            done += _GROUP
        start = float(np.float32(_folded(lanes) + start))
    return sequential_sum(rounded(terms[done:]), start)


def squared_norm_sum(elements: Float32Array) -> float:
    """The sum of squares in float64, as the norms' loop adds: four lanes of pairs, then two, then one by one.

    A float64 holds the square of a float32 exactly.
    """
    squares = products(elements, elements)
    done = len(squares) // _LANES * _LANES
    groups = squares[:done].reshape(-1, 2, _GROUP)
    lanes = np.add.reduce(groups[:, 0] + groups[:, 1], axis=0)
    pair = lanes[:2] + lanes[2:]
    if len(squares) - done >= _GROUP:
        pair = pair + squares[done : done + 2] + squares[done + 2 : done + _GROUP]
        done += _GROUP
    total = float(pair[0] + pair[1])
    for square in squares[done:].tolist():
        total += square
    return total


def _folded(lanes: Float32Array) -> float:
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = lanes[:half] + lanes[half:]
    return float(lanes[0])
