"""Subqueries in expressions: EXISTS, IN, ANY, ALL, scalar, ARRAY."""

from __future__ import annotations

from typing import Any, Literal

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.coerce import coerce
from ruvector_engine.sql.expressions.dispatch import expression, handles
from ruvector_engine.sql.expressions.operands import of_one_moment
from ruvector_engine.sql.nodes import Expr, Query, Special, SubLink
from ruvector_engine.sql.query import subquery
from ruvector_engine.sql.raw import guard, pb, position, strings
from ruvector_engine.sql.scope import Scope
from ruvector_engine.sql.targets import retype
from ruvector_engine.types.registry import BOOL, TypeRef

_BOOL = TypeRef(BOOL)
_NO_SUBQUERIES = {
    "CHECK": "check constraint",
    "COPY": "COPY FROM WHERE condition",
    "DEFAULT": "DEFAULT expression",
    "EXECUTE": "EXECUTE parameter",
    "GENERATED": "column generation expression",
    "index expressions": "index expression",
    "index predicates": "index predicate",
    "USING": "transform expression",
}


@handles("sub_link")
def _sublink(scope: Scope, node: Any) -> Expr:
    guard(node, frozenset({"sub_link_type", "testexpr", "oper_name", "subselect", "location"}))
    kind = node.sub_link_type
    if scope.clause in _NO_SUBQUERIES:
        problem = f"cannot use subquery in {_NO_SUBQUERIES[scope.clause]}"
        raise SqlError("0A000", problem, position=position(node.location))
    query = subquery(scope, node.subselect, resolve_unknown=kind not in (pb.ANY_SUBLINK, pb.ALL_SUBLINK))
    if kind == pb.EXISTS_SUBLINK:
        return SubLink("EXISTS", query, _BOOL, location=node.location)
    if kind in (pb.EXPR_SUBLINK, pb.ARRAY_SUBLINK):
        return _single(scope, query, node)
    if kind in (pb.ANY_SUBLINK, pb.ALL_SUBLINK):
        return _quantified(scope, query, node)
    raise not_supported("this kind of subquery is not supported", position=position(node.location))


def _single(scope: Scope, query: Query, node: Any) -> Expr:
    targets = query.targets
    if len(targets) != 1:
        raise SqlError("42601", "subquery must return only one column", position=position(node.location))
    result = targets[0].expr.type
    if node.sub_link_type == pb.EXPR_SUBLINK:
        return SubLink("SCALAR", query, result, location=node.location)
    if result.is_array:
        shaped = TypeRef(result.oid, result.typmod, shaped=True)
        retype(scope.state, query, [shaped, *(t.expr.type for t in query.targets[1:])])
        return SubLink("ARRAY", query, shaped, location=node.location)
    array = result.pg.array_oid
    if not array:
        raise SqlError(
            "42704", f"could not find array type for data type {result.pg.sql_name}", position=position(node.location)
        )
    return SubLink("ARRAY", query, TypeRef(array), location=node.location)


def _quantified(scope: Scope, query: Query, node: Any) -> Expr:
    test = expression(scope, node.testexpr)
    name = strings(node.oper_name)[-1] if node.oper_name else "="
    left = (
        [a for a in test.args if a is not None]
        if isinstance(test, Special) and test.kind == "row" and test.type.composite is None
        else [test]
    )
    if len(left) < len(query.targets):
        raise SqlError("42601", "subquery has too many columns", position=position(node.location))
    if len(left) > len(query.targets):
        raise SqlError("42601", "subquery has too few columns", position=position(node.location))
    calls = [
        of_one_moment(scope.state, a, t.expr, node.location, name) for a, t in zip(left, query.targets, strict=True)
    ]
    retype(scope.state, query, [c.args[1].type for c in calls])
    sides = [coerce(scope.state, a, c.args[0].type, "i") or a for a, c in zip(left, calls, strict=True)]
    kind: Literal["ANY", "ALL"] = "ANY" if node.sub_link_type == pb.ANY_SUBLINK else "ALL"
    if len(sides) > 1:
        if (name, kind) not in (("=", "ANY"), ("<>", "ALL")):
            raise not_supported(
                "a row can be compared with a subquery by IN and NOT IN only", position=position(node.location)
            )
        combined: Expr = Special("row", tuple(sides), test.type, test.extra if isinstance(test, Special) else None)
    else:
        combined = sides[0]
    return SubLink(kind, query, _BOOL, combined, calls[0].function, node.location)
