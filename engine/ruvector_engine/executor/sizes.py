"""How much room relations and databases take: what rows and columns make likely, for all are in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog import entries
from ruvector_engine.catalog.databases import PG_DATABASE
from ruvector_engine.catalog.model import Catalog, IndexDef, TableDef
from ruvector_engine.catalog.predefined_roles import PG_READ_ALL_STATS
from ruvector_engine.errors import SqlError
from ruvector_engine.relational.duck import Connection

if TYPE_CHECKING:
    from ruvector_engine.session import Session


#: What a value that is no vector takes, about.
_VALUE_BYTES = 16


def relation_bytes(session: Session, connection: Connection, oid: int) -> int | None:
    """Bytes of a table's values, as its row count and its columns' widths make likely; an index's memory.

    None when there is no relation of that OID.
    """
    return _relation_bytes(session, session.catalog, connection, oid)


def _relation_bytes(session: Session, catalog: Catalog, connection: Connection, oid: int) -> int | None:
    relation = next((r for r in catalog.relations.values() if r.oid == oid), None)
    if isinstance(relation, IndexDef):
        return _index_bytes(session, catalog, connection, relation)
    if not isinstance(relation, TableDef):
        return None if relation is None else 8192
    rows = int(connection.run(f"SELECT count(*) FROM {relation.storage_name}")[0][0])
    return rows * sum(
        4 * c.type.typmod if c.type.is_vector and c.type.typmod > 0 else _VALUE_BYTES for c in relation.columns
    )


def _index_bytes(session: Session, catalog: Catalog, connection: Connection, definition: IndexDef) -> int:
    """The memory of an index; of a key's, what its rows make likely; others are kept by name only."""
    index = session.database.indexes.get(definition.oid)
    text_index = session.database.text_indexes.get(definition.oid)
    if index is not None:
        return index.memory_bytes
    if text_index is not None:
        return text_index.nbytes
    table = catalog.table_by_oid(definition.table_oid) if definition.constraint_oid else None
    if table is None:
        return 0
    rows = int(connection.run(f"SELECT count(*) FROM {table.storage_name}")[0][0])
    return rows * _VALUE_BYTES * len(definition.columns)


def database_bytes(session: Session, connection: Connection, given: int | str) -> int:
    """The same of a database, by OID or name, with its catalog; 42704 or 3D000 when there is none, 42501."""
    authority = session.catalog.authority
    found = next((d for d in authority.databases.values() if given in (d.oid, d.name)), None)
    if found is None and isinstance(given, str):
        raise SqlError("3D000", f'database "{given}" does not exist')
    if found is None:
        raise SqlError("42704", f"database with OID {given} does not exist")
    rights = session.rights
    if not (rights.has("database", (PG_DATABASE, found.oid, 0), "c") or rights.acts_for(PG_READ_ALL_STATS)):
        raise SqlError("42501", f"permission denied for database {found.name}")
    catalog = session.database.databases.of(found.oid).catalog
    oids = [relation.oid for relation in catalog.relations.values()]
    return entries.size(connection, found.oid) + sum(
        _relation_bytes(session, catalog, connection, oid) or 0 for oid in oids
    )
