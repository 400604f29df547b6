"""Applying operators and functions to typed arguments: resolution, coercion of arguments, the result's type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.coerce import coerce, coerce_or_fail, common_type, known, with_shape, without_shape
from ruvector_engine.sql.context import State
from ruvector_engine.sql.expressions import composites
from ruvector_engine.sql.expressions.json_values import as_json
from ruvector_engine.sql.functions.catalog import find_operator
from ruvector_engine.sql.functions.definition import (
    ANYARRAY,
    ANYCOMPATIBLEARRAY,
    ANYJSON,
    ANYPLAINJSON,
    COMPATIBLE_POLYMORPHIC,
    CSTRING,
    CSTRING_ARRAY,
    EXACT_POLYMORPHIC,
    POLYMORPHIC,
    TAKES_ANYTHING,
)
from ruvector_engine.sql.functions.resolution import Candidate
from ruvector_engine.sql.functions.shaped_arrays import makes_shape, over_shapes
from ruvector_engine.sql.functions.text_search import CONFIGURED
from ruvector_engine.sql.nodes import Call, Const, Expr, FunctionDef, Special
from ruvector_engine.sql.raw import position
from ruvector_engine.types.registry import (
    BOOL,
    BY_OID,
    DATE,
    JSONB,
    REGCONFIG,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNKNOWN,
    TypeRef,
)

_ARRAYS = (ANYARRAY, ANYCOMPATIBLEARRAY)
_CURRENT_CONFIGURATION = Special("session", (), TypeRef(REGCONFIG), "get_current_ts_config")


def apply_operator(state: State, name: str, operands: Sequence[Expr], location: int) -> Expr:
    """The operator applied to one (prefix) or two operands."""
    compared = composites.comparison(state, name, operands, location)
    if compared is not None:
        return compared
    try:
        chosen = find_operator(name, tuple(e.type.oid for e in operands))
    except SqlError as error:
        raise _placed(error, location) from None
    function, args, result = arguments(state, chosen, operands, location)
    return configured(Call(function, args, result, location))


def configured(call: Call) -> Call:
    """The call, with the session's text search configuration where it needs one and names none."""
    function = call.function
    if not (isinstance(function.template, str) and function.template.startswith(CONFIGURED)):
        return call
    if REGCONFIG in function.args:
        return call
    args = (REGCONFIG, *function.args)
    return Call(replace(function, args=args), (_CURRENT_CONFIGURATION, *call.args), call.type, call.location)


def _placed(error: SqlError, location: int) -> SqlError:
    """A copy of a (cached) error with the position of this use."""
    return SqlError(error.sqlstate, error.message, hint=error.hint, position=position(location))


def arguments(
    state: State, chosen: Candidate, operands: Sequence[Expr], location: int
) -> tuple[FunctionDef, tuple[Expr, ...], TypeRef]:
    """The function as it works on such operands, the operands coerced to what it takes, and the type of its result."""
    args, result = _coerced(state, chosen, operands, location)
    if not any(a.type.shaped for a in args) and not makes_shape(chosen.function):
        return chosen.function, args, result
    return _over_shapes(chosen, args, result)


def _over_shapes(
    chosen: Candidate, args: tuple[Expr, ...], result: TypeRef
) -> tuple[FunctionDef, tuple[Expr, ...], TypeRef]:
    """Arrays with a shape go to what knows shapes, or are taken for plain ones, which is checked when it is run."""
    taken = [t in (*_ARRAYS, CSTRING_ARRAY) for t in chosen.args]
    polymorphic = [t in POLYMORPHIC for t in chosen.args]
    function = chosen.function
    known = over_shapes(function) if any(taken) else None
    if known is not None or (any(polymorphic) and not any(taken)) or makes_shape(function):
        function = known or function
        args = tuple(
            with_shape(a) if (array or loose) and a.type.is_array else a if loose else _opaque(a, t)
            for a, array, loose, t in zip(args, taken, polymorphic, chosen.args, strict=True)
        )
        if result.is_array and function.result in POLYMORPHIC:
            result = TypeRef(result.oid, result.typmod, shaped=True)
        return function, args, result
    return function, tuple(_opaque(a, t) for a, t in zip(args, chosen.args, strict=True)), result


def _opaque(arg: Expr, declared: int) -> Expr:
    return arg if declared in TAKES_ANYTHING and declared != CSTRING_ARRAY else without_shape(arg)


def _coerced(
    state: State, chosen: Candidate, operands: Sequence[Expr], location: int
) -> tuple[tuple[Expr, ...], TypeRef]:
    if not any(t in POLYMORPHIC or t in TAKES_ANYTHING for t in (*chosen.args, chosen.function.result)):
        coerced = tuple(
            e if e.type.oid == t and t != UNKNOWN else _required(state, e, t)
            for e, t in zip(operands, chosen.args, strict=True)
        )
        return coerced, TypeRef(chosen.function.result)
    return _polymorphic(state, chosen, operands, location)


def _required(state: State, expr: Expr, oid: int) -> Expr:
    return coerce_or_fail(state, expr, TypeRef(oid), "i", location=expr.location)


