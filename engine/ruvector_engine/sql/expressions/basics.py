"""Columns, literals, parameters, casts, conditions, CASE and its relatives, arrays, rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.coerce import (
    boolean,
    can_coerce,
    coerce_or_fail,
    coerce_to_common,
    common_type,
    known,
    with_shape,
)
from ruvector_engine.sql.database_names import require_own
from ruvector_engine.sql.expressions import composites
from ruvector_engine.sql.expressions.dispatch import expression, handles
from ruvector_engine.sql.expressions.operands import apply_operator, as_type, equality
from ruvector_engine.sql.functions import definition
from ruvector_engine.sql.nodes import BoolOp, Call, Cast, ColumnRef, Const, Expr, Param, Query, Special
from ruvector_engine.sql.noted import AttributeNamed, ColumnNamed, TypeNamed
from ruvector_engine.sql.raw import guard, kind_of, location_of, pb, position, strings
from ruvector_engine.sql.scope import Scope, row_of
from ruvector_engine.sql.tree import walk
from ruvector_engine.sql.typenames import EXTENSION_OIDS, resolve_type
from ruvector_engine.types.bits import parse_bits
from ruvector_engine.types.numeric import parse_numeric
from ruvector_engine.types.registry import (
    BIT,
    BOOL,
    BY_OID,
    DATE,
    INT4,
    INT8,
    JSONB,
    NAME,
    NUMERIC,
    RECORD,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    UNKNOWN,
    TypeRef,
    UserOid,
)

_BOOL = TypeRef(BOOL)


@handles("column_ref")
def _column_ref(scope: Scope, node: Any) -> Expr:
    if scope.clause == "DEFAULT":
        problem = "cannot use column reference in DEFAULT expression"
        raise SqlError("0A000", problem, position=position(node.location))
    parts: list[str] = []
    for field in node.fields:
        kind, message = kind_of(field)
        if kind == "a_star":
            return _whole_row(scope, node, parts)
        parts.append(message.sval)
    variables, parameters = scope.state.parameters.variables, scope.state.parameters
    if variables is not None and variables.conflict == "use_variable" and variables.knows(parts):
        meant = variables.value(parts, parameters, node.location)
        assert meant is not None
        return meant
    try:
        found = _column(scope, node, parts)
    except SqlError as error:
        if variables is None or error.sqlstate not in ("42703", "42P01"):
            raise
        meant = variables.value(parts, parameters, node.location)
        if meant is None:
            raise
        return meant
    if variables is not None and variables.conflict == "error" and variables.knows(parts):
        raise SqlError(
            "42702",
            f'column reference "{".".join(parts)}" is ambiguous',
            detail="It could refer to either a PL/pgSQL variable or a table column.",
            position=position(node.location),
        )
    return found


def _column(scope: Scope, node: Any, parts: list[str]) -> Expr:
    if len(parts) == 1:
        return _noted(scope, node, scope.column(parts[0], node.location))
    if len(parts) == 4:
        require_own(scope.state.context.catalog, parts, node.location, relation=False)
        del parts[0]
    if len(parts) > 3:
        raise SqlError(
            "42601",
            f"improper qualified name (too many dotted names): {'.'.join(parts)}",
            position=position(node.location),
        )
    return _noted(scope, node, scope.qualified(parts, node.location))


def _noted(scope: Scope, node: Any, meant: Expr) -> Expr:
    """What a ColumnRef means, noted where that is asked for."""
    if scope.state.noted is not None:
        scope.state.noted.append(ColumnNamed(node, meant, scope, scope.clause))
    return meant


def _whole_row(scope: Scope, node: Any, parts: list[str]) -> Expr:
    if not parts:
        raise SqlError("42601", 'row expansion via "*" is not supported here', position=position(node.location))
    return _noted(scope, node, row_of(scope.relation(parts, node.location), node.location))


@handles("a_const")
def _constant(_scope: Scope, node: Any) -> Expr:
    if node.isnull:
        return Const(None, TypeRef(UNKNOWN), node.location)
    which = node.WhichOneof("val")
    if which == "ival":
        return Const(int(node.ival.ival), TypeRef(INT4), node.location)
    if which == "sval":
        return Const(str(node.sval.sval), TypeRef(UNKNOWN), node.location)
    if which == "boolval":
        return Const(bool(node.boolval.boolval), _BOOL, node.location)
    if which == "fval":
        return _number(node.fval.fval, node.location)
    try:
        return Const(parse_bits(node.bsval.bsval), TypeRef(BIT), node.location)
    except SqlError as error:
        error.position = position(node.location)
        raise


def _number(digits: str, location: int) -> Const:
    plain = digits.replace("_", "")
    if plain.lstrip("-").isdigit() or plain.lstrip("-")[:2].lower() in ("0x", "0o", "0b"):
        value = int(plain, 10 if plain.lstrip("-").isdigit() else 0)
        if value == -(2**31):
            return Const(value, TypeRef(INT4), location)
        if -(2**63) <= value < 2**63:
            return Const(value, TypeRef(INT8), location)
        return Const(Decimal(value), TypeRef(NUMERIC), location)
    return Const(parse_numeric(digits), TypeRef(NUMERIC), location)


@handles("param_ref")
def _parameter(scope: Scope, node: Any) -> Expr:
    return scope.state.parameters.reference(node.number, node.location)


@handles("type_cast")
def _cast(scope: Scope, node: Any) -> Expr:
    context = scope.state.context
    target = resolve_type(node.type_name, context.catalog, context.search_path)
    if scope.state.noted is not None and (isinstance(target.oid, UserOid) or target.oid in EXTENSION_OIDS):
        scope.state.noted.append(TypeNamed(node.type_name, target.pg.element_oid or target.oid))
    kind, message = kind_of(node.arg)
    if kind == "a_array_expr" and target.pg.element_oid:
        return _array_of(scope, message, target)
    arg = expression(scope, node.arg)
    location = node.location if node.location >= 0 else arg.location
    if isinstance(arg, (Const, Param)) and arg.type.oid == UNKNOWN and node.location < 0:
        location = arg.location
    return coerce_or_fail(scope.state, arg, target, "e", location=location)


@handles("bool_expr")
def _boolean(scope: Scope, node: Any) -> Expr:
    op = {pb.AND_EXPR: "AND", pb.OR_EXPR: "OR", pb.NOT_EXPR: "NOT"}[node.boolop]
    args = tuple(boolean(scope.state, expression(scope, a), op) for a in node.args)
    return BoolOp(op, args, _BOOL, node.location)  # type: ignore[arg-type]


@handles("null_test")
def _null_test(scope: Scope, node: Any) -> Expr:
    guard(node, frozenset({"arg", "nulltesttype", "location"}))
    arg = expression(scope, node.arg)
    if isinstance(arg, Const):
        arg = known(scope.state, arg)
    negated = node.nulltesttype == pb.IS_NOT_NULL
    if isinstance(arg, Special) and arg.kind == "row":
        tests = tuple(Special("isnotnull" if negated else "isnull", (a,), _BOOL, None, node.location) for a in arg.args)
        return BoolOp("AND", tests) if len(tests) != 1 else tests[0]
    return Special("isnotnull" if negated else "isnull", (arg,), _BOOL, None, node.location)


_TRUTH = {
    "IS_TRUE": "IS TRUE",
    "IS_NOT_TRUE": "IS NOT TRUE",
    "IS_FALSE": "IS FALSE",
    "IS_NOT_FALSE": "IS NOT FALSE",
    "IS_UNKNOWN": "IS UNKNOWN",
    "IS_NOT_UNKNOWN": "IS NOT UNKNOWN",
}


@handles("boolean_test")
def _truth(scope: Scope, node: Any) -> Expr:
    name = _TRUTH[pb.BoolTestType.Name(node.booltesttype)]
    arg = boolean(scope.state, expression(scope, node.arg), name)
    return Special("truth", (arg,), _BOOL, name.replace("UNKNOWN", "NULL"), node.location)


@handles("case_expr")
def _case(scope: Scope, node: Any) -> Expr:
    guard(node, frozenset({"arg", "args", "defresult", "location"}))
    subject = known(scope.state, expression(scope, node.arg)) if node.HasField("arg") else None
    conditions: list[Expr] = []
    results: list[Expr] = []
    for item in node.args:
        when = item.case_when
        condition = expression(scope, when.expr)
        if subject is not None:
            conditions.append(equality(scope.state, subject, condition, when.location))
        else:
            conditions.append(boolean(scope.state, condition, "CASE/WHEN"))
        results.append(expression(scope, when.result))
    default = expression(scope, node.defresult) if node.HasField("defresult") else Const(None, TypeRef(UNKNOWN))
    target = common_type([default, *results], "CASE")
    results = [coerce_to_common(scope.state, r, target, "CASE/WHEN") for r in results]
    args: list[Expr] = []
    for condition, result in zip(conditions, results, strict=True):
        args += [condition, result]
    args.append(coerce_to_common(scope.state, default, target, "CASE/ELSE"))
    _refuse_sets(args, "CASE")
    return Special("case", tuple(args), target, None, node.location)


def _refuse_sets(args: Sequence[Expr], construct: str) -> None:
    for expr in (e for arg in args for e in walk(arg)):
        if isinstance(expr, Call) and expr.function.returns_set:
            raise SqlError(
                "0A000",
                f"set-returning functions are not allowed in {construct}",
                hint="You might be able to move the set-returning function into a LATERAL FROM item.",
                position=position(expr.location),
            )


def _common(scope: Scope, nodes: Any, construct: str) -> tuple[tuple[Expr, ...], TypeRef]:
    args = [expression(scope, a) for a in nodes]
    target = common_type(args, construct)
    return tuple(coerce_to_common(scope.state, a, target, construct) for a in args), target


@handles("coalesce_expr")
def _coalesce(scope: Scope, node: Any) -> Expr:
    args, target = _common(scope, node.args, "COALESCE")
    _refuse_sets(args, "COALESCE")
    return Special("coalesce", args, target, None, node.location)


@handles("min_max_expr")
def _min_max(scope: Scope, node: Any) -> Expr:
    name = "greatest" if node.op == pb.IS_GREATEST else "least"
    args, target = _common(scope, node.args, name.upper())
    return Special(name, args, target, None, node.location)


@handles("row_expr")
def _row(scope: Scope, node: Any) -> Expr:
    args = tuple(expression(scope, a) for a in node.args)
    return Special("row", args, TypeRef(RECORD), tuple(f"f{i}" for i in range(1, len(args) + 1)), node.location)


@handles("a_array_expr")
def _array(scope: Scope, node: Any) -> Expr:
    if not node.elements:
        raise SqlError(
            "42P18",
            "cannot determine type of empty array",
            hint="Explicitly cast to the desired type, for example ARRAY[]::integer[].",
            position=position(node.location),
        )
    elements = [expression(scope, e) for e in node.elements]
    target = common_type(elements, "ARRAY")
    args = tuple(coerce_to_common(scope.state, e, target, "ARRAY") for e in elements)
    if target.pg.element_oid:
        return Special("array", tuple(map(with_shape, args)), TypeRef(target.oid, shaped=True), "nested", node.location)
    if not target.pg.array_oid:
        raise SqlError(
            "42704",
            f"could not find array type for data type {target.pg.sql_name}",
            position=position(node.location),
        )
    return Special("array", args, TypeRef(target.pg.array_oid), None, node.location)


def _array_of(scope: Scope, node: Any, target: TypeRef) -> Expr:
    """ARRAY[...]::type[]: the elements get the element's type one by one."""
    element = TypeRef(target.pg.element_oid, target.typmod)
    args: list[Expr] = []
    nested = False
    for item in node.elements:
        kind, message = kind_of(item)
        if kind == "a_array_expr":
            nested = True
            args.append(_array_of(scope, message, target))
        else:
            inner = expression(scope, item)
            wanted = TypeRef(target.oid) if inner.type.pg.element_oid else element
            nested = nested or bool(inner.type.pg.element_oid)
            args.append(coerce_or_fail(scope.state, inner, wanted, "e", location=inner.location))
    if nested:
        args = [with_shape(coerce_or_fail(scope.state, a, TypeRef(target.oid), "e")) for a in args]
    return Special(
        "array", tuple(args), TypeRef(target.oid, shaped=nested), "nested" if nested else None, node.location
    )


