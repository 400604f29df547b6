"""CREATE INDEX. Vector and text indexes are built while writers go on; DuckDB's own indexes carry keys only.

A btree (or hash, gist, ...) index that is not unique changes no answer, nor does GIN over anything but a tsvector:
its entry is kept for the catalogs, and DuckDB's columnar scan does the work. A unique one becomes a constraint of the
table, which clients are not shown.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import ConstraintDef, IndexDef, TableDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, index_values, naming, table_access, table_rewrite
from ruvector_engine.executor.index_builds import build_index
from ruvector_engine.executor.index_elements import VECTOR_METHODS, elements_of
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.planner.index_keys import index_key
from ruvector_engine.planner.operator_classes import (
    FILLFACTOR,
    METHOD_ALIASES,
    awaits_dimensions,
    check_build,
    check_number,
    check_options,
    is_text,
)
from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_PLAIN_METHODS = ("btree", "hash", "gin", "gist", "brin", "spgist")


def run_create_index(session: Session, statement: Utility) -> Result:
    """CREATE [UNIQUE] INDEX [CONCURRENTLY] [IF NOT EXISTS] [name] ON table USING method (...) WITH (...)."""
    node = statement.node
    if node.concurrent:
        session.require_no_block("CREATE INDEX CONCURRENTLY")
    table = table_access.table_named(session, node.relation)
    if table.virtual:
        raise SqlError("42501", f'permission denied: "{table.name}" is a system catalog')
    access.require_owner(session, table)
    access.require_create(session, table.schema)
    method = METHOD_ALIASES.get(node.access_method, node.access_method)
    if method not in (*VECTOR_METHODS, *_PLAIN_METHODS):
        raise SqlError("42704", f'access method "{node.access_method}" does not exist')
    elements = elements_of(session, table, node, method)
    name = node.idxname or naming.free_name(session, table.schema, f"{table.name}_{'_'.join(elements.columns)}_idx")
    if naming.exists_already(session, table.schema, name, node.if_not_exists):
        return Result("CREATE INDEX")
    if node.nulls_not_distinct:
        raise not_supported("NULLS NOT DISTINCT is not supported")
    given = {o.def_elem.defname: constant_text(o.def_elem.arg) for o in node.options}
    definition = IndexDef(
        0,
        name,
        table.schema,
        table.oid,
        method,
        elements.columns,
        elements.classes,
        MappingProxyType(checked_options(given, method)),
        unique=bool(node.unique),
        expressions=elements.expressions,
        predicate=elements.predicate,
        reads=elements.reads,
        orders=elements.orders,
    )
    if definition.is_vector or is_text(definition, table):
        if definition.is_vector:
            check_build(definition, table)
        command = "CREATE INDEX CONCURRENTLY" if node.concurrent else "CREATE INDEX"
        _create_built_index(session, table, definition, command)
    else:
        _create_plain_index(session, table, definition)
    return Result("CREATE INDEX")


def checked_options(given: dict[str, str], method: str) -> dict[str, str]:
    """The options of CREATE INDEX or ALTER INDEX, or the error for a wrong one."""
    if method in VECTOR_METHODS:
        return check_options(method, given)
    for name, text in given.items():
        if name not in ("fillfactor", "fastupdate", "deduplicate_items"):
            raise SqlError("22023", f'unrecognized parameter "{name}"')
        if name == "fillfactor":
            check_number(name, text, FILLFACTOR)
    return given


def _create_built_index(session: Session, table: TableDef, definition: IndexDef, command: str) -> None:
    """Build first, then enter it in the catalog, so that a long build holds no other DDL up."""
    transaction = session.transaction
    if transaction.read_only:
        raise SqlError("25006", "cannot execute CREATE INDEX in a read-only transaction")
    if not table.has_row_id:
        table = _give_row_ids(session, table)
    definition = with_dimensions(session, definition, table)
    if awaits_dimensions(definition, table):
        definition = replace(definition, oid=store.new_oid(session.connection))
    else:
        definition = build_index(session, definition, table, command)
    table_access.change_catalog(session)
    current = session.catalog.table_by_oid(table.oid)
    if current is None or current.columns != table.columns:
        raise SqlError("40001", f'table "{table.name}" was changed while its index was being built')
    naming.exists_already(session, definition.schema, definition.name, if_not_exists=False)
    transaction.changes_of(table.oid)
    transaction.catalog = store.changed(session.connection, session.catalog, put=[definition])


def with_dimensions(session: Session, definition: IndexDef, table: TableDef) -> IndexDef:
    """An index on real[] with the dimensions of the first array there is; any other as it is."""
    if not awaits_dimensions(definition, table):
        return definition
    rows = index_key(definition, table, session.catalog).rows_sql
    found = session.connection.run(f"SELECT octet_length(key) // 4 FROM ({rows}) AS r(id, key) LIMIT 1")
    return replace(definition, dimensions=found[0][0]) if found else definition


def _give_row_ids(session: Session, table: TableDef) -> TableDef:
    """The table made anew with hidden row ids: none of its columns asked for them, an index's expression does."""
    session.lock(table.oid, "ddl")
    table_access.change_catalog(session)
    table = table_access.current(session, table)
    table_rewrite.rewrite(session, table, replace(table, row_ids=True))
    return table_access.current(session, table)


def _create_plain_index(session: Session, table: TableDef, definition: IndexDef) -> None:
    table_access.lock_catalog(session)
    table = table_access.current(session, table)  # others may have changed it while the locks were awaited
    if definition.unique:
        session.lock(table.oid, "ddl")
    table_access.change_catalog(session)
    naming.exists_already(session, definition.schema, definition.name, if_not_exists=False)
    for name in (*definition.columns, *definition.reads):
        if definition.uses(name) and table.column(name) is None:
            raise SqlError("42703", f'column "{name}" does not exist')
    definition = replace(definition, oid=store.new_oid(session.connection))
    index_values.require_computable(session, table, definition)
    if definition.unique:
        oid = store.new_oid(session.connection)
        constraint = ConstraintDef(oid, definition.name, "u", definition.columns, index_only=True)
        table_rewrite.rewrite(session, table, replace(table, constraints=(*table.constraints, constraint)))
        definition = replace(definition, constraint_oid=constraint.oid)
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=[definition])
