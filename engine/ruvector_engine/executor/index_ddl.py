"""CREATE INDEX and REINDEX. Vector indexes are built while writers go on; DuckDB's own indexes carry keys only.

A btree (or hash, gin, ...) index that is not unique changes no answer: its entry is kept for the catalogs, and DuckDB's
columnar scan does the work. A unique one becomes a constraint of the table.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import ConstraintDef, IndexDef, TableDef
from ruvector_engine.catalog.system import IndexBuild, objects
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, table_access, table_changes, tables
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.index import BuildCancelled
from ruvector_engine.planner.operator_classes import (
    METHOD_ALIASES,
    NO_CLASS_HINT,
    OPERATOR_CLASSES,
    UNSERVED_CLASSES,
    check_class,
    check_dimensions,
    check_options,
    class_exists,
    has_default_class,
)
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.types.registry import PgType

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_PLAIN_METHODS = ("btree", "hash", "gin", "gist", "brin", "spgist")


def run_create_index(session: Session, statement: Utility) -> Result:
    """CREATE [UNIQUE] INDEX [CONCURRENTLY] [IF NOT EXISTS] [name] ON table USING method (...) WITH (...)."""
    node = statement.node
    if node.concurrent and session.transaction.state == "block":
        raise SqlError("25001", "CREATE INDEX CONCURRENTLY cannot run inside a transaction block")
    table = table_access.table_named(session, node.relation)
    if table.virtual:
        raise SqlError("42501", f'permission denied: "{table.name}" is a system catalog')
    access.require_owner(session, table)
    access.require_create(session, table.schema)
    method = METHOD_ALIASES.get(node.access_method, node.access_method)
    if method not in ("hnsw", "ivfflat", *_PLAIN_METHODS):
        raise SqlError("42704", f'access method "{node.access_method}" does not exist')
    columns, classes = _elements(table, node, method)
    name = node.idxname or tables.free_name(session, table.schema, f"{table.name}_{'_'.join(columns)}_idx")
    if tables.exists_already(session, table.schema, name, node.if_not_exists):
        return Result("CREATE INDEX")
    if node.nulls_not_distinct:
        raise not_supported("NULLS NOT DISTINCT is not supported")
    if node.HasField("where_clause"):
        raise not_supported("partial indexes are not supported", hint="Leave the WHERE out.")
    definition = IndexDef(
        0, name, table.schema, table.oid, method, columns, classes, _options(node, method), unique=bool(node.unique)
    )
    if definition.is_vector:
        _create_vector_index(session, table, definition)
    else:
        _create_plain_index(session, table, definition)
    return Result("CREATE INDEX")


def _elements(table: TableDef, node: Any, method: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    columns: list[str] = []
    classes: list[str] = []
    if method in ("hnsw", "ivfflat"):
        if node.unique:
            raise SqlError("0A000", f'access method "{method}" does not support unique indexes')
        if len(node.index_params) > 1:
            raise SqlError("0A000", f'access method "{method}" does not support multicolumn indexes')
    for wrapped in node.index_params:
        element = wrapped.index_elem
        if not element.name:
            raise not_supported("indexes on expressions are not supported", hint="Index a column.")
        column = table.column(element.name)
        if column is None:
            raise SqlError("42703", f'column "{element.name}" does not exist')
        columns.append(element.name)
        given = element.opclass[-1].string.sval if element.opclass else None
        ordered = enum_name(element, "ordering") != "SORTBY_DEFAULT"
        if method in ("hnsw", "ivfflat") and (
            ordered or enum_name(element, "nulls_ordering") != "SORTBY_NULLS_DEFAULT"
        ):
            what = "ASC/DESC" if ordered else "NULLS FIRST/LAST"
            raise SqlError("0A000", f'access method "{method}" does not support {what} options')
        if method in ("hnsw", "ivfflat"):
            if not column.type.is_vector:
                _refuse_type(column.type.pg, given, method)
            classes.append(check_class(method, given, column.type.pg.name))
            check_dimensions(column.type.typmod)
        elif given is None and not has_default_class(method, column.type.pg):
            raise SqlError(
                "42704",
                f'data type {column.type.pg.sql_name} has no default operator class for access method "{method}"',
                hint=NO_CLASS_HINT,
            )
        elif given is not None:
            _check_plain_class(column.type.pg, given, method)
            classes.append(given)
    if node.index_including_params:
        raise not_supported("INCLUDE is not supported")
    if node.unique and method != "btree":
        raise SqlError("0A000", f'access method "{method}" does not support unique indexes')
    return tuple(columns), tuple(classes)


def _check_plain_class(pg_type: PgType, given: str, method: str) -> None:
    """Refuse a class of the vector types that the method has not, or that is another type's."""
    if given in OPERATOR_CLASSES or any(given in classes for classes in UNSERVED_CLASSES.values()):
        raise SqlError("42704", f'operator class "{given}" does not exist for access method "{method}"')
    if method == "btree" and given in ("halfvec_ops", "sparsevec_ops", "vector_ops") and given != f"{pg_type.name}_ops":
        raise SqlError("42804", f'operator class "{given}" does not accept data type {pg_type.sql_name}')


