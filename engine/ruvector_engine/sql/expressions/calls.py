"""Function calls: plain functions, type names used as functions, aggregates, window functions, sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ruvector_engine.catalog.made_types import MadeType
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.coerce import boolean, coerce, coerce_or_fail
from ruvector_engine.sql.database_names import require_own
from ruvector_engine.sql.expressions import windows
from ruvector_engine.sql.expressions.dispatch import expression, handles
from ruvector_engine.sql.expressions.named_arguments import placed
from ruvector_engine.sql.expressions.operands import arguments, configured
from ruvector_engine.sql.expressions.sorting import check_equality, sort_keys
from ruvector_engine.sql.functions import enums
from ruvector_engine.sql.functions.aggregates import JSON_AGG_OF_ROWS
from ruvector_engine.sql.functions.catalog import FUNCTIONS, NO_FUNCTION_HINT, find_function
from ruvector_engine.sql.functions.datetimes import SINCE_TODAY
from ruvector_engine.sql.functions.resolution import Candidate, candidates
from ruvector_engine.sql.functions.system import PREFIX
from ruvector_engine.sql.nodes import Aggregate, Call, Const, Expr, FunctionDef, Special
from ruvector_engine.sql.noted import TypeCalled
from ruvector_engine.sql.raw import guard, position, strings
from ruvector_engine.sql.scope import Scope
from ruvector_engine.sql.tree import references, walk
from ruvector_engine.sql.typenames import find_type, made_type
from ruvector_engine.types.registry import BY_OID, DATE, DIMENSION_LIMITS, INT4, REGTYPE, TIMESTAMPTZ, UNKNOWN, TypeRef

#: Which session's catalog a function reads.
BACKEND_PID = Special("session", (), TypeRef(INT4), "pg_backend_pid")

_HANDLED = frozenset(
    {
        "funcname",
        "args",
        "agg_order",
        "agg_filter",
        "agg_star",
        "agg_distinct",
        "agg_within_group",
        "func_variadic",
        "over",
        "funcformat",
        "location",
    }
)
#: The clauses of CREATE INDEX, as errors name them.
_OF_INDEXES = ("index expressions", "index predicates")
#: The clauses that are evaluated for each row alone.
_OF_ROWS = (
    *_OF_INDEXES,
    "WHERE",
    "JOIN/ON",
    "VALUES",
    "LIMIT",
    "OFFSET",
    "UPDATE",
    "RETURNING",
    "DEFAULT",
    "CHECK",
    "GENERATED",
    "COPY",
    "USING",
)
_NO_AGGREGATES = (*_OF_ROWS, "GROUP BY", "FROM")
_NO_WINDOWS = (*_NO_AGGREGATES, "HAVING")
_NO_SETS = (*_OF_ROWS, "HAVING")
_LABELS = {
    "JOIN/ON": "JOIN conditions",
    "FROM": "functions in FROM",
    "DEFAULT": "DEFAULT expressions",
    "CHECK": "check constraints",
    "GENERATED": "column generation expressions",
    "USING": "transform expressions",
    "COPY": "COPY FROM WHERE conditions",
}


def not_allowed(kind: str, clause: str, sqlstate: str, location: int) -> SqlError:
    """ "aggregate functions are not allowed in WHERE"."""
    return SqlError(sqlstate, f"{kind} are not allowed in {_LABELS.get(clause, clause)}", position=position(location))


@handles("func_call")
def _call(scope: Scope, node: Any) -> Expr:
    guard(node, _HANDLED)
    name = _function_name(scope, node)
    kinds = {f.kind for f in FUNCTIONS.get(name, ())}
    if node.agg_within_group:
        return ordered_set(scope, node, name)
    is_aggregate = "a" in kinds
    if is_aggregate or "w" in kinds:
        return _aggregate(scope, node, name)
    _refuse_aggregate_clauses(node, name)
    args = placed(scope, name, node)
    if name == "pg_typeof" and len(args) == 1:
        return Const(args[0].type.oid, TypeRef(REGTYPE), node.location)
    converted = _as_cast(scope, node, name, args)
    if converted is not None:
        return converted
    if node.func_variadic:
        return _spread(scope, node, name, args)
    chosen = _find(name, args, node.location)
    return call(scope, chosen, args, node.location)


@handles("grouping_func")
def _grouping(scope: Scope, node: Any) -> Expr:
    args = tuple(expression(scope, a) for a in node.args)
    if scope.clause in _NO_AGGREGATES:
        raise not_allowed("grouping operations", scope.clause, "42803", node.location)
    return Special("grouping", args, TypeRef(INT4), None, node.location)


def _function_name(scope: Scope, node: Any) -> str:
    parts = strings(node.funcname)
    if len(parts) == 3:
        require_own(scope.state.context.catalog, parts, node.location, relation=False)
        del parts[0]
    is_known = len(parts) == 1 or parts[-2] in ("pg_catalog", "public", "information_schema")
    if not is_known and _made_type(scope, parts) is None:
        shown = ".".join(parts)
        raise SqlError(
            "42883",
            f"function {shown}({', '.join('unknown' for _ in node.args)}) does not exist",
            hint=NO_FUNCTION_HINT,
            position=position(node.location),
        )
    return parts[-1]


def _refuse_aggregate_clauses(node: Any, name: str) -> None:
    for present, clause in (
        (node.agg_star, "(*)"),
        (node.agg_distinct, "DISTINCT"),
        (len(node.agg_order) > 0, "ORDER BY"),
        (node.HasField("agg_filter"), "FILTER"),
        (node.HasField("over"), "OVER"),
    ):
        if not present:
            continue
        if clause == "(*)" and not any(not f.args for f in FUNCTIONS.get(name, ())):
            raise SqlError(
                "42883",
                f"function {name}() does not exist",
                hint=NO_FUNCTION_HINT,
                position=position(node.location),
            )
        if clause == "(*)":
            raise SqlError(
                "42809",
                f"{name}(*) specified, but {name} is not an aggregate function",
                position=position(node.location),
            )
        if clause == "OVER":
            raise SqlError(
                "42809",
                f"OVER specified, but {name} is not a window function nor an aggregate function",
                position=position(node.location),
            )
        if name in FUNCTIONS:
            raise SqlError(
                "42809",
                f"{clause} specified, but {name} is not an aggregate function",
                position=position(node.location),
            )


def _find(name: str, args: Sequence[Expr], location: int) -> Candidate:
    if len(args) % 2 and any(function.paired for function in FUNCTIONS.get(name, ())):
        hint = f"The arguments of {name}() must consist of alternating keys and values."
        raise SqlError("22023", "argument list must have even number of elements", hint=hint)
    try:
        return find_function(name, tuple(a.type.oid for a in args))
    except SqlError as error:
        raise SqlError(error.sqlstate, error.message, hint=error.hint, position=position(location)) from None


def _made_type(scope: Scope, names: Sequence[str]) -> MadeType | None:
    return made_type(names, scope.state.context.catalog, scope.state.context.search_path)


def _as_cast(scope: Scope, node: Any, name: str, args: Sequence[Expr]) -> Expr | None:
    """float8(x), text(x): a type's name as a function is a cast, unless a function of one argument has that name."""
    if len(args) != 1 or candidates(FUNCTIONS.get(name, ()), 1):
        return None
    names, location = strings(node.funcname), node.location
    made = _made_type(scope, names)
    found = find_type(name) if made is None else None
    if found is None and made is None:
        return None
    if made is not None and scope.state.noted is not None:
        scope.state.noted.append(TypeCalled(node, made.oid))
    oid = found.oid if found is not None else made.type_oid  # type: ignore[union-attr]
    if oid in DIMENSION_LIMITS and not _is_text(args[0].type.oid) and args[0].type.oid != oid:
        return None  # its casts are functions of other names
    if args[0].type.oid == UNKNOWN or args[0].type.oid == oid:
        return coerce_or_fail(scope.state, args[0], TypeRef(oid), "e", location=location)
    return coerce(scope.state, args[0], TypeRef(oid), "e", location=location)


