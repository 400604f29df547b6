"""Coercion: giving an expression another type, as parse_coerce.c does.

A literal of unknown type is read by the target's input function here and now; a parameter of unknown type takes the
target's type; everything else becomes a `Cast`. Casts of numeric literals are done here, so that `price > 10` compares
with a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.casts import CastContext, castable
from ruvector_engine.sql.context import State
from ruvector_engine.sql.functions.definition import (
    ANYARRAY,
    ANYCOMPATIBLEARRAY,
    ANYCOMPATIBLENONARRAY,
    ANYENUM,
    ANYNONARRAY,
    CSTRING_ARRAY,
    POLYMORPHIC,
    TAKES_ANYTHING,
)
from ruvector_engine.sql.names import lookup_of, name_to_oid
from ruvector_engine.sql.nodes import Cast, Const, Expr, Param, Special
from ruvector_engine.sql.raw import position
from ruvector_engine.types import text
from ruvector_engine.types.array_values import is_plain, mapped
from ruvector_engine.types.numbers import parse_float4, parse_float8
from ruvector_engine.types.numeric import format_numeric
from ruvector_engine.types.registry import (
    BOOL,
    BY_OID,
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    INTERVAL,
    NAME_TYPES,
    NUMERIC,
    OID,
    RECORD,
    REGCLASS,
    REGTYPE,
    TEXT,
    UNKNOWN,
    TypeRef,
    Value,
)

_INTEGERS = frozenset({INT2, INT4, INT8, OID})
_BITS = {INT2: 15, INT4: 31, INT8: 63}


def can_coerce(source: int, target: int, context: CastContext) -> bool:
    """Whether a value of `source` can become `target` (a pseudo-type of functions included) in that context."""
    if target == CSTRING_ARRAY:
        return source in BY_OID and BY_OID[source].element_oid != 0
    if target == RECORD and TypeRef(source).composite is not None:
        return True
    if source in (target, UNKNOWN) or target in TAKES_ANYTHING:
        return True
    if target == ANYENUM:
        return TypeRef(source).enum is not None
    if target in POLYMORPHIC:
        is_array = source in BY_OID and BY_OID[source].element_oid != 0
        if target in (ANYARRAY, ANYCOMPATIBLEARRAY):
            return is_array
        return not (is_array and target in (ANYNONARRAY, ANYCOMPATIBLENONARRAY))
    return castable(source, target, context)


def coerce(state: State, expr: Expr, target: TypeRef, context: CastContext, *, location: int = -1) -> Expr | None:
    """The expression as `target`, or None when there is no cast for it in that context.

    An array that has a shape keeps it; one that has none gets one where `target` has.
    """
    if expr.type.shaped and target.pg.element_oid and not target.shaped:
        target = TypeRef(target.oid, target.typmod, shaped=True)
    result = _coerced(state, expr, target, context, location)
    if result is None or not target.shaped or result.type.shaped:
        return result
    return with_shape(result)


def with_shape(expr: Expr) -> Expr:
    """The array with its shape."""
    if expr.type.shaped:
        return expr
    shaped = TypeRef(expr.type.oid, expr.type.typmod, shaped=True)
    if isinstance(expr, Const):
        return Const(expr.value, shaped, expr.location)
    return Special("shape", (expr,), shaped, None, expr.location)


def without_shape(expr: Expr) -> Expr:
    """The array as one of one dimension that counts from 1; 0A000 when it is run, for any other."""
    if not expr.type.shaped:
        return expr
    plain = TypeRef(expr.type.oid, expr.type.typmod)
    if isinstance(expr, Const) and (expr.value is None or is_plain(expr.value)):
        return Const(expr.value, plain, expr.location)
    return Special("plain", (expr,), plain, None, expr.location)


def _coerced(state: State, expr: Expr, target: TypeRef, context: CastContext, location: int) -> Expr | None:
    source = expr.type
    if source == target or (source.oid == target.oid and target.typmod < 0 and source.oid != UNKNOWN):
        return expr
    if isinstance(expr, Const) and source.oid == UNKNOWN:
        return _literal(state, expr, target, explicit=context == "e")
    if isinstance(expr, Param) and source.oid == UNKNOWN:
        return _with_typmod(state.parameters.determine(expr, target.oid), target, explicit=context == "e")
    if isinstance(expr, Special) and expr.kind == "row" and target.composite is not None:
        parts = [a for a in expr.args if a is not None]
        return coerce_row(state, parts, target, context, location if location >= 0 else expr.location)
    if target.oid == RECORD and source.composite is not None:
        return expr
    if source.oid != target.oid and not castable(source.oid, target.oid, context):
        return None
    if isinstance(expr, Const):
        folded = _folded(expr, target, explicit=context == "e")
        if folded is not None:
            return folded
    if isinstance(expr, Special) and expr.kind == "array" and target.pg.element_oid:
        return _coerced_array(state, expr, target, context)
    if target.pg.category == "A" and target.pg.element_oid and source.pg.category in "SX":
        target = TypeRef(target.oid, target.typmod, shaped=target.is_array)
    return Cast(expr, target, context == "e", location if location >= 0 else expr.location)


def coerce_row(state: State, parts: Sequence[Expr], target: TypeRef, context: CastContext, location: int) -> Expr:
    """ROW(...) as a composite type; 42846 where it does not fit."""
    assert target.composite is not None
    attributes = target.composite.attributes
    name = target.pg.sql_name
    detail = "Input has too few columns." if len(parts) < len(attributes) else "Input has too many columns."
    args: list[Expr] = []
    if len(parts) == len(attributes):
        for number, (part, attribute) in enumerate(zip(parts, attributes, strict=True), 1):
            fitted = coerce(state, part, attribute.type, context)
            if fitted is None:
                kinds = f"{part.type.pg.sql_name} to {attribute.type.pg.sql_name}"
                detail = f"Cannot cast type {kinds} in column {number}."
                break
            args.append(fitted)
    if len(args) < len(attributes) or len(parts) > len(attributes):
        raise SqlError("42846", f"cannot cast type record to {name}", detail=detail, position=position(location))
    return Special("row", tuple(args), TypeRef(target.oid), tuple(a.name for a in attributes), location)


def _coerced_array(state: State, expr: Special, target: TypeRef, context: CastContext) -> Expr | None:
    """ARRAY[...]::type[] coerces the elements, as PostgreSQL does."""
    inner = target if expr.extra == "nested" else TypeRef(target.pg.element_oid, target.typmod)
    elements = [coerce(state, e, inner, context) for e in expr.args if e is not None]
    if any(e is None for e in elements):
        return None
    return Special("array", tuple(elements), TypeRef(target.oid, shaped=target.shaped), expr.extra, expr.location)


def _with_typmod(expr: Expr, target: TypeRef, *, explicit: bool) -> Expr:
    return expr if target.typmod < 0 else Cast(expr, target, explicit, expr.location)


def _literal(state: State, const: Const, target: TypeRef, *, explicit: bool) -> Const:
    if const.value is None:
        return Const(None, target, const.location)
    if target.oid == UNKNOWN:
        return const
    literal = str(const.value)
    if target.oid in NAME_TYPES:
        try:
            return Const(name_to_oid(lookup_of(state.context), literal, target.oid), target, const.location)
        except SqlError as error:
            error.position = position(const.location)
            raise
    if target.pg.element_oid in NAME_TYPES:
        return _named_array(state, const, target)
    try:
        # An interval's fields say what a bare number counts.
        read_as = target if target.oid == INTERVAL else TypeRef(target.oid)
        value = text.parse_text(read_as, literal, state.context.settings, state.context.now)
    except SqlError as error:
        error.position = position(const.location)
        raise
    if isinstance(value, list) and not is_plain(value):
        target = TypeRef(target.oid, target.typmod, shaped=True)
    # Fitting the modifier happens at run time in PostgreSQL: such an error has no position.
    return Const(text.apply_typmod(target, value, explicit=explicit), target, const.location)


def _named_array(state: State, const: Const, target: TypeRef) -> Const:
    """The constant for the text of an array of names, as of regclass[]."""
    lookup, element = lookup_of(state.context), target.pg.element_oid

    try:
        value = text.parse_text(TypeRef(BY_OID[TEXT].array_oid), str(const.value))
        assert isinstance(value, list)
        named = mapped(value, lambda name: name_to_oid(lookup, name, element))
    except SqlError as error:
        error.position = position(const.location)
        raise
    return Const(named, target if is_plain(value) else replace(target, shaped=True), const.location)


def _folded(const: Const, target: TypeRef, *, explicit: bool) -> Const | None:
    """A numeric literal in another numeric type, or NULL in any; None: leave it to the run."""
    if const.value is None:
        return Const(None, target, const.location)
    value = _number(const.value, const.type.oid, target.oid)
    if value is None:
        return None
    return Const(text.apply_typmod(target, value, explicit=explicit), target, const.location)


def _number(value: Value, source: int, target: int) -> Value:
    if source in _INTEGERS and isinstance(value, int):
        if target in _BITS:
            return value if -(1 << _BITS[target]) <= value < 1 << _BITS[target] else None
        if target == NUMERIC:
            return Decimal(value)
        if target in (OID, REGCLASS, REGTYPE):
            return value if value >= 0 else None
        return float(value) if target == FLOAT8 else None
    if source == NUMERIC and isinstance(value, Decimal):
        if target == NUMERIC:
            return value
        if not value.is_finite():
            return None
        read = {FLOAT4: parse_float4, FLOAT8: parse_float8}.get(target)
        return read(format_numeric(value)) if read is not None else None
    return None


def coerce_or_fail(state: State, expr: Expr, target: TypeRef, context: CastContext, *, location: int = -1) -> Expr:
    """Like `coerce`; 42846 "cannot cast type x to y" when there is no way."""
    result = coerce(state, expr, target, context, location=location)
    if result is None:
        names = BY_OID[expr.type.oid].sql_name, BY_OID[target.oid].sql_name
        raise SqlError("42846", f"cannot cast type {names[0]} to {names[1]}", position=position(location))
    return result


def assign(
    state: State, expr: Expr, column: str, target: TypeRef, *, location: int = -1, is_default: bool = False
) -> Expr:
    """The expression as a column's value, or its default; 42804 when its type does not fit."""
    result = coerce(state, expr, target, "a")
    if result is None:
        what = "default expression" if is_default else "expression"
        raise SqlError(
            "42804",
            f'column "{column}" is of type {BY_OID[target.oid].sql_name} but {what} is of type '
            f"{BY_OID[expr.type.oid].sql_name}",
            hint="You will need to rewrite or cast the expression.",
            position=None if is_default else position(location if location >= 0 else expr.location),
        )
    return result if target.shaped else without_shape(result)


