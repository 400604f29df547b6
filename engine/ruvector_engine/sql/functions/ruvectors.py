"""RuVector's functions: its names for pgvector's, over ruvector (a vector becomes one) and real[], and more on real[].

Results that are distances or norms are real, as documented there. <#> and ruvector_ip_distance are negative inner
products, ruvector_inner_product and inner_product_arr are not. Where an untyped literal could be a ruvector or an
array it is a ruvector.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import vectors
from ruvector_engine.sql.functions.definition import Udf, aggregate, function, nullable, operator
from ruvector_engine.sql.functions.float_sql import as_real
from ruvector_engine.sql.functions.vector_internals import unless_null
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.jsons import parse_jsonb
from ruvector_engine.types.vectors import check_dimensions
from ruvector_simd.arrays import Float32Array

Numbers = Sequence[float | None]
_INT8_STEPS = 254


def packed(values: Numbers) -> bytes:
    """An array's elements as a vector of any length; 22004 for NULL among them."""
    vectors.check_array(values)
    return vectors.single_elements(values).tobytes()


def _listed(elements: Float32Array) -> list[float]:
    return [float(value) for value in elements]


def _of_arrays(call: Callable[[bytes, bytes], float]) -> Callable[[Numbers, Numbers], float]:
    return lambda a, b: call(packed(a), packed(b))


def cosine_similarity(a: bytes, b: bytes) -> float:
    """The cosine; NaN where a vector is zero."""
    return 1.0 - vectors.cosine(a, b)


def pair(a: Numbers, b: Numbers) -> tuple[Float32Array, Float32Array]:
    """Two arrays' elements; 22000 when there are not as many in both."""
    left, right = vectors.as_array(packed(a)), vectors.as_array(packed(b))
    if len(left) != len(right):
        raise SqlError("22000", f"different vector dimensions {len(left)} and {len(right)}")
    return left, right


def _elementwise(operation: Callable[..., Float32Array]) -> Callable[..., list[float]]:
    """A function of two arrays, and of numbers behind them."""

    def call(a: Numbers, b: Numbers, *numbers: float) -> list[float]:
        with np.errstate(all="ignore"):
            return _listed(operation(*pair(a, b), *map(np.float32, numbers)))

    return call


def _scaled(vector: bytes, factor: float) -> bytes:
    with np.errstate(all="ignore"):
        result = vectors.as_array(vector) * np.float32(factor)
    if not np.isfinite(result).all():
        raise SqlError("22003", "value out of range: overflow")
    return result.tobytes()


def _total(arrays: Sequence[Numbers | None]) -> list[float] | None:
    present = [vectors.as_array(packed(a)) for a in arrays if a is not None]
    if not present:
        return None
    result = present[0]
    for elements in present[1:]:
        check_dimensions(len(result), len(elements))
        result = result + elements
    return _listed(result)


def _average(total: Numbers, count: int) -> list[float] | None:
    """A sum of so many arrays over their number; NULL of none."""
    return _listed(vectors.as_array(packed(total)) / np.float32(count)) if count else None


def binary_quantize(values: Numbers) -> bytes:
    """A bit for each element, whether it is above zero: the first element is the lowest bit of the first byte."""
    return np.packbits(vectors.as_array(packed(values)) > 0, bitorder="little").tobytes()


def scalar_quantize(values: Numbers) -> str:
    """{data, scale, offset} as jsonb: element = (code + 127) * scale + offset, about."""
    elements = vectors.as_array(packed(values)).astype(np.float64)
    if not len(elements):
        raise SqlError("22000", "vector must have at least 1 dimension")
    offset = float(elements.min())
    scale = (float(elements.max()) - offset) / _INT8_STEPS
    steps = np.zeros(len(elements)) if scale == 0 else np.clip((elements - offset) / scale, 0, _INT8_STEPS)
    codes = ", ".join(str(int(step - 127)) for step in steps)
    return parse_jsonb(f'{{"data": [{codes}], "scale": {scale!r}, "offset": {offset!r}}}')


def _positive(value: float, name: str, most: float = math.inf) -> None:
    if not 0 < value <= most:
        limit = "" if math.isinf(most) else f" and at most {most:g}"
        raise SqlError("22023", f"{name} must be greater than 0{limit}")


def _moving_average(current: Numbers, previous: Numbers, alpha: float) -> list[float]:
    _positive(alpha, "alpha", 1.0)
    return _elementwise(lambda c, p, a: a * c + (np.float32(1) - a) * p)(current, previous, alpha)


