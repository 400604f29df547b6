"""Distance metrics, the SIMD level that runs, and exact distance kernels."""

from ruvector_simd.bits import bit_counts, bit_distances, packed, words_for
from ruvector_simd.exact import nearest, smallest
from ruvector_simd.halves import half_distances, half_sort_keys, half_squared_norms
from ruvector_simd.kernels import about_squared_norm, distance, distances, row_squared_norms, sort_keys, squared_norm
from ruvector_simd.level import ENVIRONMENT_VARIABLE, SimdInfo, available_levels, choose_level, simd_info
from ruvector_simd.metric import AnyMetric, BitMetric, Metric
from ruvector_simd.sparse import (
    SparseMatrix,
    SparseVector,
    matched_keys,
    spans,
    sparse_distance,
    sparse_keys,
    sparse_sizes,
)

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "AnyMetric",
    "BitMetric",
    "Metric",
    "SimdInfo",
    "SparseMatrix",
    "SparseVector",
    "about_squared_norm",
    "available_levels",
    "bit_counts",
    "bit_distances",
    "choose_level",
    "distance",
    "distances",
    "half_distances",
    "half_sort_keys",
    "half_squared_norms",
    "matched_keys",
    "nearest",
    "packed",
    "row_squared_norms",
    "simd_info",
    "smallest",
    "sort_keys",
    "spans",
    "sparse_distance",
    "sparse_keys",
    "sparse_sizes",
    "squared_norm",
    "words_for",
]

# The environment's choice holds from the first distance on, whoever imports this package first.
choose_level()
