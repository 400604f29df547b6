"""The catalog of functions and operators by name, and the Python functions that DuckDB needs for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from ruvector_engine.errors import SqlError
from ruvector_engine.sql import text_styles
from ruvector_engine.sql.functions import (
    aggregates,
    arrays,
    bits,
    datetimes,
    distinct,
    encodings,
    enums,
    halfvecs,
    hyperbolic,
    jsonb,
    jsonb_edits,
    jsonb_paths,
    macaddrs,
    math,
    networks,
    notifications,
    numeric_udfs,
    operators,
    output,
    ranges,
    ruvector_sparse,
    ruvectors,
    sequences,
    session,
    shaped_arrays,
    sparsevecs,
    strings,
    system,
    text_search,
    timetzs,
    to_number,
    vector_internals,
    vectors,
    zones,
)
from ruvector_engine.sql.functions.definition import PSEUDO_NAMES, Udf
from ruvector_engine.sql.functions.resolution import Candidate, candidates, choose, choose_operator
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.registry import BY_OID


def _by_name(definitions: Iterable[FunctionDef]) -> dict[str, tuple[FunctionDef, ...]]:
    found: dict[str, list[FunctionDef]] = defaultdict(list)
    for definition in definitions:
        found[definition.name].append(definition)
    return {name: tuple(functions) for name, functions in found.items()}


OPERATORS = _by_name(
    (
        *operators.OPERATORS,
        *timetzs.OPERATORS,
        *bits.OPERATORS,
        *macaddrs.OPERATORS,
        *ranges.OPERATORS,
        *networks.OPERATORS,
        *vectors.OPERATORS,
        *halfvecs.OPERATORS,
        *sparsevecs.OPERATORS,
        *ruvectors.OPERATORS,
        *text_search.OPERATORS,
        *jsonb.OPERATORS,
        *jsonb_paths.OPERATORS,
    )
)
FUNCTIONS = _by_name(
    (
        *aggregates.FUNCTIONS,
        *arrays.FUNCTIONS,
        *shaped_arrays.FUNCTIONS,
        *datetimes.FUNCTIONS,
        *enums.FUNCTIONS,
        *jsonb.FUNCTIONS,
        *jsonb_edits.FUNCTIONS,
        *jsonb_paths.FUNCTIONS,
        *math.FUNCTIONS,
        *notifications.FUNCTIONS,
        *session.FUNCTIONS,
        *encodings.FUNCTIONS,
        *sequences.FUNCTIONS,
        *strings.FUNCTIONS,
        *system.FUNCTIONS,
        *timetzs.FUNCTIONS,
        *zones.FUNCTIONS,
        *to_number.FUNCTIONS,
        *bits.FUNCTIONS,
        *macaddrs.FUNCTIONS,
        *ranges.FUNCTIONS,
        *networks.FUNCTIONS,
        *vector_internals.FUNCTIONS,
        *vectors.FUNCTIONS,
        *halfvecs.FUNCTIONS,
        *sparsevecs.FUNCTIONS,
        *ruvectors.FUNCTIONS,
        *ruvector_sparse.FUNCTIONS,
        *hyperbolic.FUNCTIONS,
        *text_search.FUNCTIONS,
    )
)

#: What the relational side registers in DuckDB, once for a database, beside those of `system.udfs`.
UDFS: tuple[Udf, ...] = (
    *text_styles.UDFS,
    *arrays.UDFS,
    *shaped_arrays.UDFS,
    *datetimes.UDFS,
    *distinct.UDFS,
    *jsonb.UDFS,
    *jsonb_edits.UDFS,
    *jsonb_paths.UDFS,
    *math.UDFS,
    *numeric_udfs.UDFS,
    *operators.UDFS,
    *output.UDFS,
    *encodings.UDFS,
    *strings.UDFS,
    *timetzs.UDFS,
    *zones.UDFS,
    *to_number.UDFS,
    *system.STATIC_UDFS,
    *bits.UDFS,
    *macaddrs.UDFS,
    *ranges.UDFS,
    *networks.UDFS,
    *vector_internals.UDFS,
    *vectors.UDFS,
    *halfvecs.UDFS,
    *sparsevecs.UDFS,
    *ruvectors.UDFS,
    *ruvector_sparse.UDFS,
    *hyperbolic.UDFS,
    *text_search.UDFS,
)


NO_FUNCTION_HINT = "No function matches the given name and argument types. You might need to add explicit type casts."


def type_label(oid: int) -> str:
    """A type's name in a message about arguments."""
    return BY_OID[oid].sql_name if oid in BY_OID else PSEUDO_NAMES[oid]


@lru_cache(maxsize=4096)
def find_operator(name: str, types: tuple[int, ...]) -> Candidate:
    """The operator for one (prefix) or two argument types; 42883, 42725. Positions are added by the caller."""
    found = choose_operator(candidates(OPERATORS.get(name, ()), len(types)), types)
    if isinstance(found, Candidate):
        return found
    labels = [type_label(t) for t in types]
    shown = f"{name} {labels[0]}" if len(labels) == 1 else f"{labels[0]} {name} {labels[1]}"
    if found == "none":
        arguments = "argument type" if len(labels) == 1 else "argument types"
        cast = "an explicit type cast" if len(labels) == 1 else "explicit type casts"
        raise SqlError(
            "42883",
            f"operator does not exist: {shown}",
            hint=f"No operator matches the given name and {arguments}. You might need to add {cast}.",
        )
    raise SqlError(
        "42725",
        f"operator is not unique: {shown}",
        hint="Could not choose a best candidate operator. You might need to add explicit type casts.",
    )


@lru_cache(maxsize=4096)
def find_function(name: str, types: tuple[int, ...]) -> Candidate:
    """The function for the argument types; 42883, 42725."""
    found = choose(candidates(FUNCTIONS.get(name, ()), len(types)), types)
    if isinstance(found, Candidate):
        return found
    shown = f"{name}({', '.join(type_label(t) for t in types)})"
    if found == "none":
        raise SqlError(
            "42883",
            f"function {shown} does not exist",
            hint=NO_FUNCTION_HINT,
        )
    raise SqlError(
        "42725",
        f"function {shown} is not unique",
        hint="Could not choose a best candidate function. You might need to add explicit type casts.",
    )