@handles("a_indirection")
def _indirection(scope: Scope, node: Any) -> Expr:
    result = expression(scope, node.arg)
    location = location_of(node.arg)
    subscripts: list[Any] = []
    for item in node.indirection:
        kind, message = kind_of(item)
        if kind == "a_indices":
            subscripts.append(message)
        elif kind == "string":
            result = _element(scope, result, subscripts, location)
            subscripts = []
            _note_attribute(scope, message, result.type)
            result = _field(result, message.sval, location)
        else:
            raise SqlError("42601", 'row expansion via "*" is not supported here', position=position(location))
    return _element(scope, result, subscripts, location)


def _element(scope: Scope, result: Expr, subscripts: list[Any], location: int) -> Expr:
    """What the subscripts, if there are any, take out of a value."""
    if not subscripts:
        return result
    if result.type.oid == JSONB:
        return _jsonb_subscripts(scope, result, subscripts)
    if result.type.pg.name == "name" and len(subscripts) == 1 and not subscripts[0].is_slice:
        return _character(scope, result, subscripts[0].uidx)
    element = result.type.pg.element_oid
    if not element:
        raise SqlError(
            "42804",
            f"cannot subscript type {BY_OID[result.type.oid].sql_name} because it does not support subscripting",
            position=position(location),
        )
    if len(subscripts) > 1 and result.type.is_array:
        result = with_shape(result)
    if any(s.is_slice for s in subscripts):
        return _slice(scope, result, subscripts, location)
    indexes = [_subscript(scope, s.uidx) for s in subscripts]
    return Special("subscript", (result, *indexes), TypeRef(element), None, location)


