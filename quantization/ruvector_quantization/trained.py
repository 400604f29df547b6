"""Codecs that learn from a sample: what faiss's codes are to the engine. No IO here.

Each wraps a faiss index without rows, which is its quantizer: the engine fills a copy of it with codes and searches
these, so that a code is made in one way only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ruvector_quantization.codec import Codes, Float32Array, check_dimensions, code_matrix
from ruvector_simd import Metric
from ruvector_simd.native import faiss

#: Squared lengths beyond this may differ by more than float32 holds, and then faiss's k-means ends the process.
LARGEST_SQUARE = 1e37

#: Called now and then while a codec learns; what it raises ends that.
Pause: TypeAlias = Callable[[], None]


def flat_metric(metric: Metric) -> int:
    """faiss's name for the metric between codes. Cosine is L2 between unit vectors; ValueError for L1."""
    if metric is Metric.L1:
        raise ValueError("codes do not serve the L1 distance")
    return int(faiss.METRIC_INNER_PRODUCT if metric is Metric.INNER_PRODUCT else faiss.METRIC_L2)


class TrainedCodec(ABC):
    """A codec around a faiss IndexFlatCodes that has no rows."""

    def __init__(self, index: Any) -> None:
        self.index = index

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return int(self.index.d)

    @property
    def code_size(self) -> int:
        """Bytes in a code."""
        return int(self.index.sa_code_size())

    def fits(self, vectors: Float32Array) -> bool:
        """Whether codes can stand for such vectors at all: the squares of their numbers add up within float32."""
        largest = max(float(vectors.max()), -float(vectors.min())) if vectors.size else 0.0
        return largest * largest * self.dimensions <= LARGEST_SQUARE

    def train(self, vectors: Float32Array, pause: Pause = lambda: None) -> None:
        """Learn from a sample, shape (n, dimensions). ValueError when n is too small."""
        check_dimensions(vectors, self.dimensions)
        if not len(vectors):
            raise ValueError("a codec cannot learn from no vectors")
        self._learn(np.ascontiguousarray(vectors, np.float32), pause)
        self.index.is_trained = True

    @abstractmethod
    def _learn(self, vectors: Float32Array, pause: Pause) -> None:
        """`train`, of n > 0 vectors that lie side by side."""

    def encode(self, vectors: Float32Array) -> Codes:
        """Codes, shape (n, code_size), of vectors, shape (n, dimensions). ValueError before `train`."""
        check_dimensions(vectors, self.dimensions)
        if not self.index.is_trained:
            raise ValueError("the codec has not been trained")
        encoded: Codes = self.index.sa_encode(np.ascontiguousarray(vectors, np.float32))
        return encoded

    def decode(self, codes: bytes | Codes) -> Float32Array:
        """The vectors that n codes laid end to end stand for, shape (n, dimensions)."""
        decoded: Float32Array = self.index.sa_decode(np.ascontiguousarray(code_matrix(codes, self.code_size)))
        return decoded
