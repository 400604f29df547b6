"""Select lists: the star, output names, and giving a query's outputs other types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.coerce import coerce_or_fail, known
from ruvector_engine.sql.context import State
from ruvector_engine.sql.expressions.composites import fields
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.nodes import Const, Expr, Query, Target, ValuesList
from ruvector_engine.sql.noted import StarNamed
from ruvector_engine.sql.raw import guard, kind_of, location_of, pb, position, strings
from ruvector_engine.sql.scope import Scope
from ruvector_engine.types.registry import TypeRef

_HANDLED = frozenset({"name", "val", "location"})


def target_list(scope: Scope, nodes: Sequence[Any], *, resolve_unknown: bool) -> list[Target]:
    """The outputs, stars expanded; unknown literals become text where nothing else will give them a type."""
    result: list[Target] = []
    for node in nodes:
        target = node.res_target
        guard(target, _HANDLED)
        kind, message = kind_of(target.val)
        if kind == "column_ref" and message.fields[-1].WhichOneof("node") == "a_star":
            result += _noted(scope, nodes, node, None, _star(scope, message))
            continue
        if kind == "a_indirection" and message.indirection[-1].WhichOneof("node") == "a_star":
            result += _fields(scope, nodes, node)
            continue
        expr = expression(scope, target.val)
        if resolve_unknown:
            expr = known(scope.state, expr)
        result.append(Target(expr, target.name or output_name(target.val)))
    return result


def _noted(scope: Scope, outputs: Sequence[Any], node: Any, row: Any, targets: list[Target]) -> list[Target]:
    """The outputs that a star stands for, which analysis tells of."""
    if scope.state.noted is not None:
        columns = [(target.name, target.expr) for target in targets]
        scope.state.noted.append(StarNamed(outputs, node, columns, row, scope))
    return targets


def _star(scope: Scope, node: Any) -> list[Target]:
    parts = strings(node.fields[:-1])
    if not parts:
        if not scope.names.relations and not scope.names.columns:
            raise SqlError("42601", "SELECT * with no tables specified is not valid", position=position(node.location))
        return [Target(e, n) for n, e in scope.names.columns]
    try:
        columns = scope.relation(parts, node.location).columns
    except SqlError as error:
        parameters = scope.state.parameters
        variables = parameters.variables if error.sqlstate == "42P01" else None
        known_fields = None if variables is None else variables.fields(parts, parameters, node.location)
        if known_fields is None:
            raise
        columns = known_fields
    return [Target(e, n) for n, e in columns]


def _fields(scope: Scope, outputs: Sequence[Any], output: Any) -> list[Target]:
    """(row).* as outputs."""
    node = output.res_target.val.a_indirection
    inner = node.arg
    if len(node.indirection) > 1:
        inner = pb.Node()
        inner.a_indirection.arg.CopyFrom(node.arg)
        inner.a_indirection.indirection.extend(node.indirection[:-1])
    location = location_of(node.arg)
    row = expression(scope, inner)
    if row.type.composite is None:
        shown = row.type.pg.sql_name
        raise SqlError("42809", f"type {shown} is not composite")
    return _noted(scope, outputs, output, inner, [Target(e, n) for n, e in fields(row, location)])


def output_name(node: Any) -> str:
    """The name of an output that has no alias (FigureColname)."""
    return _figure(node)[0] or "?column?"


_SUBLINK_NAMES = {pb.EXISTS_SUBLINK: "exists", pb.ARRAY_SUBLINK: "array"}


def _figure(node: Any) -> tuple[str, int]:
    """The name and how sure it is: 2 a real name, 1 a type's or CASE's, 0 none."""
    kind, message = kind_of(node)
    if kind == "column_ref":
        names = [f.string.sval for f in message.fields if f.WhichOneof("node") == "string"]
        return (names[-1], 2) if names else ("", 0)
    if kind == "func_call":
        return strings(message.funcname)[-1], 2
    if kind == "type_cast":
        name, strength = _figure(message.arg)
        if strength > 1 or not message.type_name.names:
            return name, strength
        return strings(message.type_name.names)[-1], 1
    if kind == "a_indirection":
        fields = [i.string.sval for i in message.indirection if i.WhichOneof("node") == "string"]
        return (fields[-1], 2) if fields else _figure(message.arg)
    if kind == "case_expr":
        name, strength = _figure(message.defresult) if message.HasField("defresult") else ("", 0)
        return (name, strength) if strength > 1 else ("case", 1)
    return _figure_other(kind, message)


def _figure_other(kind: str, message: Any) -> tuple[str, int]:
    if kind == "a_expr" and message.kind == pb.AEXPR_NULLIF:
        return "nullif", 2
    if kind == "collate_clause":
        return _figure(message.arg)
    if kind == "sub_link":
        if message.sub_link_type == pb.EXPR_SUBLINK:
            return _figure_subselect(message.subselect.select_stmt)
        return _SUBLINK_NAMES.get(message.sub_link_type, ""), 2
    if kind == "min_max_expr":
        return ("greatest" if message.op == pb.IS_GREATEST else "least"), 2
    if kind == "sqlvalue_function":
        name = pb.SQLValueFunctionOp.Name(message.op).removeprefix("SVFOP_").removesuffix("_N").lower()
        return name, 2
    fixed = {"a_array_expr": "array", "row_expr": "row", "coalesce_expr": "coalesce", "grouping_func": "grouping"}
    return (fixed[kind], 2) if kind in fixed else ("", 0)


def _figure_subselect(select: Any) -> tuple[str, int]:
    while select.op != pb.SETOP_NONE:
        select = select.larg
    if select.values_lists:
        return "column1", 2
    if not select.target_list:
        return "", 0
    target = select.target_list[0].res_target
    return (target.name, 2) if target.name else _figure(target.val)


def retype(state: State, query: Query, types: Sequence[TypeRef]) -> None:
    """Give the outputs of a query these types, in its leaves (so that unknown literals are read as such)."""
    if query.left is not None and query.right is not None:
        retype(state, query.left, types)
        retype(state, query.right, types)
        query.targets = tuple(
            Target(t.expr if t.expr.type == w else _of_type(t.expr, w), t.name)
            for t, w in zip(query.targets, types, strict=True)
        )
        return
    if query.values is not None:
        rows = tuple(tuple(_retyped(state, e, w) for e, w in zip(row, types, strict=True)) for row in query.values.rows)
        query.values = ValuesList(rows)
        query.targets = tuple(Target(e, t.name) for e, t in zip(rows[0], query.targets, strict=True))
        return
    query.targets = tuple(
        Target(_retyped(state, t.expr, w), t.name, t.hidden) for t, w in zip(query.targets, types, strict=True)
    )


def _retyped(state: State, expr: Expr, target: TypeRef) -> Expr:
    same = expr.type.oid == target.oid and expr.type.shaped == target.shaped
    if same and target.typmod in (-1, expr.type.typmod):
        return expr
    return coerce_or_fail(state, expr, target, "i", location=expr.location)


def _of_type(expr: Expr, target: TypeRef) -> Expr:
    """A stand-in for a set operation's output: only its type and place count."""
    return Const(None, target, expr.location)