def _note_attribute(scope: Scope, node: Any, row: TypeRef) -> None:
    attributes = () if row.composite is None else row.composite.attributes
    found = next((a for a in attributes if a.name == node.sval), None)
    if scope.state.noted is not None and found is not None:
        scope.state.noted.append(AttributeNamed(node, row.oid, found.attnum))


#: One byte of a name, as typname[0] asks for it: names are arrays of "char" that count from 0.
_BYTE_OF_NAME = definition.function(
    "byte of a name",
    "name,int4",
    "char",
    "(CASE WHEN NOT {1} BETWEEN 0 AND 63 THEN NULL WHEN strlen({0}) = length({0}) THEN substring({0}, {1} + 1, 1) "
    "ELSE error('subscripts of names that are not all ASCII are not supported') END)",
)


def _character(scope: Scope, name: Expr, node: Any) -> Expr:
    return Call(_BYTE_OF_NAME, (name, _subscript(scope, node)), TypeRef(_BYTE_OF_NAME.result))


def _field(row: Expr, name: str, location: int) -> Expr:
    """(row).field, of a composite value, or of the rows that set-returning functions make."""
    if row.type.composite is not None:
        return composites.named_field(row, name, location)
    made = row
    while isinstance(made, ColumnRef) and isinstance(made.range.source, Query):
        made = made.range.source.targets[made.index].expr
    columns = made.function.columns if isinstance(made, Call) else ()
    found = next((TypeRef(oid) for n, oid in columns if n == name), None)
    if found is None:
        raise SqlError(
            "42809" if row.type.oid != RECORD else "42703",
            f"column notation .{name} applied to type {row.type.pg.sql_name}, which is not a composite type"
            if row.type.oid != RECORD
            else f'could not identify column "{name}" in record data type',
            position=position(location),
        )
    return Special("field", (row,), found, name, location)


