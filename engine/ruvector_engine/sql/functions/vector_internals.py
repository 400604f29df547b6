"""The functions by which pgvector describes its types to PostgreSQL, callable as there: input and output, binary
output, type modifiers, casts, what operators stand for, and the steps of its aggregates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions import halfvecs, sparsevecs, vectors
from ruvector_engine.sql.functions.definition import Udf, function, nullable
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.sql.typenames import dimensions_modifier
from ruvector_engine.types.halfvecs import from_singles, to_singles
from ruvector_engine.types.numbers import parse_int4
from ruvector_engine.types.registry import BY_NAME
from ruvector_engine.types.vectors import check_dimension_count, check_dimensions, check_elements

#: An aggregate's state: how many vectors there were, then the sums of their elements.
State: TypeAlias = Sequence[float | None]

_TYPES = ("vector", "halfvec", "sparsevec")
_NUMBERS = ("int4", "float4", "float8", "numeric")
_OPERATOR_FUNCTIONS = {
    "<": "lt", "<=": "le", "=": "eq", "<>": "ne", ">=": "ge", ">": "gt", "+": "add", "-": "sub", "*": "mul",
    "||": "concat",
}  # fmt: skip


def typmod_in(type_name: str) -> Callable[[Sequence[str | None]], int]:
    """The type modifier that a type's parenthesised words mean."""
    pg_type = BY_NAME[type_name]

    def call(words: Sequence[str | None]) -> int:
        if not words:
            raise SqlError("2202E", "typmod array must be one-dimensional")
        if None in words:
            raise SqlError("22004", "typmod array must not contain nulls")
        return dimensions_modifier(pg_type, [parse_int4(word) for word in words if word is not None])

    return call


def _sums(state: State, caller: str) -> npt.NDArray[np.float64]:
    if not state or None in state:
        raise SqlError("XX000", f"{caller}: expected state array")
    return np.array(state, np.float64)


def _as_state(count: float, sums: npt.NDArray[np.floating]) -> list[str]:
    """A state as texts: DuckDB would take a NaN for NULL."""
    return [repr(value) for value in (float(count), *sums.astype(np.float64).tolist())]