def _velocity(before: Numbers, after: Numbers, elapsed: float) -> list[float]:
    _positive(elapsed, "dt")
    return _elementwise(lambda b, a, t: (a - b) / t)(before, after, elapsed)


def _drift(a: Numbers, b: Numbers, elapsed: float) -> float:
    _positive(elapsed, "dt")
    return vectors.l2(packed(a), packed(b)) / elapsed


def attention_score(query: Numbers, key: Numbers) -> float:
    """The inner product over the root of the number of dimensions."""
    return vectors.inner_product(packed(query), packed(key)) / math.sqrt(max(len(query), 1))


def softmax(scores: Numbers) -> list[float]:
    """Numbers above zero in the scores' order that sum to one."""
    elements = vectors.as_array(packed(scores)).astype(np.float64)
    if not len(elements):
        return []
    powers = np.exp(elements - elements.max())
    return _listed((powers / powers.sum()).astype(np.float32))


def _page_rank_base(nodes: int, damping: float) -> float:
    _positive(nodes, "the number of nodes")
    return (1.0 - damping) / nodes


def _page_rank_share(importance: float, nodes: int, damping: float) -> float:
    _positive(nodes, "the number of nodes")
    return damping * importance / nodes


def hybrid_score(distance: float, keywords: float, alpha: float) -> float:
    """alpha of how near a vector is, by a cosine distance of 0 to 2, and the rest of a score by keywords."""
    if not 0 <= alpha <= 1:
        raise SqlError("22023", "alpha must be between 0 and 1")
    return alpha * (1 - min(max(distance / 2, 0.0), 1.0)) + (1 - alpha) * keywords


def _hybrid_score(distance: str, keywords: str, alpha: str = "0.5") -> str:
    arguments = (distance, keywords, alpha)
    return as_real(f"rv_hybrid_score({', '.join(arguments)})", *arguments)


_PAIR = "{0}, {1}"
_DISTANCES: dict[str, tuple[str, Callable[[bytes, bytes], float]]] = {
    "ruvector_l2_distance": ("l2", vectors.l2),
    "ruvector_cosine_distance": ("cosine", vectors.cosine),
    "ruvector_ip_distance": ("negative_ip", vectors.negative_inner_product),
    "ruvector_inner_product": ("ip", vectors.inner_product),
    "ruvector_l1_distance": ("l1", vectors.l1),
    "ruvector_manhattan_distance": ("l1", vectors.l1),
}
_ARRAY_DISTANCES: dict[str, Callable[[bytes, bytes], float]] = {
    "l2_distance_arr": vectors.l2,
    "inner_product_arr": vectors.inner_product,
    "neg_inner_product_arr": vectors.negative_inner_product,
    "cosine_distance_arr": vectors.cosine,
    "cosine_similarity_arr": cosine_similarity,
    "cosine_distance_normalized_arr": lambda a, b: 1.0 - vectors.inner_product(a, b),
    "l1_distance_arr": vectors.l1,
    "graph_edge_similarity": cosine_similarity,
}
_ARRAY_OPERATORS = {
    "<->": "l2_distance_arr",
    "<#>": "neg_inner_product_arr",
    "<=>": "cosine_distance_arr",
    "<+>": "l1_distance_arr",
}
#: Functions of real[] (and numbers behind it) that give real[]: name -> (numbers, what to do).
_ARRAY_RESULTS: dict[str, tuple[int, Callable[..., list[float]]]] = {
    "vector_add": (0, _elementwise(lambda a, b: a + b)),
    "vector_sub": (0, _elementwise(lambda a, b: a - b)),
    "vector_avg2": (0, _elementwise(lambda a, b: (a + b) / np.float32(2))),
    "temporal_delta": (0, _elementwise(lambda current, previous: current - previous)),
    "temporal_undelta": (0, _elementwise(lambda delta, previous: previous + delta)),
    "temporal_ema_update": (1, _moving_average),
    "temporal_velocity": (1, _velocity),
    "attention_weighted_add": (1, _elementwise(lambda total, value, weight: total + weight * value)),
    "graph_centroid_update": (1, _elementwise(lambda centre, new, weight: centre + weight * (new - centre))),
    "ruvector_add": (0, _elementwise(lambda a, b: a + b)),
    "ruvector_sub": (0, _elementwise(lambda a, b: a - b)),
}


def _distance_functions() -> Iterator[FunctionDef]:
    for name, (metric, _) in _DISTANCES.items():
        yield function(name, "ruvector,ruvector", "float4", as_real(f"rv_{metric}({_PAIR})", "{0}", "{1}"))
        own = function(name, "float4[],float4[]", "float4", as_real(f"rv_{name}({_PAIR})", "{0}", "{1}"))
        yield replace(own, fallback=True)
    for name in _ARRAY_DISTANCES:
        yield function(name, "float4[],float4[]", "float4", as_real(f"rv_{name}({_PAIR})", "{0}", "{1}"))


