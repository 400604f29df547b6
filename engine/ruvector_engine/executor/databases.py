"""CREATE, ALTER and DROP DATABASE, after PostgreSQL's dbcommands.c.

All databases are in one file. One that is created gets what its template has; of one that is dropped, the tables go in
the same transaction as its entries.
"""

from __future__ import annotations

import time
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ruvector_engine.catalog import store
from ruvector_engine.catalog.databases import PG_DATABASE, DatabaseDef
from ruvector_engine.catalog.membership import can_set
from ruvector_engine.catalog.model import Catalog, IndexDef, SequenceDef, TableDef
from ruvector_engine.catalog.rights import owner_of
from ruvector_engine.catalog.roles import AclKey, Authority, RoleDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access, database_copy, ownership, table_access
from ruvector_engine.executor.database_options import DatabaseOptions
from ruvector_engine.executor.role_names import role_named, specified_role
from ruvector_engine.executor.server_rights import check_may_terminate
from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_DEFAULT_TEMPLATE: Final = "template1"
#: Seconds to wait for others to leave a database, and how often it is looked.
_PATIENCE: Final = 5.0
_NAP: Final = 0.02


def database_named(session: Session, name: str) -> DatabaseDef:
    """The database of that name; 3D000 when there is none."""
    found = session.catalog.authority.databases.get(name)
    if found is None:
        raise SqlError("3D000", f'database "{name}" does not exist')
    return found


def key_of(definition: DatabaseDef) -> AclKey:
    """The key of a database's owner and privileges."""
    return PG_DATABASE, definition.oid, 0


def require_owner(session: Session, definition: DatabaseDef) -> None:
    """42501 when a database belongs to others."""
    if not session.rights.owns(key_of(definition)):
        raise access.not_owner("database", definition.name)


def _require_create_db(session: Session, action: str) -> None:
    """42501 for who may not create databases."""
    user = session.identity.current
    if not (user.superuser or user.create_db):
        raise SqlError("42501", f"permission denied to {action} database")


# -------------------------------------------------------------------- who else is there


def _others(session: Session, oid: int) -> list[Session]:
    """The other sessions in a database."""
    sessions = list(session.database.sessions.values())
    return [other for other in sessions if other.published.oid == oid and other is not session]


def _await_leaving(session: Session, oid: int) -> None:
    """Wait for others to leave a database: who has just hung up may not be gone yet."""
    until = time.monotonic() + _PATIENCE
    while _others(session, oid) and time.monotonic() < until:
        session.check_cancelled()
        time.sleep(_NAP)


def _require_alone(session: Session, definition: DatabaseDef, *, source: str = "") -> None:
    """55006 while others are in a database."""
    there = len(_others(session, definition.oid))
    if there:
        text = f'{source}database "{definition.name}" is being accessed by other users'
        detail = f"There {'is' if there == 1 else 'are'} {there} other session{'' if there == 1 else 's'}"
        raise SqlError("55006", text, detail=f"{detail} using the database.")


# -------------------------------------------------------------------- CREATE DATABASE


def run_create(session: Session, statement: Utility) -> Result:
    """CREATE DATABASE name [options]."""
    node = statement.node
    session.require_no_block("CREATE DATABASE")
    options = DatabaseOptions(session, node.options, create=True)
    attributes = options.attributes()
    options.check_provider_and_encoding()
    _, template = _owner_and_template(session, node.dbname, options)
    _await_leaving(session, template.oid)
    table_access.change_catalog(session)
    owner, template = _owner_and_template(session, node.dbname, options)  # as they are once the lock was awaited
    _require_alone(session, template, source="source ")
    definition = DatabaseDef(store.new_oid(session.connection), node.dbname, **attributes)
    authority = session.catalog.authority.with_database(definition)
    ownership.write(session, ownership.owned(authority, [key_of(definition)[:2]], owner.oid))
    source = session.database.databases.of(template.oid).catalog
    session.transaction.new_database = database_copy.copied(session, source, definition.oid)
    return Result("CREATE DATABASE")