def boolean(state: State, expr: Expr, construct: str, *, location: int = -1) -> Expr:
    """The expression as a condition; 42804 "argument of WHERE must be type boolean, not type x"."""
    result = coerce(state, expr, TypeRef(BOOL), "a") if expr.type.oid != BOOL else expr
    if result is None or (expr.type.oid not in (BOOL, UNKNOWN) and not castable(expr.type.oid, BOOL, "a")):
        raise SqlError(
            "42804",
            f"argument of {construct} must be type boolean, not type {expr.type.pg.sql_name}",
            position=position(location if location >= 0 else expr.location),
        )
    return result


def known(state: State, expr: Expr) -> Expr:
    """The expression with text in place of unknown, as an output column or a function of any type takes it."""
    if expr.type.oid != UNKNOWN:
        return expr
    return coerce_or_fail(state, expr, TypeRef(TEXT), "i")


def common_type(exprs: Sequence[Expr], construct: str) -> TypeRef:
    """The type that all of them can become (select_common_type); 42804 "UNION types x and y cannot be matched"."""
    oids = [e.type.oid for e in exprs]
    if oids[0] != UNKNOWN and all(oid == oids[0] for oid in oids):
        typmods = {e.type.typmod for e in exprs}
        return TypeRef(oids[0], typmods.pop() if len(typmods) == 1 else -1, any(e.type.shaped for e in exprs))
    chosen = UNKNOWN
    for expr in exprs:
        oid = expr.type.oid
        if oid in (UNKNOWN, chosen):
            continue
        if chosen == UNKNOWN:
            chosen = oid
            continue
        current, candidate = BY_OID[chosen], BY_OID[oid]
        if current.category != candidate.category:
            raise SqlError(
                "42804",
                f"{construct} types {current.sql_name} and {candidate.sql_name} cannot be matched",
                position=position(expr.location),
            )
        if not current.preferred and can_coerce(chosen, oid, "i") and not can_coerce(oid, chosen, "i"):
            chosen = oid
    if chosen == UNKNOWN:
        chosen = TEXT
    return TypeRef(chosen, shaped=any(e.type.shaped for e in exprs))


def coerce_to_common(state: State, expr: Expr, target: TypeRef, construct: str) -> Expr:
    """One of the expressions as their common type; 42846 when it cannot."""
    result = coerce(state, expr, target, "i")
    if result is None:
        names = BY_OID[expr.type.oid].sql_name, BY_OID[target.oid].sql_name
        raise SqlError(
            "42846", f"{construct} could not convert type {names[0]} to {names[1]}", position=position(expr.location)
        )
    return result