def _array_operators() -> Iterator[FunctionDef]:
    """The distance operators of real[]."""
    for symbol, name in _ARRAY_OPERATORS.items():
        made = operator(symbol, "float4[],float4[]", "float4", as_real(f"rv_{name}({_PAIR})", "{0}", "{1}"))
        yield replace(made, of_arrays=True, fallback=True)


def _own_type() -> Iterator[FunctionDef]:
    """Functions of ruvector."""
    yield function("ruvector_dims", "ruvector", "int4", "CAST(octet_length({0}) // 4 AS INTEGER)")
    yield function("ruvector_norm", "ruvector", "float4", "CAST(rv_vector_norm({0}) AS FLOAT)")
    yield function("ruvector_normalize", "ruvector", "ruvector", "rv_vector_normalize({0})")
    for name in ("ruvector_mul_scalar", "ruvector_scalar_mul"):
        for number in ("float4", "float8"):
            yield function(name, f"ruvector,{number}", "ruvector", "rv_ruvector_scaled({0}, {1})")
    yield operator("*", "ruvector,float8", "ruvector", "rv_ruvector_scaled({0}, {1})")
    read = "(CASE WHEN {1} IS NOT NULL THEN rv_vector_typmod(rv_ruvector_in({0}), {2}) END)"
    yield function("ruvector_in", "cstring,oid,int4", "ruvector", read)
    yield function("ruvector_out", "ruvector", "cstring", "rv_vector_out({0})")
    yield function("ruvector_send", "ruvector", "bytea", "rv_vector_send({0})")
    yield function("ruvector_hybrid_score", "float4,float4,float4", "float4", _hybrid_score, defaults=1)
    yield function("ruvector_typmod_in", "cstring[]", "int4", "rv_vector_typmod_in({0})")
    yield function("ruvector_typmod_out", "int4", "cstring", "('(' || {0} || ')')")


def _casts() -> Iterator[FunctionDef]:
    """Casts as functions, of the value, the modifier to fit and whether the cast was written, as pgvector has them."""
    itself = unless_null("rv_vector_typmod({0}, {1})", 2)
    yield function("ruvector", "ruvector,int4,bool", "ruvector", itself)
    for element in ("int4", "float4", "float8", "numeric"):
        made = unless_null(vectors.of_array("vector", element, "{0}", "{1}"), 2)
        yield function("array_to_ruvector", f"{element}[],int4,bool", "ruvector", made)
    for other in ("halfvec", "sparsevec"):
        there, back = (f"rv_{a}_to_{b}({{0}}, {{1}})" for a, b in (("vector", other), (other, "vector")))
        yield function(f"ruvector_to_{other}", "ruvector,int4,bool", other, unless_null(there, 2))
        yield function(f"{other}_to_ruvector", f"{other},int4,bool", "ruvector", unless_null(back, 2))
    floats = unless_null("rv_vector_floats({0})", 1, 2)
    yield function("ruvector_to_float4", "ruvector,int4,bool", "float4[]", floats)