def _refuse_type(pg_type: PgType, given: str | None, method: str) -> None:
    if given is None:
        raise SqlError(
            "42704",
            f'data type {pg_type.sql_name} has no default operator class for access method "{method}"',
            hint=NO_CLASS_HINT,
        )
    if given in UNSERVED_CLASSES.get((method, pg_type.name), ()):
        raise not_supported(
            f"{method} indexes on columns of type {pg_type.sql_name} are not supported",
            hint="Leave the index out: the search is exact without one. Or index a column of type vector.",
        )
    if not class_exists(method, given):
        raise SqlError("42704", f'operator class "{given}" does not exist for access method "{method}"')
    raise SqlError("42804", f'operator class "{given}" does not accept data type {pg_type.sql_name}')


def _options(node: Any, method: str) -> MappingProxyType[str, str]:
    given = {o.def_elem.defname: constant_text(o.def_elem.arg) for o in node.options}
    if method in ("hnsw", "ivfflat"):
        given = check_options(method, given)
    elif set(given) - {"fillfactor", "fastupdate", "deduplicate_items"}:
        raise SqlError("22023", f'unrecognized parameter "{next(iter(given))}"')
    return MappingProxyType(given)


def _create_vector_index(session: Session, table: TableDef, definition: IndexDef) -> None:
    """Build first, then enter it in the catalog, so that a long build holds no other DDL up."""
    transaction = session.transaction
    if transaction.read_only:
        raise SqlError("25006", "cannot execute CREATE INDEX in a read-only transaction")
    definition = replace(definition, oid=store.new_oid(session.connection))
    transaction.new_indexes[definition.oid] = definition
    build_index(session, definition, table)
    table_access.change_catalog(session)
    current = session.catalog.table_by_oid(table.oid)
    if current is None or current.columns != table.columns:
        raise SqlError("40001", f'table "{table.name}" was changed while its index was being built')
    tables.exists_already(session, definition.schema, definition.name, if_not_exists=False)
    transaction.changes_of(table.oid)
    transaction.catalog = store.changed(session.connection, session.catalog, put=[definition])


def _create_plain_index(session: Session, table: TableDef, definition: IndexDef) -> None:
    table_access.lock_catalog(session)
    table = table_access.current(session, table)  # others may have changed it while the locks were awaited
    if definition.unique:
        session.lock(table.oid, "ddl")
    table_access.change_catalog(session)
    tables.exists_already(session, definition.schema, definition.name, if_not_exists=False)
    for name in definition.columns:
        if table.column(name) is None:
            raise SqlError("42703", f'column "{name}" does not exist')
    definition = replace(definition, oid=store.new_oid(session.connection))
    if definition.unique:
        constraint = ConstraintDef(store.new_oid(session.connection), definition.name, "u", definition.columns)
        table_changes.rewrite(session, table, replace(table, constraints=(*table.constraints, constraint)))
        definition = replace(definition, constraint_oid=constraint.oid)
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=[definition])


def run_reindex(session: Session, statement: Utility) -> Result:
    """REINDEX INDEX | TABLE | SCHEMA | DATABASE: builds the vector indexes anew."""
    node = statement.node
    if session.transaction.state == "block":
        raise SqlError("25001", "REINDEX cannot run inside a transaction block")
    for definition in _reindexed(session, node, enum_name(node, "kind")):
        if not definition.is_vector:
            continue
        session.lock(definition.oid, "ddl")  # one build of it at a time
        table = session.catalog.table_by_oid(definition.table_oid)
        if table is not None and definition in session.catalog.indexes_of(table.oid):
            session.transaction.new_indexes[definition.oid] = definition
            build_index(session, definition, table)
            session.transaction.changes_of(table.oid)
    return Result("REINDEX")


def _reindexed(session: Session, node: Any, kind: str) -> list[IndexDef]:
    indexes = [r for r in session.catalog.relations.values() if isinstance(r, IndexDef)]
    if kind == "REINDEX_OBJECT_INDEX":
        name = node.relation.relname
        found = session.catalog.find(name, node.relation.schemaname or None, session.search_path)
        if found is None:
            raise SqlError("42P01", f'relation "{name}" does not exist')
        if not isinstance(found, IndexDef):
            raise SqlError("42809", f'"{name}" is not an index')
        if not access.may_maintain(session, found):
            raise objects.denied(found)
        return [found]
    if kind == "REINDEX_OBJECT_TABLE":
        table = table_access.table_named(session, node.relation)
        if not access.may_maintain(session, table):
            raise objects.denied(table)
        return list(session.catalog.indexes_of(table.oid))
    allowed = [i for i in indexes if access.may_maintain(session, i)]
    if kind == "REINDEX_OBJECT_SCHEMA":
        access.require_schema_owner(session, node.name)
        return [i for i in allowed if i.schema == node.name]
    access.require_database_owner(session)
    return allowed


def build_index(session: Session, definition: IndexDef, table: TableDef) -> None:
    """Build a vector index of what the transaction sees; it is installed when the transaction commits."""
    build = IndexBuild(session.pid, table.oid, definition.oid, "CREATE INDEX", "initializing", 0, 0)

    def progress(phase: str, done: int, total: int) -> None:
        session.building = replace(build, phase=phase, tuples_done=done, tuples_total=total)

    def snapshot() -> bool:
        session.transaction.begin_snapshot()
        session.connection.run(f"SELECT 1 FROM {table.storage_name} LIMIT 1")
        return not table_access.outdated(session, table)

    session.transaction.writes += 1
    session.building = build
    try:
        session.database.indexes.build(
            session.connection,
            definition,
            table,
            snapshot=snapshot,
            commit_lock=session.database.commit_lock,
            progress=progress,
            cancelled=lambda: bool(session.cancel_reason),
        )
    except BuildCancelled:
        raise SqlError("57014", session.cancel_reason) from None
    finally:
        session.building = None
