"""DROP, by what it removes: types and what is in schemas here, extensions and the rest elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import SqlError
from ruvector_engine.executor import extensions, table_access, table_changes, type_drops
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
    return table_changes.run_drop(session, statement)


def _check_concurrent(session: Session, node: Any, cascade: bool) -> None:
    session.require_no_block("DROP INDEX CONCURRENTLY")
    if len(node.objects) > 1:
        raise SqlError("0A000", "DROP INDEX CONCURRENTLY does not support dropping multiple objects")
    if cascade:
        raise SqlError("0A000", "DROP INDEX CONCURRENTLY does not support CASCADE")
