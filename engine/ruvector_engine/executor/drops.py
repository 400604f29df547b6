"""DROP, by what it removes: types and what is in schemas here, extensions and the rest elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.executor import enum_drop, extensions, table_access, table_changes
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
    if kind == "OBJECT_TYPE":
        table_access.change_catalog(session)
        enum_drop.run(session, node, cascade=cascade)
        return Result(statement.tag)
    if kind == "OBJECT_EXTENSION":
        return extensions.run_drop(session, statement)
    schemas = {item.string.sval for item in node.objects} if kind == "OBJECT_SCHEMA" else set()
    types = [made for made in session.catalog.types.values() if made.schema in schemas]
    if types and not cascade:
        raise SqlError(
            "2BP01",
            f"cannot drop schema {types[0].schema} because other objects depend on it",
            detail=f"type {types[0].sql_name} depends on schema {types[0].schema}",
            hint=enum_drop.CASCADE_HINT,
        )
    result = table_changes.run_drop(session, statement)
    for made in types:
        enum_drop.drop(session, made, cascade=True)
    return result
