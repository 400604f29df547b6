"""CREATE SCHEMA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, ownership, table_access
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def require_schema_name(name: str) -> None:
    """42939 for a name that no schema may have."""
    if name.startswith("pg_"):
        detail = 'The prefix "pg_" is reserved for system schemas.'
        raise SqlError("42939", f'unacceptable schema name "{name}"', detail=detail)


def run_create_schema(session: Session, statement: Utility) -> Result:
    """CREATE SCHEMA [IF NOT EXISTS] [name] [AUTHORIZATION role]."""
    node = statement.node
    catalog = table_access.change_catalog(session)
    owner = specified_role(session, node.authrole) if node.HasField("authrole") else None
    name = node.schemaname or (session.user if owner is None else owner.name)
    access.require_database(session, "C")
    if owner is not None:
        ownership.require_set(session, owner)
    if node.schema_elts:
        raise not_supported("CREATE SCHEMA with objects in it is not supported")
    require_schema_name(name)
    if name in catalog.schemas:
        if not node.if_not_exists:
            raise SqlError("42P06", f'schema "{name}" already exists')
        session.notice("42P06", f'schema "{name}" already exists, skipping')
        return Result("CREATE SCHEMA")
    role = session.rights.role if owner is None else owner.oid
    authority = ownership.of_new_schema(catalog.authority, name, role)
    schemas = catalog.schemas | {name}
    session.transaction.catalog = store.changed(session.connection, catalog, schemas=schemas, authority=authority)
    return Result("CREATE SCHEMA")
