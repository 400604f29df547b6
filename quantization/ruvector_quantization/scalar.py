"""Scalar codes: each number by itself, as a half or as one of 256 or 16 steps between the ends of its dimension."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ruvector_quantization.codec import Float32Array
from ruvector_quantization.trained import Pause, TrainedCodec, flat_metric
from ruvector_simd import Metric
from ruvector_simd.native import faiss

#: This share of the sample may lie beyond either end of a dimension, where it is cut off: one row a thousand times as
#: long as the others would leave all of them on one step.
_BEYOND = 0.001
#: The largest number of vectors that half precision holds well: below, small numbers lose bits, above it ends.
_HALF_RANGE = (2.0**-6, 65504.0)


class StepCodec(TrainedCodec):
    """`bits` a dimension: 8 (sq8), or 4 (sq4) with two dimensions in a byte."""

    def __init__(self, dimensions: int, bits: Literal[4, 8], metric: Metric = Metric.L2) -> None:
        kind = faiss.ScalarQuantizer.QT_8bit if bits == 8 else faiss.ScalarQuantizer.QT_4bit
        super().__init__(faiss.IndexScalarQuantizer(dimensions, kind, flat_metric(metric)))
        self.bits = bits

    def _learn(self, vectors: Float32Array, _pause: Pause) -> None:
        first = int(_BEYOND * len(vectors))
        last = len(vectors) - 1 - first
        ordered = np.partition(vectors, (first, last), axis=0)
        low, high = ordered[first], ordered[last]
        faiss.copy_array_to_vector(np.concatenate((low, high - low)), self.index.sq.trained)


class HalfCodec(TrainedCodec):
    """Half precision as faiss holds it: the bytes of Float16Codec, but for ties. There is nothing to learn."""

    def __init__(self, dimensions: int, metric: Metric = Metric.L2) -> None:
        half = faiss.ScalarQuantizer.QT_fp16
        super().__init__(faiss.IndexScalarQuantizer(dimensions, half, flat_metric(metric)))

    def fits(self, vectors: Float32Array) -> bool:
        """Whether their largest number is within half precision's better range."""
        largest = max(float(vectors.max()), -float(vectors.min())) if vectors.size else 0.0
        return largest == 0 or _HALF_RANGE[0] <= largest <= _HALF_RANGE[1]

    def _learn(self, vectors: Float32Array, _pause: Pause) -> None:
        pass
