"""CREATE TYPE ... AS ENUM, and ALTER, DROP and COMMENT for what it made.

Stored values are sort numbers, which never change (see sql/enum_storage.py): no statement here touches a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from struct import pack, unpack
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.enum_types import EnumDef, EnumValue
from ruvector_engine.catalog.made_types import MadeType
from ruvector_engine.catalog.model import TableDef, ViewDef
from ruvector_engine.catalog.system.lookup import system_schemas
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, enum_texts, ownership, table_access, tables
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.raw import strings
from ruvector_engine.sql.typenames import find_type

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: PostgreSQL's limit on a label.
MAX_LABEL_BYTES = 63


def run_create(session: Session, statement: Utility) -> Result:
    """CREATE TYPE name AS ENUM (labels)."""
    node = statement.node
    names = strings(node.type_name)
    table_access.change_catalog(session)
    schema = tables.creation_schema(session, names[-2] if len(names) > 1 else "")
    require_free(session, schema, names[-1])
    labels, connection = strings(node.vals), session.connection
    oid, array_oid = store.new_oid(connection), store.new_oid(connection)
    for place, label in enumerate(labels):
        _check_label(label)
        if label in labels[:place]:
            raise SqlError(
                "23505",
                'duplicate key value violates unique constraint "pg_enum_typid_label_index"',
                detail=f"Key (enumtypid, enumlabel)=({oid}, {label}) already exists.",
            )
    values = tuple(EnumValue(store.new_oid(connection), text, float(n)) for n, text in enumerate(labels, 1))
    array_name = free_array_name(session, schema, names[-1])
    definition = EnumDef(oid, array_oid, schema, names[-1], array_name, values)
    _put(session, definition)
    ownership.own_type(session, definition)
    return Result("CREATE TYPE")


def require_free(session: Session, schema: str, name: str) -> None:
    """42710 when the schema has a type of that name; a table's rows are a type of its name."""
    if _is_taken(session, schema, name):
        raise SqlError("42710", f'type "{name}" already exists')


def _is_taken(session: Session, schema: str, name: str) -> bool:
    catalog = session.catalog
    if isinstance(catalog.relations.get((schema, name)), (TableDef, ViewDef)):
        return True
    return any(t.schema == schema and name in (t.name, t.array_name) for t in catalog.types.values())


def free_array_name(session: Session, schema: str, name: str) -> str:
    """The name of a new type's array type: _name, _name_1, ... (makeArrayTypeName)."""
    number = 0
    while True:
        suffix = f"_{number}" if number else ""
        room = tables.MAX_IDENTIFIER - 1 - len(suffix)
        made = f"_{name.encode()[:room].decode(errors='ignore')}{suffix}"
        if not _is_taken(session, schema, made):
            return made
        number += 1


def _check_label(label: str) -> None:
    if len(label.encode()) > MAX_LABEL_BYTES:
        detail = f"Labels must be {MAX_LABEL_BYTES} bytes or less."
        raise SqlError("42602", f'invalid enum label "{label}"', detail=detail)


def _put(session: Session, definition: MadeType, change: enum_texts.Change | None = None) -> None:
    relations = [] if change is None else enum_texts.relations_after(session, change)
    session.transaction.catalog = store.changed(
        session.connection, session.catalog, put=relations, put_types=[definition]
    )


def _rename(session: Session, old: MadeType, new: MadeType) -> None:
    array_name = free_array_name(session, new.schema, new.name)
    new = replace(new, array_name=array_name)
    _put(session, new, enum_texts.type_renamed(session, old, new))


# -------------------------------------------------------------------- finding


def find(session: Session, names: Sequence[str]) -> MadeType | None:
    """The type those names mean that CREATE TYPE made: in the schema that is named, else the first on the path."""
    if len(names) == 1 and find_type(names[0]) is not None:
        return None  # a built-in type's name
    schemas = (names[-2],) if len(names) > 1 else session.search_path
    if len(names) > 1:
        access.require_usage(session, names[-2], missing_ok=True)
    return next((t for s in schemas if (t := session.catalog.types.get((s, names[-1]))) is not None), None)


def named(session: Session, names: Sequence[str]) -> MadeType:
    """The same; an error when there is none that can be changed."""
    found = find(session, names)
    if found is not None:
        return found
    if len(names) > 1 and names[-2] not in (*session.catalog.schemas, *system_schemas()):
        raise SqlError("3F000", f'schema "{names[-2]}" does not exist')
    shown = ".".join(names)
    built_in = find_type(names[-1])
    if built_in is not None:
        raise SqlError("42809", f"{built_in.sql_name} is not an enum")
    if session.catalog.find(names[-1], None, session.search_path) is not None:
        raise SqlError("42809", f"{shown} is not an enum")
    raise SqlError("42704", f'type "{shown}" does not exist')


