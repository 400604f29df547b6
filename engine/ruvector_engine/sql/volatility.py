"""Whether an expression may have another value for the same row: under other settings, later, or at random.

PostgreSQL wants IMMUTABLE ones wherever it keeps what it has computed (contain_mutable_functions). What functions,
operators and casts are is recorded from its pg_proc; a cast by way of text is what its output and input functions are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ruvector_engine.catalog.system.callables import operators, recorded_casts, recorded_volatilities, volatility_of
from ruvector_engine.catalog.system.types import input_and_output
from ruvector_engine.planner.walk import nodes
from ruvector_engine.sql.nodes import Aggregate, Call, Cast, Expr, FunctionDef, Special
from ruvector_engine.types.registry import (
    BPCHAR,
    BY_OID,
    DATE,
    INTERVAL,
    RECORD,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    VARCHAR,
    TypeRef,
    UserOid,
)

#: Kinds of `Special` in whose place PostgreSQL has a stable function.
_STABLE_KINDS = frozenset({"session", "enum", "to_json", "to_jsonb"})
#: Stable functions that PostgreSQL puts an immutable expression in the place of: their own text is SQL.
_WRITTEN_OUT = frozenset({"quote_literal", "quote_nullable"})
#: Types whose texts and comparisons hang on TimeZone, DateStyle and IntervalStyle, and those of texts.
_MOMENTS = frozenset({DATE, TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ, INTERVAL})
_TEXTS = frozenset({TEXT, VARCHAR, BPCHAR})
#: Stable functions that hang on these settings only, or on what the types of their arguments do.
_KEYED_FUNCTIONS = frozenset(
    {"age", "array_to_json", "array_to_string", "concat", "concat_ws", "date_part", "date_trunc", "extract", "format"}
    | {"generate_series", "json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object"}
    | {"row_to_json", "timezone", "to_char", "to_date", "to_json", "to_jsonb", "to_number", "to_timestamp"}
    | {"to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery"}
)


def is_immutable(expr: Expr) -> bool:
    """Whether the expression has one value for a row, for ever."""
    return all(_is_immutable_node(node) for node in nodes(expr))


def hangs_on_settings(root: Any) -> bool:
    """Whether it has one value for a row while settings of time and text stay: what is kept by these may be used again.

    Not so what asks for roles, privileges, other objects or the time. Values of the session are bound beforehand.
    """
    return all(_is_immutable_node(node) or _is_keyed_node(node) for node in nodes(root))


def _is_keyed_node(node: Any) -> bool:
    if isinstance(node, Cast):
        return node.arg.type.oid in _MOMENTS and node.type.oid in _MOMENTS | _TEXTS
    if isinstance(node, Call) and node.function.kind == "o":
        return all(arg.type.oid in _MOMENTS for arg in node.args)
    if isinstance(node, Call):
        known = node.function.name in _KEYED_FUNCTIONS and (node.function.name != "age" or len(node.args) > 1)
        return known and not _names_objects(node)
    return (
        isinstance(node, Special) and (node.kind in _STABLE_KINDS or node.kind == "output") and not _names_objects(node)
    )


def _names_objects(node: Call | Special) -> bool:
    """Whether an argument is printed as the name that an object has now."""
    return any(arg is not None and arg.type.pg.sql_name.startswith("reg") for arg in node.args)


def _is_immutable_node(node: Any) -> bool:
    if isinstance(node, (Call, Aggregate)):
        return _is_immutable_function(node.function)
    if isinstance(node, Cast):
        return _is_immutable_cast(node.arg.type, node.type)
    if not isinstance(node, Special):
        return True
    if node.kind == "output" and node.args[0] is not None:
        return _is_immutable_procedure(_functions(node.args[0].type)[1])
    return node.kind not in _STABLE_KINDS and all(map(_is_immutable_function, _functions_in(node.extra)))


def _functions_in(extra: Any) -> Iterator[FunctionDef]:
    """The functions among what a `Special` has beside its arguments."""
    if isinstance(extra, FunctionDef):
        yield extra
    elif isinstance(extra, tuple):
        for part in extra:
            yield from _functions_in(part)


@lru_cache(maxsize=1024)
def _is_immutable_function(function: FunctionDef) -> bool:
    if function.kind != "o":
        return function.name in _WRITTEN_OUT or volatility_of(function) == "i"
    left, right = function.args if len(function.args) > 1 else (0, *function.args)
    code = _operator_codes().get((function.name, int(left), int(right)))
    # text || anything is written out too: the other side's cast to text tells. What is not recorded is our own.
    return code is None or _is_immutable_procedure(code) or function.name == "||"


@lru_cache(maxsize=1)
def _operator_codes() -> dict[tuple[str, int, int], int]:
    return {(o.name, o.left, o.right): o.code for o in operators().values() if o.code}


def _is_immutable_procedure(oid: int) -> bool:
    return recorded_volatilities().get(oid, "i") == "i"


def _is_immutable_cast(source: TypeRef, target: TypeRef) -> bool:
    if source.oid == target.oid:
        return True  # a modifier
    recorded = recorded_casts().get((int(source.oid), int(target.oid)))
    if recorded is not None and recorded.method != "i":
        return not recorded.function or _is_immutable_procedure(recorded.function)
    if source.is_array and target.is_array:
        return _is_immutable_cast(TypeRef(source.pg.element_oid), TypeRef(target.pg.element_oid))
    if RECORD in (source.oid, target.oid) and source.composite is not None is not target.composite:
        return True
    return _is_immutable_procedure(_functions(source)[1]) and _is_immutable_procedure(_functions(target)[0])


def _functions(type_ref: TypeRef) -> tuple[int, int]:
    """The OIDs of a type's input and output functions."""
    oid = type_ref.oid
    return input_and_output(oid if isinstance(oid, UserOid) else BY_OID[oid].oid)