def _subscript(scope: Scope, node: Any) -> Expr:
    index = expression(scope, node)
    if index.type.oid != UNKNOWN and not can_coerce(index.type.oid, INT4, "a"):
        raise SqlError("42804", "array subscript must have type integer", position=position(index.location))
    return coerce_or_fail(scope.state, index, TypeRef(INT4), "a")


def _slice(scope: Scope, array: Expr, subscripts: list[Any], location: int) -> Expr:
    bounds = subscript_bounds(scope, subscripts)
    return Special("slice", (array, *bounds), TypeRef(array.type.oid, -1, array.type.shaped), None, location)


def subscript_bounds(scope: Scope, subscripts: list[Any]) -> list[Expr | None]:
    """Lower and upper bound of each subscript of a slice, None where one is not written; [n] stands for [1:n]."""
    bounds: list[Expr | None] = []
    for item in subscripts:
        upper = _subscript(scope, item.uidx) if item.HasField("uidx") else None
        if not item.is_slice:
            bounds += [Const(1, TypeRef(INT4)), upper]
        else:
            bounds += [_subscript(scope, item.lidx) if item.HasField("lidx") else None, upper]
    return bounds


def _jsonb_subscripts(scope: Scope, value: Expr, subscripts: list[Any]) -> Expr:
    """Subscripts are a path, as #> takes it: unlike -> they find nothing in a scalar."""
    steps: list[Expr] = []
    for item in subscripts:
        if item.is_slice:
            raise SqlError("42804", "jsonb subscript does not support slices")
        index = expression(scope, item.uidx)
        typed = index if index.type.oid == INT4 else as_type(scope.state, index, TEXT)
        steps.append(coerce_or_fail(scope.state, typed, TypeRef(TEXT), "e"))
    path = Special("array", tuple(steps), TypeRef(BY_OID[TEXT].array_oid))
    return apply_operator(scope.state, "#>", (value, path), -1)


