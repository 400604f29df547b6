"""Relations and schemas as privileges see them: the key and the kind of an object, and what messages call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog.model import Catalog, IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.privileges import Kind, items_text
from ruvector_engine.catalog.rights import Rights, initial_items, owner_of
from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, AclKey, Authority
from ruvector_engine.catalog.system.lookup import Lookup, relation_kind, system_schemas
from ruvector_engine.catalog.system.oids import PG_CLASS, PG_NAMESPACE, PG_TYPE, namespace_oid
from ruvector_engine.errors import SqlError

if TYPE_CHECKING:
    from ruvector_engine.catalog.made_types import MadeType


def relation_key(relation: Relation, attnum: int = 0) -> AclKey:
    """The key of a relation or of one of its columns."""
    return PG_CLASS, relation.oid, attnum


def owner_key(relation: Relation) -> AclKey:
    """The key under which a relation's owner stands: an index belongs to whoever has its table."""
    return PG_CLASS, relation.table_oid if isinstance(relation, IndexDef) else relation.oid, 0


def schema_key(name: str) -> AclKey:
    """The key of a schema."""
    return PG_NAMESPACE, namespace_oid(name), 0


def type_key(definition: MadeType) -> AclKey:
    """The key of a type that was created; its array type belongs to the same owner."""
    return PG_TYPE, definition.oid, 0


def relation_owner(catalog: Catalog, relation: Relation) -> int:
    """The OID of a relation's owner."""
    return owner_of(catalog.authority, owner_key(relation))


def owner_name(catalog: Catalog, relation: Relation) -> str:
    """The name of a relation's owner."""
    return role_name(catalog.authority, relation_owner(catalog, relation))


def role_name(authority: Authority, oid: int) -> str:
    """A role's name, as pg_get_userbyid() gives it."""
    role = authority.role_by_oid(oid)
    return f"unknown (OID={oid})" if role is None else role.name


def database_name(authority: Authority, oid: int) -> str | None:
    """A database's name; None when there is none of that OID."""
    found = authority.database_by_oid(oid)
    return None if found is None else found.name


def shown_acl(authority: Authority, key: AclKey) -> list[str] | None:
    """An object's list as relacl and its kin show it: NULL while nothing was granted or revoked."""
    items = authority.acls.get(key)
    if items is None:
        items = initial_items(authority, key)
    return None if items is None else items_text(authority, items)


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


def rights_of(lookup: Lookup) -> Rights:
    """The rights of the user whose view of the catalog it is."""
    authority = lookup.catalog.authority
    user = authority.roles.get(lookup.user)
    return Rights(authority, BOOTSTRAP_ROLE if user is None else user.oid)


def require_usage(rights: Rights, catalog: Catalog, schema: str, position: int | None = None) -> None:
    """42501 when a role may not look into a schema that exists."""
    if schema_exists(catalog, schema) and not rights.has("schema", schema_key(schema), "U"):
        raise SqlError("42501", f"permission denied for schema {schema}", position=position)
