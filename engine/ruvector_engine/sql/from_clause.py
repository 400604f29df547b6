"""FROM: tables, views, subqueries, functions, joins; and the names they bring (parse_clause.c)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

from ruvector_engine.catalog.model import IndexDef, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.system.objects import require_usage
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql import ctes
from ruvector_engine.sql import query as queries
from ruvector_engine.sql.coerce import boolean, coerce_to_common, common_type, known
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.database_names import require_own_relation
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.expressions.operands import equality
from ruvector_engine.sql.functions.catalog import NO_FUNCTION_HINT
from ruvector_engine.sql.names import lookup_of
from ruvector_engine.sql.nodes import (
    BoolOp,
    Call,
    Const,
    Expr,
    FromItem,
    FunctionScan,
    Join,
    Query,
    RangeEntry,
    Special,
    Target,
)
from ruvector_engine.sql.noted import ColumnsMerged, RelationNamed
from ruvector_engine.sql.parser import parse
from ruvector_engine.sql.raw import guard, kind_of, pb, position, refuse, strings
from ruvector_engine.sql.scope import NamedColumn, Names, Relation, Scope, names_of
from ruvector_engine.sql.stored_names import reading_view
from ruvector_engine.sql.targets import output_name
from ruvector_engine.types.registry import BOOL, INT8, RECORD, REGCLASS, TypeRef

_TABLE = frozenset({"catalogname", "schemaname", "relname", "inh", "relpersistence", "alias", "location"})
_JOINS = {
    pb.JOIN_INNER: "INNER",
    pb.JOIN_LEFT: "LEFT",
    pb.JOIN_RIGHT: "RIGHT",
    pb.JOIN_FULL: "FULL",
}


def from_clause(scope: Scope, nodes: Sequence[Any]) -> list[FromItem]:
    """Analyze the items left to right; each sees (LATERAL) those before it. The scope gets their names."""
    items: list[FromItem] = []
    for node in nodes:
        item, names = _item(scope, node)
        scope.names = scope.names.merge(names)
        items.append(item)
    return items


def _item(scope: Scope, node: Any) -> tuple[FromItem, Names]:
    kind, message = kind_of(node)
    if kind == "range_var":
        return table_item(scope, message)
    if kind == "range_subselect":
        return _subselect(scope, message)
    if kind == "range_function":
        return _function(scope, message)
    if kind == "join_expr":
        return _join(scope, message)
    raise refuse(message, kind)


def table_item(scope: Scope, node: Any) -> tuple[RangeEntry, Names]:
    """A table, view or WITH query by name; 42P01."""
    guard(node, _TABLE)
    require_own_relation(scope.state.context.catalog, node)
    cte = None if node.schemaname else scope.find_cte(node.relname)
    if cte is not None:
        if cte.statement is not None and not cte.statement.returning:
            text = f'WITH query "{cte.name}" does not have a RETURNING clause'
            raise SqlError("0A000", text, position=position(node.location))
        columns = tuple(
            (name, known(scope.state, t.expr).type) for name, t in zip(cte.column_names, cte.query.targets, strict=True)
        )
        inside = scope.in_recursive_term(node.relname)
        return _named(node, RangeEntry(node.relname, columns, ctes.reference(cte, inside=inside)), node.relname)
    relation = _relation(scope, node)
    entry, names = _opened(scope, node, relation)
    if scope.state.noted is not None:
        scope.state.noted.append(RelationNamed(node, relation, entry))
    return entry, _visible(scope, relation, names)


def _opened(scope: Scope, node: Any, relation: TableDef | ViewDef | SequenceDef) -> tuple[RangeEntry, Names]:
    """A table, view or sequence as the RangeVar has it."""
    if isinstance(relation, SequenceDef):
        return _named(node, _sequence(relation), relation.name, relation.schema)
    columns = tuple((c.name, c.type) for c in relation.columns)
    if isinstance(relation, ViewDef):
        view = _view(scope, relation)
        outputs = (t.expr.type for t in view.targets if not t.hidden)
        columns = tuple((c.name, t) for c, t in zip(relation.columns, outputs, strict=True))
        entry = RangeEntry(relation.name, columns, view, view=relation)
    else:
        entry = RangeEntry(relation.name, columns, relation)
    return _named(node, entry, relation.name, relation.schema)


def _visible(scope: Scope, relation: TableDef | ViewDef | SequenceDef, names: Names) -> Names:
    """The names that a relation brings; into a stored query those that it had when the query was stored."""
    attnums = scope.state.context.visible.get(relation.oid)
    if attnums is None or 0 in attnums or isinstance(relation, SequenceDef):
        return names
    shown = [column.attnum in attnums for column in relation.columns]
    for part in names.relations:
        part.columns = list(compress(part.columns, shown))
    return Names(names.relations, list(compress(names.columns, shown)))


def _sequence(sequence: SequenceDef) -> RangeEntry:
    """A sequence that is read as a table: one row, of where it stands. How many numbers are logged ahead is 0 here."""
    oid = Const(sequence.oid, TypeRef(REGCLASS))
    last = Special("session", (oid,), TypeRef(INT8), "sequence_last_value")
    called = Special("session", (oid,), TypeRef(BOOL), "sequence_is_called")
    columns = (("last_value", last), ("log_cnt", Const(0, TypeRef(INT8))), ("is_called", called))
    query = Query(tuple(Target(expr, name) for name, expr in columns))
    return RangeEntry(sequence.name, tuple((name, expr.type) for name, expr in columns), query)


def find_table(scope: Scope, node: Any) -> TableDef | ViewDef:
    """The table or view that a RangeVar names, for a statement that changes it."""
    found = _relation(scope, node)
    if isinstance(found, SequenceDef):
        raise SqlError("42809", f'cannot change sequence "{found.name}"')
    return found


def _relation(scope: Scope, node: Any) -> TableDef | ViewDef | SequenceDef:
    """The table, view or sequence that a RangeVar names."""
    label = f"{node.schemaname}.{node.relname}" if node.schemaname else node.relname
    rights = scope.state.context.rights
    if rights is not None and node.schemaname:
        require_usage(rights, scope.state.context.catalog, node.schemaname, position(node.location))
    found = lookup_of(scope.state.context).relation(node.schemaname or None, node.relname)
    if found is None:
        raise SqlError("42P01", f'relation "{label}" does not exist', position=position(node.location))
    if isinstance(found, IndexDef):
        raise SqlError(
            "42809",
            f'cannot open relation "{node.relname}"',
            detail="This operation is not supported for indexes.",
            position=position(node.location),
        )
    return found


def _view(scope: Scope, view: ViewDef) -> Query:
    """A view's query, analyzed anew; only the view's own text gives it names."""
    scope.state.reads_views = True
    state = State(reading_view(scope.state.context, view), Parameters(None))
    return queries.select(Scope(state), parse(view.query)[0].node)


def _named(node: Any, entry: RangeEntry, name: str, schema: str = "") -> tuple[RangeEntry, Names]:
    if not node.HasField("alias"):
        entry.alias = name
        return entry, names_of(entry, schema)
    return aliased(entry, node.alias)


def aliased(entry: RangeEntry, alias: Any) -> tuple[RangeEntry, Names]:
    """The entry under its alias, its first columns renamed by the alias's column list; 42P10."""
    entry.alias = alias.aliasname
    renamed = strings(alias.colnames)
    if len(renamed) > len(entry.columns):
        raise SqlError(
            "42P10",
            f'table "{alias.aliasname}" has {len(entry.columns)} columns available '
            f"but {len(renamed)} columns specified",
        )
    names = names_of(entry)
    for i, new in enumerate(renamed):
        names.columns[i] = (new, names.columns[i][1])
        names.relations[0].columns[i] = names.columns[i]
    if renamed and not isinstance(entry.source, TableDef):
        entry.columns = tuple((n, t) for (n, _), (_, t) in zip(names.columns, entry.columns, strict=True))
    return entry, names


