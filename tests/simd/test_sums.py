"""The order of additions, seen where it decides: a small term that a large one swallows, or does not."""

from __future__ import annotations

import numpy as np

from ruvector_simd.sums import fused_lane_sum, lane_sum, products, rounded, sequential_sum

BIG = 2.0**24


def terms(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, np.float64)


def test_sequential_sum_rounds_after_each_term() -> None:
    assert sequential_sum(terms(BIG, 1, 1)) == BIG
    assert sequential_sum(terms(1, 1, BIG)) == BIG + 2
    assert sequential_sum(terms(1), BIG) == BIG


def test_eight_lanes_are_added_apart() -> None:
    two_groups = terms(BIG, *[0] * 7, 1, 1, *[0] * 6)
    assert sequential_sum(two_groups) == BIG
    assert fused_lane_sum(two_groups) == lane_sum(two_groups) == BIG
    apart = terms(BIG, 1, 0, 1, *[0] * 4)
    assert fused_lane_sum(apart) == lane_sum(apart) == BIG + 2


def test_the_rest_follows_one_by_one_in_one_and_by_four_in_the_other() -> None:
    rest = terms(*[0] * 8, BIG, 1, 0, 1)
    assert fused_lane_sum(rest) == BIG
    assert lane_sum(rest) == BIG + 2
    assert lane_sum(terms(BIG, 1, 1)) == BIG


def test_a_fused_term_is_rounded_once() -> None:
    third = np.array([1 / 3], np.float32)
    square = products(third, third)
    assert sequential_sum(square, -float(np.float32(square[0]))) != 0
    assert sequential_sum(rounded(square), -float(np.float32(square[0]))) == 0


def test_sums_of_nothing_are_their_start() -> None:
    assert lane_sum(terms(), 3.0) == 3.0
    assert fused_lane_sum(terms()) == 0.0
