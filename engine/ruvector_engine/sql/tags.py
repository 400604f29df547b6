"""Command tags of utility statements, as PostgreSQL's CommandComplete has them."""

from __future__ import annotations

from typing import Any

from ruvector_engine.sql.raw import pb

_TAGS = {
    "create_stmt": "CREATE TABLE",
    "create_table_as_stmt": "SELECT",
    "create_extension_stmt": "CREATE EXTENSION",
    "alter_extension_stmt": "ALTER EXTENSION",
    "create_schema_stmt": "CREATE SCHEMA",
    "create_seq_stmt": "CREATE SEQUENCE",
    "alter_seq_stmt": "ALTER SEQUENCE",
    "index_stmt": "CREATE INDEX",
    "reindex_stmt": "REINDEX",
    "view_stmt": "CREATE VIEW",
    "truncate_stmt": "TRUNCATE TABLE",
    "copy_stmt": "COPY",
    "explain_stmt": "EXPLAIN",
    "variable_show_stmt": "SHOW",
    "check_point_stmt": "CHECKPOINT",
    "prepare_stmt": "PREPARE",
    "execute_stmt": "EXECUTE",
    "declare_cursor_stmt": "DECLARE CURSOR",
    "close_portal_stmt": "CLOSE CURSOR",
    "listen_stmt": "LISTEN",
    "unlisten_stmt": "UNLISTEN",
    "notify_stmt": "NOTIFY",
    "lock_stmt": "LOCK TABLE",
    "comment_stmt": "COMMENT",
    "call_stmt": "CALL",
    "do_stmt": "DO",
    "load_stmt": "LOAD",
    "merge_stmt": "MERGE",
    "select_stmt": "SELECT",
    "constraints_set_stmt": "SET CONSTRAINTS",
    "create_role_stmt": "CREATE ROLE",
    "alter_role_stmt": "ALTER ROLE",
    "drop_role_stmt": "DROP ROLE",
    "alter_role_set_stmt": "ALTER ROLE",
    "alter_database_set_stmt": "ALTER DATABASE",
    "alter_database_stmt": "ALTER DATABASE",
    "alter_database_refresh_coll_stmt": "ALTER DATABASE",
    "create_function_stmt": "CREATE FUNCTION",
    "create_trig_stmt": "CREATE TRIGGER",
    "createdb_stmt": "CREATE DATABASE",
    "dropdb_stmt": "DROP DATABASE",
    "create_domain_stmt": "CREATE DOMAIN",
    "create_enum_stmt": "CREATE TYPE",
    "alter_enum_stmt": "ALTER TYPE",
    "composite_type_stmt": "CREATE TYPE",
    "rule_stmt": "CREATE RULE",
    "create_stats_stmt": "CREATE STATISTICS",
    "cluster_stmt": "CLUSTER",
}
_OBJECTS = {
    "OBJECT_TABLE": "TABLE",
    "OBJECT_INDEX": "INDEX",
    "OBJECT_VIEW": "VIEW",
    "OBJECT_MATVIEW": "MATERIALIZED VIEW",
    "OBJECT_SEQUENCE": "SEQUENCE",
    "OBJECT_SCHEMA": "SCHEMA",
    "OBJECT_EXTENSION": "EXTENSION",
    "OBJECT_TYPE": "TYPE",
    "OBJECT_DOMAIN": "DOMAIN",
    "OBJECT_FUNCTION": "FUNCTION",
    "OBJECT_TRIGGER": "TRIGGER",
    "OBJECT_COLUMN": "TABLE",
    "OBJECT_TABCONSTRAINT": "TABLE",
    "OBJECT_ROLE": "ROLE",
}
_TRANSACTIONS = {
    "TRANS_STMT_BEGIN": "BEGIN",
    "TRANS_STMT_START": "START TRANSACTION",
    "TRANS_STMT_COMMIT": "COMMIT",
    "TRANS_STMT_ROLLBACK": "ROLLBACK",
    "TRANS_STMT_SAVEPOINT": "SAVEPOINT",
    "TRANS_STMT_RELEASE": "RELEASE",
    "TRANS_STMT_ROLLBACK_TO": "ROLLBACK",
    "TRANS_STMT_PREPARE": "PREPARE TRANSACTION",
    "TRANS_STMT_COMMIT_PREPARED": "COMMIT PREPARED",
    "TRANS_STMT_ROLLBACK_PREPARED": "ROLLBACK PREPARED",
}
_DISCARDS = {"DISCARD_ALL": "DISCARD ALL", "DISCARD_PLANS": "DISCARD PLANS", "DISCARD_SEQUENCES": "DISCARD SEQUENCES"}


def command_tag(kind: str, node: Any) -> str:
    """The tag of a utility statement."""
    if kind == "transaction_stmt":
        return _TRANSACTIONS[pb.TransactionStmtKind.Name(node.kind)]
    if kind == "drop_stmt":
        return f"DROP {_object(node.remove_type)}"
    if kind in ("alter_table_stmt", "rename_stmt", "alter_object_schema_stmt", "alter_owner_stmt"):
        return f"ALTER {_altered(kind, node)}"
    if kind == "variable_set_stmt":
        return "RESET" if pb.VariableSetKind.Name(node.kind) in ("VAR_RESET", "VAR_RESET_ALL") else "SET"
    if kind == "discard_stmt":
        return _DISCARDS.get(pb.DiscardMode.Name(node.target), "DISCARD TEMP")
    if kind == "vacuum_stmt":
        return "VACUUM" if node.is_vacuumcmd else "ANALYZE"
    if kind == "fetch_stmt":
        return "MOVE" if node.ismove else "FETCH"
    if kind == "deallocate_stmt":
        return "DEALLOCATE" if node.name else "DEALLOCATE ALL"
    if kind == "grant_stmt":
        return "GRANT" if node.is_grant else "REVOKE"
    if kind == "grant_role_stmt":
        return "GRANT ROLE" if node.is_grant else "REVOKE ROLE"
    return _TAGS.get(kind, kind.removesuffix("_stmt").replace("_", " ").upper())


def _object(kind: int) -> str:
    name = str(pb.ObjectType.Name(kind))
    return _OBJECTS.get(name, name.removeprefix("OBJECT_").replace("_", " "))


def _altered(kind: str, node: Any) -> str:
    if kind == "rename_stmt":
        return _object(node.relation_type if node.rename_type == pb.OBJECT_COLUMN else node.rename_type)
    return _object(node.objtype if kind == "alter_table_stmt" else node.object_type)
