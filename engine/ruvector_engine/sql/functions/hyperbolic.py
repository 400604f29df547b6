"""RuVector's distances of hyperbolic geometry, over real[]; curvature is below zero, -1 when it is left out."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.float_sql import as_real
from ruvector_engine.sql.functions.ruvectors import Numbers, pair
from ruvector_engine.sql.nodes import FunctionDef


def _check_curvature(curvature: float) -> float:
    if not curvature < 0:
        raise SqlError("22023", "curvature must be less than 0")
    return -curvature


def poincare_distance(a: Numbers, b: Numbers, curvature: float) -> float:
    """The length of the geodesic between two points of the Poincare ball of that curvature."""
    bend = _check_curvature(curvature)
    left, right = (elements.astype(np.float64) for elements in pair(a, b))
    margins = [1.0 - bend * float(point @ point) for point in (left, right)]
    if min(margins) <= 0:
        raise SqlError("22023", "points must lie inside the Poincare ball")
    difference = left - right
    return math.acosh(1.0 + 2.0 * bend * float(difference @ difference) / (margins[0] * margins[1])) / math.sqrt(bend)


def minkowski_dot(a: Numbers, b: Numbers) -> float:
    """The inner product in which the first coordinate, time, counts against the others."""
    left, right = (elements.astype(np.float64) for elements in pair(a, b))
    if not len(left):
        raise SqlError("22000", "vector must have at least 1 dimension")
    return float(left[1:] @ right[1:] - left[0] * right[0])


def lorentz_distance(a: Numbers, b: Numbers, curvature: float) -> float:
    """The length of the geodesic between two points of the hyperboloid of that curvature, time first."""
    bend = _check_curvature(curvature)
    return math.acosh(max(1.0, -bend * minkowski_dot(a, b))) / math.sqrt(bend)


def _template(name: str) -> Callable[..., str]:
    return lambda a, b, curvature="-1.0": as_real(f"rv_{name}({a}, {b}, {curvature})", a, b, curvature)


_DISTANCES = {"poincare_distance": poincare_distance, "lorentz_distance": lorentz_distance}
FUNCTIONS: tuple[FunctionDef, ...] = (
    *(
        function(f"ruvector_{name}", "float4[],float4[],float4", "float4", _template(name), defaults=1)
        for name in _DISTANCES
    ),
    function(
        "ruvector_minkowski_dot", "float4[],float4[]", "float4", as_real("rv_minkowski_dot({0}, {1})", "{0}", "{1}")
    ),
)
UDFS: tuple[Udf, ...] = (
    *(Udf(f"rv_{name}", call, ("FLOAT[]", "FLOAT[]", "FLOAT"), "DOUBLE") for name, call in _DISTANCES.items()),
    Udf("rv_minkowski_dot", minkowski_dot, ("FLOAT[]", "FLOAT[]"), "DOUBLE"),
)
