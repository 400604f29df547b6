"""A value as json or jsonb. A record without a type is a text once it is made, so its fields become JSON before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from ruvector_engine.errors import not_supported
from ruvector_engine.sql.nodes import Aggregate, Const, Expr, Special, SubLink
from ruvector_engine.sql.raw import position
from ruvector_engine.types.registry import BY_OID, JSON, JSONB, RECORD, TypeRef

Kind = Literal["to_json", "to_jsonb"]

_RECORDS = frozenset({RECORD, BY_OID[RECORD].array_oid})
#: Aggregates that give what they take, one value or all of them.
_KEEPING = frozenset({"array_agg", "any_value", "first_value", "last_value", "nth_value", "lag", "lead"})


def as_json(kind: Kind, expr: Expr) -> Special:
    """to_json(expr) or to_jsonb(expr)."""
    result = TypeRef(JSON if kind == "to_json" else JSONB)
    return Special(kind, (_without_records(kind, expr),), result, None, expr.location)


def _without_records(kind: Kind, expr: Expr) -> Expr:
    """The expression with JSON in the place of records, however they come to it."""
    if isinstance(expr, Special) and expr.kind == "row" and expr.type.composite is None:
        fields = tuple(_pushed(kind, a) if a and a.type.oid in _RECORDS else a for a in expr.args)
        return expr if fields == expr.args else replace(expr, args=fields)
    return _pushed(kind, expr) if expr.type.oid in _RECORDS else expr


def _pushed(kind: Kind, expr: Expr) -> Expr:
    if isinstance(expr, Special) and expr.kind == "row":
        return as_json(kind, expr)
    if isinstance(expr, Special) and expr.kind in _ARGUMENTS:
        changed = _ARGUMENTS[expr.kind]
        args = tuple(_pushed(kind, a) if a and changed(i, len(expr.args)) else a for i, a in enumerate(expr.args))
        return replace(expr, args=args, type=_json_type(kind, expr))
    if isinstance(expr, Aggregate) and expr.function.name in _KEEPING and not expr.distinct:
        return replace(expr, args=(_pushed(kind, expr.args[0]), *expr.args[1:]), type=_json_type(kind, expr))
    if isinstance(expr, SubLink) and expr.kind in ("SCALAR", "ARRAY"):
        return _subquery(kind, expr)
    if isinstance(expr, Const) and not expr.value:
        return replace(expr, type=_json_type(kind, expr))
    raise _not_known(expr)


#: Which arguments of an expression are the values that it gives.
_ARGUMENTS: dict[str, Callable[[int, int], bool]] = {
    "array": lambda _place, _count: True,
    "shape": lambda _place, _count: True,
    "plain": lambda _place, _count: True,
    "coalesce": lambda _place, _count: True,
    "case": lambda place, count: place % 2 == 1 or place == count - 1,
    "subscript": lambda place, _count: place == 0,
    "slice": lambda place, _count: place == 0,
}


def _subquery(kind: Kind, link: SubLink) -> Expr:
    query = link.query
    target = query.targets[0]
    if query.set_op or query.values is not None or query.distinct or query.distinct_on:
        raise _not_known(link)
    changed = replace(target, expr=_pushed(kind, target.expr))
    return replace(link, query=replace(query, targets=(changed, *query.targets[1:])), type=_json_type(kind, link))


def _json_type(kind: Kind, expr: Expr) -> TypeRef:
    oid = JSON if kind == "to_json" else JSONB
    if expr.type.oid == RECORD:
        return TypeRef(oid)
    return replace(expr.type, oid=BY_OID[oid].array_oid)


def _not_known(expr: Expr) -> Exception:
    return not_supported(
        "a record whose fields are not known here cannot be converted to JSON",
        hint="Convert it where it is made, with row_to_json() or json_agg().",
        position=position(expr.location),
    )
