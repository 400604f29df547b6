"""Relations and schemas as privileges see them: the key and the kind of an object, and what messages call it."""

from __future__ import annotations

from ruvector_engine.catalog.model import Catalog, IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.privileges import Kind
from ruvector_engine.catalog.rights import Rights, owner_of
from ruvector_engine.catalog.roles import AclKey
from ruvector_engine.catalog.system.lookup import relation_kind, system_schemas
from ruvector_engine.catalog.system.oids import PG_CLASS, PG_NAMESPACE, namespace_oid
from ruvector_engine.errors import SqlError


def relation_key(relation: Relation, attnum: int = 0) -> AclKey:
    """The key of a relation or of one of its columns."""
    return PG_CLASS, relation.oid, attnum


def owner_key(relation: Relation) -> AclKey:
    """The key under which a relation's owner stands: an index belongs to whoever has its table."""
    return PG_CLASS, relation.table_oid if isinstance(relation, IndexDef) else relation.oid, 0


def schema_key(name: str) -> AclKey:
    """The key of a schema."""
    return PG_NAMESPACE, namespace_oid(name), 0


def relation_owner(catalog: Catalog, relation: Relation) -> int:
    """The OID of a relation's owner."""
    return owner_of(catalog.authority, owner_key(relation))


def privilege_kind(relation: Relation) -> Kind:
    """By which kind of object a relation's privileges go."""
    return "sequence" if isinstance(relation, SequenceDef) else "table"


def label(relation: Relation) -> str:
    """What messages call a relation of its kind."""
    match relation:
        case IndexDef():
            return "index"
        case SequenceDef():
            return "sequence"
        case ViewDef():
            return "view"
        case TableDef():
            return "view" if relation_kind(relation) == "v" else "table"


def denied(relation: Relation) -> SqlError:
    """42501 for want of a privilege on a relation."""
    return SqlError("42501", f"permission denied for {label(relation)} {relation.name}")


def schema_exists(catalog: Catalog, name: str) -> bool:
    """Whether there is a schema of that name."""
    return name in catalog.schemas or name in system_schemas()


def require_usage(rights: Rights, catalog: Catalog, schema: str, position: int | None = None) -> None:
    """42501 when a role may not look into a schema that exists."""
    if schema_exists(catalog, schema) and not rights.has("schema", schema_key(schema), "U"):
        raise SqlError("42501", f"permission denied for schema {schema}", position=position)
