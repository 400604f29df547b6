"""Codecs that learn: codes weigh what they say, and lose no more than they promise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ruvector_quantization import (
    BinaryCodec,
    Codec,
    Float16Codec,
    HalfCodec,
    ProductCodec,
    StepCodec,
    TrainedCodec,
    parts_for,
)
from ruvector_simd import Metric

Matrix = npt.NDArray[np.float32]


def matrices(limit: float = 100, least: int = 1) -> st.SearchStrategy[Matrix]:
    numbers = st.floats(min_value=-limit, max_value=limit, width=32)
    shapes = st.tuples(st.integers(least, 30), st.integers(1, 24))
    return shapes.flatmap(lambda shape: hnp.arrays(np.float32, shape, elements=numbers))


def every_codec(dimensions: int) -> list[TrainedCodec]:
    return [
        HalfCodec(dimensions),
        StepCodec(dimensions, 8),
        StepCodec(dimensions, 4),
        ProductCodec(dimensions, dimensions // 2, 16),
        BinaryCodec(dimensions),
    ]


@given(matrices(), st.sampled_from([4, 8]))
def test_a_step_is_as_wide_as_its_dimension_allows(vectors: Matrix, bits: int) -> None:
    """Inside of what the sample holds, a number is off by no more than one step."""
    codec = StepCodec(vectors.shape[1], 8 if bits == 8 else 4)
    codec.train(vectors)
    codes = codec.encode(vectors)
    assert codes.shape == (len(vectors), codec.code_size)
    assert codec.code_size == -(-vectors.shape[1] * bits // 8)
    span = vectors.max(axis=0).astype(np.float64) - vectors.min(axis=0)
    error = np.abs(codec.decode(codes).astype(np.float64) - vectors)
    assert (error <= span / (2**bits - 1) + 1e-5 * np.abs(vectors).max() + 1e-30).all()


def test_numbers_far_from_the_sample_are_cut_off_and_do_not_widen_the_steps() -> None:
    rows = np.random.default_rng(1).standard_normal((5000, 8)).astype(np.float32)
    rows[17] *= 1e6
    codec = StepCodec(8, 8)
    codec.train(rows)
    others = np.delete(rows, 17, axis=0)
    assert np.abs(codec.decode(codec.encode(others)) - others).mean() < 0.02
    assert np.abs(codec.decode(codec.encode(rows[17:18]))).max() < 10


@given(matrices(limit=60000.0))
def test_halves_are_those_of_half_precision(vectors: Matrix) -> None:
    codec, plain = HalfCodec(vectors.shape[1]), Float16Codec(vectors.shape[1])
    codec.train(vectors)
    assert codec.code_size == plain.code_size
    found, nearest = codec.decode(codec.encode(vectors)), plain.decode(plain.encode(vectors))
    # The same, but where two are equally near: faiss takes the farther from zero, as for 2385, NumPy the even one.
    np.testing.assert_array_equal(np.abs(found - vectors), np.abs(nearest - vectors))


@pytest.mark.parametrize(("largest", "fits"), [(0.0, True), (0.02, True), (65504, True), (65536, False), (1e-3, False)])
def test_halves_hold_numbers_of_a_certain_size(largest: float, fits: bool) -> None:
    vectors = np.zeros((3, 2), np.float32)
    vectors[1, 1] = -largest
    assert HalfCodec(2).fits(vectors) is fits


@given(matrices(least=16).filter(lambda vectors: vectors.shape[1] % 2 == 0), st.sampled_from([2, 4, 16]))
def test_each_part_goes_to_its_nearest_centroid(vectors: Matrix, centroids: int) -> None:
    """Decoding gives centroids; encoding those gives the same codes or others of the same vectors."""
    d = vectors.shape[1]
    codec = ProductCodec(d, d // 2, centroids)
    codec.train(vectors)
    codes = codec.encode(vectors)
    bits = centroids.bit_length() - 1
    assert codes.shape == (len(vectors), codec.code_size)
    assert codec.code_size == -(-(d // 2) * bits // 8)
    decoded = codec.decode(codes)
    np.testing.assert_array_equal(codec.decode(codec.encode(decoded)), decoded)
    for part in range(0, d, 2):
        assert len(np.unique(decoded[:, part : part + 2], axis=0)) <= centroids
    # What stands for a vector is nearer than the mean of all, taken together; faiss moves equal centroids a little.
    spread = ((vectors - vectors.mean(axis=0)) ** 2).sum(dtype=np.float64)
    moved = vectors.size * (np.abs(vectors).max() / 500) ** 2
    assert ((vectors - decoded) ** 2).sum(dtype=np.float64) <= spread * 1.01 + moved + 1e-6


@given(matrices(least=2))
def test_binary_codes_keep_the_side_of_the_mean_and_the_distance_from_it(vectors: Matrix) -> None:
    d = vectors.shape[1]
    codec = BinaryCodec(d)
    codec.train(vectors)
    codes = codec.encode(vectors)
    assert codes.shape == (len(vectors), codec.code_size)
    assert codec.code_size == -(-d // 8) + 8
    mean = vectors.mean(axis=0, dtype=np.float64)
    before = vectors - mean
    after = codec.decode(codes) - mean
    clear = np.abs(before) > 1e-3 * np.abs(vectors).max() + 1e-9
    assert (np.sign(before)[clear] == np.sign(after)[clear]).all()


def test_codes_keep_neighbours() -> None:
    """Of clustered vectors, those that codes put nearest come from the same cluster."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((10, 32)) * 3
    cluster = rng.integers(0, 10, 2000)
    rows = (centres[cluster] + rng.standard_normal((2000, 32))).astype(np.float32)
    for codec in every_codec(32):
        codec.train(rows)
        decoded = codec.decode(codec.encode(rows))
        for i in range(20):
            nearest = np.argsort(((decoded - rows[i]) ** 2).sum(axis=1))[:10]
            assert (cluster[nearest] == cluster[i]).all()


