"""CREATE TABLE: checks, and the table that its columns, constraints and LIKE clauses add up to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import generation, naming, table_access, table_storage
from ruvector_engine.executor.column_definitions import column_from
from ruvector_engine.executor.constraint_definitions import add_constraint
from ruvector_engine.executor.table_draft import Draft
from ruvector_engine.executor.table_like import add_like
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: PostgreSQL's limit on columns of a table.
MAX_COLUMNS = 1600


def run_create_table(session: Session, statement: Utility) -> Result:
    """CREATE TABLE with columns, defaults, identity, serials, primary key, unique and check constraints."""
    node = statement.node
    _refuse_table_clauses(node)
    schema = naming.creation_schema(session, node.relation.schemaname, node.relation.location + 1)
    name = node.relation.relname
    table_access.change_catalog(session)
    if naming.exists_already(session, schema, name, node.if_not_exists):
        return Result("CREATE TABLE")
    draft = Draft(schema, name, taken={name})
    oid = store.new_oid(session.connection)
    for element in node.table_elts:
        kind = element.WhichOneof("node")
        if kind == "column_def":
            _add_column(session, draft, element.column_def, oid)
        elif kind == "table_like_clause":
            add_like(session, draft, element.table_like_clause)
    for constraint, column in draft.checks:
        add_constraint(session, draft, constraint, column)
    for element in node.table_elts:
        kind = element.WhichOneof("node")
        if kind == "constraint":
            add_constraint(session, draft, element.constraint, None)
    if len(draft.columns) > MAX_COLUMNS:
        raise SqlError("54011", f"tables can have at most {MAX_COLUMNS} columns")
    table = TableDef(
        oid,
        schema,
        name,
        tuple(draft.columns),
        tuple(draft.constraints),
        temporary=node.relation.relpersistence == "t",
    )
    definitions = [e.column_def for e in node.table_elts if e.WhichOneof("node") == "column_def"]
    table = generation.checked(session, table, generation.expressions(definitions))
    table_storage.create(session, table, draft.sequences)
    return Result("CREATE TABLE")


def _refuse_table_clauses(node: Any) -> None:
    refused = (
        (node.inh_relations, "INHERITS"),
        (node.HasField("partspec"), "PARTITION BY"),
        (node.HasField("partbound"), "PARTITION OF"),
        (node.HasField("of_typename"), "OF type"),
        (node.tablespacename, "TABLESPACE"),
        (enum_name(node, "oncommit") != "ONCOMMIT_NOOP", "ON COMMIT"),
        (node.access_method not in ("", "heap"), "USING"),
        (node.relation.relpersistence == "t", "TEMPORARY"),
    )
    for present, clause in refused:
        if present:
            raise not_supported(f"CREATE TABLE ... {clause} is not supported")


def _add_column(session: Session, draft: Draft, node: Any, table_oid: int) -> None:
    if any(c.name == node.colname for c in draft.columns):
        raise SqlError("42701", f'column "{node.colname}" specified more than once')
    column, sequence, constraints = column_from(session, draft.schema, draft.name, node, table_oid, draft.taken)
    draft.columns.append(replace(column, attnum=len(draft.columns) + 1))
    if sequence is not None:
        draft.sequences.append(sequence)
    for constraint in constraints:
        if enum_name(constraint, "contype") == "CONSTR_CHECK":
            draft.checks.append((constraint, node.colname))
        else:
            add_constraint(session, draft, constraint, node.colname)
