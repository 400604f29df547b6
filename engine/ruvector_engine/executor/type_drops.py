"""DROP TYPE: what depends on a type, and what goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.made_types import MadeType
from ruvector_engine.catalog.model import TableDef, ViewDef
from ruvector_engine.catalog.system.lookup import system_schemas
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access, dependents, type_changes
from ruvector_engine.sql.raw import strings
from ruvector_engine.sql.typenames import EXTENSION_TYPES, find_type
from ruvector_engine.types.registry import PgType

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run(session: Session, node: Any, *, cascade: bool) -> None:
    """DROP TYPE [IF EXISTS] names [CASCADE]."""
    for item in node.objects:
        names = strings(item.type_name.names)
        definition = type_changes.find(session, names)
        if definition is not None:
            access.require_type_owner(session, definition, schema_too=True)
            drop(session, definition, cascade=cascade)
        else:
            _missing(session, names, node.missing_ok)


def _missing(session: Session, names: list[str], missing_ok: bool) -> None:
    shown = ".".join(names)
    if len(names) > 1 and names[-2] not in (*session.catalog.schemas, *system_schemas()):
        code, text = "3F000", f'schema "{names[-2]}" does not exist'
    else:
        built_in = find_type(names[-1])
        if built_in is not None:
            _refuse_built_in(session, built_in)
        relation = session.catalog.find(names[-1], names[-2] if len(names) > 1 else None, session.search_path)
        if isinstance(relation, (TableDef, ViewDef)):
            kind = "table" if isinstance(relation, TableDef) else "view"
            text = f"cannot drop type {shown} because {kind} {relation.name} requires it"
            raise SqlError("2BP01", text, hint=f"You can drop {kind} {relation.name} instead.")
        code, text = "42704", f'type "{shown}" does not exist'
    if not missing_ok:
        raise SqlError(code, text)
    session.notice("00000", f"{text}, skipping")


def _refuse_built_in(session: Session, pg_type: PgType) -> None:
    extension = EXTENSION_TYPES.get(pg_type.name)
    if extension is None:
        text = f"cannot drop type {pg_type.sql_name} because it is required by the database system"
        raise SqlError("2BP01", text)
    if extension in session.catalog.extensions:
        text = f"cannot drop type {pg_type.sql_name} because extension {extension} requires it"
        raise SqlError("2BP01", text, hint=f"You can drop extension {extension} instead.")


def drop(session: Session, definition: MadeType, *, cascade: bool) -> None:
    """Remove a type, with CASCADE also what uses it; 2BP01 without."""
    dependents.release(session, [dependents.Type(definition)], cascade=cascade)
    remove(session, definition)


def remove(session: Session, definition: MadeType) -> None:
    """Remove a type that nothing uses any more."""
    session.transaction.catalog = store.changed(session.connection, session.catalog, drop_types=[definition])
