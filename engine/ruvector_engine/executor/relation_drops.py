"""DROP TABLE, INDEX, SEQUENCE, VIEW and SCHEMA; who else removes relations begins here too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import (
    IndexDef,
    Relation,
    SequenceDef,
    TableDef,
    ViewDef,
)
from ruvector_engine.catalog.system import objects
from ruvector_engine.catalog.system.dependencies import pg_describe_object
from ruvector_engine.catalog.system.oids import PG_CLASS
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import (
    access,
    dependents,
    ownership,
    table_access,
    table_rewrite,
)
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: What DROP and RENAME are about, by the statement's kind of object.
DROPPABLE: dict[str, tuple[type[Relation], str]] = {
    "OBJECT_TABLE": (TableDef, "table"),
    "OBJECT_INDEX": (IndexDef, "index"),
    "OBJECT_SEQUENCE": (SequenceDef, "sequence"),
    "OBJECT_VIEW": (ViewDef, "view"),
}


def run_drop(session: Session, statement: Utility) -> Result:
    """DROP TABLE | INDEX | SEQUENCE | VIEW | SCHEMA [IF EXISTS] ... [CASCADE]."""
    node = statement.node
    kind = enum_name(node, "remove_type")
    cascade = enum_name(node, "behavior") == "DROP_CASCADE"
    table_access.change_catalog(session)
    if kind == "OBJECT_SCHEMA":
        schemas = [_droppable_schema(session, item.string.sval, node.missing_ok) for item in node.objects]
        drop_schemas(session, [name for name in schemas if name is not None], cascade=cascade)
    elif kind in DROPPABLE:
        names = ([n.string.sval for n in item.list.items] for item in node.objects)
        found = [_droppable(session, name, kind, node.missing_ok) for name in names]
        drop_all(session, [relation for relation in found if relation is not None], cascade=cascade)
    else:
        raise not_supported(f"{statement.tag} is not supported")
    return Result(statement.tag)


def _droppable(session: Session, name: list[str], kind: str, missing_ok: bool) -> Relation | None:
    """The relation that DROP names; None, with a notice, where there is none and that is allowed."""
    wanted, word = DROPPABLE[kind]
    schema = name[-2] if len(name) > 1 else None
    access.require_usage(session, schema, missing_ok=True)
    found = session.catalog.find(name[-1], schema, session.search_path)
    if found is None:
        missing, state = f'{word} "{name[-1]}" does not exist', "42704" if kind == "OBJECT_INDEX" else "42P01"
        if schema is not None and not objects.schema_exists(session.catalog, schema):
            missing, state = f'schema "{schema}" does not exist', "3F000"
        if not missing_ok:
            raise SqlError(state, missing)
        session.notice("00000", f"{missing}, skipping")
        return None
    if not isinstance(found, wanted):
        actual = next(w for cls, w in DROPPABLE.values() if isinstance(found, cls))
        article = "an" if word == "index" else "a"
        raise SqlError(
            "42809",
            f'"{found.name}" is not {article} {word}',
            hint=f"Use DROP {actual.upper()} to remove {'an' if actual == 'index' else 'a'} {actual}.",
        )
    access.require_owner_or_schema(session, found)
    return found


def drop_all(session: Session, relations: Sequence[Relation], *, cascade: bool) -> None:
    """Remove relations, and what depends on them, which takes CASCADE."""
    for relation in relations:
        if isinstance(relation, SequenceDef):
            _require_no_identity(session, relation)
    dependents.release(session, relations, cascade=cascade)
    for relation in relations:
        if session.catalog.find(relation.name, relation.schema, ()) is not None:
            drop(session, relation)


def _require_no_identity(session: Session, sequence: SequenceDef) -> None:
    """2BP01 for the sequence of an identity column, which goes with that."""
    table = session.catalog.table_by_oid(sequence.owner_table)
    for column in table.columns if table is not None else ():
        if column.identity and column.owned_sequence == sequence.oid:
            owner = pg_describe_object(session.lookup, PG_CLASS, sequence.owner_table, column.attnum)
            raise SqlError(
                "2BP01",
                f"cannot drop sequence {session.lookup.relation_name(sequence)} because {owner} requires it",
                hint=f"You can drop {owner} instead.",
            )


def drop(session: Session, relation: Relation) -> None:
    """Remove a relation with all that belongs to it."""
    gone: list[Relation] = [relation]
    run = session.connection.run
    if isinstance(relation, TableDef):
        if relation.virtual:
            raise SqlError("42501", f'permission denied: "{relation.name}" is a system catalog')
        session.lock(relation.oid, "ddl")
        session.transaction.dropped.add(relation.oid)
        session.transaction.changes_of(relation.oid)
        gone += session.catalog.indexes_of(relation.oid)
        owned = [s for s in session.catalog.relations.values() if isinstance(s, SequenceDef)]
        gone += [s for s in owned if s.owner_table == relation.oid]
        run(f"DROP TABLE {relation.storage_name}")
    elif isinstance(relation, IndexDef):
        table = session.catalog.table_by_oid(relation.table_oid)
        if table is not None and not table.is_plain(relation):
            constraint = f"constraint {relation.name} on table {table.name}"
            raise SqlError(
                "2BP01",
                f"cannot drop index {relation.name} because {constraint} requires it",
                hint=f"You can drop {constraint} instead.",
            )
        session.lock(relation.table_oid, "ddl")
        if table is not None and relation.constraint_oid:
            table = table_access.current(session, table)
            left = tuple(c for c in table.constraints if c.oid != relation.constraint_oid)
            table_rewrite.rewrite(session, table, replace(table, constraints=left))
    for item in gone:
        if isinstance(item, SequenceDef):
            run(f"DROP SEQUENCE {item.storage_name}")
        elif isinstance(item, IndexDef):
            session.transaction.dropped.add(item.oid)
    session.transaction.catalog = store.changed(session.connection, session.catalog, drop=gone)


def _droppable_schema(session: Session, name: str, missing_ok: bool) -> str | None:
    """The schema that DROP names; None, with a notice, where there is none and that is allowed."""
    if name in session.catalog.schemas:
        access.require_schema_owner(session, name)
        return name
    if not missing_ok:
        raise SqlError("3F000", f'schema "{name}" does not exist')
    session.notice("00000", f'schema "{name}" does not exist, skipping')
    return None


def drop_schemas(session: Session, names: Sequence[str], *, cascade: bool) -> None:
    """Remove schemas; what is in them takes CASCADE."""
    dependents.release(session, [dependents.Schema(name) for name in names], cascade=cascade)
    for name in names:
        catalog = session.catalog
        session.transaction.catalog = store.changed(
            session.connection,
            catalog,
            schemas=catalog.schemas - {name},
            authority=ownership.forgotten(catalog.authority, objects.schema_key(name)[:2]),
        )