def _added(left: npt.NDArray[np.float64], right: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        result = left + right
    if np.isinf(result).any():
        raise SqlError("22003", "value out of range: overflow")
    return result


def _accumulate(name: str, elements: Callable[[bytes], npt.NDArray[np.float32]]) -> Callable[[State, bytes], list[str]]:
    def call(state: State, value: bytes) -> list[str]:
        sums, added = _sums(state, name), elements(value)
        if len(sums) == 1:
            return _as_state(sums[0] + 1.0, added)
        check_dimensions(len(sums) - 1, len(added))
        return _as_state(sums[0] + 1.0, _added(sums[1:], added))

    return call


def combine(left: State, right: State) -> list[str]:
    """Two states of an average as one."""
    first, second = _sums(left, "vector_combine"), _sums(right, "vector_combine")
    if first[0] == 0:
        return _as_state(second[0], second[1:])
    if second[0] == 0:
        return _as_state(first[0], first[1:])
    check_dimensions(len(first) - 1, len(second) - 1)
    return _as_state(first[0] + second[0], _added(first[1:], second[1:]))


def _average(noun: str, pack: Callable[[npt.NDArray[np.float32]], bytes]) -> Callable[[State], bytes | None]:
    def call(state: State) -> bytes | None:
        sums = _sums(state, f"{noun}_avg")
        if sums[0] == 0:
            return None
        check_dimension_count(len(sums) - 1, noun)
        with np.errstate(over="ignore"):
            elements = (sums[1:] / sums[0]).astype(np.float32)
        packed = pack(elements)
        check_elements(elements, noun)
        return packed

    return call


def _operator_functions() -> Iterator[FunctionDef]:
    """Each operator's function: vector_add for +, vector_lt for <, ..."""
    for definition in (*vectors.OPERATORS, *halfvecs.OPERATORS, *sparsevecs.OPERATORS):
        suffix = _OPERATOR_FUNCTIONS.get(definition.name)
        prefix = next((name for name in (*_TYPES, "ruvector") if definition.args[0] == BY_NAME[name].oid), None)
        if suffix and prefix:
            yield replace(definition, name=f"{prefix}_{suffix}", kind="f")


def unless_null(template: str, *unused: int) -> str:
    """A template that gives NULL for a NULL in a place it does not use, as a strict function must."""
    known = " AND ".join(f"{{{place}}} IS NOT NULL" for place in unused)
    return f"(CASE WHEN {known} THEN {template} END)"


def _input_and_output() -> Iterator[FunctionDef]:
    for name in _TYPES:
        read = unless_null(f"rv_{name}_typmod(rv_{name}_in({{0}}), {{2}})", 1)
        yield function(f"{name}_in", "cstring,oid,int4", name, read)
        yield function(f"{name}_out", name, "cstring", f"rv_{name}_out({{0}})")
        yield function(f"{name}_send", name, "bytea", f"rv_{name}_send({{0}})")
        yield function(f"{name}_typmod_in", "cstring[]", "int4", f"rv_{name}_typmod_in({{0}})")


def _casts() -> Iterator[FunctionDef]:
    """Casts as functions of the value, the modifier to fit and whether the cast was written, which none looks at."""
    for name in _TYPES:
        itself = unless_null(f"rv_{name}_typmod({{0}}, {{1}})", 2)
        yield function(name, f"{name},int4,bool", name, itself)
        for element in _NUMBERS:
            made = unless_null(vectors.of_array(name, element, "{0}", "{1}"), 2)
            yield function(f"array_to_{name}", f"{element}[],int4,bool", name, made)
        for target in _TYPES:
            if target != name:
                template = unless_null(f"rv_{name}_to_{target}({{0}}, {{1}})", 2)
                yield function(f"{name}_to_{target}", f"{name},int4,bool", target, template)
        if name != "sparsevec":
            floats = unless_null(f"rv_{name}_floats({{0}})", 1, 2)
            yield function(f"{name}_to_float4", f"{name},int4,bool", "float4[]", floats)


def _aggregate_steps() -> Iterator[FunctionDef]:
    for name in ("vector", "halfvec"):
        yield function(
            f"{name}_accum", f"float8[],{name}", "float8[]", f"CAST(rv_{name}_accum({{0}}, {{1}}) AS DOUBLE[])"
        )
        yield function(
            f"{name}_combine", "float8[],float8[]", "float8[]", "CAST(rv_vector_combine({0}, {1}) AS DOUBLE[])"
        )
        yield function(f"{name}_avg", "float8[]", name, f"rv_{name}_avg_final({{0}})")


FUNCTIONS: tuple[FunctionDef, ...] = (
    *_operator_functions(),
    *_input_and_output(),
    *_casts(),
    *_aggregate_steps(),
)

_STATE = "DOUBLE[]"
UDFS: tuple[Udf, ...] = (
    *(Udf(f"rv_{name}_typmod_in", typmod_in(name), ("VARCHAR[]",), "INTEGER") for name in _TYPES),
    Udf("rv_vector_send", vectors.to_wire, ("BLOB",), "BLOB"),
    Udf("rv_halfvec_send", halfvecs.to_wire, ("BLOB",), "BLOB"),
    Udf("rv_sparsevec_send", sparsevecs.to_wire, ("BLOB",), "BLOB"),
    Udf("rv_vector_accum", _accumulate("vector_accum", vectors.as_array), (_STATE, "BLOB"), "VARCHAR[]"),
    Udf("rv_halfvec_accum", _accumulate("halfvec_accum", to_singles), (_STATE, "BLOB"), "VARCHAR[]"),
    Udf("rv_vector_combine", combine, (_STATE, _STATE), "VARCHAR[]"),
    nullable("rv_vector_avg_final", _average("vector", lambda elements: elements.tobytes()), (_STATE,), "BLOB"),
    nullable("rv_halfvec_avg_final", _average("halfvec", from_singles), (_STATE,), "BLOB"),
)