def _owner_and_template(session: Session, name: str, options: DatabaseOptions) -> tuple[RoleDef, DatabaseDef]:
    """Whose the new database is to be, and what it is copied from; an error when it cannot be, or the user may not."""
    owner = _new_owner(session, options)
    template = _template(session, options)
    if not (template.is_template or session.rights.owns(key_of(template))):
        raise SqlError("42501", f'permission denied to copy database "{template.name}"')
    options.check_strategy()
    options.check_locale()
    options.check_tablespace()
    if name in session.catalog.authority.databases:
        raise SqlError("42P04", f'database "{name}" already exists')
    return owner, template


def _template(session: Session, options: DatabaseOptions) -> DatabaseDef:
    """The database to copy."""
    name = options.text("template") or _DEFAULT_TEMPLATE
    found = session.catalog.authority.databases.get(name)
    if found is None:
        raise SqlError("3D000", f'template database "{name}" does not exist')
    return found


def _new_owner(session: Session, options: DatabaseOptions) -> RoleDef:
    """Whose the new database is to be; 42501 unless the current user may create it, and for that role."""
    name = options.text("owner")
    owner = session.identity.current if name is None else role_named(session, name)
    _require_create_db(session, "create")
    if not can_set(session.catalog.authority, session.rights.role, owner.oid):
        raise SqlError("42501", f'must be able to SET ROLE "{owner.name}"')
    return owner


# -------------------------------------------------------------------- DROP DATABASE


def run_drop(session: Session, statement: Utility) -> Result:
    """DROP DATABASE [IF EXISTS] name [WITH (FORCE)]."""
    node = statement.node
    session.require_no_block("DROP DATABASE")
    definition = _droppable(session, node)
    if definition is not None:
        if any(option.def_elem.defname == "force" for option in node.options):
            _end_others(session, definition)
        _await_leaving(session, definition.oid)
        table_access.change_catalog(session)
        definition = _droppable(session, node)  # as it is once the lock was awaited
    if definition is None:
        session.notice("00000", f'database "{node.dbname}" does not exist, skipping')
        return Result("DROP DATABASE")
    with session.database.no_new_sessions():  # until nobody finds it any more
        _require_alone(session, definition)
        _drop(session, definition)
        session.commit()
    return Result("DROP DATABASE")


def _droppable(session: Session, node: Any) -> DatabaseDef | None:
    """The database to drop, if the user may; None when there is none and IF EXISTS was said."""
    if node.missing_ok and node.dbname not in session.catalog.authority.databases:
        return None
    definition = database_named(session, node.dbname)
    require_owner(session, definition)
    if definition.is_template:
        raise SqlError("42809", "cannot drop a template database")
    if definition.oid == session.published.oid:
        raise SqlError("55006", "cannot drop the currently open database")
    return definition


def _end_others(session: Session, definition: DatabaseDef) -> None:
    """End the sessions that are in the database; 42501 before any is ended, when the user may not."""
    others = _others(session, definition.oid)
    for other in others:
        check_may_terminate(session, other)
    for other in others:
        other.terminate()


def _drop(session: Session, definition: DatabaseDef) -> None:
    """Remove a database with all that is in it and all that is said of it."""
    authority, oid = session.catalog.authority, definition.oid
    _drop_storage(session, session.database.databases.of(oid).catalog)
    store.forget_database(session.connection, oid)
    comments = {key: text for key, text in session.catalog.comments.items() if key != key_of(definition)}
    session.transaction.catalog = store.changed(
        session.connection, session.catalog, authority=_without(authority, definition), comments=comments
    )
    session.transaction.dropped_database = oid