@handles("collate_clause")
def _collate(scope: Scope, node: Any) -> Expr:
    name = strings(node.collname)[-1]
    if name not in ("C", "POSIX", "default", "C.UTF-8", "ucs_basic"):
        raise SqlError(
            "42704", f'collation "{name}" for encoding "UTF8" does not exist', position=position(node.location)
        )
    return known(scope.state, expression(scope, node.arg))


@handles("set_to_default")
def _default(_scope: Scope, node: Any) -> Expr:
    raise SqlError("42601", "DEFAULT is not allowed in this context", position=position(node.location))


_SESSION_VALUES = {
    "CURRENT_ROLE": "current_user",
    "CURRENT_USER": "current_user",
    "USER": "current_user",
    "SESSION_USER": "session_user",
    "CURRENT_CATALOG": "current_database",
    "CURRENT_SCHEMA": "current_schema",
}
_TIMES = {
    "CURRENT_DATE": DATE,
    "CURRENT_TIME": TIMETZ,
    "CURRENT_TIMESTAMP": TIMESTAMPTZ,
    "LOCALTIME": TIME,
    "LOCALTIMESTAMP": TIMESTAMP,
}


@handles("sqlvalue_function")
def _value_function(_scope: Scope, node: Any) -> Expr:
    name = pb.SQLValueFunctionOp.Name(node.op).removeprefix("SVFOP_")
    if name in _SESSION_VALUES:
        return Special("session", (), TypeRef(NAME), _SESSION_VALUES[name], node.location)
    base = name.removesuffix("_N")
    now = Special("session", (), TypeRef(TIMESTAMPTZ), "now", node.location)
    target = TypeRef(_TIMES[base], node.typmod if name.endswith("_N") else -1)
    return now if target == now.type else Cast(now, target, True, node.location)
