"""DROP, by what it removes: types and what is in schemas here, extensions and the rest elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import TableDef, ViewDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access, dependents, extensions, table_access, table_changes, type_drops
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run(session: Session, statement: Utility) -> Result:
    """DROP; types go with the schema they are in."""
    node = statement.node
    kind = enum_name(node, "remove_type")
    cascade = enum_name(node, "behavior") == "DROP_CASCADE"
    if node.concurrent:
        _check_concurrent(session, node, cascade)
    if kind == "OBJECT_TYPE":
        table_access.change_catalog(session)
        type_drops.run(session, node, cascade=cascade)
        return Result(statement.tag)
    if kind == "OBJECT_EXTENSION":
        return extensions.run_drop(session, statement)
    for relation in _with_rows(session, node.objects) if kind in ("OBJECT_TABLE", "OBJECT_VIEW") else ():
        type_drops.drop_row_users(session, relation, cascade=cascade)
    schemas = {item.string.sval for item in node.objects} if kind == "OBJECT_SCHEMA" else set()
    types = [made for made in session.catalog.types.values() if made.schema in schemas]
    for name in {made.schema for made in types}:
        access.require_schema_owner(session, name)
    if types and not cascade:
        raise SqlError(
            "2BP01",
            f"cannot drop schema {types[0].schema} because other objects depend on it",
            detail=f"type {types[0].sql_name} depends on schema {types[0].schema}",
            hint=dependents.CASCADE_HINT,
        )
    result = table_changes.run_drop(session, statement)
    for made in types:
        type_drops.drop(session, made, cascade=True)
    return result


def _check_concurrent(session: Session, node: Any, cascade: bool) -> None:
    session.require_no_block("DROP INDEX CONCURRENTLY")
    if len(node.objects) > 1:
        raise SqlError("0A000", "DROP INDEX CONCURRENTLY does not support dropping multiple objects")
    if cascade:
        raise SqlError("0A000", "DROP INDEX CONCURRENTLY does not support CASCADE")


def _with_rows(session: Session, objects: Iterable[Any]) -> Iterator[TableDef | ViewDef]:
    """The tables and views among those that DROP names."""
    for item in objects:
        names = [n.string.sval for n in item.list.items]
        found = session.catalog.find(names[-1], names[-2] if len(names) > 1 else None, session.search_path)
        if isinstance(found, (TableDef, ViewDef)):
            yield found
