"""How the catalog of functions is written down: one line a function, argument types by name.

A template is DuckDB SQL with {0}, {1}, ... for the arguments; it must be complete in itself (an operator has its
parentheses), for it is put into other templates as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.registry import BY_NAME

# pg_type's pseudo-types, which no value has.
ANY, ANYARRAY, ANYELEMENT, ANYNONARRAY = 2276, 2277, 2283, 2776
ANYENUM = 3500
ANYCOMPATIBLE, ANYCOMPATIBLEARRAY, ANYCOMPATIBLENONARRAY = 5077, 5078, 5079

# Stands for any type, whose value the analyzer turns into text by its output function.
CSTRING = 2275
# Stands for any type, whose value the analyzer turns into jsonb; no type of PostgreSQL's.
ANYJSON = -1
# Stands for any type, whose value the analyzer turns into json; no type of PostgreSQL's.
ANYPLAINJSON = -3
# Stands for an array of any type, whose elements the analyzer turns into text; no type of PostgreSQL's.
CSTRING_ARRAY = -2

_PSEUDO = {
    "cstring": CSTRING,
    "anyjson": ANYJSON,
    "anyplainjson": ANYPLAINJSON,
    "cstringarray": CSTRING_ARRAY,
    "any": ANY,
    "anyarray": ANYARRAY,
    "anyelement": ANYELEMENT,
    "anynonarray": ANYNONARRAY,
    "anyenum": ANYENUM,
    "anycompatible": ANYCOMPATIBLE,
    "anycompatiblearray": ANYCOMPATIBLEARRAY,
    "anycompatiblenonarray": ANYCOMPATIBLENONARRAY,
}
PSEUDO_NAMES = {oid: name for name, oid in _PSEUDO.items()}
#: Polymorphic types whose actual type must be the same wherever they stand.
EXACT_POLYMORPHIC = frozenset({ANYARRAY, ANYELEMENT, ANYNONARRAY, ANYENUM})
#: Those whose actual types are brought to a common one first.
COMPATIBLE_POLYMORPHIC = frozenset({ANYCOMPATIBLE, ANYCOMPATIBLEARRAY, ANYCOMPATIBLENONARRAY})
POLYMORPHIC = EXACT_POLYMORPHIC | COMPATIBLE_POLYMORPHIC
#: Types that take a value of any type.
TAKES_ANYTHING = frozenset({ANY, CSTRING, ANYJSON, ANYPLAINJSON, CSTRING_ARRAY})

Template = str | Callable[..., str]


@dataclass(frozen=True, slots=True)
class Udf:
    """A scalar function for DuckDB that is written in Python; the relational side registers it under `name`.

    `arguments` and `result` are DuckDB types. With `null_handling` "default" a NULL argument gives NULL, and the
    function must not return None; see `nullable`.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    result: str
    null_handling: Literal["default", "special"] = "default"
    volatile: bool = False


def nullable(name: str, call: Callable[..., Any], arguments: Sequence[str], result: str) -> Udf:
    """A strict function that may return None, which DuckDB takes only from one that sees NULLs."""

    def run(*args: Any) -> Any:
        return None if None in args else call(*args)

    return Udf(name, run, tuple(arguments), result, "special")


def oid_of(name: str) -> int:
    """The OID of a type by name ("int4", "text[]", "anyelement")."""
    if name.endswith("[]"):
        return BY_NAME[name[:-2]].array_oid
    return _PSEUDO.get(name) or BY_NAME[name].oid


def _oids(names: str) -> tuple[int, ...]:
    return tuple(oid_of(name) for name in names.split(",")) if names else ()


def function(
    name: str,
    args: str,
    result: str,
    template: Template,
    *,
    kind: Literal["f", "o", "a", "w"] = "f",
    volatile: bool = False,
    strict: bool = True,
    variadic: bool = False,
    defaults: int = 0,
    returns_set: bool = False,
    columns: Sequence[tuple[str, str]] = (),
) -> FunctionDef:
    """A function; `args` is a comma-separated list of type names without blanks."""
    return FunctionDef(
        name=name,
        args=_oids(args),
        result=oid_of(result),
        template=template,
        kind=kind,
        volatile=volatile,
        strict=strict,
        variadic=variadic,
        defaults=defaults,
        returns_set=returns_set,
        columns=tuple((column, oid_of(type_name)) for column, type_name in columns),
    )


def operator(name: str, args: str, result: str, template: Template, *, strict: bool = True) -> FunctionDef:
    """An operator; one argument type makes it a prefix operator."""
    return function(name, args, result, template, kind="o", strict=strict)


def aggregate(name: str, args: str, result: str, template: Template, *, variadic: bool = False) -> FunctionDef:
    """An aggregate. A text template is the name of DuckDB's aggregate.

    A callable one gets `call(duck_name, *argument_texts)`, which writes a complete aggregate call (with DISTINCT,
    ORDER BY, FILTER and OVER as the query has them), and the argument texts.
    """
    return function(name, args, result, template, kind="a", strict=False, variadic=variadic)


def window(name: str, args: str, result: str, template: Template, *, defaults: int = 0) -> FunctionDef:
    """A function that works as a window function only."""
    return function(name, args, result, template, kind="w", strict=False, defaults=defaults)
