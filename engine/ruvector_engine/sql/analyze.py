"""The way in: a raw statement to the typed tree, its parameters and its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column
from ruvector_engine.sql import modify
from ruvector_engine.sql.coerce import assign, boolean, known
from ruvector_engine.sql.context import Context, Parameters, State
from ruvector_engine.sql.database_names import check_utility
from ruvector_engine.sql.defaults import expression_node
from ruvector_engine.sql.expressions import basics, calls, comparisons, subqueries
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.nodes import ColumnRef, CteRef, Expr, Query, RangeEntry, Statement, Target, Utility
from ruvector_engine.sql.noted import Noted
from ruvector_engine.sql.parser import RawStatement, inner_statement
from ruvector_engine.sql.query import select
from ruvector_engine.sql.raw import pb
from ruvector_engine.sql.scope import Scope, names_of
from ruvector_engine.sql.tags import command_tag
from ruvector_engine.types.registry import BOOL, TypeRef

#: Importing these fills the table of expression analyzers.
EXPRESSION_FAMILIES = (basics, calls, comparisons, subqueries)
#: Utilities about a statement, in their field "query".
_HOLDERS = frozenset({"explain_stmt", "declare_cursor_stmt", "create_table_as_stmt"})


@dataclass(frozen=True, slots=True)
class Analyzed:
    """A statement that is ready to be planned. `columns` is None when it returns no rows, or for a utility.

    `reads_views`: what it needs of others than its user must be looked at, though he may do everything.
    """

    statement: Statement
    parameters: tuple[TypeRef, ...]
    columns: tuple[Column, ...] | None
    reads_views: bool = False


def analyze(
    raw: RawStatement,
    context: Context,
    parameter_oids: Sequence[int] | None = (),
    shaped: frozenset[int] = frozenset(),
    noted: list[Noted] | None = None,
) -> Analyzed:
    """Resolve every name and type of the statement; SqlError with PostgreSQL's text and character position.

    `parameter_oids` are the types the client declared, 0 for one to be found out; None where there can be no
    parameters (a simple query): $1 is then 42P02. `shaped`: the parameters whose values are arrays with a shape.
    `noted` gets what the names in the text mean.
    """
    state = State(context, Parameters(parameter_oids, context.catalog, shaped, context.variables), noted=noted)
    try:
        scope = Scope(state)
        scope.is_top = True
        statement, targets = _statement(scope, raw)
        parameters = state.parameters.types()
    except SqlError as error:
        if error.position is not None:
            error.position = raw.character(error.position)
        raise
    except RecursionError:
        raise SqlError(
            "54001",
            "stack depth limit exceeded",
            hint='Increase the configuration parameter "max_stack_depth" (currently 2048kB), after ensuring the '
            "platform's stack depth limit is adequate.",
        ) from None
    return Analyzed(statement, parameters, _columns(targets), state.reads_views)


def _statement(scope: Scope, raw: RawStatement) -> tuple[Statement, Sequence[Target] | None]:
    statement: Statement
    if raw.kind == "select_stmt":
        into = _select_into(raw)
        if into is not None:
            return _statement(scope, into)
        statement = select(scope, raw.node)
        return statement, statement.targets
    if raw.kind == "insert_stmt":
        statement = modify.insert(scope, raw.node)
    elif raw.kind == "update_stmt":
        statement = modify.update(scope, raw.node)
    elif raw.kind == "delete_stmt":
        statement = modify.delete(scope, raw.node)
    else:
        if "." in raw.text:
            check_utility(scope.state.context.catalog, raw.kind, raw.node)
        inner = _held(scope, raw) if raw.kind in _HOLDERS else None
        return Utility(raw.kind, raw.node, command_tag(raw.kind, raw.node), inner), None
    return statement, statement.returning or None


def _held(scope: Scope, raw: RawStatement) -> Analyzed:
    """The statement inside a utility, whose parameters are the utility's.

    A generic plan may have some even in a simple query: nobody gives them values.
    """
    generic = raw.kind == "explain_stmt" and any(o.def_elem.defname == "generic_plan" for o in raw.node.options)
    outer = scope.state
    if generic and not outer.parameters.allowed:
        scope = Scope(State(outer.context, Parameters()))
    statement, targets = _statement(scope, inner_statement(raw, raw.node.query))
    outer.reads_views = scope.state.reads_views
    return Analyzed(statement, scope.state.parameters.types(), _columns(targets), scope.state.reads_views)


def _select_into(raw: RawStatement) -> RawStatement | None:
    """SELECT ... INTO as the CREATE TABLE AS that it is; INTO stands in the first branch of a UNION."""
    first = raw.node
    while first.op != pb.SETOP_NONE:
        first = first.larg
    if not first.HasField("into_clause"):
        return None
    query = pb.SelectStmt()
    query.CopyFrom(raw.node)
    first = query
    while first.op != pb.SETOP_NONE:
        first = first.larg
    into = pb.IntoClause()
    into.CopyFrom(first.into_clause)
    first.ClearField("into_clause")
    node = pb.CreateTableAsStmt(
        query=pb.Node(select_stmt=query), into=into, objtype=pb.OBJECT_TABLE, is_select_into=True
    )
    return replace(raw, kind="create_table_as_stmt", node=node)


def _columns(targets: Sequence[Target] | None) -> tuple[Column, ...] | None:
    return None if targets is None else tuple(_column(t) for t in targets if not t.hidden)


def _column(target: Target) -> Column:
    type_ = TypeRef(target.expr.type.oid, target.expr.type.typmod)  # clients know nothing of shapes
    return Column(target.name, type_, *_origin(target.expr))


def _origin(expr: Expr) -> tuple[int, int]:
    """The table or view, and its column's number, that an expression is; (0, 0) for what is computed."""
    while isinstance(expr, ColumnRef) and expr.index >= 0:
        entry, source = expr.range, expr.range.source
        if isinstance(source, TableDef):
            return source.oid, source.columns[expr.index].attnum
        if entry.view is not None:
            return entry.view.oid, expr.index + 1
        query = source.query if isinstance(source, CteRef) else source
        if not isinstance(query, Query):
            break
        expr = query.targets[expr.index].expr
    return 0, 0


def analyze_expression(
    source: str | Any,
    context: Context,
    *,
    table: TableDef | None = None,
    target: TypeRef | None = None,
    column: str = "",
    clause: str = "CHECK",
    resolve_unknown: bool = True,
    noted: list[Noted] | None = None,
) -> Expr:
    """An expression by itself, from SQL text or a raw Node: a default, a CHECK, ALTER ... USING, COPY ... WHERE.

    It may refer to the columns of `table`; `emit_expression` prints these bare. With a `target` it is coerced as an
    assignment to `column`; a boolean target without a column makes it a condition of `clause`. `noted` gets what the
    names in the text mean.
    """
    scope = Scope(State(context, Parameters(None), noted=noted))
    if table is not None:
        entry = RangeEntry(table.name, tuple((c.name, c.type) for c in table.columns), table)
        scope.names = names_of(entry, table.schema)
    scope.clause = clause
    expr = expression(scope, expression_node(source) if isinstance(source, str) else source)
    if target is None:
        return known(scope.state, expr) if resolve_unknown else expr
    if target.oid == BOOL and not column:
        return boolean(scope.state, expr, "WHERE" if clause in ("COPY", "index predicates") else clause)
    return assign(scope.state, expr, column, target, is_default=clause == "DEFAULT")
