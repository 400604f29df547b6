"""Half precision: two bytes a dimension, rounded to the nearest even."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruvector_quantization.codec import Codes, Float32Array, check_dimensions, code_matrix


@dataclass(frozen=True, slots=True)
class Float16Codec:
    """IEEE 754 half precision, little-endian. Eleven significant bits; numbers from 65520 up do not fit."""

    dimensions: int

    @property
    def code_size(self) -> int:
        """Bytes in a code."""
        return 2 * self.dimensions

    def train(self, vectors: Float32Array) -> None:
        """Nothing to learn; the shape is checked."""
        check_dimensions(vectors, self.dimensions)

    def encode(self, vectors: Float32Array) -> Codes:
        """Codes, shape (n, code_size). ValueError when a number is out of range for half precision."""
        check_dimensions(vectors, self.dimensions)
        with np.errstate(over="ignore"):
            halves = np.ascontiguousarray(vectors).astype("<f2")
        if not np.isfinite(halves).all():
            raise ValueError("a number is out of range for half precision")
        return halves.view(np.uint8)

    def decode(self, codes: bytes | Codes) -> Float32Array:
        """The vectors of n codes laid end to end, shape (n, dimensions)."""
        return code_matrix(codes, self.code_size).view("<f2").astype(np.float32)
