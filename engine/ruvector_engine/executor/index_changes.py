"""ALTER INDEX and REINDEX: new options, and building an index anew."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import IndexDef
from ruvector_engine.catalog.system import objects
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, table_access
from ruvector_engine.executor.index_builds import build_index
from ruvector_engine.executor.index_ddl import checked_options
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.planner.operator_classes import awaits_dimensions, check_build, check_quantization, is_text
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_WHOLE = {
    "REINDEX_OBJECT_SCHEMA": "SCHEMA",
    "REINDEX_OBJECT_SYSTEM": "SYSTEM",
    "REINDEX_OBJECT_DATABASE": "DATABASE",
}


_OPTION_COMMANDS = ("AT_SetRelOptions", "AT_ResetRelOptions")


def sets_options(node: Any) -> bool:
    """Whether ALTER INDEX is SET (...) or RESET (...): the others are ALTER TABLE's."""
    return all(enum_name(wrapped.alter_table_cmd, "subtype") in _OPTION_COMMANDS for wrapped in node.cmds)


def run_alter_index(session: Session, statement: Utility) -> Result:
    """ALTER INDEX SET (...) | RESET (...). As in PostgreSQL, they count when the index is next built."""
    node = statement.node
    table_access.lock_catalog(session)
    found = session.catalog.find(node.relation.relname, node.relation.schemaname or None, session.search_path)
    if found is None:
        if node.missing_ok:
            session.notice("00000", f'relation "{node.relation.relname}" does not exist, skipping')
            return Result("ALTER INDEX")
        raise SqlError("42P01", f'relation "{node.relation.relname}" does not exist')
    if not isinstance(found, IndexDef):
        raise SqlError("42809", f'"{found.name}" is not an index')
    access.require_owner(session, found)
    table_access.change_catalog(session)
    options = dict(found.options)
    for wrapped in node.cmds:
        command = wrapped.alter_table_cmd
        kind = enum_name(command, "subtype")
        given = [item.def_elem for item in getattr(command, "def").list.items]
        for element in given:
            options.pop(element.defname, None)
        if kind == "AT_SetRelOptions":
            options |= checked_options({e.defname: constant_text(e.arg) for e in given}, found.method)
    changed = replace(found, options=MappingProxyType(options))
    table = session.catalog.table_by_oid(found.table_oid)
    if table is not None and changed.is_vector:
        check_quantization(changed, table)  # now: the next start may build it
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=[changed])
    return Result("ALTER INDEX")


def run_reindex(session: Session, statement: Utility) -> Result:
    """REINDEX INDEX | TABLE | SCHEMA | SYSTEM | DATABASE [CONCURRENTLY]: builds the vector and text indexes anew.

    Writers go on meanwhile in either way.
    """
    node = statement.node
    kind = enum_name(node, "kind")
    concurrent = _is_concurrent(node.params)
    if concurrent or kind in _WHOLE:
        session.require_no_block(f"REINDEX {'CONCURRENTLY' if concurrent else _WHOLE[kind]}")
    for definition in _reindexed(session, node, kind):
        table = session.catalog.table_by_oid(definition.table_oid)
        if table is None or not table.has_row_id or not (definition.is_vector or is_text(definition, table)):
            continue
        session.lock(definition.oid, "ddl")  # one build of it at a time
        table = session.catalog.table_by_oid(definition.table_oid)
        if table is not None and definition in session.catalog.indexes_of(table.oid):
            if awaits_dimensions(definition, table):
                continue
            if definition.is_vector:
                check_build(definition, table)
            build_index(session, definition, table, "REINDEX CONCURRENTLY" if concurrent else "REINDEX")
            session.transaction.changes_of(table.oid)
    return Result("REINDEX")


def _is_concurrent(options: Any) -> bool:
    """Whether the option is among REINDEX's; VERBOSE tells nothing here. 42601 for one that there is not."""
    for wrapped in options:
        element = wrapped.def_elem
        if element.defname == "tablespace":
            raise not_supported("REINDEX option TABLESPACE is not supported")
        if element.defname not in ("verbose", "concurrently"):
            text = f'unrecognized REINDEX option "{element.defname}"'
            raise SqlError("42601", text, position=element.location + 1)
    return any(wrapped.def_elem.defname == "concurrently" for wrapped in options)


def _reindexed(session: Session, node: Any, kind: str) -> list[IndexDef]:
    indexes = [r for r in session.catalog.relations.values() if isinstance(r, IndexDef)]
    if kind == "REINDEX_OBJECT_INDEX":
        name = node.relation.relname
        found = session.catalog.find(name, node.relation.schemaname or None, session.search_path)
        if found is None:
            raise SqlError("42P01", f'relation "{name}" does not exist')
        if not isinstance(found, IndexDef):
            raise SqlError("42809", f'"{name}" is not an index')
        if not access.may_maintain(session, found):
            raise objects.denied(found)
        return [found]
    if kind == "REINDEX_OBJECT_TABLE":
        relation = session.catalog.find(node.relation.relname, node.relation.schemaname or None, session.search_path)
        if isinstance(relation, IndexDef):
            raise SqlError("42809", f'"{relation.name}" is not a table or materialized view')
        table = table_access.table_named(session, node.relation)
        if not access.may_maintain(session, table):
            raise objects.denied(table)
        return list(session.catalog.indexes_of(table.oid))
    allowed = [i for i in indexes if access.may_maintain(session, i)]
    if kind == "REINDEX_OBJECT_SCHEMA":
        if node.name not in session.catalog.schemas:
            raise SqlError("3F000", f'schema "{node.name}" does not exist')
        if not access.may_maintain_all(session):
            access.require_schema_owner(session, node.name)
        return [i for i in allowed if i.schema == node.name]
    if node.name and node.name != session.database_name:
        raise SqlError("0A000", "can only reindex the currently open database")
    if not access.may_maintain_all(session):
        access.require_database_owner(session)
    return allowed if kind == "REINDEX_OBJECT_DATABASE" else []