def _without(authority: Authority, definition: DatabaseDef) -> Authority:
    """The authority without what it says of a database."""
    key = key_of(definition)
    return replace(
        authority,
        databases=MappingProxyType({n: d for n, d in authority.databases.items() if d.oid != definition.oid}),
        settings=MappingProxyType({k: v for k, v in authority.settings.items() if k[0] != definition.oid}),
        owners=MappingProxyType({k: v for k, v in authority.owners.items() if k != key[:2]}),
        acls=MappingProxyType({k: v for k, v in authority.acls.items() if k != key}),
    )


def _drop_storage(session: Session, catalog: Catalog) -> None:
    """Remove a database's tables and sequences; its indexes go with the commit."""
    run, transaction = session.connection.run, session.transaction
    for relation in catalog.relations.values():
        if isinstance(relation, TableDef):
            session.lock(relation.oid, "ddl")
            transaction.changes_of(relation.oid)
            run(f"DROP TABLE {relation.storage_name}")
        if isinstance(relation, (TableDef, IndexDef)):
            transaction.dropped.add(relation.oid)
    for relation in catalog.relations.values():
        if isinstance(relation, SequenceDef):
            run(f"DROP SEQUENCE {relation.storage_name}")


# -------------------------------------------------------------------- ALTER DATABASE


def run_alter(session: Session, statement: Utility) -> Result:
    """ALTER DATABASE name [WITH] CONNECTION LIMIT n | ALLOW_CONNECTIONS b | IS_TEMPLATE b | SET TABLESPACE name."""
    node = statement.node
    options = DatabaseOptions(session, node.options, create=False)
    if "tablespace" in options:
        session.require_no_block("ALTER DATABASE SET TABLESPACE")
    attributes = options.attributes()
    table_access.change_catalog(session)
    definition = database_named(session, node.dbname)
    require_owner(session, definition)
    options.check_tablespace()
    if definition.oid == session.published.oid and not attributes.get("allows_connections", True):
        raise SqlError("22023", "cannot disallow connections for current database")
    ownership.write(session, session.catalog.authority.with_database(replace(definition, **attributes)))
    return Result("ALTER DATABASE")


def run_rename(session: Session, statement: Utility) -> Result:
    """ALTER DATABASE name RENAME TO name."""
    node = statement.node
    _await_leaving(session, _renamable(session, node).oid)
    table_access.change_catalog(session)
    definition = _renamable(session, node)  # as it is once the lock was awaited
    _require_alone(session, definition)
    ownership.write(session, session.catalog.authority.with_database(replace(definition, name=node.newname)))
    return Result("ALTER DATABASE")


def _renamable(session: Session, node: Any) -> DatabaseDef:
    """The database to rename, if that can be and the user may."""
    definition = database_named(session, node.subname)
    require_owner(session, definition)
    _require_create_db(session, "rename")
    if node.newname in session.catalog.authority.databases:
        raise SqlError("42P04", f'database "{node.newname}" already exists')
    if definition.oid == session.published.oid:
        raise SqlError("0A000", "current database cannot be renamed")
    return definition


def run_change_owner(session: Session, statement: Utility) -> Result:
    """ALTER DATABASE name OWNER TO role."""
    node = statement.node
    table_access.change_catalog(session)
    new = specified_role(session, node.newowner)
    definition = database_named(session, node.object.string.sval)
    authority, key = session.catalog.authority, key_of(definition)
    if owner_of(authority, key) != new.oid:
        require_owner(session, definition)
        ownership.require_set(session, new)
        _require_create_db(session, "change owner of")
        ownership.write(session, ownership.given(authority, [key[:2]], new.oid))
    return Result("ALTER DATABASE")


def run_refresh_collation(session: Session, statement: Utility) -> Result:
    """ALTER DATABASE name REFRESH COLLATION VERSION: the locale here has none."""
    definition = database_named(session, statement.node.dbname)
    require_owner(session, definition)
    session.notice("00000", "version has not changed")
    return Result("ALTER DATABASE")
