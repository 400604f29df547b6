"""Analysis of queries: SELECT, VALUES, UNION and its kin, WITH. After analyze.c and parse_clause.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.planner.walk import outside_references
from ruvector_engine.sql import ctes
from ruvector_engine.sql.coerce import boolean, coerce, common_type, known
from ruvector_engine.sql.expressions import windows
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.expressions.sorting import check_equality, sort_key
from ruvector_engine.sql.from_clause import from_clause
from ruvector_engine.sql.grouping import check_grouping, group_clause
from ruvector_engine.sql.nodes import (
    ColumnRef,
    Const,
    Expr,
    FromItem,
    Query,
    RangeEntry,
    SetOutput,
    SortKey,
    Target,
    ValuesList,
)
from ruvector_engine.sql.noted import OutputNamed
from ruvector_engine.sql.raw import guard, kind_of, location_of, pb, position
from ruvector_engine.sql.scope import Scope
from ruvector_engine.sql.targets import retype, target_list
from ruvector_engine.sql.tree import is_counted, references
from ruvector_engine.types.registry import BY_OID, INT8, UNKNOWN, TypeRef

_HANDLED = frozenset(
    {
        "distinct_clause",
        "target_list",
        "from_clause",
        "where_clause",
        "group_clause",
        "having_clause",
        "window_clause",
        "values_lists",
        "sort_clause",
        "limit_offset",
        "limit_count",
        "limit_option",
        "locking_clause",
        "with_clause",
        "op",
        "all",
        "larg",
        "rarg",
    }
)
_SET_OPS = {pb.SETOP_UNION: "UNION", pb.SETOP_INTERSECT: "INTERSECT", pb.SETOP_EXCEPT: "EXCEPT"}


def subquery(scope: Scope, node: Any, *, resolve_unknown: bool = True) -> Query:
    """A query inside an expression: it sees the names of the queries around it."""
    kind, message = kind_of(node)
    if kind != "select_stmt":
        raise not_supported(f"{kind.removesuffix('_stmt').upper()} inside a query is not supported")
    return select(Scope(scope.state, scope), message, resolve_unknown=resolve_unknown)


def select(scope: Scope, node: Any, *, resolve_unknown: bool = True) -> Query:
    """A SelectStmt in a fresh scope."""
    guard(node, _HANDLED)
    with_queries = ctes.with_clause(scope, node.with_clause) if node.HasField("with_clause") else ()
    if node.op != pb.SETOP_NONE:
        query = _set_operation(scope, node)
    elif node.values_lists:
        query = _values(scope, node, resolve_unknown=resolve_unknown)
    else:
        query = _plain(scope, node, resolve_unknown=resolve_unknown)
    query.ctes = with_queries
    query.limit = _limit(scope, node, "limit_count", "LIMIT")
    query.offset = _limit(scope, node, "limit_offset", "OFFSET")
    if is_counted(query) and (query.set_op or query.values is not None or query.distinct or query.distinct_on):
        raise not_supported(
            "LIMIT or OFFSET of an outer column beside DISTINCT, VALUES or a set operation is not supported",
            hint="Put it into a subquery in FROM.",
        )
    if node.limit_option == pb.LIMIT_OPTION_WITH_TIES:
        _with_ties(query)
    if node.locking_clause:
        _locking(query, node.locking_clause)
    return query


def _plain(scope: Scope, node: Any, *, resolve_unknown: bool) -> Query:
    state = scope.state
    items = from_clause(scope, node.from_clause)
    if node.window_clause:
        scope.clause = "WINDOW"
        windows.define(scope, node.window_clause)
    scope.clause = "SELECT"
    targets = target_list(scope, node.target_list, resolve_unknown=resolve_unknown)
    where = None
    if node.HasField("where_clause"):
        scope.clause = "WHERE"
        where = boolean(state, expression(scope, node.where_clause), "WHERE")
    having = None
    if node.HasField("having_clause"):
        scope.clause = "HAVING"
        having = boolean(state, expression(scope, node.having_clause), "HAVING")
    scope.clause = "ORDER BY"
    order_by = tuple(_order_item(scope, n.sort_by, targets) for n in node.sort_clause)
    scope.clause = "GROUP BY"
    group_by, grouping = group_clause(scope, node.group_clause, targets)
    scope.clause = "SELECT"
    query = Query(
        targets=tuple(targets),
        from_items=tuple(items),
        where=where,
        group_by=group_by,
        grouping=grouping,
        having=having,
        order_by=order_by,
        has_aggregates=scope.has_aggregates,
        has_windows=scope.has_windows,
    )
    _distinct(scope, node, query)
    if scope.has_aggregates or group_by or grouping or having is not None:
        check_grouping(query)
    return query


def _order_item(scope: Scope, node: Any, targets: Sequence[Target]) -> SortKey:
    found = output_reference(scope, node.node, targets, "ORDER BY")
    expr = found if found is not None else expression(scope, node.node)
    return sort_key(node, known(scope.state, expr))


def output_reference(scope: Scope, node: Any, targets: Sequence[Target], clause: str) -> Expr | None:
    """What a position or an output's name in ORDER BY, GROUP BY or DISTINCT ON means; None for an expression."""
    kind, message = kind_of(node)
    if kind == "a_const" and not message.isnull:
        if message.WhichOneof("val") != "ival":
            raise SqlError("42601", f"non-integer constant in {clause}", position=position(message.location))
        place = int(message.ival.ival)
        if not 1 <= place <= len(targets):
            raise SqlError(
                "42P10", f"{clause} position {place} is not in select list", position=position(message.location)
            )
        return targets[place - 1].expr
    if kind == "column_ref" and len(message.fields) == 1 and message.fields[0].WhichOneof("node") == "string":
        return output_named(scope, node, targets, clause)
    return None


