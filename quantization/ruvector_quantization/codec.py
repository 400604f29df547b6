"""What every codec does: vectors to codes of a fixed size and back. No IO here."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Float32Array: TypeAlias = npt.NDArray[np.float32]
Codes: TypeAlias = npt.NDArray[np.uint8]


class Codec(Protocol):
    """Turns float32 vectors of `dimensions` into codes of `code_size` bytes and back."""

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""

    @property
    def code_size(self) -> int:
        """Bytes in a code."""

    def train(self, vectors: Float32Array) -> None:
        """Learn what the codec needs from a sample, shape (n, dimensions). Needed once, before `encode`."""

    def encode(self, vectors: Float32Array) -> Codes:
        """Codes, shape (n, code_size), of vectors, shape (n, dimensions)."""

    def decode(self, codes: bytes | Codes) -> Float32Array:
        """Vectors, shape (n, dimensions), of n codes laid end to end. ValueError when the size does not fit."""


def code_matrix(codes: bytes | Codes, code_size: int) -> Codes:
    """`codes` as shape (n, code_size), without copying. ValueError when it is not a whole number of codes."""
    flat = np.frombuffer(codes, np.uint8) if isinstance(codes, bytes) else codes.reshape(-1)
    if flat.size % code_size:
        raise ValueError(f"{flat.size} bytes are not a whole number of {code_size}-byte codes")
    return flat.reshape(-1, code_size)


def check_dimensions(vectors: Float32Array, dimensions: int) -> None:
    """ValueError unless `vectors` has shape (n, dimensions)."""
    if vectors.ndim != 2 or vectors.shape[1] != dimensions:
        raise ValueError(f"expected vectors of shape (n, {dimensions}), got {vectors.shape}")
