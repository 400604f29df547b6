"""has_table_privilege() and its kin, aclexplode(), acldefault(): SQL functions about privileges.

The has_... functions take the object, the privileges, and before these a role where it is not the current user.
"""

from __future__ import annotations

from collections.abc import Callable

from ruvector_engine.catalog.model import Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.privileges import (
    ALL,
    Kind,
    default_items,
    item_text,
    items_text,
    ordered,
    parsed_item,
    privilege_letter,
    privilege_name,
)
from ruvector_engine.catalog.rights import Rights
from ruvector_engine.catalog.roles import PUBLIC, AclItem, AclKey
from ruvector_engine.catalog.system import objects
from ruvector_engine.catalog.system.lookup import Lookup, system_schemas
from ruvector_engine.catalog.system.names import schema_and_name, split_name
from ruvector_engine.catalog.system.oids import PG_DATABASE, PG_TABLESPACE, TABLESPACES, namespace_oid
from ruvector_engine.errors import SqlError

Argument = int | str
#: Letters asked for, each with whether it must be grantable.
Asked = list[tuple[str, bool]]
_OPTION = " WITH GRANT OPTION"
#: acldefault()'s letters for kinds of objects.
_DEFAULT_KINDS: dict[str, Kind] = {
    "c": "column",
    "r": "table",
    "s": "sequence",
    "d": "database",
    "f": "function",
    "l": "language",
    "n": "schema",
    "t": "tablespace",
    "T": "type",
}


def _asked(text: str, kind: Kind) -> Asked:
    """The privileges of a list such as 'SELECT, INSERT WITH GRANT OPTION'; 22023 for one that the kind has not."""
    found: Asked = []
    for part in text.split(","):
        name = part.strip().upper()
        letter = privilege_letter(name.removesuffix(_OPTION))
        if letter is not None and letter in ALL[kind]:
            found.append((letter, name.endswith(_OPTION)))
        else:
            raise SqlError("22023", f'unrecognized privilege type: "{part.strip()}"')
    return found


def _split(lookup: Lookup, args: tuple[Argument, ...], width: int) -> tuple[Rights, tuple[Argument, ...]]:
    """Whose rights are asked for, and the other arguments, of which there are so many."""
    if len(args) == width:
        return objects.rights_of(lookup), args
    return Rights(lookup.catalog.authority, _role(lookup, args[0])), args[1:]


def _role(lookup: Lookup, role: Argument) -> int:
    if isinstance(role, int):
        return role
    if role == "public":
        return PUBLIC
    found = lookup.catalog.authority.roles.get(role)
    if found is None:
        raise SqlError("42704", f'role "{role}" does not exist')
    return found.oid


def _relation(lookup: Lookup, given: Argument) -> Relation | None:
    """The relation; None for an OID that is none's."""
    if isinstance(given, int):
        return lookup.relations.get(given)
    schema, name = schema_and_name(given)
    if schema is not None:
        objects.require_usage(objects.rights_of(lookup), lookup.catalog, schema)
    found = lookup.relation(schema, name)
    if found is None:
        raise SqlError("42P01", f'relation "{".".join(split_name(given))}" does not exist')
    return found


def _holds(rights: Rights, kind: Kind, key: AclKey, asked: Asked, schema: str = "") -> bool:
    """Whether the role has any of what is asked for."""
    return any(
        letter in rights.grantable(kind, key) or rights.superuser
        if option
        else rights.has(kind, key, letter, schema=schema)
        for letter, option in asked
    )


def _on_relation(rights: Rights, relation: Relation, asked: Asked) -> bool:
    kind = objects.privilege_kind(relation)
    return _holds(rights, kind, objects.relation_key(relation), asked, relation.schema)


def has_table_privilege(lookup: Lookup, *args: Argument) -> bool | None:
    """Whether a role has any of the privileges on a table, view or sequence."""
    rights, (table, privileges) = _split(lookup, args, 2)
    relation = _relation(lookup, table)
    asked = _asked(str(privileges), "table")
    return None if relation is None else _on_relation(rights, relation, asked)


def has_sequence_privilege(lookup: Lookup, *args: Argument) -> bool | None:
    """The same for a sequence; 42809 for anything else."""
    rights, (sequence, privileges) = _split(lookup, args, 2)
    asked = _asked(str(privileges), "sequence")
    relation = _relation(lookup, sequence)
    if relation is not None and not isinstance(relation, SequenceDef):
        raise SqlError("42809", f'"{relation.name}" is not a sequence')
    return None if relation is None else _on_relation(rights, relation, asked)