def output_named(scope: Scope, node: Any, targets: Sequence[Target], clause: str) -> Expr | None:
    """The output that a ColumnRef names; 42702 when two different ones have that name."""
    name = node.column_ref.fields[0].string.sval
    places = [place for place, target in enumerate(targets, 1) if target.name == name]
    if not places:
        return None
    found = targets[places[0] - 1].expr
    if any(targets[place - 1].expr != found for place in places[1:]):
        raise SqlError("42702", f'{clause} "{name}" is ambiguous', position=position(node.column_ref.location))
    if scope.state.noted is not None:
        scope.state.noted.append(OutputNamed(node, places[0], clause))
    return found


def _distinct(scope: Scope, node: Any, query: Query) -> None:
    if not node.distinct_clause:
        return
    outputs = [t.expr for t in query.targets]
    if node.distinct_clause[0].WhichOneof("node") is None:
        query.distinct = True
        for expr in outputs:
            check_equality(expr)
        for key in query.order_by:
            if key.expr not in outputs:
                raise SqlError(
                    "42P10",
                    "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                    position=position(key.expr.location),
                )
        return
    keys = []
    scope.clause = "DISTINCT ON"
    for item in node.distinct_clause:
        found = output_reference(scope, item, query.targets, "DISTINCT ON")
        keys.append(known(scope.state, found if found is not None else expression(scope, item)))
    query.distinct_on = tuple(keys)
    for key in query.order_by[: len(keys)]:
        if key.expr not in keys:
            raise SqlError(
                "42P10",
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                position=position(location_of(node.distinct_clause[0])),
            )


def _values(scope: Scope, node: Any, *, resolve_unknown: bool) -> Query:
    scope.clause = "VALUES"
    rows = [[expression(scope, e) for e in row.list.items] for row in node.values_lists]
    width = len(rows[0])
    for row in rows:
        if len(row) != width:
            raise SqlError(
                "42601", "VALUES lists must all be the same length", position=position(row[0].location if row else -1)
            )
    targets = [Target(e, f"column{i}") for i, e in enumerate(rows[0], 1)]
    query = Query(targets=tuple(targets), values=ValuesList(tuple(tuple(r) for r in rows)))
    if resolve_unknown or len(rows) > 1:
        columns = [[row[i] for row in rows] for i in range(width)]
        retype(scope.state, query, [_values_type(c, resolve_unknown) for c in columns])
    scope.clause = "ORDER BY"
    query.order_by = tuple(_values_order(scope, n.sort_by, query.targets) for n in node.sort_clause)
    return query


def _values_type(column: Sequence[Expr], resolve_unknown: bool) -> TypeRef:
    if not resolve_unknown and all(e.type.oid == UNKNOWN for e in column):
        return TypeRef(UNKNOWN)
    return common_type(column, "VALUES")


def _values_order(scope: Scope, node: Any, targets: Sequence[Target]) -> SortKey:
    found = output_reference(scope, node.node, targets, "ORDER BY")
    if found is None:
        raise not_supported("ORDER BY of VALUES takes output columns only")
    return sort_key(node, found)


def _set_operation(scope: Scope, node: Any) -> Query:
    for field in ("larg", "rarg"):
        if getattr(node, field).locking_clause:
            raise _no_locking("UNION/INTERSECT/EXCEPT")
    left = select(_branch(scope), node.larg, resolve_unknown=False)
    right = select(_branch(scope), node.rarg, resolve_unknown=False)
    label = _SET_OPS[node.op]
    if len(left.targets) != len(right.targets):
        raise SqlError(
            "42601",
            f"each {label} query must have the same number of columns",
            position=position(right.targets[0].expr.location if right.targets else -1),
        )
    types = [common_type([a.expr, b.expr], label) for a, b in zip(left.targets, right.targets, strict=True)]
    retype(scope.state, left, types)
    retype(scope.state, right, types)
    return set_query(scope, node, label, left, right, types)


