"""CREATE TABLE AS and SELECT INTO: a table made of the rows of a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import bindings, naming, prepared, queries, table_access, table_storage
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.emit import emit_query
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import Query, Utility
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session
    from ruvector_engine.sql.analyze import Analyzed


def run_create_table_as(session: Session, statement: Utility, params: Sequence[Value]) -> Result:
    """CREATE TABLE name AS query | EXECUTE name; SELECT ... INTO name."""
    node = statement.node
    if enum_name(node, "objtype") != "OBJECT_TABLE":
        raise not_supported("CREATE MATERIALIZED VIEW is not supported")
    into = node.into
    if into.rel.relpersistence == "t":
        raise not_supported("CREATE TEMPORARY TABLE is not supported")
    schema = naming.creation_schema(session, into.rel.schemaname)
    table_access.change_catalog(session)
    if naming.exists_already(session, schema, into.rel.relname, node.if_not_exists):
        return Result("CREATE TABLE AS")
    analyzed, params = _source(session, statement, params)
    query, outputs = analyzed.statement, analyzed.columns or ()
    if not isinstance(query, Query):
        raise not_supported("CREATE TABLE AS takes a query")
    names = [n.string.sval for n in into.col_names] or [c.name for c in outputs]
    names += [c.name for c in outputs[len(names) :]]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise SqlError("42701", f'column "{twice}" specified more than once')
    types = [t.expr.type for t in query.targets if not t.hidden]
    columns = tuple(ColumnDef(n, t, i) for i, (n, t) in enumerate(zip(names, types, strict=True), 1))
    table = TableDef(store.new_oid(session.connection), schema, into.rel.relname, columns)
    table_storage.create(session, table, [])
    count = 0
    if not into.skip_data:
        count = _fill(session, table, query, params)
    return Result(f"SELECT {count}")


def _source(session: Session, statement: Utility, params: Sequence[Value]) -> tuple[Analyzed, Sequence[Value]]:
    """The query, analyzed now that its lock is held, and its parameters' values."""
    node = statement.node.query
    if node.WhichOneof("node") == "execute_stmt":
        executed, values = prepared.bound(session, node.execute_stmt)
        return executed.analyzed, values
    types = statement.inner.parameters if statement.inner is not None else ()
    analyzed = session.inner(node, [t.oid for t in types])
    session.require(analyzed)
    return analyzed, params


def _fill(session: Session, table: TableDef, query: Query, params: Sequence[Value]) -> int:
    """Put a query's rows into a new table; how many."""
    queries.prepare(session, query)
    emitted = emit_query(query, transport=False)
    names = ", ".join(quote(c.name) for c in table.columns)
    sql = f"INSERT INTO {table.storage_name} ({names}) {emitted.text}"
    return int(session.connection.run(sql, bindings.values(session, emitted, params))[0][0])
