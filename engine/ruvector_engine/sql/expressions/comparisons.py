"""Operator expressions: a op b, LIKE, BETWEEN, IN (list), ANY/ALL (array), IS DISTINCT FROM, NULLIF, rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.coerce import coerce, coerce_or_fail, coerce_to_common, common_type, known
from ruvector_engine.sql.expressions.dispatch import expression, handles
from ruvector_engine.sql.expressions.operands import apply_operator, equality, of_one_moment
from ruvector_engine.sql.nodes import BoolOp, Call, Const, Expr, Special
from ruvector_engine.sql.raw import kind_of, pb, position, strings
from ruvector_engine.sql.scope import Scope
from ruvector_engine.types.registry import BOOL, BY_OID, TEXT, UNKNOWN, TypeRef

_BOOL = TypeRef(BOOL)


@handles("a_expr")
def _operation(scope: Scope, node: Any) -> Expr:
    return _KINDS[node.kind](scope, node)


def _name(node: Any) -> str:
    names = strings(node.name)
    if len(names) > 2 or (len(names) == 2 and names[0] not in ("pg_catalog", "public")):
        raise SqlError("42883", f"operator does not exist: {'.'.join(names)}", position=position(node.location))
    return names[-1]


def _plain(scope: Scope, node: Any) -> Expr:
    name = _name(node)
    if not node.HasField("lexpr"):
        return apply_operator(scope.state, name, (expression(scope, node.rexpr),), node.location)
    left = expression(scope, node.lexpr)
    if _is_row(left) and kind_of(node.rexpr)[0] == "sub_link":
        raise SqlError("0A000", "comparing a row with a subquery is not supported", position=position(node.location))
    right = expression(scope, node.rexpr)
    if _is_row(left) and _is_row(right):
        return _row_comparison(scope, name, left, right, node.location)
    return apply_operator(scope.state, name, (left, right), node.location)


def _is_row(expr: Expr) -> bool:
    return isinstance(expr, Special) and expr.kind == "row" and expr.type.composite is None


def _parts(expr: Expr) -> tuple[Expr, ...]:
    assert isinstance(expr, Special)
    return tuple(a for a in expr.args if a is not None)


def _row_comparison(scope: Scope, name: str, left: Expr, right: Expr, location: int) -> Expr:
    """(a, b) = (c, d), (a, b) < (c, d): spelled out column by column."""
    a, b = _parts(left), _parts(right)
    if len(a) != len(b):
        raise SqlError("42601", "unequal number of entries in row expressions", position=position(location))
    if not a:
        raise SqlError("0A000", "cannot compare rows of zero length", position=position(location))
    pairs = list(zip(a, b, strict=True))
    if name in ("=", "<>"):
        tests = tuple(equality(scope.state, x, y, location, name) for x, y in pairs)
        return tests[0] if len(tests) == 1 else BoolOp("AND" if name == "=" else "OR", tests, _BOOL, location)
    if name not in ("<", "<=", ">", ">="):
        raise SqlError(
            "0A000",
            f"could not determine interpretation of row comparison operator {name}",
            hint="Row comparison operators must be associated with btree operator families.",
            position=position(location),
        )
    result: Expr = equality(scope.state, *pairs[-1], location, name)
    for x, y in reversed(pairs[:-1]):
        first = equality(scope.state, x, y, location, name[0])
        same = equality(scope.state, x, y, location)
        result = BoolOp("OR", (first, BoolOp("AND", (same, result))), _BOOL, location)
    return result


def _distinct(scope: Scope, node: Any) -> Expr:
    negated = node.kind == pb.AEXPR_NOT_DISTINCT
    left, right = expression(scope, node.lexpr), expression(scope, node.rexpr)
    if _is_row(left) and _is_row(right):
        pairs = zip(_parts(left), _parts(right), strict=True)
        tests = tuple(_distinct_test(scope, x, y, negated, node.location) for x, y in pairs)
        return BoolOp("AND" if negated else "OR", tests, _BOOL, node.location)
    return _distinct_test(scope, left, right, negated, node.location)


def _distinct_test(scope: Scope, left: Expr, right: Expr, negated: bool, location: int) -> Expr:
    call = equality(scope.state, left, right, location)
    return Special("notdistinct" if negated else "distinct", call.args, _BOOL, call.function, location)


def _nullif(scope: Scope, node: Any) -> Expr:
    call = equality(scope.state, expression(scope, node.lexpr), expression(scope, node.rexpr), node.location)
    return Special("nullif", call.args, call.args[0].type, call.function, node.location)


def _in_list(scope: Scope, node: Any) -> Expr:
    negated = _name(node) == "<>"
    left = expression(scope, node.lexpr)
    items = [expression(scope, i) for i in node.rexpr.list.items]
    if _is_row(left):
        tests = tuple(
            _row_comparison(scope, "=", left, i, node.location)
            if _is_row(i)
            else apply_operator(scope.state, "=", (left, i), node.location)
            for i in items
        )
        found: Expr = tests[0] if len(tests) == 1 else BoolOp("OR", tests, _BOOL, node.location)
        return BoolOp("NOT", (found,), _BOOL, node.location) if negated else found
    target = common_type([left, *items], "IN")
    state = scope.state
    items = [coerce_to_common(state, i, target, "IN") for i in items]
    first = equality(state, left, items[0], node.location)
    # Once coerced, the items have one type: one look at the operators will do for all of them.
    others = [i if i.type == first.args[1].type else equality(state, left, i, node.location).args[1] for i in items[1:]]
    return Special("in", (*first.args, *others), _BOOL, (first.function, negated), node.location)


def _array_operand(scope: Scope, node: Any) -> Expr:
    name = _name(node)
    left, right = expression(scope, node.lexpr), expression(scope, node.rexpr)
    if right.type.oid == UNKNOWN:
        left = known(scope.state, left)
        array_oid = BY_OID[left.type.oid].array_oid
        right = coerce_or_fail(scope.state, right, TypeRef(array_oid), "i")
    element = right.type.pg.element_oid
    if not element:
        raise SqlError("42809", "op ANY/ALL (array) requires array on right side", position=position(node.location))
    stand_in = Const(None, TypeRef(element), right.location)
    call = of_one_moment(scope.state, left, stand_in, node.location, name)
    wanted = BY_OID[call.args[1].type.oid].array_oid
    array = right if call.args[1].type.oid == element else coerce(scope.state, right, TypeRef(wanted), "i")
    if array is None:
        raise SqlError("42883", f"operator does not exist: {name}", position=position(node.location))
    kind = "any" if node.kind == pb.AEXPR_OP_ANY else "all"
    return Special(kind, (call.args[0], array), _BOOL, call.function, node.location)


def _between(scope: Scope, node: Any) -> Expr:
    value = expression(scope, node.lexpr)
    low, high = (expression(scope, i) for i in node.rexpr.list.items)
    symmetric = node.kind in (pb.AEXPR_BETWEEN_SYM, pb.AEXPR_NOT_BETWEEN_SYM)
    negated = node.kind in (pb.AEXPR_NOT_BETWEEN, pb.AEXPR_NOT_BETWEEN_SYM)
    result = _within(scope, value, low, high, node.location)
    if symmetric:
        result = BoolOp("OR", (result, _within(scope, value, high, low, node.location)), _BOOL, node.location)
    return BoolOp("NOT", (result,), _BOOL, node.location) if negated else result


def _within(scope: Scope, value: Expr, low: Expr, high: Expr, location: int) -> Expr:
    tests: Sequence[Call] = (
        equality(scope.state, value, low, location, ">="),
        equality(scope.state, value, high, location, "<="),
    )
    return BoolOp("AND", tuple(tests), _BOOL, location)


def _similar(scope: Scope, node: Any) -> Expr:
    """x SIMILAR TO pattern: the grammar has wrapped the pattern in similar_to_escape()."""
    negated = _name(node).startswith("!")
    left = expression(scope, node.lexpr)
    kind, call = kind_of(node.rexpr)
    if kind != "func_call":
        raise SqlError("42601", "invalid SIMILAR TO pattern", position=position(node.location))
    args = [coerce_or_fail(scope.state, expression(scope, a), TypeRef(TEXT), "i") for a in call.args]
    escape = args[1] if len(args) > 1 else Const("\\", TypeRef(TEXT))
    subject = coerce_or_fail(scope.state, left, TypeRef(TEXT), "i", location=left.location)
    return Special("similar", (subject, args[0], escape), _BOOL, negated, node.location)


_KINDS = {
    pb.AEXPR_OP: _plain,
    pb.AEXPR_OP_ANY: _array_operand,
    pb.AEXPR_OP_ALL: _array_operand,
    pb.AEXPR_DISTINCT: _distinct,
    pb.AEXPR_NOT_DISTINCT: _distinct,
    pb.AEXPR_NULLIF: _nullif,
    pb.AEXPR_IN: _in_list,
    pb.AEXPR_LIKE: _plain,
    pb.AEXPR_ILIKE: _plain,
    pb.AEXPR_SIMILAR: _similar,
    pb.AEXPR_BETWEEN: _between,
    pb.AEXPR_NOT_BETWEEN: _between,
    pb.AEXPR_BETWEEN_SYM: _between,
    pb.AEXPR_NOT_BETWEEN_SYM: _between,
}