def _subselect(scope: Scope, node: Any) -> tuple[RangeEntry, Names]:
    guard(node, frozenset({"lateral", "subquery", "alias"}))
    inner = Scope(scope.state, scope) if node.lateral else scope.sibling()
    kind, select = kind_of(node.subquery)
    if kind != "select_stmt":
        raise refuse(select, kind)
    query = queries.select(inner, select)
    entry = RangeEntry("", tuple((t.name, t.expr.type) for t in query.targets), query, node.lateral)
    return aliased(entry, node.alias) if node.HasField("alias") else (entry, names_of(entry))


def _function(scope: Scope, node: Any) -> tuple[RangeEntry, Names]:
    guard(node, frozenset({"lateral", "ordinality", "is_rowsfrom", "functions", "alias"}))
    if len(node.functions) != 1:
        raise not_supported("ROWS FROM with several functions is not supported")
    parts = node.functions[0].list.items
    if len(parts) > 1 and parts[1].WhichOneof("node") is not None:
        raise not_supported("a column definition list is not supported")
    inner = Scope(scope.state, scope)
    inner.clause = "FROM"
    name = output_name(parts[0])
    call = _unnest_many(inner, parts[0]) or known(scope.state, expression(inner, parts[0]))
    columns = _function_columns(call, node.alias.aliasname or name)
    if node.ordinality:
        columns = (*columns, ("ordinality", TypeRef(INT8)))
    entry = RangeEntry(name, columns, FunctionScan(call, node.ordinality), lateral=True)
    if node.HasField("alias"):
        return aliased(entry, node.alias)
    return entry, names_of(entry)


