"""COPY: checks what it is given, and takes or gives rows. The bytes are the server's business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import ColumnDef, SequenceDef, TableDef, ViewDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access, bindings, copy_files, copy_out, table_access
from ruvector_engine.executor.copy_columns import check_forced, chosen_columns
from ruvector_engine.executor.copy_options import copy_options, freeze
from ruvector_engine.executor.copy_sink import TableSink
from ruvector_engine.planner.walk import is_volatile, nodes
from ruvector_engine.results import Column, CopyIn, CopyOptions, Result
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.defaults import column_default
from ruvector_engine.sql.emit import emit_expression
from ruvector_engine.sql.functions.sequences import COUNTING
from ruvector_engine.sql.needs import counted_in
from ruvector_engine.sql.nodes import Call, Expr, Utility
from ruvector_engine.types.registry import BOOL, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run(session: Session, statement: Utility) -> Result:
    """COPY table | (query) FROM STDIN | 'file' TO STDOUT | 'file'."""
    node = statement.node
    copy_files.require_allowed(session, node)
    if node.HasField("where_clause") and not node.is_from:
        raise SqlError("42601", "WHERE clause not allowed with COPY TO")
    options = copy_options(node)
    if freeze(node) and not node.is_from:
        raise SqlError("22023", "COPY FREEZE cannot be used with COPY TO")
    return _copy_in(session, node, options) if node.is_from else copy_out.run(session, node, options)


def _copy_in(session: Session, node: Any, options: CopyOptions) -> Result:
    table = _target(session, node)
    chosen = chosen_columns(table, node)
    access.require_table(session, table, "a", [c.attnum for c in chosen])
    check_forced(options, _names(chosen), table)
    defaults = _defaults(session, table)
    used = [default for name, default in defaults.items() if options.default is not None or name not in _names(chosen)]
    access.require_counted(session, counted_in(used))
    written = session.transaction.changes.get(table.oid)
    fresh = session.published.catalog.table_by_oid(table.oid) is None or (written is not None and written.truncated)
    if freeze(node) and not fresh:
        problem = "the table was not created or truncated in the current subtransaction"
        raise SqlError("55000", f"cannot perform COPY FREEZE because {problem}")
    session.lock(table.oid, "insert")
    table_access.require_same(session, table)
    session.transaction.for_write(session.command)
    table_access.require_known(session, table)
    session.transaction.note_write(table.oid, reworks=False)
    columns = tuple(Column(c.name, c.type, table.oid, c.attnum) for c in chosen)
    where = _condition(session, table, node.where_clause) if node.HasField("where_clause") else None
    sink = TableSink(
        session,
        table,
        chosen,
        options,
        None if where is None else bindings.inlined(session, emit_expression(where)),
        one_by_one=any(map(_varies, used)) or (where is not None and is_volatile(where)),
    )
    path, folder = node.filename or None, str(session.database.data_dir)
    copy = CopyIn(table.name, columns, options, sink, path, folder, frozenset(defaults) & _names(chosen))
    return Result("COPY", columns, copy=copy)


def _target(session: Session, node: Any) -> TableDef:
    name = node.relation.relname
    found = table_access.relation_named(session, node.relation)
    if isinstance(found, SequenceDef):
        raise SqlError("42809", f'cannot copy to sequence "{name}"')
    if isinstance(found, ViewDef):
        hint = "To enable copying to a view, provide an INSTEAD OF INSERT trigger."
        raise SqlError("42809", f'cannot copy to view "{name}"', hint=hint)
    table = table_access.table_named(session, node.relation)
    if table.virtual:
        raise SqlError("42501", f'permission denied: "{table.name}" is a system catalog')
    return table


def _names(columns: list[ColumnDef]) -> frozenset[str]:
    return frozenset(column.name for column in columns)


def _defaults(session: Session, table: TableDef) -> dict[str, Expr]:
    """The table's columns that have a default, and it."""
    state = State(session.analysis_context(), Parameters())
    found = {column.name: column_default(state, column) for column in table.columns}
    return {name: default for name, default in found.items() if default is not None}


def _varies(default: Expr) -> bool:
    """Whether it is another value for each line: volatile, and no number of a sequence or fact of the session."""
    calls = (node.function for node in nodes(default) if isinstance(node, Call))
    return any(f.volatile and f.template not in (COUNTING, "session") for f in calls)


def _condition(session: Session, table: TableDef, clause: Any) -> Expr:
    """COPY's WHERE over the table's columns."""
    return analyze_expression(clause, session.analysis_context(), table=table, target=TypeRef(BOOL), clause="COPY")