def _branch(scope: Scope) -> Scope:
    return Scope(scope.state, scope)


def set_query(scope: Scope, node: Any, label: str, left: Query, right: Query, types: Sequence[TypeRef]) -> Query:
    """The set operation over two analyzed branches whose outputs have these types."""
    columns = tuple((t.name, w) for t, w in zip(left.targets, types, strict=True))
    entry = RangeEntry("", columns, SetOutput())
    targets = tuple(
        Target(ColumnRef(entry, i, name, w, left.targets[i].expr.location), name) for i, (name, w) in enumerate(columns)
    )
    if label != "UNION" or not node.all:
        for target in left.targets:
            check_equality(target.expr)
    scope.clause = "ORDER BY"
    return Query(
        targets=targets,
        from_items=(entry,),
        set_op=label,  # type: ignore[arg-type]
        set_all=node.all,
        left=left,
        right=right,
        order_by=tuple(_set_order(scope, n.sort_by, targets) for n in node.sort_clause),
    )


def _set_order(scope: Scope, node: Any, targets: Sequence[Target]) -> SortKey:
    found = output_reference(scope, node.node, targets, "ORDER BY")
    if found is None:
        kind, message = kind_of(node.node)
        if kind == "column_ref" and len(message.fields) == 1:
            name = message.fields[0].string.sval
            raise SqlError("42703", f'column "{name}" does not exist', position=position(message.location))
        raise SqlError(
            "0A000",
            "invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
            detail="Only result column names can be used, not expressions or functions.",
            hint="Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
            position=position(location_of(node.node)),
        )
    return sort_key(node, found)


def _limit(scope: Scope, node: Any, field: str, clause: str) -> Expr | None:
    if not node.HasField(field):
        return None
    scope.clause = clause
    value = expression(scope, getattr(node, field))
    for column, inside in references(value):
        if scope.brings(column.range):
            text = f"argument of {clause} must not contain variables"
            raise SqlError("42P10", text, position=position(column.location))
        if inside and column in outside_references(value):
            raise not_supported(f"{clause} of a subquery that refers to an outer query is not supported")
    result = coerce(scope.state, value, TypeRef(INT8), "a")
    if result is None:
        raise SqlError(
            "42804",
            f"argument of {clause} must be type bigint, not type {BY_OID[value.type.oid].sql_name}",
            position=position(value.location),
        )
    if isinstance(result, Const):
        return _checked_limit(result, clause)
    return result


def _with_ties(query: Query) -> None:
    if query.limit is None:
        raise SqlError("2201W", "row count cannot be null in FETCH FIRST ... WITH TIES clause")
    if query.set_op or query.values is not None or query.distinct or query.distinct_on:
        raise not_supported(
            "WITH TIES of DISTINCT, VALUES or a set operation is not supported", hint="Put it into a subquery in FROM."
        )
    query.with_ties = True


def _checked_limit(value: Const, clause: str) -> Const | None:
    if value.value is None:
        return None
    if isinstance(value.value, int) and value.value < 0:
        raise SqlError("2201W" if clause == "LIMIT" else "2201X", f"{clause} must not be negative")
    return replace(value)


def _locking(query: Query, clauses: Any) -> None:
    for clause in clauses:
        lock = clause.locking_clause
        guard(lock, frozenset({"locked_rels", "strength", "wait_policy"}))
        if lock.wait_policy == pb.LockWaitSkip:
            raise not_supported(
                "SKIP LOCKED is not supported", hint="FOR UPDATE locks whole tables here: use NOWAIT, or wait."
            )
        query.nowait = query.nowait or lock.wait_policy == pb.LockWaitError
        _mark_locked(query, {item.range_var.relname for item in lock.locked_rels})
    if query.set_op:
        raise _no_locking("UNION/INTERSECT/EXCEPT")
    if query.distinct or query.distinct_on:
        raise _no_locking("DISTINCT clause")
    if query.group_by or query.grouping:
        raise _no_locking("GROUP BY clause")
    if query.having is not None:
        raise _no_locking("HAVING clause")
    if query.has_aggregates:
        raise _no_locking("aggregate functions")
    if query.has_windows:
        raise _no_locking("window functions")
    query.for_update = True


def _mark_locked(query: Query, names: set[str]) -> None:
    """Mark what FOR UPDATE [OF names] is about; of a view or subquery also everything in its FROM."""
    for entry in _entries(query.from_items):
        if not names or entry.alias in names:
            entry.locked = True
            if isinstance(entry.source, Query):
                _mark_locked(entry.source, set())


def _entries(items: Sequence[FromItem]) -> Iterator[RangeEntry]:
    for item in items:
        if isinstance(item, RangeEntry):
            yield item
        else:
            yield from _entries((item.left, item.right))


def _no_locking(what: str) -> SqlError:
    return SqlError("0A000", f"FOR UPDATE is not allowed with {what}")
