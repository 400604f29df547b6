"""Distances against plain NumPy in float64, at every SIMD level this machine has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ruvector_simd import Metric, available_levels, choose_level, distance, distances, nearest, sort_keys
from ruvector_simd.native import faiss

DIMENSIONS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 31, 100, 384, 1000, 2000)


@pytest.fixture(params=available_levels())
def level(request: pytest.FixtureRequest) -> str:
    """Run at one level."""
    return choose_level(request.param).level


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Go back to the level chosen for the process."""
    yield
    choose_level()


def reference(
    metric: Metric, query: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    q, v = query.astype(np.float64), vectors.astype(np.float64)
    if metric is Metric.L2:
        return np.asarray(np.sqrt(((v - q) ** 2).sum(axis=1)))
    if metric is Metric.INNER_PRODUCT:
        return np.asarray(-(v * q).sum(axis=1))
    if metric is Metric.L1:
        return np.asarray(np.abs(v - q).sum(axis=1))
    return np.asarray(1 - (v * q).sum(axis=1) / np.linalg.norm(v, axis=1) / np.linalg.norm(q))


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("metric", Metric)
def test_every_level_agrees_with_numpy(level: str, metric: Metric, d: int) -> None:
    rng = np.random.default_rng(d)
    query, vectors = rng.standard_normal(d).astype(np.float32), rng.standard_normal((9, d)).astype(np.float32)
    expected = reference(metric, query, vectors)
    actual = distances(metric, query, vectors)
    assert actual.dtype == np.float64
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * math.sqrt(d))
    for vector, value in zip(vectors, actual, strict=True):
        assert distance(metric, query, vector) == pytest.approx(value, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("metric", Metric)
def test_sort_keys_sort_as_the_distances_do(metric: Metric, d: int) -> None:
    rng = np.random.default_rng(d)
    query, vectors = rng.standard_normal(d).astype(np.float32), rng.standard_normal((50, d)).astype(np.float32)
    if metric is Metric.COSINE:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = distances(metric, query, vectors)
    keys = sort_keys(metric, query, vectors)
    assert np.all(np.diff(expected[np.argsort(keys)]) >= -1e-5)
    rows = rng.permutation(50)[:20].astype(np.int64)
    np.testing.assert_allclose(sort_keys(metric, query, vectors, rows), keys[rows], rtol=1e-5, atol=1e-5)


finite = st.floats(min_value=-(2.0**60), max_value=2.0**60, width=32)


@given(st.integers(1, 40).flatmap(lambda d: hnp.arrays(np.float32, (2, d), elements=finite)))
def test_one_distance_is_the_distance_of_many(pair: npt.NDArray[np.float32]) -> None:
    a, b = np.ascontiguousarray(pair[0]), np.ascontiguousarray(pair[1])
    for metric in Metric:
        one, many = distance(metric, a, b), float(distances(metric, a, b.reshape(1, -1))[0])
        assert one == many or (math.isnan(one) and math.isnan(many))


@pytest.mark.parametrize("d", [3, 384])
def test_cosine_of_a_zero_vector_is_nan(d: int) -> None:
    zero, one = np.zeros(d, np.float32), np.ones(d, np.float32)
    assert math.isnan(distance(Metric.COSINE, zero, one))
    found = distances(Metric.COSINE, one, np.stack([zero, one]))
    assert math.isnan(found[0])
    assert found[1] == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("d", [3, 384])
def test_sums_overflow_to_infinity_as_in_pgvector(d: int) -> None:
    a, b = np.full(d, 1e38, np.float32), np.full(d, -1e38, np.float32)
    assert distance(Metric.L2, a, b) == math.inf
    assert distance(Metric.INNER_PRODUCT, a, b) == math.inf
    assert math.isnan(distance(Metric.COSINE, a, b))


@pytest.mark.parametrize("d", [3, 384])
def test_orthogonal_inner_product_is_negative_zero(d: int) -> None:
    """pgvector negates the float, so a zero inner product prints as -0."""
    assert math.copysign(1.0, distance(Metric.INNER_PRODUCT, np.zeros(d, np.float32), np.ones(d, np.float32))) == -1.0


#: L2, negative inner product, cosine and L1 as pgvector 0.8.5 prints them on x86-64 with AVX2, by dimensions.
PGVECTOR_DIGITS = {
    3: ["1.0392304478343841", "-0.25999999046325684", "0.4249138645882846", "1.7999999523162842"],
    384: ["111.2798458911698", "-223.1427764892578", "0.9651848510716527", "1778.7142333984375"],
    1536: ["225.1393231840009", "-281.3468933105469", "0.9890117003478086", "7203.14306640625"],
}


def _recorded_pair(d: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    if d == 3:
        return np.array([0.1, 0.2, 0.3], np.float32), np.array([0.7, -0.4, 0.9], np.float32)
    i = np.arange(d)
    return ((i * 37 % 101 - 50) / 7).astype(np.float32), ((i * 53 % 97 - 48) / 7).astype(np.float32)


@pytest.mark.parametrize("level", [level for level in available_levels() if level.startswith("avx")])
@pytest.mark.parametrize("d", PGVECTOR_DIGITS)
def test_the_digits_are_pgvectors(d: int, level: str) -> None:
    choose_level(level)
    a, b = _recorded_pair(d)
    assert [repr(distance(metric, a, b)) for metric in Metric] == PGVECTOR_DIGITS[d]
    assert [repr(float(distances(metric, a, b.reshape(1, d))[0])) for metric in Metric] == PGVECTOR_DIGITS[d]


def test_the_digits_are_pgvectors_whatever_other_threads_do() -> None:
    """The level is the process's: nobody who leaves `eight_lanes` may change it under those who are inside."""
    if "avx2" not in available_levels():
        pytest.skip("the recorded digits are those of AVX2")
    level = choose_level("auto").level
    a, b = _recorded_pair(384)

    def shown(_: int) -> set[str]:
        return {repr(distance(Metric.COSINE, a, b)) for _ in range(2000)}

    with ThreadPoolExecutor(4) as threads:
        assert set().union(*threads.map(shown, range(4))) == {PGVECTOR_DIGITS[384][2]}
    assert faiss.SIMDConfig.get_level() == getattr(faiss, f"SIMDLevel_{level.upper()}")


@pytest.mark.parametrize("metric", Metric)
def test_nearest_of_many_is_the_start_of_all(metric: Metric) -> None:
    rng = np.random.default_rng(7)
    query, vectors = rng.standard_normal(40).astype(np.float32), rng.standard_normal((2000, 40)).astype(np.float32)
    vectors[::100] = 0
    expected = distances(metric, query, vectors)
    rows, found = nearest(metric, query, vectors, 25)
    np.testing.assert_array_equal(found, np.sort(expected)[:25])
    np.testing.assert_array_equal(found, expected[rows])


def test_nearest_breaks_ties_by_row_and_puts_nan_last() -> None:
    vectors = np.array([[0, 0], [1, 0], [2, 0], [1, 0], [0, 1]], np.float32)
    query = np.array([1, 0], np.float32)
    rows, found = nearest(Metric.COSINE, query, vectors, 5)
    assert rows.tolist() == [1, 2, 3, 4, 0]
    assert found[:4].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert math.isnan(found[4])
    assert nearest(Metric.L2, query, vectors, 2)[0].tolist() == [1, 3]
    assert nearest(Metric.L2, query, vectors, 0)[0].tolist() == []
    assert nearest(Metric.L2, query, vectors, 99)[0].tolist() == [1, 3, 0, 2, 4]


def test_a_read_only_query_is_taken_as_it_is() -> None:
    query = np.frombuffer(np.arange(20, dtype=np.float32).tobytes(), np.float32)
    assert distance(Metric.L2, query, query) == 0.0
    assert distances(Metric.COSINE, query, query.reshape(1, -1)).shape == (1,)
