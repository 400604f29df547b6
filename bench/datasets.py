"""The vectors that are measured: the real set from a folder, or clustered ones made here, with their exact truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Metric: TypeAlias = Literal["l2", "cosine"]
Vectors: TypeAlias = NDArray[np.float32]

K = 10  # recall@10, LIMIT 10
_QUERIES = 1_000
_ROWS_A_CLUSTER = 1_000
_SPREAD = 1.0  # of a cluster, in each dimension; the centres spread as much, so that neighbours are not obvious
_TRUTH_BATCH = 64  # queries whose distances to all rows are in memory at once
_TIE = 1e-6  # relative: a row this much farther than the k-th is as good an answer


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows (n, d) and queries (q, d), float32, with the distance of each query's k-th true neighbour (q,)."""

    name: str
    metric: Metric
    rows: Vectors
    queries: Vectors
    kth_distance: NDArray[np.float64]

    @property
    def dimensions(self) -> int:
        """The number of dimensions of each vector."""
        return int(self.rows.shape[1])

    @property
    def title(self) -> str:
        """Name, size and metric, as the report prints them."""
        return f"{self.name}, {len(self.rows):,} x {self.dimensions}, {self.metric}"

    def recall(self, found: list[list[int]]) -> float:
        """Return recall@k of the row numbers found for each query, in query order.

        A row counts when it is no farther than the true k-th neighbour: among equal vectors any choice is right.
        """
        hits = 0
        for number, ids in enumerate(found):
            distances = _distances(self.metric, self.rows[ids], self.queries[number : number + 1])[0]
            hits += int(np.count_nonzero(distances <= self.kth_distance[number] * (1 + _TIE) + _TIE))
        return hits / (K * len(found))


def real(folder: Path, rows: int | None) -> Dataset:
    """Read vectors.npy and queries.npy (any float type) from a folder; at most `rows` rows. Compared by cosine."""
    vectors = np.load(folder / "vectors.npy")[:rows].astype(np.float32)
    queries = np.load(folder / "queries.npy")[:_QUERIES].astype(np.float32)
    return _with_truth(folder.name, "cosine", vectors, queries)


def clustered(rows: int, dimensions: int, metric: Metric) -> Dataset:
    """Make normally distributed clusters; the same numbers at every run."""
    random = np.random.default_rng(dimensions)
    centres = random.standard_normal((max(rows // _ROWS_A_CLUSTER, 1), dimensions), dtype=np.float32)
    members = random.integers(0, len(centres), rows + _QUERIES)
    points = centres[members] + _SPREAD * random.standard_normal((rows + _QUERIES, dimensions), dtype=np.float32)
    return _with_truth("clustered", metric, points[:rows], points[rows:])


def _with_truth(name: str, metric: Metric, rows: Vectors, queries: Vectors) -> Dataset:
    kth = np.empty(len(queries))
    for start in range(0, len(queries), _TRUTH_BATCH):
        batch = queries[start : start + _TRUTH_BATCH]
        nearest = np.argpartition(_distances(metric, rows, batch), K - 1, axis=1)[:, :K]
        for number, ids in enumerate(nearest, start):
            # Once more over the few: the same arithmetic as `recall` uses, so that equal rows compare equal.
            kth[number] = _distances(metric, rows[ids], queries[number : number + 1]).max()
    return Dataset(name, metric, np.ascontiguousarray(rows), np.ascontiguousarray(queries), kth)


def _distances(metric: Metric, rows: Vectors, queries: Vectors) -> NDArray[np.float64]:
    """Return the distances (q, n) of every query to every row: squared L2, or cosine."""
    wide_rows, wide_queries = rows.astype(np.float64), queries.astype(np.float64)
    products = wide_queries @ wide_rows.T
    row_squares = np.einsum("nd,nd->n", wide_rows, wide_rows)
    query_squares = np.einsum("qd,qd->q", wide_queries, wide_queries)[:, None]
    if metric == "cosine":
        return np.asarray(1 - products / np.sqrt(query_squares * row_squares))
    return np.asarray(query_squares + row_squares - 2 * products)