def _is_text(oid: int) -> bool:
    return oid == UNKNOWN or BY_OID[oid].category == "S"


def _spread(scope: Scope, node: Any, name: str, args: list[Expr]) -> Expr:
    """f(VARIADIC array): only where the function exists for an array as its last argument."""
    for candidate in FUNCTIONS.get(name, ()):
        if candidate.variadic:
            return Special("variadic", tuple(args), TypeRef(candidate.result), candidate, node.location)
    return call(scope, _find(name, args, node.location), args, node.location)


def call(scope: Scope, chosen: Candidate, args: Sequence[Expr], location: int) -> Expr:
    """A plain (or set-returning) function applied; session functions become values that the executor provides."""
    function, coerced, result = arguments(scope.state, chosen, args, location)
    if function.returns_set:
        if any(isinstance(e, Call) and e.function.returns_set for a in coerced for e in walk(a)):
            raise not_supported("nested set-returning functions are not supported", position=position(location))
        if scope.clause in _NO_SETS:
            raise not_allowed("set-returning functions", scope.clause, "0A000", location)
        scope.has_sets = True
    if function.template == enums.BY_TYPE:
        return Special("enum", coerced, result, function.name, location)
    if function.template == SINCE_TODAY:
        return _since_today(scope, coerced[0], location)
    if function.template == "session":
        return Special("session", coerced, result, function.name, location)
    if isinstance(function.template, str) and function.template.startswith(PREFIX):
        return Call(replace(function, args=(INT4, *function.args)), (BACKEND_PID, *coerced), result, location)
    return configured(Call(function, coerced, result, location))


