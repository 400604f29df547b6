"""What a new relation may be called, and the schema that it goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog.composite_types import CompositeDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access

if TYPE_CHECKING:
    from ruvector_engine.session import Session

MAX_IDENTIFIER = 63
_TYPE_OF_ROWS = (
    "A relation has an associated type of the same name, so you must use a name that doesn't conflict with any "
    "existing type."
)


def creation_schema(session: Session, schema: str, position: int | None = None) -> str:
    """The schema a new object goes to; 3F000 when there is none of that name, 42501 when it is closed to the user."""
    if schema in ("pg_catalog", "information_schema"):
        raise SqlError("42501", f"permission denied for schema {schema}")
    if schema:
        if schema not in session.catalog.schemas:
            raise SqlError("3F000", f'schema "{schema}" does not exist', position=position)
        access.require_create(session, schema, position)
        return schema
    for place in session.search_path:
        if place in session.catalog.schemas:
            access.require_create(session, place, position)
            return place
    raise SqlError("3F000", "no schema has been selected to create in")


def free_name(session: Session, schema: str, base: str, taken: set[str] | None = None) -> str:
    """`base`, or base1, base2, ...: the first that names nothing yet (ChooseRelationName)."""
    number = 0
    while True:
        suffix = str(number) if number else ""
        name = base[: MAX_IDENTIFIER - len(suffix)] + suffix
        if (schema, name) not in session.catalog.relations and name not in (taken or ()):
            return name
        number += 1


def exists_already(session: Session, schema: str, name: str, if_not_exists: bool) -> bool:
    """Whether creation is to be skipped, with a notice; 42P07 when it may not be."""
    if (schema, name) not in session.catalog.relations:
        made = session.catalog.types.get((schema, name))
        if isinstance(made, CompositeDef):
            raise SqlError("42P07", f'relation "{name}" already exists')
        if any(t.schema == schema and name in (t.name, t.array_name) for t in session.catalog.types.values()):
            raise SqlError("42710", f'type "{name}" already exists', hint=_TYPE_OF_ROWS)
        return False
    text = f'relation "{name}" already exists'
    if not if_not_exists:
        raise SqlError("42P07", text)
    session.notice("42P07", f"{text}, skipping")
    return True
