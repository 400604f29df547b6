"""What all types that CREATE TYPE made have in common: found by name, called otherwise, moved, given to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.made_types import CompositeDef, MadeType
from ruvector_engine.catalog.model import TableDef, ViewDef
from ruvector_engine.catalog.system.lookup import system_schemas
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access, naming, ownership, stored_texts, table_access
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.raw import strings
from ruvector_engine.sql.typenames import find_type

if TYPE_CHECKING:
    from ruvector_engine.session import Session

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
        room = naming.MAX_IDENTIFIER - 1 - len(suffix)
        made = f"_{name.encode()[:room].decode(errors='ignore')}{suffix}"
        if not _is_taken(session, schema, made):
            return made
        number += 1


# -------------------------------------------------------------------- ALTER TYPE


def rename(session: Session, names: Sequence[str], new_name: str) -> None:
    """ALTER TYPE name RENAME TO new_name."""
    table_access.change_catalog(session)
    definition = named(session, names)
    access.require_type_owner(session, definition)
    taken = session.catalog.types.get((definition.schema, new_name))
    if isinstance(definition, CompositeDef) and isinstance(taken, CompositeDef):
        raise SqlError("42P07", f'relation "{new_name}" already exists')
    require_free(session, definition.schema, new_name)
    _rename(session, replace(definition, name=new_name))


def run_change_owner(session: Session, statement: Utility) -> Result:
    """ALTER TYPE name OWNER TO role."""
    node = statement.node
    table_access.change_catalog(session)
    definition = named(session, strings(node.object.list.items))
    ownership.alter_type_owner(session, definition, specified_role(session, node.newowner))
    return Result("ALTER TYPE")


def set_schema(session: Session, names: Sequence[str], schema: str) -> None:
    """ALTER TYPE name SET SCHEMA schema."""
    table_access.change_catalog(session)
    definition = named(session, names)
    wanted = naming.creation_schema(session, schema)
    access.require_type_owner(session, definition)
    if wanted != definition.schema:
        require_free(session, wanted, definition.name)
        _rename(session, replace(definition, schema=wanted))


def put(session: Session, definition: MadeType) -> None:
    """Put a definition in the place of what the type was, and have every stored text follow."""
    before = session.catalog
    session.transaction.catalog = store.changed(session.connection, before, put_types=[definition])
    stored_texts.follow(session, before)


def _rename(session: Session, new: MadeType) -> None:
    put(session, replace(new, array_name=free_array_name(session, new.schema, new.name)))