def _unnest_many(scope: Scope, node: Any) -> Expr | None:
    """unnest(a, b, ...), which exists in FROM only: a column an array, in step."""
    kind, call = kind_of(node)
    if kind != "func_call" or strings(call.funcname)[-1] != "unnest" or len(call.args) < 2:
        return None
    arrays = [known(scope.state, expression(scope, a)) for a in call.args]
    for array in arrays:
        if not array.type.pg.element_oid:
            raise SqlError(
                "42883",
                f"function unnest({array.type.pg.sql_name}) does not exist",
                hint=NO_FUNCTION_HINT,
                position=position(call.location),
            )
    return Special("unnest_many", tuple(arrays), TypeRef(RECORD), None, call.location)


def _function_columns(call: Expr, alias: str) -> tuple[tuple[str, TypeRef], ...]:
    if isinstance(call, Special) and call.kind == "unnest_many":
        return tuple((alias, TypeRef(a.type.pg.element_oid)) for a in call.args if a is not None)
    if isinstance(call, Call) and call.function.returns_set and call.type.composite is not None:
        return tuple((a.name, a.type) for a in call.type.composite.attributes)
    if isinstance(call, Call) and call.function.columns:
        return tuple((name, TypeRef(oid)) for name, oid in call.function.columns)
    return ((alias, call.type),)


def _join(scope: Scope, node: Any) -> tuple[FromItem, Names]:
    guard(node, frozenset({"jointype", "is_natural", "larg", "rarg", "using_clause", "quals", "alias"}))
    if node.jointype not in _JOINS:
        raise not_supported("this kind of join is not supported")
    outer = scope.names
    left, left_names = _item(scope, node.larg)
    scope.names = outer.merge(left_names)
    try:
        right, right_names = _item(scope, node.rarg)
        both = left_names.merge(right_names)
        kind = _JOINS[node.jointype]
        using = _common_names(left_names, right_names) if node.is_natural else strings(node.using_clause)
        if using:
            if scope.state.noted is not None:
                sides = [
                    _side(name, *side) for name in using for side in ((left_names, "left"), (right_names, "right"))
                ]
                scope.state.noted.append(ColumnsMerged(node, using, sides))
            merged = _using(scope, kind, using, left_names, right_names)
            on: Expr | None = merged[0]
            names = merged[1]
        else:
            names = both
            on = _condition(scope, node, both)
    finally:
        scope.names = outer
    if on is None and kind == "INNER":
        kind = "CROSS"
    join = Join(kind, left, right, on)  # type: ignore[arg-type]
    return join, _join_alias(names, node.alias) if node.HasField("alias") else names


def _condition(scope: Scope, node: Any, names: Names) -> Expr | None:
    """ON sees only the two sides of its join, and the queries around."""
    if not node.HasField("quals"):
        return None
    inner = scope.sibling()
    inner.names = names
    inner.clause = "JOIN/ON"
    return boolean(scope.state, expression(inner, node.quals), "JOIN/ON")


def _common_names(left: Names, right: Names) -> list[str]:
    there = {n for n, _ in right.columns}
    return list(dict.fromkeys(n for n, _ in left.columns if n in there))


def _using(scope: Scope, kind: str, using: Sequence[str], left: Names, right: Names) -> tuple[Expr, Names]:
    tests: list[Expr] = []
    merged: list[NamedColumn] = []
    for name in using:
        a, b = _side(name, left, "left"), _side(name, right, "right")
        tests.append(equality(scope.state, a, b, -1))
        merged.append((name, _merged(scope, kind, a, b)))
    rest = [(n, e) for n, e in (*left.columns, *right.columns) if n not in using]
    relations: list[Relation] = left.merge(right).relations
    on = tests[0] if len(tests) == 1 else BoolOp("AND", tuple(tests))
    return on, Names(relations, merged + rest)


def _side(name: str, names: Names, side: str) -> Expr:
    found = [e for n, e in names.columns if n == name]
    if not found:
        raise SqlError("42703", f'column "{name}" specified in USING clause does not exist in {side} table')
    if len(found) > 1:
        raise SqlError("42702", f'common column name "{name}" appears more than once in {side} table')
    return found[0]


def _merged(scope: Scope, kind: str, left: Expr, right: Expr) -> Expr:
    target = common_type([left, right], "JOIN/USING")
    a, b = (coerce_to_common(scope.state, e, target, "JOIN/USING") for e in (left, right))
    if kind == "FULL":
        return Special("coalesce", (a, b), target)
    return b if kind == "RIGHT" else a


def _join_alias(names: Names, alias: Any) -> Names:
    columns = list(names.columns)
    for i, new in enumerate(strings(alias.colnames)):
        columns[i] = (new, columns[i][1])
    return Names([Relation(alias.aliasname, columns)], columns)