@pytest.mark.parametrize("codec", every_codec(8), ids=lambda codec: type(codec).__name__)
def test_wrong_shapes_are_refused(codec: TrainedCodec) -> None:
    as_codec: Codec = codec
    with pytest.raises(ValueError, match="cannot learn from no vectors"):
        as_codec.train(np.zeros((0, 8), np.float32))
    as_codec.train(np.random.default_rng(1).standard_normal((20, 8)).astype(np.float32))
    with pytest.raises(ValueError, match=r"expected vectors of shape \(n, 8\), got \(2, 3\)"):
        codec.encode(np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match="not a whole number"):
        codec.decode(b"\0" * (codec.code_size + 1))


def test_what_no_codec_can_do_is_refused() -> None:
    with pytest.raises(ValueError, match="has not been trained"):
        StepCodec(4, 8).encode(np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match="16 centroids cannot be learnt from 15 vectors"):
        ProductCodec(4, 2, 16).train(np.zeros((15, 4), np.float32))
    for parts, centroids in ((3, 16), (2, 15), (2, 1), (2, 512)):
        with pytest.raises(ValueError, match="cannot cut 4 dimensions"):
            ProductCodec(4, parts, centroids)
    with pytest.raises(ValueError, match="do not serve the L1 distance"):
        BinaryCodec(4, Metric.L1)


@given(st.integers(1, 4000), st.integers(2, 64))
def test_parts_divide_the_dimensions(dimensions: int, compression: int) -> None:
    parts = parts_for(dimensions, compression)
    assert dimensions % parts == 0
    assert parts == dimensions or 4 * dimensions <= parts * compression
    assert not any(dimensions % n == 0 for n in range(-(-4 * dimensions // compression), parts))


def test_parts_of_common_models() -> None:
    assert [parts_for(d, 16) for d in (384, 768, 1024, 1536, 3072, 100)] == [96, 192, 256, 384, 768, 25]
    assert parts_for(1536, 32) == 192
