"""Sends a statement to the module that runs it, and says beforehand what columns utilities return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import not_supported
from ruvector_engine.executor import (
    alter_system,
    comments,
    composite_types,
    copying,
    create_table,
    create_table_as,
    cursors,
    databases,
    default_privileges,
    do_blocks,
    drops,
    enum_types,
    explain,
    extensions,
    grants,
    index_changes,
    index_ddl,
    maintenance,
    memberships,
    notification_statements,
    owned_by_role,
    ownership,
    plans,
    prepared,
    renames,
    role_settings,
    roles,
    schemas,
    sequence_definitions,
    sequences,
    session_statements,
    table_changes,
    transaction_statements,
    type_changes,
    views,
)
from ruvector_engine.executor.date_texts import refuse_date_texts
from ruvector_engine.planner.plan import UtilityPlan
from ruvector_engine.results import Column, Result, StatementDescription
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Prepared, Session

Runner = Callable[["Session", Utility], Result]


def _run_alter_table(session: Session, statement: Utility) -> Result:
    """ALTER TABLE; ALTER INDEX and ALTER TYPE of a composite type are parsed as one."""
    kind = enum_name(statement.node, "objtype")
    if kind == "OBJECT_INDEX" and index_changes.sets_options(statement.node):
        return index_changes.run_alter_index(session, statement)
    return (composite_types.run_alter if kind == "OBJECT_TYPE" else composite_types.run_alter_table)(session, statement)


def _run_rename(session: Session, statement: Utility) -> Result:
    """ALTER ... RENAME: roles and databases are no relations."""
    kind = enum_name(statement.node, "rename_type")
    if kind == "OBJECT_ATTRIBUTE":
        return composite_types.rename_attribute(session, statement.node)
    if kind == "OBJECT_DATABASE":
        return databases.run_rename(session, statement)
    is_role = kind == "OBJECT_ROLE"
    return (roles.run_rename_role if is_role else renames.run)(session, statement)


def _run_alter_owner(session: Session, statement: Utility) -> Result:
    """ALTER ... OWNER TO of what is no relation."""
    kind = enum_name(statement.node, "object_type")
    if kind == "OBJECT_DATABASE":
        return databases.run_change_owner(session, statement)
    is_type = kind == "OBJECT_TYPE"
    return (type_changes.run_change_owner if is_type else ownership.run_alter_owner)(session, statement)


#: Utilities by the parse node's name. Each function reads the node and returns a Result.
RUNNERS: dict[str, Runner] = {
    "do_stmt": do_blocks.run,
    "transaction_stmt": transaction_statements.run_transaction,
    "alter_system_stmt": alter_system.run_alter_system,
    "variable_set_stmt": session_statements.run_set,
    "variable_show_stmt": session_statements.run_show,
    "discard_stmt": session_statements.run_discard,
    "check_point_stmt": session_statements.run_checkpoint,
    "prepare_stmt": prepared.run_prepare,
    "execute_stmt": prepared.run_execute,
    "deallocate_stmt": prepared.run_deallocate,
    "fetch_stmt": cursors.run_fetch,
    "close_portal_stmt": cursors.run_close,
    "listen_stmt": notification_statements.run_listen,
    "unlisten_stmt": notification_statements.run_unlisten,
    "notify_stmt": notification_statements.run_notify,
    "vacuum_stmt": maintenance.run_vacuum,
    "comment_stmt": comments.run_comment,
    "grant_stmt": grants.run_grant,
    "alter_default_privileges_stmt": default_privileges.run,
    "alter_owner_stmt": _run_alter_owner,
    "reassign_owned_stmt": owned_by_role.run_reassign_owned,
    "drop_owned_stmt": owned_by_role.run_drop_owned,
    "lock_stmt": session_statements.run_lock,
    "alter_extension_stmt": extensions.run_alter_extension,
    "create_extension_stmt": extensions.run_create_extension,
    "create_schema_stmt": schemas.run_create_schema,
    "create_stmt": create_table.run_create_table,
    "create_seq_stmt": sequence_definitions.run_create_sequence,
    "alter_seq_stmt": sequences.run_alter_sequence,
    "view_stmt": views.run_create,
    "create_enum_stmt": enum_types.run_create,
    "alter_enum_stmt": enum_types.run_alter,
    "alter_object_schema_stmt": renames.run_set_schema,
    "drop_stmt": drops.run,
    "truncate_stmt": table_changes.run_truncate,
    "alter_table_stmt": _run_alter_table,
    "composite_type_stmt": composite_types.run_create,
    "rename_stmt": _run_rename,
    "create_role_stmt": roles.run_create_role,
    "alter_role_stmt": roles.run_alter_role,
    "drop_role_stmt": roles.run_drop_role,
    "grant_role_stmt": memberships.run_grant_role,
    "alter_role_set_stmt": role_settings.run_alter_role_set,
    "createdb_stmt": databases.run_create,
    "dropdb_stmt": databases.run_drop,
    "alter_database_stmt": databases.run_alter,
    "alter_database_refresh_coll_stmt": databases.run_refresh_collation,
    "alter_database_set_stmt": role_settings.run_alter_database_set,
    "index_stmt": index_ddl.run_create_index,
    "reindex_stmt": index_changes.run_reindex,
}
#: Utilities around a statement, which may have parameters.
HOLDERS: dict[str, Callable[[Session, Utility, Sequence[Value]], Result]] = {
    "explain_stmt": explain.run,
    "declare_cursor_stmt": cursors.run_declare,
    "create_table_as_stmt": create_table_as.run_create_table_as,
}
#: Utilities that leave DuckDB's connection, and what it is still producing, alone.
_BESIDE_A_STREAM = frozenset({"fetch_stmt", "close_portal_stmt"})


def run(session: Session, statement: Prepared, params: Sequence[Value]) -> Result:
    """Run a statement's plan."""
    plan = statement.plan
    refuse_date_texts(session, statement.analyzed.statement)
    beside = isinstance(plan, UtilityPlan) and plan.statement.kind in _BESIDE_A_STREAM
    if session.stream is not None and not beside:
        session.stream.detach()
        session.stream = None
    if isinstance(plan, UtilityPlan):
        return _run_utility(session, plan, params)
    return plans.run(session, plan, params)


def _run_utility(session: Session, plan: UtilityPlan, params: Sequence[Value]) -> Result:
    statement = plan.statement
    if statement.kind in HOLDERS:
        return HOLDERS[statement.kind](session, statement, params)
    if statement.kind == "copy_stmt":
        return copying.run(session, statement)
    runner = RUNNERS.get(statement.kind)
    if runner is None:
        raise not_supported(f"{statement.tag or statement.kind.replace('_', ' ')} is not supported")
    return runner(session, statement)


def describe(session: Session, target: Prepared) -> None:
    """Fill in the columns of utilities that return rows."""
    plan = target.plan
    if isinstance(plan, UtilityPlan):
        columns = _columns(session, plan.statement)
        target.description = StatementDescription(target.description.parameters, columns)


def _columns(session: Session, statement: Utility) -> tuple[Column, ...] | None:
    node: Any = statement.node
    if statement.kind == "variable_show_stmt":
        return session_statements.show_columns(node)
    if statement.kind == "explain_stmt":
        return explain.columns(node)
    if statement.kind == "execute_stmt":
        return prepared.find(session, node.name).description.columns
    if statement.kind == "fetch_stmt":
        return cursors.fetch_columns(session, node)
    return None