def _polymorphic(
    state: State, chosen: Candidate, operands: Sequence[Expr], location: int
) -> tuple[tuple[Expr, ...], TypeRef]:
    exact = _element_of(
        [(e, t) for e, t in zip(operands, chosen.args, strict=True) if t in EXACT_POLYMORPHIC], location
    )
    loose = [(e, t) for e, t in zip(operands, chosen.args, strict=True) if t in COMPATIBLE_POLYMORPHIC]
    compatible = _common_element(loose)
    result = []
    for expr, target in zip(operands, chosen.args, strict=True):
        if target in TAKES_ANYTHING:
            result.append(_anything(state, expr, target))
        elif target in POLYMORPHIC:
            element = exact if target in EXACT_POLYMORPHIC else compatible
            result.append(_required(state, expr, _actual(target, element, location)))
        else:
            result.append(_required(state, expr, target))
    if chosen.function.name == "||" and TEXT in chosen.args:
        # text || anything: the other side's output function makes it text.
        return tuple(coerce_or_fail(state, e, TypeRef(TEXT), "e") for e in result), TypeRef(TEXT)
    wanted = chosen.function.result
    if wanted in POLYMORPHIC:
        element = exact if wanted in EXACT_POLYMORPHIC else compatible
        return tuple(result), TypeRef(_actual(wanted, element, location))
    return tuple(result), TypeRef(wanted)


def _anything(state: State, expr: Expr, target: int) -> Expr:
    """An argument of any type, as the function wants it: as it is, as text, or as jsonb."""
    typed = known(state, expr)
    if target == CSTRING:
        return Special("output", (typed,), TypeRef(TEXT), None, expr.location)
    if target == CSTRING_ARRAY:
        return coerce_or_fail(state, typed, TypeRef(BY_OID[TEXT].array_oid), "e")
    if target == ANYPLAINJSON:
        return as_json("to_json", typed)
    if target == ANYJSON and typed.type.oid != JSONB:
        return as_json("to_jsonb", typed)
    return typed


def _element_of(pairs: Sequence[tuple[Expr, int]], location: int) -> int:
    """The type that anyelement (and anyarray's element) stands for; all must agree."""
    found = UNKNOWN
    for expr, target in pairs:
        oid = expr.type.oid
        if oid == UNKNOWN:
            continue
        element = BY_OID[oid].element_oid if target in _ARRAYS else oid
        if found not in (UNKNOWN, element):
            names = BY_OID[found].sql_name, BY_OID[element].sql_name
            raise SqlError(
                "42804",
                'arguments declared "anyelement" are not all alike',
                detail=f"{names[0]} versus {names[1]}",
                position=position(location),
            )
        found = element
    return found


def _common_element(pairs: Sequence[tuple[Expr, int]]) -> int:
    if not pairs:
        return UNKNOWN
    stand_ins: list[Expr] = []
    for expr, target in pairs:
        oid = expr.type.oid
        element = BY_OID[oid].element_oid if target in _ARRAYS and oid != UNKNOWN else oid
        stand_ins.append(Const(None, TypeRef(element), expr.location))
    return common_type(stand_ins, "ARRAY").oid


def _actual(target: int, element: int, location: int) -> int:
    if element == UNKNOWN:
        if target in _ARRAYS:
            raise SqlError(
                "42804",
                "could not determine polymorphic type because input has type unknown",
                position=position(location),
            )
        return TEXT
    if target not in _ARRAYS:
        return element
    array = BY_OID[element].array_oid
    if not array:
        raise SqlError("42704", f"could not find array type for data type {BY_OID[element].sql_name}")
    return array


def equality(state: State, left: Expr, right: Expr, location: int, name: str = "=") -> Call:
    """left = right (or another comparison) as one call; both operands as the operator takes them."""
    result = apply_operator(state, name, (left, right), location)
    if not isinstance(result, Call) or result.type.oid != BOOL:
        raise SqlError("42804", f"operator {name} must return type boolean", position=position(location))
    return result


def of_one_moment(state: State, left: Expr, right: Expr, location: int, name: str) -> Call:
    """Like `equality`; but of a date or timestamp and a moment of another type, both become the wider one.

    In lists and subqueries DuckDB compares a timestamptz with a timestamp by their bits, whatever the time zone.
    """
    call = equality(state, left, right, location, name)
    types = {a.type.oid for a in call.args}
    if len(types) == 1 or not types <= {DATE, TIMESTAMP, TIMESTAMPTZ}:
        return call
    wide = TIMESTAMPTZ if TIMESTAMPTZ in types else TIMESTAMP
    a, b = (as_type(state, arg, wide) for arg in call.args)
    return equality(state, a, b, location, name)


def as_type(state: State, expr: Expr, oid: int) -> Expr:
    """The expression implicitly as that type; 42846 when it cannot."""
    result = coerce(state, expr, TypeRef(oid), "i")
    return result if result is not None else coerce_or_fail(state, expr, TypeRef(oid), "i", location=expr.location)
