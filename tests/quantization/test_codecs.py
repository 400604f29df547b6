"""Codecs give back what they took, as exactly as they promise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ruvector_quantization import Codec, Float16Codec, Float32Codec


def matrices(limit: float) -> st.SearchStrategy[npt.NDArray[np.float32]]:
    numbers = st.floats(min_value=-limit, max_value=limit, width=32)
    shapes = st.tuples(st.integers(0, 5), st.integers(1, 40))
    return shapes.flatmap(lambda shape: hnp.arrays(np.float32, shape, elements=numbers))


@given(matrices(2.0**100))
def test_float32_is_lossless(vectors: npt.NDArray[np.float32]) -> None:
    codec = Float32Codec(vectors.shape[1])
    codes = codec.encode(vectors)
    assert codes.shape == (len(vectors), codec.code_size)
    assert codes.tobytes() == vectors.astype("<f4").tobytes()
    np.testing.assert_array_equal(codec.decode(codes.tobytes()), vectors)
    np.testing.assert_array_equal(codec.decode(codes), vectors)


def test_float32_decodes_without_copying() -> None:
    stored = np.arange(6, dtype="<f4").tobytes()
    decoded = Float32Codec(3).decode(stored)
    assert decoded.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not decoded.flags.owndata
    assert not decoded.flags.writeable


@given(matrices(65504.0))
def test_float16_rounds_to_the_nearest_half(vectors: npt.NDArray[np.float32]) -> None:
    codec = Float16Codec(vectors.shape[1])
    decoded = codec.decode(codec.encode(vectors).tobytes())
    np.testing.assert_array_equal(decoded, vectors.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(codec.decode(codec.encode(decoded)), decoded)


def test_float16_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="out of range for half precision"):
        Float16Codec(1).encode(np.array([[65520]], np.float32))


@pytest.mark.parametrize("codec", [Float32Codec(3), Float16Codec(3)])
def test_wrong_shapes_are_refused(codec: Codec) -> None:
    codec.train(np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"expected vectors of shape \(n, 3\), got \(2, 4\)"):
        codec.encode(np.zeros((2, 4), np.float32))
    with pytest.raises(ValueError, match="not a whole number"):
        codec.decode(b"\0" * (codec.code_size + 1))