def _array_functions() -> Iterator[FunctionDef]:
    """Functions of real[]. pgvector's names come first where a literal could be either."""
    for name, (numbers, _) in _ARRAY_RESULTS.items():
        places = ", ".join(f"{{{place}}}" for place in range(2 + numbers))
        made = function(name, f"float4[],float4[]{',float4' * numbers}", "float4[]", f"rv_{name}_arr({places})")
        yield replace(made, fallback=name.startswith(("vector_", "ruvector_")))
    for name in ("vector", "ruvector"):
        own = (
            function(f"{name}_dims", "float4[]", "int4", "CAST(len({0}) AS INTEGER)"),
            function(f"{name}_norm", "float4[]", "float4", "CAST(rv_array_norm({0}) AS FLOAT)"),
            function(f"{name}_normalize", "float4[]", "float4[]", "rv_array_normalize({0})"),
            function(f"{name}_mul_scalar", "float4[],float4", "float4[]", "rv_array_scaled({0}, {1})"),
        )
        yield from (replace(definition, fallback=True) for definition in own)
    yield function("binary_quantize_arr", "float4[]", "bytea", "rv_binary_quantize_arr({0})")
    yield function("scalar_quantize_arr", "float4[]", "jsonb", "rv_scalar_quantize_arr({0})")
    yield function("temporal_drift", "float4[],float4[],float4", "float4", "CAST(rv_drift({0}, {1}, {2}) AS FLOAT)")
    yield function("vector_avg_final", "float4[],int8", "float4[]", "rv_array_average({0}, {1})")
    yield function("attention_score", "float4[],float4[]", "float4", "CAST(rv_attention_score({0}, {1}) AS FLOAT)")
    yield function("attention_softmax", "float4[]", "float4[]", "rv_softmax({0})")
    yield function("attention_init", "int4", "float4[]", "rv_attention_init({0})")
    yield function("graph_pagerank_base", "int4,float4", "float4", "CAST(rv_page_rank_base({0}, {1}) AS FLOAT)")
    share = "CAST(rv_page_rank_share({0}, {1}, {2}) AS FLOAT)"
    yield function("graph_pagerank_contribution", "float4,int4,float4", "float4", share)
    similar = "rv_graph_edge_similarity({0}, {1})"
    yield function("graph_is_connected", "float4[],float4[],float4", "bool", f"coalesce({similar} >= {{2}}, FALSE)")
    weighted = as_real(f"{similar} * {{2}}", "{0}", "{1}", "{2}")
    yield function("graph_bipartite_score", "float4[],float4[],float4", "float4", weighted)
    yield aggregate("vector_sum", "float4[]", "float4[]", lambda call, a: f"rv_array_sum({call('list', a)})")


FUNCTIONS: tuple[FunctionDef, ...] = tuple(
    definition
    for definition in (*_distance_functions(), *_own_type(), *_casts(), *_array_functions())
    if definition.kind != "o"
)
OPERATORS: tuple[FunctionDef, ...] = (
    *(definition for definition in _own_type() if definition.kind == "o"),
    *_array_operators(),
)

_ARRAY, _REAL, _DOUBLE, _INT = "FLOAT[]", "FLOAT", "DOUBLE", "INTEGER"


def _zeros(dimensions: int) -> list[float]:
    if not 1 <= dimensions <= vectors.MAX_DIMENSIONS:
        raise SqlError("22023", f"dimensions must be between 1 and {vectors.MAX_DIMENSIONS}")
    return [0.0] * dimensions


def _udf(name: str, call: Callable[..., Any], arguments: Sequence[str], result: str) -> Udf:
    return Udf(f"rv_{name}", call, tuple(arguments), result)


UDFS: tuple[Udf, ...] = (
    *(_udf(name, _of_arrays(call), (_ARRAY, _ARRAY), _DOUBLE) for name, (_, call) in _DISTANCES.items()),
    *(_udf(name, _of_arrays(call), (_ARRAY, _ARRAY), _DOUBLE) for name, call in _ARRAY_DISTANCES.items()),
    *(
        _udf(f"{name}_arr", call, (_ARRAY, _ARRAY, *([_REAL] * numbers)), _ARRAY)
        for name, (numbers, call) in _ARRAY_RESULTS.items()
    ),
    _udf("ruvector_scaled", _scaled, ("BLOB", _DOUBLE), "BLOB"),
    _udf("array_norm", lambda a: vectors.norm(packed(a)), (_ARRAY,), _DOUBLE),
    _udf("array_normalize", lambda a: vectors.to_floats(vectors.normalize(packed(a))), (_ARRAY,), _ARRAY),
    _udf("array_scaled", lambda a, s: vectors.to_floats(_scaled(packed(a), s)), (_ARRAY, _REAL), _ARRAY),
    _udf("binary_quantize_arr", binary_quantize, (_ARRAY,), "BLOB"),
    _udf("scalar_quantize_arr", scalar_quantize, (_ARRAY,), "VARCHAR"),
    _udf("drift", _drift, (_ARRAY, _ARRAY, _REAL), _DOUBLE),
    _udf("attention_score", attention_score, (_ARRAY, _ARRAY), _DOUBLE),
    _udf("softmax", softmax, (_ARRAY,), _ARRAY),
    _udf("attention_init", _zeros, (_INT,), _ARRAY),
    _udf("page_rank_base", _page_rank_base, (_INT, _REAL), _DOUBLE),
    _udf("page_rank_share", _page_rank_share, (_REAL, _INT, _REAL), _DOUBLE),
    nullable("rv_array_average", _average, (_ARRAY, "BIGINT"), _ARRAY),
    _udf("hybrid_score", hybrid_score, (_REAL, _REAL, _REAL), _DOUBLE),
    nullable("rv_array_sum", _total, (f"{_ARRAY}[]",), _ARRAY),
)