def has_any_column_privilege(lookup: Lookup, *args: Argument) -> bool | None:
    """Whether a role has any of the privileges on a table or on any of its columns."""
    rights, (table, privileges) = _split(lookup, args, 2)
    relation = _relation(lookup, table)
    asked = _asked(str(privileges), "column")
    if relation is None:
        return None
    own = relation.columns if isinstance(relation, (TableDef, ViewDef)) else ()
    return _on_relation(rights, relation, asked) or any(
        _holds(rights, "column", objects.relation_key(relation, column.attnum), asked) for column in own
    )


def has_column_privilege(lookup: Lookup, *args: Argument) -> bool | None:
    """Whether a role has any of the privileges on a column, by itself or by its table."""
    rights, (table, column, privileges) = _split(lookup, args, 3)
    relation = _relation(lookup, table)
    if relation is None:
        return None
    own = relation.columns if isinstance(relation, (TableDef, ViewDef)) else ()
    attnum = next((c.attnum for c in own if column in (c.name, c.attnum)), None)
    if attnum is None and isinstance(column, str):
        raise SqlError("42703", f'column "{column}" of relation "{relation.name}" does not exist')
    asked = _asked(str(privileges), "column")
    if attnum is None:
        return None
    key = objects.relation_key(relation, attnum)
    return _on_relation(rights, relation, asked) or _holds(rights, "column", key, asked)


def has_schema_privilege(lookup: Lookup, *args: Argument) -> bool | None:
    """Whether a role has any of the privileges on a schema."""
    rights, (schema, privileges) = _split(lookup, args, 2)
    names = (*system_schemas(), *lookup.catalog.schemas)
    found = next((name for name in names if schema in (name, namespace_oid(name))), None)
    if found is None and isinstance(schema, str):
        raise SqlError("3F000", f'schema "{schema}" does not exist')
    asked = _asked(str(privileges), "schema")
    return None if found is None else _holds(rights, "schema", objects.schema_key(found), asked)


def has_database_privilege(lookup: Lookup, *args: Argument) -> bool | None:
    """Whether a role has any of the privileges on a database."""
    rights, (database, privileges) = _split(lookup, args, 2)
    databases = lookup.catalog.authority.databases.values()
    found = next((d.oid for d in databases if database in (d.name, d.oid)), None)
    if found is None and isinstance(database, str):
        raise SqlError("3D000", f'database "{database}" does not exist')
    asked = _asked(str(privileges), "database")
    if found is None:
        return True if rights.superuser else None  # as in PostgreSQL: of a superuser nothing is looked up
    return _holds(rights, "database", (PG_DATABASE, found, 0), asked)


def has_tablespace_privilege(lookup: Lookup, *args: Argument) -> bool | None:
    """Whether a role may create in a tablespace."""
    rights, (tablespace, privileges) = _split(lookup, args, 2)
    found = next((oid for name, oid in TABLESPACES.items() if tablespace in (name, oid)), None)
    if found is None and isinstance(tablespace, str):
        raise SqlError("42704", f'tablespace "{tablespace}" does not exist')
    asked = _asked(str(privileges), "tablespace")
    return None if found is None else _holds(rights, "tablespace", (PG_TABLESPACE, found, 0), asked)


def acldefault(lookup: Lookup, kind: str, owner: int) -> list[str]:
    """The privileges that an object of a kind has while nothing was granted or revoked, as aclitems."""
    if kind not in _DEFAULT_KINDS:
        raise SqlError("XX000", f"unrecognized object type abbreviation: {kind}")
    return items_text(lookup.catalog.authority, default_items(_DEFAULT_KINDS[kind], owner))


def aclexplode(lookup: Lookup, items: list[str | None]) -> list[tuple[int, int, str, bool]]:
    """A row (grantor, grantee, privilege_type, is_grantable) for each privilege in a list of aclitems."""
    found = (parsed_item(lookup.catalog.authority, item) for item in items if item is not None)
    return [
        (item.grantor, item.grantee, privilege_name(letter), letter in item.grantable)
        for item in found
        for letter in item.privileges
    ]


def makeaclitem(lookup: Lookup, grantee: int, grantor: int, privileges: str, grantable: bool) -> str:
    """An aclitem's text."""
    letters = ""
    for part in privileges.split(","):
        letter = privilege_letter(part.strip())
        if letter is None:
            raise SqlError("22023", f'unrecognized privilege type: "{part.strip()}"')
        letters += letter
    letters = ordered(letters)
    return item_text(lookup.catalog.authority, AclItem(grantee, grantor, letters, letters if grantable else ""))


#: The has_... functions by name.
PRIVILEGE_FUNCTIONS: dict[str, Callable[..., bool | None]] = {
    f.__name__: f
    for f in (
        has_any_column_privilege, has_column_privilege, has_database_privilege, has_schema_privilege,
        has_sequence_privilege, has_table_privilege, has_tablespace_privilege,
    )
}  # fmt: skip
