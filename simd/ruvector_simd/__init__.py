"""Distance metrics, the SIMD level that runs, and exact distance kernels."""

from ruvector_simd.exact import nearest, smallest
from ruvector_simd.kernels import about_squared_norm, distance, distances, row_squared_norms, sort_keys, squared_norm
from ruvector_simd.level import ENVIRONMENT_VARIABLE, SimdInfo, available_levels, choose_level, simd_info
from ruvector_simd.metric import Metric

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "Metric",
    "SimdInfo",
    "about_squared_norm",
    "available_levels",
    "choose_level",
    "distance",
    "distances",
    "nearest",
    "row_squared_norms",
    "simd_info",
    "smallest",
    "sort_keys",
    "squared_norm",
]

# The environment's choice holds from the first distance on, whoever imports this package first.
choose_level()
