"""Assignment to part of a column: SET array[n] = x, SET array[n:m] = y, SET composite.field = z."""

from __future__ import annotations

from typing import Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.coerce import coerce, with_shape
from ruvector_engine.sql.expressions.basics import subscript_bounds
from ruvector_engine.sql.expressions.composites import fields
from ruvector_engine.sql.nodes import Expr, Special
from ruvector_engine.sql.raw import kind_of, position
from ruvector_engine.sql.scope import Scope
from ruvector_engine.types.registry import TypeRef


def with_part(scope: Scope, before: Expr, target: Any, value: Expr, name: str) -> Expr:
    """The value of the column `name`, so far `before`, once the part that the ResTarget names is `value`."""
    kind, message = kind_of(target.indirection[0])
    if kind == "string" and before.type.composite is not None and len(target.indirection) == 1:
        return _with_field(scope, before, message.sval, value, target)
    subscripts = []
    for item in target.indirection:
        kind, message = kind_of(item)
        if kind != "a_indices":
            raise not_supported("assigning to a field of a column is not supported", position=position(target.location))
        subscripts.append(message)
    type_ref = before.type
    if not type_ref.is_array:
        shown = type_ref.pg.sql_name
        raise SqlError(
            "42804",
            f"cannot subscript type {shown} because it does not support subscripting",
            position=position(target.location),
        )
    sliced = any(item.is_slice for item in subscripts)
    bounds = subscript_bounds(scope, subscripts)
    if not sliced:
        bounds = [bound for upper in bounds[1::2] for bound in (upper, upper)]
    wanted = TypeRef(type_ref.oid, type_ref.typmod) if sliced else TypeRef(type_ref.pg.element_oid, type_ref.typmod)
    new = coerce(scope.state, value, wanted, "a")
    if new is None:
        raise SqlError(
            "42804",
            f'subscripted assignment to "{name}" requires type {wanted.pg.sql_name} but expression is of type '
            f"{value.type.pg.sql_name}",
            hint="You will need to rewrite or cast the expression.",
            position=position(value.location),
        )
    given = with_shape(new) if sliced else new
    shaped = TypeRef(type_ref.oid, type_ref.typmod, shaped=True)
    return Special("assigned", (with_shape(before), given, *bounds), shaped, not sliced, target.location)


def _with_field(scope: Scope, before: Expr, name: str, value: Expr, target: Any) -> Expr:
    """A composite value with another field in place of one."""
    assert before.type.composite is not None
    attributes, location = before.type.composite.attributes, target.location
    place = next((i for i, a in enumerate(attributes) if a.name == name), None)
    if place is None:
        text = f'cannot assign to field "{name}" of column "{target.name}" because there is no such column in data type'
        raise SqlError("42703", f"{text} {before.type.pg.sql_name}", position=position(location))
    new = coerce(scope.state, value, attributes[place].type, "a")
    if new is None:
        raise SqlError(
            "42804",
            f'subfield "{name}" is of type {attributes[place].type.pg.sql_name} but expression is of type '
            f"{value.type.pg.sql_name}",
            hint="You will need to rewrite or cast the expression.",
            position=position(value.location),
        )
    parts = [e for _, e in fields(before, location)]
    parts[place] = new
    return Special("row", tuple(parts), TypeRef(before.type.oid), tuple(a.name for a in attributes), location)