def _since_today(scope: Scope, moment: Expr, location: int) -> Expr:
    """age(x) is age(current_date, x)."""
    today: Expr = Special("session", (), TypeRef(TIMESTAMPTZ), "now", location)
    for oid in (DATE, moment.type.oid):
        today = coerce_or_fail(scope.state, today, TypeRef(oid), "e")
    return call(scope, _find("age", (today, moment), location), (today, moment), location)


def _aggregate(scope: Scope, node: Any, name: str) -> Expr:
    over = node.HasField("over")
    saved = scope.in_aggregate, scope.in_window
    scope.in_aggregate, scope.in_window = scope.in_aggregate or not over, scope.in_window or over
    try:
        args = [expression(scope, a) for a in node.args]
        condition = _filter(scope, node)
        order_by = sort_keys(scope, node.agg_order)
        spec = windows.specification(scope, node.over) if over else None
    finally:
        scope.in_aggregate, scope.in_window = saved
    (_check_window_place if over else _check_aggregate_place)(scope, node.location)
    if node.agg_star:
        args = []
    _check_level(scope, args, node.location)
    if any(isinstance(e, Call) and e.function.returns_set for a in args for e in walk(a)):
        raise SqlError(
            "0A000",
            "aggregate function calls cannot contain set-returning function calls",
            hint="You might be able to move the set-returning function into a LATERAL FROM item.",
            position=position(node.location),
        )
    chosen = _find_aggregate(node, name, args)
    function = chosen.function
    if function.kind == "f":
        return call(scope, chosen, args, node.location)
    _check_kind(function, node, over)
    if over:
        scope.has_windows = True
    else:
        scope.has_aggregates = True
    function, coerced, result = arguments(scope.state, chosen, args, node.location)
    if function.name == "json_agg" and (args[0].type.is_array or args[0].type.pg.category in "CP"):
        function = JSON_AGG_OF_ROWS
    for arg in args if node.agg_distinct else ():
        check_equality(arg)
    given = (*coerced, *args) if function.name == "json_agg" else coerced  # it tells values apart before they are json
    if node.agg_distinct and any(key.expr not in given for key in order_by):
        raise SqlError(
            "42P10",
            "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
            position=position(next(k.expr.location for k in order_by if k.expr not in coerced)),
        )
    return Aggregate(
        function, coerced, result, node.agg_distinct, node.agg_star, order_by, condition, spec, node.location
    )


