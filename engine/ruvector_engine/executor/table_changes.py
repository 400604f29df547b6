"""ALTER TABLE and TRUNCATE: changes to tables that exist. Other names are given in `renames`."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import (
    ColumnDef,
    SequenceDef,
    TableDef,
    ViewDef,
)
from ruvector_engine.catalog.system import objects
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import (
    access,
    column_changes,
    constraint_names,
    dependents,
    generation,
    index_constraints,
    ownership,
    relation_drops,
    stored_texts,
    table_access,
    table_storage,
    views,
)
from ruvector_engine.executor.column_definitions import column_from
from ruvector_engine.executor.constraint_definitions import add_constraint, constraint_indexes
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.executor.sequence_definitions import create_sequence_storage
from ruvector_engine.executor.table_draft import Draft
from ruvector_engine.executor.table_rewrite import column_of, put_table, rewrite
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.storage import duck_type

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run_truncate(session: Session, statement: Utility) -> Result:
    """TRUNCATE table, ... [RESTART IDENTITY]."""
    node = statement.node
    for relation in node.relations:
        table = table_access.table_named(session, relation.range_var)
        access.require_table(session, table, "D")
        session.lock(table.oid, "ddl")
        session.transaction.for_write(session.command)
        table_access.require_current(session, table)
        session.connection.run(f"DELETE FROM {table.storage_name}")
        session.transaction.note_write(table.oid, reworks=True).truncate()
        if node.restart_seqs:
            for item in session.catalog.relations.values():
                if isinstance(item, SequenceDef) and item.owner_table == table.oid:
                    session.connection.run(f"SELECT setval('{item.storage_name}', {item.start}, false)")
    return Result("TRUNCATE TABLE")


def run_alter_table(session: Session, statement: Utility) -> Result:
    """ALTER TABLE: ADD / DROP COLUMN, ALTER COLUMN, ADD / DROP CONSTRAINT; one rewrite of the table for all."""
    node = statement.node
    if all(enum_name(item.alter_table_cmd, "subtype") == "AT_ChangeOwner" for item in node.cmds):
        return ownership.run_change_owner(session, statement)
    if enum_name(node, "objtype") not in ("OBJECT_TABLE", "OBJECT_VIEW"):
        raise not_supported(f"{statement.tag} is not supported")
    table_access.lock_catalog(session)
    try:
        relation = table_access.relation_named(session, node.relation)
    except SqlError as error:
        if node.missing_ok and error.sqlstate in ("42P01", "3F000"):
            session.notice("00000", f'relation "{node.relation.relname}" does not exist, skipping')
            return Result(statement.tag)
        raise
    if isinstance(relation, ViewDef) or enum_name(node, "objtype") == "OBJECT_VIEW":
        return views.run_alter(session, statement, relation)
    table = table_access.table_named(session, node.relation)
    access.require_owner(session, table)
    session.lock(table.oid, "ddl")
    table_access.change_catalog(session)
    table_access.require_current(session, table)
    for wrapped in node.cmds:
        command = wrapped.alter_table_cmd
        kind = enum_name(command, "subtype")
        change = _COMMANDS.get(kind)
        if change is None:
            raise not_supported(f"ALTER TABLE {kind.removeprefix('AT_')} is not supported")
        change(session, table_access.current(session, table), command)
    return Result("ALTER TABLE")


def _add_column(session: Session, table: TableDef, command: Any) -> None:
    node = getattr(command, "def").column_def
    if table.column(node.colname) is not None:
        text = f'column "{node.colname}" of relation "{table.name}" already exists'
        if not command.missing_ok:
            raise SqlError("42701", text)
        session.notice("42701", f"{text}, skipping")
        return
    column, sequence, constraints = column_from(session, table.schema, table.name, node, table.oid, {table.name})
    if constraints:
        raise not_supported("ADD COLUMN with a key or check is not supported", hint="Add the constraint separately.")
    number = max((c.attnum for c in table.columns), default=0) + 1
    column = replace(column, attnum=number)
    run = session.connection.run
    if sequence is not None:
        create_sequence_storage(session, sequence)
        owner = objects.relation_owner(session.catalog, table)
        put = [sequence]
        authority = ownership.made_by(session.catalog.authority, put, owner)
        session.transaction.catalog = store.changed(session.connection, session.catalog, put=put, authority=authority)
    new = replace(table, columns=(*table.columns, column))
    table_storage.check_stored(new)
    default = table_access.default_sql(session, column)
    if column.generation is not None:
        new = generation.checked(session, new, generation.expressions([node]))
        default = table_access.generation_sql(session, new, new.columns[-1])
    if default is not None or column.not_null or new.has_row_id != table.has_row_id:
        rewrite(session, table, new, {column.name: default})
        return
    run(f"ALTER TABLE {table.storage_name} ADD COLUMN {quote(column.name)} {duck_type(column.type)}")
    put_table(session, new)


def _drop_column(session: Session, table: TableDef, command: Any) -> None:
    """ALTER TABLE ... DROP COLUMN [IF EXISTS]."""
    if table.column(command.name) is None and command.missing_ok:
        text = f'column "{command.name}" of relation "{table.name}" does not exist, skipping'
        session.notice("00000", text)
        return
    column = column_of(table, command.name)
    cascade = enum_name(command, "behavior") == "DROP_CASCADE"
    dependents.release(session, [dependents.Column(table, column)], cascade=cascade)
    drop_column(session, table_access.current(session, table), column)


def drop_column(session: Session, table: TableDef, column: ColumnDef) -> None:
    """Remove a column with the indexes and constraints over it; the table's "ddl" lock is held.

    What else depends on it is gone already. Views that list the table's columns under an alias follow.
    """
    before = session.catalog
    for index in session.catalog.indexes_of(table.oid):
        if index.uses(column.name) and not index.constraint_oid:
            relation_drops.drop(session, index)
    session.transaction.changes_of(table.oid).added.pop(column.name, None)
    kept = tuple(c for c in table.constraints if column.name not in c.columns)
    left = table.with_columns(tuple(c for c in table.columns if c is not column))
    new = replace(left, constraints=kept)
    rewrite(session, table, new, {})
    gone = objects.relation_key(table, column.attnum)
    catalog = session.catalog
    comments = {key: text for key, text in catalog.comments.items() if key != gone}
    acls = {key: items for key, items in catalog.authority.acls.items() if key != gone}
    authority = replace(catalog.authority, acls=MappingProxyType(acls))
    session.transaction.catalog = store.changed(session.connection, catalog, comments=comments, authority=authority)
    if dependents.views_of(session, table):
        stored_texts.follow(session, before)


def _add_constraint(session: Session, table: TableDef, command: Any) -> None:
    node = getattr(command, "def").constraint
    if node.indexname:
        index_constraints.add_from_index(session, table, node)
        return
    draft = Draft(table.schema, table.name, list(table.columns), list(table.constraints), taken={table.name})
    add_constraint(session, draft, node, None)
    new = replace(table, columns=tuple(draft.columns), constraints=tuple(draft.constraints))
    rewrite(session, table, new, {})
    added = constraint_indexes(session, replace(new, constraints=(draft.constraints[-1],)))
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=added)


def _drop_constraint(session: Session, table: TableDef, command: Any) -> None:
    found = constraint_names.named(session, table, command.name)
    if found is not None and found.kind == "n":
        column_changes.drop_not_null_of(session, table, column_of(table, found.columns[0]))
        return
    if found is None:
        text = f'constraint "{command.name}" of relation "{table.name}" does not exist'
        if not command.missing_ok:
            raise SqlError("42704", text)
        session.notice("00000", f"{text}, skipping")
        return
    rewrite(session, table, replace(table, constraints=tuple(c for c in table.constraints if c.oid != found.oid)), {})


def _change_owner(session: Session, table: TableDef, command: Any) -> None:
    ownership.alter_owner(session, table, specified_role(session, command.newowner))


_COMMANDS = {
    "AT_AddColumn": _add_column,
    "AT_DropColumn": _drop_column,
    "AT_ColumnDefault": column_changes.set_default,
    "AT_DropExpression": column_changes.drop_expression,
    "AT_SetExpression": column_changes.set_expression,
    "AT_SetNotNull": column_changes.set_not_null,
    "AT_DropNotNull": column_changes.drop_not_null,
    "AT_AlterColumnType": column_changes.alter_type,
    "AT_AddConstraint": _add_constraint,
    "AT_DropConstraint": _drop_constraint,
    "AT_ChangeOwner": _change_owner,
}
