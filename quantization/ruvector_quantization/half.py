"""Vectors moved and scaled so that half precision loses as little of their distances as it can.

Distances do not change when all vectors are moved by the same vector, nor does their order when all are scaled. Around
their mean, in the middle of half precision's range, 11 significant bits go as far as possible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ruvector_quantization.codec import Float32Array

#: Scaled numbers stay below this for a sample's sake: half precision ends at 65504, and other rows may be longer.
_TARGET = 256.0
_LARGEST = 65504.0


@dataclass(frozen=True, slots=True)
class HalfScaling:
    """x -> (x - centre) * scale. `centre` shape (d,); `scale` a power of two, so that scaling rounds nothing."""

    centre: Float32Array
    scale: float

    @classmethod
    def of(cls, sample: Float32Array, *, centred: bool) -> HalfScaling | None:
        """Learn from a sample, shape (n, d), n > 0; None when it holds nothing to scale by.

        `centred` must be False where moving the vectors changes the order of what is compared (inner products).
        """
        centre = sample.mean(axis=0, dtype=np.float64) if centred else np.zeros(sample.shape[1])
        largest = float(np.abs(sample - centre).max())
        if not 0 < largest < math.inf:
            return None
        return cls(centre.astype(np.float32), 2.0 ** math.floor(math.log2(_TARGET / largest)))

    def apply(self, vectors: Float32Array) -> Float32Array | None:
        """The vectors moved and scaled, shape (n, d), still float32; None when half precision cannot hold them."""
        scaled: Float32Array = vectors - self.centre
        scaled *= np.float32(self.scale)
        return scaled if not scaled.size or max(scaled.max(), -scaled.min()) <= _LARGEST else None

    def relative_loss(self, sample: Float32Array) -> float:
        """How much rounding to half precision moves a vector, as a share of its distance from its nearest neighbour.

        Root mean square over the squared median of the sample, shape (n, d); infinite when neighbours coincide.
        """
        scaled = self.apply(sample)
        if scaled is None:
            return math.inf
        moved = scaled - scaled.astype(np.float16).astype(np.float32)
        squares = np.einsum("nd,nd->n", scaled, scaled)
        distances = squares[:, None] + squares - 2 * (scaled @ scaled.T)
        np.fill_diagonal(distances, np.inf)
        nearest = float(np.median(distances.min(axis=1)))
        loss = float(np.einsum("nd,nd->n", moved, moved).mean())
        return math.sqrt(loss / nearest) if nearest > 0 else math.inf
