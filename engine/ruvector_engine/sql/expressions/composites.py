"""Composite values: made of rows, taken apart into fields, compared. After parse_coerce.c and rowtypes.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql import emit_key
from ruvector_engine.sql.coerce import coerce_row
from ruvector_engine.sql.context import State
from ruvector_engine.sql.nodes import Call, Expr, FunctionDef, Special
from ruvector_engine.sql.raw import position
from ruvector_engine.types.registry import BOOL, UNKNOWN, Attribute, TypeRef

_COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})


def field(row: Expr, attribute: Attribute, location: int) -> Expr:
    """(row).attribute."""
    if isinstance(row, Special) and row.kind == "row":
        found = row.args[[a.attnum for a in _attributes(row)].index(attribute.attnum)]
        assert found is not None
        return found
    return Special("field", (row,), attribute.type, attribute.attnum, location)


def named_field(row: Expr, name: str, location: int) -> Expr:
    """(row).name; 42703 when the type has none of that name."""
    found = next((a for a in _attributes(row) if a.name == name), None)
    if found is None:
        text = f'column "{name}" not found in data type {row.type.pg.sql_name}'
        raise SqlError("42703", text, position=position(location))
    return field(row, found, location)


def fields(row: Expr, location: int) -> list[tuple[str, Expr]]:
    """(row).*, with the names."""
    return [(a.name, field(row, a, location)) for a in _attributes(row)]


def _attributes(row: Expr) -> Sequence[Attribute]:
    assert row.type.composite is not None
    return row.type.composite.attributes


def comparison(state: State, name: str, operands: Sequence[Expr], location: int) -> Expr | None:
    """A comparison with a composite value; None for anything else. NULL fields are equal, and greater than others."""
    target = next((e.type for e in operands if e.type.composite is not None), None)
    if target is None or len(operands) != 2 or name not in _COMPARISONS:
        return None
    left, right = (_as(state, e, target, location, first=e is operands[0]) for e in operands)

    def template(a: str, b: str) -> str:
        return f"({emit_key.key_of(a, target)} {name} {emit_key.key_of(b, target)})"

    function = FunctionDef(name, (target.oid, target.oid), BOOL, template, "o")
    return Call(function, (left, right), TypeRef(BOOL), location)


def _as(state: State, expr: Expr, target: TypeRef, location: int, *, first: bool) -> Expr:
    if expr.type.oid == target.oid:
        return expr
    if expr.type.oid == UNKNOWN:
        problem = "input of anonymous composite types is not implemented"
        raise SqlError("0A000", problem, position=position(expr.location))
    parts: list[Any] = []
    if isinstance(expr, Special) and expr.kind == "row":
        parts = [a for a in expr.args if a is not None]
    elif expr.type.composite is not None:
        parts = [e for _, e in fields(expr, location)]
    assert target.composite is not None
    wanted = target.composite.attributes
    if not parts:
        text = f"operator does not exist: {target.pg.sql_name} = {expr.type.pg.sql_name}"
        hint = "No operator matches the given name and argument types. You might need to add explicit type casts."
        raise SqlError("42883", text, hint=hint, position=position(location))
    if len(parts) != len(wanted):
        raise SqlError("42804", "cannot compare record types with different numbers of columns")
    for number, (part, attribute) in enumerate(zip(parts, wanted, strict=True), 1):
        if part.type.oid != attribute.type.oid:
            kinds = (part.type.pg.sql_name, attribute.type.pg.sql_name)
            names = " and ".join(kinds if first else reversed(kinds))
            raise SqlError("42804", f"cannot compare dissimilar column types {names} at record column {number}")
    return coerce_row(state, parts, target, "i", location)