# -------------------------------------------------------------------- ALTER TYPE


def run_alter(session: Session, statement: Utility) -> Result:
    """ALTER TYPE name ADD VALUE | RENAME VALUE."""
    node = statement.node
    table_access.change_catalog(session)
    definition = named(session, strings(node.type_name))
    if not isinstance(definition, EnumDef):
        raise SqlError("42809", f"{definition.sql_name} is not an enum")
    access.require_type_owner(session, definition)
    _check_label(node.new_val)
    if node.old_val:
        new = _with_renamed(definition, node.old_val, node.new_val)
        _put(session, new, enum_texts.label_renamed(definition, node.old_val, node.new_val))
        _forget_rows(session, definition)
    elif any(v.label == node.new_val for v in definition.values):
        text = f'enum label "{node.new_val}" already exists'
        if not node.skip_if_new_val_exists:
            raise SqlError("42710", text)
        session.notice("42710", f"{text}, skipping")
    else:
        _put(session, _with_added(session, definition, node))
    return Result("ALTER TYPE")


def _with_renamed(definition: EnumDef, old: str, new: str) -> EnumDef:
    labels = [v.label for v in definition.values]
    if old not in labels:
        raise SqlError("22023", f'"{old}" is not an existing enum label')
    if new in labels:
        raise SqlError("42710", f'enum label "{new}" already exists')
    return replace(definition, values=tuple(replace(v, label=new) if v.label == old else v for v in definition.values))


def _with_added(session: Session, definition: EnumDef, node: Any) -> EnumDef:
    values = definition.values
    place = len(values)
    if node.new_val_neighbor:
        found = next((i for i, v in enumerate(values) if v.label == node.new_val_neighbor), None)
        if found is None:
            raise SqlError("22023", f'"{node.new_val_neighbor}" is not an existing enum label')
        place = found + 1 if node.new_val_is_after else found
    number = _number_at([v.number for v in values], place)
    added = EnumValue(store.new_oid(session.connection), node.new_val, number)
    return replace(definition, values=(*values[:place], added, *values[place:]))


def _number_at(numbers: Sequence[float], place: int) -> float:
    """A sort number for a new value at that place; it never moves the others.

    PostgreSQL's own, a float4, as long as there is one; a double between two float4s then.
    """
    if not numbers:
        return 1.0
    if place == len(numbers):
        return numbers[-1] + 1
    if place == 0:
        return numbers[0] - 1
    low, high = numbers[place - 1], numbers[place]
    middle: float = unpack("f", pack("f", (low + high) / 2))[0]
    if not low < middle < high:
        middle = (low + high) / 2
    if not low < middle < high:
        raise not_supported(
            "no more values can be added between these two", hint="Create a new type with all the values."
        )
    return middle


def _forget_rows(session: Session, definition: EnumDef) -> None:
    """Rows kept in memory have the former labels."""
    for table in session.catalog.relations.values():
        if isinstance(table, TableDef) and any(_uses(c.type.oid, definition) for c in table.columns):
            session.transaction.changes_of(table.oid).altered = True


def rename(session: Session, names: Sequence[str], new_name: str) -> None:
    """ALTER TYPE name RENAME TO new_name."""
    table_access.change_catalog(session)
    definition = named(session, names)
    access.require_type_owner(session, definition)
    require_free(session, definition.schema, new_name)
    _rename(session, definition, replace(definition, name=new_name))


def run_change_owner(session: Session, statement: Utility) -> Result:
    """ALTER TYPE name OWNER TO role."""
    node = statement.node
    table_access.change_catalog(session)
    definition = named(session, strings(node.object.list.items))
    ownership.alter_type_owner(session, definition, specified_role(session, node.newowner))
    return Result("ALTER TYPE")


def run_set_schema(session: Session, statement: Utility) -> Result:
    """ALTER TYPE name SET SCHEMA schema."""
    node = statement.node
    if enum_name(node, "object_type") != "OBJECT_TYPE":
        raise not_supported(f"{statement.tag} SET SCHEMA is not supported")
    table_access.change_catalog(session)
    definition = named(session, strings(node.object.list.items))
    wanted = tables.creation_schema(session, node.newschema)
    access.require_type_owner(session, definition)
    if wanted != definition.schema:
        require_free(session, wanted, definition.name)
        _rename(session, definition, replace(definition, schema=wanted))
    return Result("ALTER TYPE")


def _uses(oid: int, definition: EnumDef) -> bool:
    return oid in (definition.oid, definition.array_oid)
