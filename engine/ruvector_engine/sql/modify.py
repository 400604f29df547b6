"""Analysis of INSERT, UPDATE and DELETE. After analyze.c and parse_target.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruvector_engine.catalog.model import ColumnDef, TableDef, ViewDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql import ctes, generated
from ruvector_engine.sql import query as queries
from ruvector_engine.sql.coerce import assign, boolean, known
from ruvector_engine.sql.context import State
from ruvector_engine.sql.database_names import require_own_relation
from ruvector_engine.sql.defaults import column_default
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.from_clause import find_table, from_clause
from ruvector_engine.sql.nodes import (
    ColumnRef,
    Const,
    Delete,
    Expr,
    Insert,
    OnConflict,
    Query,
    RangeEntry,
    Special,
    SubLink,
    Target,
    Update,
    ValuesList,
)
from ruvector_engine.sql.parts import with_part
from ruvector_engine.sql.raw import guard, kind_of, location_of, pb, position
from ruvector_engine.sql.scope import Scope, names_of
from ruvector_engine.sql.targets import target_list
from ruvector_engine.types.registry import TypeRef

_RELATION = frozenset({"catalogname", "schemaname", "relname", "inh", "relpersistence", "alias", "location"})
_INSERT = frozenset(
    {"relation", "cols", "select_stmt", "on_conflict_clause", "returning_clause", "with_clause", "override"}
)
_UPDATE = frozenset({"relation", "target_list", "where_clause", "from_clause", "returning_clause", "with_clause"})
_DELETE = frozenset({"relation", "using_clause", "where_clause", "returning_clause", "with_clause"})


def _target_table(scope: Scope, node: Any, verb: str) -> tuple[TableDef, RangeEntry]:
    guard(node, _RELATION)
    require_own_relation(scope.state.context.catalog, node)
    found = find_table(scope, node)
    if isinstance(found, ViewDef):
        raise not_supported(f"{verb} a view is not supported", position=position(node.location))
    if found.virtual:
        raise SqlError("42501", f"permission denied for table {found.name}")
    alias = node.alias.aliasname if node.HasField("alias") else found.name
    return found, RangeEntry(alias, tuple((c.name, c.type) for c in found.columns), found)


def _column_index(table: TableDef, name: str, location: int) -> int:
    for i, column in enumerate(table.columns):
        if column.name == name:
            return i
    raise SqlError("42703", f'column "{name}" of relation "{table.name}" does not exist', position=position(location))


def _returning(scope: Scope, node: Any) -> tuple[Target, ...]:
    if not node.HasField("returning_clause"):
        return ()
    guard(node.returning_clause, frozenset({"exprs"}))
    scope.clause = "RETURNING"
    return tuple(target_list(scope, node.returning_clause.exprs, resolve_unknown=True))


# ---------------------------------------------------------------- INSERT


def insert(scope: Scope, node: Any) -> Insert:
    """An InsertStmt."""
    guard(node, _INSERT)
    with_queries = ctes.with_clause(scope, node.with_clause) if node.HasField("with_clause") else ()
    table, entry = _target_table(scope, node.relation, "inserting into")
    columns, locations = _insert_columns(table, node.cols)
    query = _insert_query(scope, node, table, columns, locations, explicit=len(node.cols) > 0)
    if query is None:
        columns = []
    else:
        columns = columns[: len(query.targets)]
    defaults = []
    for i, column in enumerate(table.columns):
        if i not in columns:
            default = column_default(scope.state, column)
            if default is not None:
                defaults.append((i, default))
    named = frozenset(columns)
    columns, query, given = generated.completed(scope.state, table, columns, query, tuple(defaults))
    row_scope = Scope(scope.state, scope)
    row_scope.names = names_of(entry, "" if node.relation.HasField("alias") else table.schema)
    on_conflict = (
        _on_conflict(scope, node.on_conflict_clause, table, entry) if node.HasField("on_conflict_clause") else None
    )
    return Insert(
        table,
        entry,
        tuple(columns),
        query,
        given,
        on_conflict,
        _returning(row_scope, node),
        with_queries,
        named,
    )


def _insert_columns(table: TableDef, nodes: Sequence[Any]) -> tuple[list[int], list[int]]:
    if not nodes:
        return list(range(len(table.columns))), [-1] * len(table.columns)
    indexes: list[int] = []
    for node in nodes:
        target = node.res_target
        guard(target, frozenset({"name", "location"}))
        index = _column_index(table, target.name, target.location)
        if index in indexes:
            raise SqlError(
                "42701", f'column "{target.name}" specified more than once', position=position(target.location)
            )
        indexes.append(index)
    return indexes, [n.res_target.location for n in nodes]


def _insert_query(
    scope: Scope, node: Any, table: TableDef, columns: list[int], locations: list[int], *, explicit: bool
) -> Query | None:
    if not node.HasField("select_stmt"):
        return None
    _, select = kind_of(node.select_stmt)
    if select.values_lists and not select.sort_clause and not select.HasField("limit_count"):
        return _insert_values(scope, node, select, table, columns, locations, explicit=explicit)
    query = queries.select(Scope(scope.state, scope), select, resolve_unknown=False)
    exprs = [t.expr for t in query.targets]
    _check_width(exprs, columns, locations, explicit=explicit)
    for index in columns[: len(exprs)]:
        _check_identity(table.columns[index], node.override)
    plain = not (query.set_op or query.values or query.distinct or query.distinct_on or query.has_windows)
    if not plain or query.limit is not None:
        query = _wrapped(scope.state, query)
        exprs = [t.expr for t in query.targets]
    coerced = _assigned(scope.state, table, columns, exprs)
    query.targets = tuple(Target(e, t.name) for e, t in zip(coerced, query.targets, strict=True))
    return query


def _wrapped(state: State, query: Query) -> Query:
    """SELECT its columns FROM (query): a place for coercions that must come after DISTINCT, UNION or LIMIT."""
    columns = tuple((t.name, known(state, t.expr).type) for t in query.targets)
    entry = RangeEntry("", columns, query)
    return Query(
        targets=tuple(Target(ColumnRef(entry, i, n, t), n) for i, (n, t) in enumerate(columns)), from_items=(entry,)
    )


def _insert_values(
    scope: Scope,
    node: Any,
    select: Any,
    table: TableDef,
    columns: list[int],
    locations: list[int],
    *,
    explicit: bool,
) -> Query:
    inner = Scope(scope.state, scope)
    if select.HasField("with_clause"):
        inner_ctes = ctes.with_clause(inner, select.with_clause)
    else:
        inner_ctes = ()
    inner.clause = "VALUES"
    rows: list[tuple[Expr, ...]] = []
    for row in select.values_lists:
        items = row.list.items
        if rows and len(items) != len(rows[0]):
            raise SqlError(
                "42601", "VALUES lists must all be the same length", position=position(location_of(items[0]))
            )
        if len(items) > len(columns):
            raise SqlError(
                "42601",
                "INSERT has more expressions than target columns",
                position=position(location_of(items[len(columns)])),
            )
        if explicit and len(items) < len(columns):
            raise SqlError(
                "42601",
                "INSERT has more target columns than expressions",
                position=position(locations[len(items)]),
            )
        exprs = [_value(inner, table, columns[i], item, node.override) for i, item in enumerate(items)]
        rows.append(tuple(_assigned(scope.state, table, columns, exprs)))
    targets = tuple(Target(e, f"column{i}") for i, e in enumerate(rows[0], 1))
    if len(rows) == 1:
        return Query(targets=targets, ctes=inner_ctes)
    return Query(targets=targets, values=ValuesList(tuple(rows)), ctes=inner_ctes)


def _value(scope: Scope, table: TableDef, index: int, node: Any, override: int) -> Expr:
    column = table.columns[index]
    if node.WhichOneof("node") == "set_to_default":
        return _default(scope.state, column)
    _check_identity(column, override)
    if column.identity and override == pb.OVERRIDING_USER_VALUE:
        return _default(scope.state, column)
    return expression(scope, node)


def _default(state: State, column: ColumnDef) -> Expr:
    default = column_default(state, column)
    return default if default is not None else Const(None, column.type)


def _check_identity(column: ColumnDef, override: int) -> None:
    generated.require_writable(column)
    if column.identity == "a" and override == pb.OVERRIDING_NOT_SET:
        raise SqlError(
            "428C9",
            f'cannot insert a non-DEFAULT value into column "{column.name}"',
            detail=f'Column "{column.name}" is an identity column defined as GENERATED ALWAYS.',
            hint="Use OVERRIDING SYSTEM VALUE to override.",
        )


def _check_width(exprs: Sequence[Expr], columns: Sequence[int], locations: Sequence[int], *, explicit: bool) -> None:
    if len(exprs) > len(columns):
        raise SqlError(
            "42601",
            "INSERT has more expressions than target columns",
            position=position(exprs[len(columns)].location),
        )
    if explicit and len(exprs) < len(columns):
        raise SqlError(
            "42601", "INSERT has more target columns than expressions", position=position(locations[len(exprs)])
        )


def _assigned(state: State, table: TableDef, columns: Sequence[int], exprs: Sequence[Expr]) -> list[Expr]:
    result = []
    for index, expr in zip(columns, exprs, strict=False):
        column = table.columns[index]
        result.append(assign(state, expr, column.name, column.type))
    return result


def _on_conflict(scope: Scope, node: Any, table: TableDef, entry: RangeEntry) -> OnConflict:
    guard(node, frozenset({"action", "infer", "target_list", "where_clause", "location"}))
    target = _conflict_target(scope, node, table)
    if node.action == pb.ONCONFLICT_NOTHING:
        return OnConflict(target)
    if not target:
        raise SqlError(
            "42601",
            "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            hint="For example, ON CONFLICT (column_name).",
            position=position(node.location),
        )
    excluded = RangeEntry("excluded", entry.columns, table)
    inner = Scope(scope.state, scope)
    inner.names = names_of(entry).merge(names_of(excluded))
    given = _set_list(inner, node.target_list, entry, table)
    sets = generated.recomputed(scope.state, table, entry, given)
    where = None
    if node.HasField("where_clause"):
        inner.clause = "WHERE"
        where = boolean(scope.state, expression(inner, node.where_clause), "WHERE")
    return OnConflict(target, sets, where, excluded, frozenset(index for index, _ in given))


def _conflict_target(scope: Scope, node: Any, table: TableDef) -> tuple[str, ...]:
    if not node.HasField("infer"):
        return ()
    infer = node.infer
    guard(infer, frozenset({"index_elems", "conname", "location"}))
    if infer.conname:
        found = table.constraint(infer.conname)
        if found is None:
            raise SqlError(
                "42704",
                f'constraint "{infer.conname}" for table "{table.name}" does not exist',
            )
        return found.columns
    names = []
    for item in infer.index_elems:
        element = item.index_elem
        guard(element, frozenset({"name", "ordering", "nulls_ordering"}))
        if table.column(element.name) is None:
            raise SqlError("42703", f'column "{element.name}" does not exist', position=position(infer.location))
        names.append(element.name)
    unique = [set(c.columns) for c in table.constraints if c.kind in "pu"]
    unique += [set(i.columns) for i in scope.state.context.catalog.indexes_of(table.oid) if i.unique]
    if set(names) not in unique:
        raise SqlError("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification")
    return tuple(names)


# ---------------------------------------------------------------- UPDATE, DELETE


def update(scope: Scope, node: Any) -> Update:
    """An UpdateStmt."""
    guard(node, _UPDATE)
    with_queries = ctes.with_clause(scope, node.with_clause) if node.HasField("with_clause") else ()
    table, entry = _target_table(scope, node.relation, "updating")
    scope.names = names_of(entry, "" if node.relation.HasField("alias") else table.schema)
    items = from_clause(scope, node.from_clause)
    where = _where(scope, node)
    given = _set_list(scope, node.target_list, entry, table)
    sets = generated.recomputed(scope.state, table, entry, given)
    named = frozenset(index for index, _ in given)
    return Update(table, entry, sets, tuple(items), where, _returning(scope, node), with_queries, named)


def delete(scope: Scope, node: Any) -> Delete:
    """A DeleteStmt."""
    guard(node, _DELETE)
    with_queries = ctes.with_clause(scope, node.with_clause) if node.HasField("with_clause") else ()
    table, entry = _target_table(scope, node.relation, "deleting from")
    scope.names = names_of(entry, "" if node.relation.HasField("alias") else table.schema)
    items = from_clause(scope, node.using_clause)
    where = _where(scope, node)
    return Delete(table, entry, tuple(items), where, _returning(scope, node), with_queries)


def _where(scope: Scope, node: Any) -> Expr | None:
    if not node.HasField("where_clause"):
        return None
    kind, _ = kind_of(node.where_clause)
    if kind == "current_of_expr":
        raise not_supported("WHERE CURRENT OF is not supported")
    scope.clause = "WHERE"
    return boolean(scope.state, expression(scope, node.where_clause), "WHERE")


def _set_list(scope: Scope, nodes: Sequence[Any], entry: RangeEntry, table: TableDef) -> tuple[tuple[int, Expr], ...]:
    """SET a = x, (b, c) = (y, DEFAULT): column index and value; 42601 for a column set twice."""
    scope.clause = "UPDATE"
    result: list[tuple[int, Expr]] = []
    for node in nodes:
        target = node.res_target
        guard(target, frozenset({"name", "val", "location", "indirection"}))
        if target.indirection and table.column(target.name) is None:
            raise _qualified_set(table, target)
        index = _column_index(table, target.name, target.location)
        column = table.columns[index]
        if target.indirection:
            _set_part(scope, target, entry, table, index, result)
            continue
        if any(index == other for other, _ in result):
            raise SqlError("42601", f'multiple assignments to same column "{target.name}"')
        value = _set_value(scope, target.val, table, column)
        result.append((index, assign(scope.state, value, column.name, column.type)))
    return tuple(result)


def _set_part(
    scope: Scope, target: Any, entry: RangeEntry, table: TableDef, index: int, result: list[tuple[int, Expr]]
) -> None:
    """SET array[n] = x, SET array[n:m] = y: the whole column is set to what it is then; more of them add up."""
    column = table.columns[index]
    before = next((expr for other, expr in result if other == index), None)
    if before is None:
        before = ColumnRef(entry, index, column.name, column.type, target.location)
    elif isinstance(before, Special) and before.kind == "plain" and before.args[0] is not None:
        before = before.args[0]
    if not isinstance(before, ColumnRef) and not (isinstance(before, Special) and before.kind in ("assigned", "row")):
        raise SqlError("42601", f'multiple assignments to same column "{target.name}"')
    if kind_of(target.val)[0] == "set_to_default":
        problem = "cannot set an array element to DEFAULT"
        raise SqlError("0A000", problem, position=position(target.val.set_to_default.location))
    changed = with_part(scope, before, target, _set_value(scope, target.val, table, column), column.name)
    result[:] = [(other, expr) for other, expr in result if other != index]
    result.append((index, assign(scope.state, changed, column.name, column.type)))


def _qualified_set(table: TableDef, target: Any) -> SqlError:
    hint = "SET target columns cannot be qualified with the relation name." if target.name == table.name else None
    return SqlError(
        "42703",
        f'column "{target.name}" of relation "{table.name}" does not exist',
        hint=hint,
        position=position(target.location),
    )


def _set_value(scope: Scope, node: Any, table: TableDef, column: ColumnDef) -> Expr:
    kind, message = kind_of(node)
    if kind == "multi_assign_ref":
        return _multi_assign(scope, message, table, column)
    if kind == "set_to_default":
        return _default(scope.state, column)
    generated.require_writable(column, update=True)
    if column.identity == "a":
        raise SqlError(
            "428C9",
            f'column "{column.name}" can only be updated to DEFAULT',
            detail=f'Column "{column.name}" is an identity column defined as GENERATED ALWAYS.',
        )
    return expression(scope, node)


def _multi_assign(scope: Scope, node: Any, table: TableDef, column: ColumnDef) -> Expr:
    kind, source = kind_of(node.source)
    if kind == "row_expr":
        if len(source.args) != node.ncolumns:
            raise SqlError(
                "42601", "number of columns does not match number of values", position=position(source.location)
            )
        return _set_value(scope, source.args[node.colno - 1], table, column)
    if kind != "sub_link":
        raise not_supported(
            "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
            position=position(location_of(node.source)),
        )
    query = queries.subquery(scope, source.subselect)
    if len(query.targets) != node.ncolumns:
        raise SqlError("42601", "number of columns does not match number of values", position=position(source.location))
    return _column_of(query, node.colno - 1, source.location)


def _column_of(query: Query, index: int, location: int) -> Expr:
    """(SELECT one of its columns FROM (query)): DuckDB sets one column at a time."""

    columns = tuple((t.name, t.expr.type) for t in query.targets)
    entry = RangeEntry("", columns, query, lateral=True)
    name, type_ref = columns[index]
    outer = Query(targets=(Target(ColumnRef(entry, index, name, type_ref), name),), from_items=(entry,))
    return SubLink("SCALAR", outer, TypeRef(type_ref.oid, type_ref.typmod), location=location)


ctes.MODIFYING.update(insert_stmt=insert, update_stmt=update, delete_stmt=delete)