def _filter(scope: Scope, node: Any) -> Expr | None:
    if not node.HasField("agg_filter"):
        return None
    clause, scope.clause = scope.clause, "FILTER"
    try:
        return boolean(scope.state, expression(scope, node.agg_filter), "FILTER")
    finally:
        scope.clause = clause


def ordered_set(scope: Scope, node: Any, name: str) -> Expr:
    """percentile_cont(p) WITHIN GROUP (ORDER BY x): the sorted value is one more argument."""
    _check_aggregate_place(scope, node.location)
    if node.HasField("over") or len(node.agg_order) != 1:
        raise not_supported("this form of WITHIN GROUP is not supported", position=position(node.location))
    saved, scope.in_aggregate = scope.in_aggregate, True
    try:
        args = [expression(scope, a) for a in node.args]
        condition = _filter(scope, node)
        key = sort_keys(scope, node.agg_order)[0]
    finally:
        scope.in_aggregate = saved
    if key.descending and name != "mode":
        raise not_supported(f"{name} in descending order is not supported", position=position(node.location))
    try:
        chosen = _find(f"{name} within group", [*args, key.expr], node.location)
    except SqlError as error:
        error.message = error.message.replace(" within group(", "(", 1)
        raise
    scope.has_aggregates = True
    function, coerced, result = arguments(scope.state, chosen, [*args, key.expr], node.location)
    return Aggregate(function, coerced, result, filter=condition, location=node.location)


def _check_level(scope: Scope, args: Sequence[Expr], location: int) -> None:
    """An aggregate of nothing but an outer query's columns belongs to that query."""
    columns = [c for a in args for c, _ in references(a)]
    if scope.parent is None or not columns or any(scope.brings(c.range) for c in columns):
        return
    owner: Scope | None = scope.parent
    while owner is not None and not any(owner.brings(c.range) for c in columns):
        owner = owner.parent
    if owner is not None and owner.clause in _NO_AGGREGATES:
        raise not_allowed("aggregate functions", owner.clause, "42803", location)
    raise not_supported("an aggregate of an outer query's columns is not supported", position=position(location))


def _find_aggregate(node: Any, name: str, args: Sequence[Expr]) -> Candidate:
    if not node.agg_star and not args and all(f.kind == "a" for f in FUNCTIONS[name]):
        raise SqlError(
            "42809",
            f"{name}(*) must be used to call a parameterless aggregate function",
            position=position(node.location),
        )
    return _find(name, args, node.location)


def _check_kind(function: FunctionDef, node: Any, over: bool) -> None:
    if function.kind == "w" and not over:
        raise SqlError(
            "42809", f"window function {function.name} requires an OVER clause", position=position(node.location)
        )
    if function.kind == "w" and (node.agg_distinct or len(node.agg_order)):
        raise not_supported("DISTINCT and ORDER BY are not implemented for window functions")
    if over and node.agg_distinct:
        raise SqlError("0A000", "DISTINCT is not implemented for window functions", position=position(node.location))
    if over and len(node.agg_order):
        raise SqlError(
            "0A000",
            "aggregate ORDER BY is not implemented for window functions",
            position=position(node.location),
        )


def _check_aggregate_place(scope: Scope, location: int) -> None:
    if scope.clause == "FILTER":
        raise not_allowed("aggregate functions", scope.clause, "42803", location)
    if scope.clause in _NO_AGGREGATES:
        raise not_allowed("aggregate functions", scope.clause, "42803", location)
    if scope.in_aggregate:
        raise SqlError("42803", "aggregate function calls cannot be nested", position=position(location))


def _check_window_place(scope: Scope, location: int) -> None:
    if scope.in_window:
        raise SqlError("42P20", "window function calls cannot be nested", position=position(location))
    if scope.in_aggregate:
        raise SqlError(
            "42803", "aggregate function calls cannot contain window function calls", position=position(location)
        )
    if scope.clause in _NO_WINDOWS:
        raise not_allowed("window functions", scope.clause, "42P20", location)
