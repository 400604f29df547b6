"""Full precision: the form in which a vector is stored and travels, float32 little-endian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruvector_quantization.codec import Codes, Float32Array, check_dimensions, code_matrix


@dataclass(frozen=True, slots=True)
class Float32Codec:
    """Four bytes a dimension. Lossless; on a little-endian machine `decode` is a view of the bytes it was given."""

    dimensions: int

    @property
    def code_size(self) -> int:
        """Bytes in a code."""
        return 4 * self.dimensions

    def train(self, vectors: Float32Array) -> None:
        """Nothing to learn; the shape is checked."""
        check_dimensions(vectors, self.dimensions)

    def encode(self, vectors: Float32Array) -> Codes:
        """The vectors' own bytes, shape (n, code_size)."""
        check_dimensions(vectors, self.dimensions)
        return np.ascontiguousarray(vectors, "<f4").view(np.uint8)

    def decode(self, codes: bytes | Codes) -> Float32Array:
        """The vectors of n codes laid end to end, shape (n, dimensions)."""
        return code_matrix(codes, self.code_size).view("<f4").astype(np.float32, copy=False)
