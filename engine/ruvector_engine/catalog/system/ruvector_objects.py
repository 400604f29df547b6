"""RuVector's operators, operator families and casts: those of ruvector after pgvector's of vector, and those of real[].

What names functions and operators here names them by the OIDs that their signatures give.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from ruvector_engine.catalog.system.oids import ACCESS_METHODS, derived
from ruvector_engine.catalog.system.relations import records
from ruvector_engine.sql.casts import cast_context
from ruvector_engine.types.registry import BOOL, BY_NAME, FLOAT8, INT4, RUVECTOR

_ARRAY = BY_NAME["_float4"].oid
#: The family of btree by which distances are sorted: float_ops.
_FLOAT_OPS = 1970
_DISTANCES = {"l2": "<->", "ip": "<#>", "cosine": "<=>"}
_ARRAY_FUNCTIONS = {
    "<->": "l2_distance_arr",
    "<#>": "neg_inner_product_arr",
    "<=>": "cosine_distance_arr",
    "<+>": "l1_distance_arr",
}
_CAST_FUNCTIONS = {
    ("ruvector", "ruvector"): "ruvector",
    ("ruvector", "_float4"): "ruvector_to_float4",
    ("ruvector", "halfvec"): "ruvector_to_halfvec",
    ("ruvector", "sparsevec"): "ruvector_to_sparsevec",
    ("halfvec", "ruvector"): "halfvec_to_ruvector",
    ("sparsevec", "ruvector"): "sparsevec_to_ruvector",
    **{(array, "ruvector"): "array_to_ruvector" for array in ("_int4", "_float4", "_float8", "_numeric")},
}


_UNARY = frozenset({"ruvector_norm"})


class OperatorFacts(NamedTuple):
    """What pg_operator says beside an operator's name and types; 0 where there is none."""

    can_merge: bool = False
    can_hash: bool = False
    commutator: int = 0
    negator: int = 0
    code: int = 0


class FamilyMember(NamedTuple):
    """An operator (pg_amop) or function (pg_amproc) of a family; `left` and `right` are types."""

    oid: int
    family: int
    left: int
    right: int
    number: int
    member: int
    method: int
    purpose: str
    sort_family: int


class CastFacts(NamedTuple):
    """A row of pg_cast."""

    oid: int
    source: int
    target: int
    function: int
    context: str
    method: str


def function_oid(name: str, *arguments: int) -> int:
    """The OID of a function that is not recorded."""
    return derived("function", name, *arguments)


def operator_oid(name: str, left: int, right: int) -> int:
    """The OID of an operator that is not recorded."""
    return derived("operator", name, left, right)


@cache
def _functions_of_vector() -> dict[str, str]:
    """By OID, what pgvector's functions are called for ruvector: vector_lt ruvector_lt, l2_distance the same."""
    named = ((fields[0], fields[1]) for fields in records("procs"))
    return {oid: f"ru{name}" if name.startswith("vector_") else name for oid, name in named}


@cache
def _operators_of_vector() -> dict[str, list[str]]:
    """The recorded operators between vectors by OID, fields as in data/operators.tsv."""
    return {fields[0]: fields for fields in records("operators") if fields[5:7] == ["vector", "vector"]}


def operator_facts(name: str, left: int, right: int) -> OperatorFacts:
    """What is to be said of an operator of ruvector or real[]; nothing of any other."""
    if (name, left, right) == ("*", RUVECTOR, FLOAT8):
        return OperatorFacts(code=function_oid("ruvector_mul_scalar", left, right))
    if left == right == _ARRAY and name in _ARRAY_FUNCTIONS:
        own = operator_oid(name, left, right)
        return OperatorFacts(commutator=own, code=function_oid(_ARRAY_FUNCTIONS[name], left, right))
    models = _operators_of_vector()
    model = next((fields for fields in models.values() if fields[1] == name), None)
    if model is None or not left == right == RUVECTOR:
        return OperatorFacts()
    commutator, negator = (
        operator_oid(models[oid][1], left, right) if oid in models else 0 for oid in (model[8], model[9])
    )
    code = function_oid(_functions_of_vector()[model[10]], left, right)
    return OperatorFacts(model[3] == "t", model[4] == "t", commutator, negator, code)


def _families() -> Iterator[tuple[int, str, str, int]]:
    """Each family: its OID, access method, name and type."""
    for _, method, _, family, name, input_type, _, _ in records("ruvector_opclasses"):
        yield int(family), method, name, BY_NAME[input_type].oid


def _model_of(method: str, name: str) -> str:
    """The OID of the family of vector that a family of ruvector is like."""
    return next(f[3] for f in records("opclasses") if (f[1], f[4]) == (method, name.removeprefix("ru")))


def family_operators() -> Iterator[FamilyMember]:
    """pg_amop's rows."""
    for family, method, name, type_oid in _families():
        am = ACCESS_METHODS[method]
        if type_oid == _ARRAY:
            operator = operator_oid(_DISTANCES[name.split("_")[1]], type_oid, type_oid)
            oid = derived("amop", family, 1)
            yield FamilyMember(oid, family, type_oid, type_oid, 1, operator, am, "o", _FLOAT_OPS)
            continue
        model = _model_of(method, name)
        for _, of, _, _, strategy, purpose, operator_of_vector, _, sort_family in records("amops"):
            if of == model:
                operator = operator_oid(_operators_of_vector()[operator_of_vector][1], type_oid, type_oid)
                number, oid = int(strategy), derived("amop", family, int(strategy))
                yield FamilyMember(
                    oid, family, type_oid, type_oid, number, operator, am, purpose, int(sort_family)
                )  # fmt: skip


def family_functions() -> Iterator[FamilyMember]:
    """pg_amproc's rows."""
    for family, method, name, type_oid in _families():
        am = ACCESS_METHODS[method]
        if type_oid == _ARRAY:
            function = function_oid(_ARRAY_FUNCTIONS[_DISTANCES[name.split("_")[1]]], type_oid, type_oid)
            yield FamilyMember(derived("amproc", family, 1), family, type_oid, type_oid, 1, function, am, "", 0)
            continue
        model = _model_of(method, name)
        for _, of, _, _, number, function_of_vector in records("amprocs"):
            if of == model and function_of_vector in _functions_of_vector():
                own = _functions_of_vector()[function_of_vector]
                arguments = (type_oid,) if own in _UNARY else (type_oid, type_oid)
                oid, function = derived("amproc", family, int(number)), function_oid(own, *arguments)
                yield FamilyMember(oid, family, type_oid, type_oid, int(number), function, am, "", 0)


def casts() -> Iterator[CastFacts]:
    """pg_cast's rows: from and to ruvector."""
    names = ("ruvector", "vector", "halfvec", "sparsevec", "_int4", "_float4", "_float8", "_numeric")
    for source, target in ((s, t) for s in names for t in names if "ruvector" in (s, t)):
        left, right = BY_NAME[source].oid, BY_NAME[target].oid
        context = cast_context(left, right)
        if context is None:
            continue
        called = _CAST_FUNCTIONS.get((source, target))
        function = function_oid(called, left, INT4, BOOL) if called is not None else 0
        yield CastFacts(derived("cast", left, right), left, right, function, context, "f" if function else "b")
