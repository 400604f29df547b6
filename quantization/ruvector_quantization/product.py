"""Product codes: a vector is cut into parts, and each part is the number of the nearest of its centroids."""

from __future__ import annotations

import numpy as np

from ruvector_quantization.codec import Float32Array
from ruvector_quantization.trained import Pause, TrainedCodec, flat_metric
from ruvector_simd import Metric
from ruvector_simd.native import faiss

DEFAULT_CENTROIDS = 256
#: Vectors for each centroid that k-means looks at, and how often it moves the centroids: at 50,000 x 384 with 96
#: parts, twice the sample and 10 moves gave the same recall.
SAMPLES_PER_CENTROID = 40
_ITERATIONS = 8
_SEED = 1234
#: faiss compares vectors of fewer than 14 dimensions by kernels of their own, which took 10 times as long here as those
#: for 16 (320 ms against 40 ms for 10,000 vectors and 256 centroids): parts that are shorter are lengthened by zeros.
_TRAINED_DIMENSIONS = 16


def parts_for(dimensions: int, compression: int) -> int:
    """Into how many parts of a byte each to cut float32 vectors to make them `compression` times smaller, or less.

    Parts are of one length: it is the least divisor of `dimensions` that is enough.
    """
    wanted = min(dimensions, -(-4 * dimensions // compression))
    return next(parts for parts in range(wanted, dimensions + 1) if dimensions % parts == 0)


class ProductCodec(TrainedCodec):
    """`parts` numbers of log2(`centroids`) bits each."""

    def __init__(
        self, dimensions: int, parts: int, centroids: int = DEFAULT_CENTROIDS, metric: Metric = Metric.L2
    ) -> None:
        bits = centroids.bit_length() - 1
        if dimensions % parts or centroids != 1 << bits or not 1 <= bits <= 8:
            raise ValueError(f"cannot cut {dimensions} dimensions into {parts} parts with {centroids} centroids each")
        super().__init__(faiss.IndexPQ(dimensions, parts, bits, flat_metric(metric)))
        self.parts, self.centroids = parts, centroids

    def _learn(self, vectors: Float32Array, pause: Pause) -> None:
        if len(vectors) < self.centroids:
            raise ValueError(f"{self.centroids} centroids cannot be learnt from {len(vectors)} vectors")
        vectors = vectors[: SAMPLES_PER_CENTROID * self.centroids]
        length = self.dimensions // self.parts
        centroids = np.empty((self.parts, self.centroids, length), np.float32)
        for part in range(self.parts):
            pause()
            centroids[part] = _centroids(vectors[:, part * length : (part + 1) * length], self.centroids)
        faiss.copy_array_to_vector(centroids.reshape(-1), self.index.pq.centroids)


def _centroids(vectors: Float32Array, count: int) -> Float32Array:
    """`count` of them by k-means over vectors, shape (n, length)."""
    length = vectors.shape[1]
    longer = np.zeros((len(vectors), max(length, _TRAINED_DIMENSIONS)), np.float32)
    longer[:, :length] = vectors
    clustering = faiss.Clustering(longer.shape[1], count)
    clustering.niter, clustering.seed = _ITERATIONS, _SEED
    clustering.min_points_per_centroid, clustering.max_points_per_centroid = 1, len(vectors)
    clustering.train(longer, faiss.IndexFlatL2(longer.shape[1]))
    found: Float32Array = faiss.vector_to_array(clustering.centroids).reshape(count, -1)[:, :length]
    return found
