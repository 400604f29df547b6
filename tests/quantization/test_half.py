"""Scaling for half precision: distances keep their order, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ruvector_quantization import HalfScaling


def normal(rows: int = 500, dimensions: int = 24) -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal((rows, dimensions)).astype(np.float32)


@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (1e-20, 0), (1e15, 0), (1, 100), (1e-3, -0.5)])
def test_hardly_anything_is_lost_wherever_the_vectors_lie(factor: float, offset: float) -> None:
    vectors = (normal() * np.float32(factor) + np.float32(offset)).astype(np.float32)
    scaling = HalfScaling.of(vectors, centred=True)
    assert scaling is not None
    assert scaling.relative_loss(vectors) < 0.001


def test_moved_and_scaled_distances_keep_their_order() -> None:
    vectors = normal() * np.float32(1e6) + np.float32(3e6)
    scaling = HalfScaling.of(vectors, centred=True)
    assert scaling is not None
    scaled = scaling.apply(vectors)
    assert scaled is not None
    assert np.abs(scaled).max() <= 65504
    before = np.linalg.norm(vectors[1:] - vectors[0], axis=1)
    after = np.linalg.norm(scaled[1:] - scaled[0], axis=1)
    np.testing.assert_allclose(after, before * scaling.scale, rtol=1e-3)
    assert np.log2(scaling.scale) % 1 == 0


def test_without_a_centre_nothing_is_moved() -> None:
    vectors = normal() + 1000
    scaling = HalfScaling.of(vectors, centred=False)
    assert scaling is not None
    assert not scaling.centre.any()
    assert scaling.relative_loss(vectors) > 0.01


def test_rows_too_long_for_the_sample_are_refused() -> None:
    scaling = HalfScaling.of(normal(), centred=True)
    assert scaling is not None
    longer = normal(5)
    longer[3] *= 1e6
    assert scaling.apply(longer) is None
    assert scaling.apply(normal(5)) is not None
    assert scaling.apply(normal(0)) is not None


@pytest.mark.parametrize("value", [0.0, 3.4e38])
def test_nothing_to_scale_by(value: float) -> None:
    same = np.full((10, 4), value, np.float32)
    same[: 5 if value else 10] *= -1
    with np.errstate(over="ignore"):
        scaling = HalfScaling.of(same, centred=True)
    assert scaling is None or scaling.relative_loss(same) == np.inf


def test_coinciding_neighbours_lose_everything() -> None:
    twice = np.concatenate([normal(20), normal(20)])
    scaling = HalfScaling.of(twice, centred=True)
    assert scaling is not None
    assert scaling.relative_loss(twice) == np.inf
