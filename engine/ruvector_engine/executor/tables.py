"""CREATE SCHEMA, TABLE, TABLE AS, SEQUENCE: checks, the catalog's entry, and the DuckDB object behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.composite_types import CompositeDef
from ruvector_engine.catalog.model import (
    BARE_SCHEMA,
    PREVIOUS_ROW_ID,
    ROW_ID,
    ColumnDef,
    ConstraintDef,
    IndexDef,
    Relation,
    SequenceDef,
    TableDef,
)
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import (
    access,
    bindings,
    generation,
    ownership,
    prepared,
    queries,
    stored_texts,
    table_access,
)
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.executor.table_like import add_like
from ruvector_engine.planner.operator_classes import NO_CLASS_HINT
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name, expression_text
from ruvector_engine.sql.emit import emit_query
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.functions.strings import quote_literal
from ruvector_engine.sql.nodes import Query, Utility
from ruvector_engine.sql.storage import duck_type
from ruvector_engine.sql.typenames import resolve_column_type
from ruvector_engine.sql.unique_keys import companion, companions, key_columns
from ruvector_engine.types.registry import BOOL, INT2, INT4, INT8, JSON, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session
    from ruvector_engine.sql.analyze import Analyzed

_SERIALS = {
    "smallserial": INT2,
    "serial2": INT2,
    "serial": INT4,
    "serial4": INT4,
    "bigserial": INT8,
    "serial8": INT8,
}
_SEQUENCE_MAXIMUM = {INT2: 2**15 - 1, INT4: 2**31 - 1, INT8: 2**63 - 1}
#: PostgreSQL's limit on columns of a table.
MAX_COLUMNS = 1600
MAX_IDENTIFIER = 63
_TYPE_OF_ROWS = (
    "A relation has an associated type of the same name, so you must use a name that doesn't conflict with any "
    "existing type."
)


# -------------------------------------------------------------------- names


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


# -------------------------------------------------------------------- CREATE TABLE


@dataclass(slots=True)
class Draft:
    """A table under construction."""

    schema: str
    name: str
    columns: list[ColumnDef] = field(default_factory=list)
    constraints: list[ConstraintDef] = field(default_factory=list)
    sequences: list[SequenceDef] = field(default_factory=list)
    checks: list[tuple[Any, str]] = field(default_factory=list)  # of columns, which may read columns that come later
    taken: set[str] = field(default_factory=set)


def run_create_table(session: Session, statement: Utility) -> Result:
    """CREATE TABLE with columns, defaults, identity, serials, primary key, unique and check constraints."""
    node = statement.node
    _refuse_table_clauses(node)
    schema = creation_schema(session, node.relation.schemaname, node.relation.location + 1)
    name = node.relation.relname
    table_access.change_catalog(session)
    if exists_already(session, schema, name, node.if_not_exists):
        return Result("CREATE TABLE")
    draft = Draft(schema, name, taken={name})
    oid = store.new_oid(session.connection)
    for element in node.table_elts:
        kind = element.WhichOneof("node")
        if kind == "column_def":
            _add_column(session, draft, element.column_def, oid)
        elif kind == "table_like_clause":
            add_like(
                session, draft, element.table_like_clause, lambda base: free_name(session, schema, base, draft.taken)
            )
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
    create(session, table, draft.sequences)
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


def create(session: Session, table: TableDef, sequences: list[SequenceDef]) -> None:
    """Make the DuckDB table and sequences, and write the catalog's entries."""
    for sequence in sequences:
        create_sequence_storage(session, sequence)
    session.connection.run(create_sql(session, table))
    put: list[Relation] = [*sequences, table, *constraint_indexes(session, table)]
    authority = ownership.created(session, put)
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=put, authority=authority)


def check_stored(table: TableDef) -> None:
    """0A000 for columns that DuckDB cannot hold: none at all, or two whose names differ by case only."""
    if not table.columns:
        raise not_supported("a table without columns is not supported")
    names: dict[str, str] = {}
    for column in table.columns:
        other = names.setdefault(column.name.lower(), column.name)
        if other != column.name:
            raise not_supported(
                f'columns "{other}" and "{column.name}" of one table are not supported',
                hint="Give them names that differ by more than case.",
            )


def create_sql(session: Session, table: TableDef) -> str:
    """DuckDB's CREATE TABLE for a table."""
    check_stored(table)
    parts = [f"{quote(c.name)} {duck_type(c.type)}" + (" NOT NULL" if c.not_null else "") for c in table.columns]
    if table.has_row_id:
        parts.append(f"{quote(ROW_ID)} BIGINT NOT NULL DEFAULT nextval('ruvector_rid')")
        parts.append(f"{quote(PREVIOUS_ROW_ID)} BIGINT")
    parts += (f"{companion(column)} VARCHAR" for column in companions(table))
    for constraint in table.constraints:
        if constraint.kind == "c":
            parts.append(f"CHECK ({table_access.check_text(session, table, constraint)})")
        else:
            word = "PRIMARY KEY" if constraint.kind == "p" else "UNIQUE"
            parts.append(f"{word} ({', '.join(key_columns(table, constraint.columns))})")
    return f"CREATE TABLE {table.storage_name} ({', '.join(parts)})"


def constraint_indexes(session: Session, table: TableDef) -> list[IndexDef]:
    """The btree entries that PostgreSQL shows for primary key and unique constraints."""
    return [
        IndexDef(
            store.new_oid(session.connection),
            constraint.name,
            table.schema,
            table.oid,
            "btree",
            constraint.columns,
            unique=True,
            constraint_oid=constraint.oid,
        )
        for constraint in table.constraints
        if constraint.kind in "pu"
    ]


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


def column_from(
    session: Session, schema: str, table: str, node: Any, table_oid: int, taken: set[str]
) -> tuple[ColumnDef, SequenceDef | None, list[Any]]:
    """A column definition's column (attnum 0), its own sequence, and the constraints left to be added."""
    if node.HasField("coll_clause") and node.coll_clause.collname[-1].string.sval not in ("C", "default", "POSIX"):
        raise not_supported("COLLATE is not supported", hint='Columns have the collation "C".')
    type_names = [n.string.sval for n in node.type_name.names]
    serial = _SERIALS.get(type_names[-1]) if not node.type_name.array_bounds else None
    type_ = (
        TypeRef(serial)
        if serial
        else resolve_column_type(node.colname, node.type_name, session.catalog, session.search_path)
    )
    dimensions = len(node.type_name.array_bounds)
    if dimensions > 1:
        type_ = replace(type_, shaped=True)
    column = ColumnDef(node.colname, type_, 0, dimensions=dimensions, not_null=serial is not None or node.is_not_null)
    left = []
    identity: Any = None
    for wrapped in node.constraints:
        constraint = wrapped.constraint
        kind = enum_name(constraint, "contype")
        if kind == "CONSTR_NOTNULL":
            column = replace(column, not_null=True)
        elif kind == "CONSTR_DEFAULT":
            text = stored_texts.default_text(session, constraint.raw_expr, column)
            column = replace(column, default=None if text.upper() == "NULL" else text)
        elif kind == "CONSTR_IDENTITY":
            identity = constraint
            column = replace(column, not_null=True, identity="a" if constraint.generated_when == "a" else "d")
        elif kind == "CONSTR_GENERATED":
            column = replace(
                column, generation=expression_text(constraint.raw_expr), virtual=constraint.generated_kind != "s"
            )
        elif kind != "CONSTR_NULL":
            left.append(constraint)
    _check_generated(table, column, node, has_sequence=serial is not None or identity is not None)
    if serial is None and identity is None:
        return column, None, left
    name = free_name(session, schema, f"{table}_{node.colname}_seq", taken)
    taken.add(name)
    options = sequence_options(identity.options if identity is not None else ())
    maximum = options.pop("maximum", _SEQUENCE_MAXIMUM[type_.oid])
    sequence = SequenceDef(
        store.new_oid(session.connection), schema, name, type_.oid, maximum=maximum, owner_table=table_oid, **options
    )
    default = f"nextval({quote_literal(_settled(schema, name))}::regclass)" if serial is not None else None
    return replace(column, default=default, owned_sequence=sequence.oid), sequence, left


def _check_generated(table: str, column: ColumnDef, node: Any, *, has_sequence: bool) -> None:
    if column.generation is None or not (has_sequence or column.default is not None):
        return
    what = "identity" if has_sequence else "default"
    text = f'both {what} and generation expression specified for column "{column.name}" of table "{table}"'
    places = [
        c.constraint.location for c in node.constraints if enum_name(c.constraint, "contype") == "CONSTR_GENERATED"
    ]
    raise SqlError("42601", text, position=places[0] + 1)


def _settled(schema: str, name: str) -> str:
    """A relation's name as constants in stored texts have it."""
    return quote_identifier(name) if schema == BARE_SCHEMA else f"{quote_identifier(schema)}.{quote_identifier(name)}"


def add_constraint(session: Session, draft: Draft, node: Any, column: str | None) -> None:
    """A primary key, unique or check constraint, of a column or of the table."""
    kind = enum_name(node, "contype")
    if node.nulls_not_distinct:
        raise not_supported("NULLS NOT DISTINCT is not supported")
    if kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
        columns = (column,) if column is not None else tuple(k.string.sval for k in node.keys)
        _check_key(draft, columns, kind, node.location)
        if kind == "CONSTR_PRIMARY":
            draft.columns[:] = [replace(c, not_null=True) if c.name in columns else c for c in draft.columns]
        base = f"{draft.name}_pkey" if kind == "CONSTR_PRIMARY" else f"{draft.name}_{'_'.join(columns)}_key"
        letter, expression = ("p" if kind == "CONSTR_PRIMARY" else "u"), None
    elif kind == "CONSTR_CHECK":
        probe = TableDef(0, draft.schema, draft.name, tuple(draft.columns))
        text = stored_texts.stored_text(session, node.raw_expr, table=probe, target=TypeRef(BOOL))
        columns = table_access.columns_read(session, node.raw_expr, probe)
        base = f"{draft.name}_{columns[0]}_check" if len(columns) == 1 else f"{draft.name}_check"
        letter, expression = "c", text
    elif kind == "CONSTR_FOREIGN":
        raise not_supported(
            "foreign keys are not supported", hint="Leave REFERENCES out; the application keeps the reference."
        )
    else:
        raise not_supported(f"{kind.removeprefix('CONSTR_').lower()} constraints are not supported")
    taken = draft.taken | {constraint.name for constraint in draft.constraints}
    if any(constraint.name == node.conname for constraint in draft.constraints):
        raise SqlError("42710", f'constraint "{node.conname}" for relation "{draft.name}" already exists')
    name = node.conname or free_name(session, draft.schema, base, taken)
    draft.taken.add(name)
    oid = store.new_oid(session.connection)
    draft.constraints.append(ConstraintDef(oid, name, letter, columns, expression))  # type: ignore[arg-type]


def _check_key(draft: Draft, columns: tuple[str, ...], kind: str, location: int) -> None:
    known = {c.name: c for c in draft.columns}
    for name in columns:
        if name not in known:
            raise SqlError("42703", f'column "{name}" named in key does not exist')
        if known[name].type.oid == JSON:
            text = 'data type json has no default operator class for access method "btree"'
            raise SqlError("42704", text, hint=NO_CLASS_HINT)
    if kind == "CONSTR_PRIMARY" and any(c.kind == "p" for c in draft.constraints):
        text = f'multiple primary keys for table "{draft.name}" are not allowed'
        raise SqlError("42P16", text, position=location + 1)


# -------------------------------------------------------------------- CREATE TABLE AS


def run_create_table_as(session: Session, statement: Utility, params: Sequence[Value]) -> Result:
    """CREATE TABLE name AS query | EXECUTE name; SELECT ... INTO name."""
    node = statement.node
    if enum_name(node, "objtype") != "OBJECT_TABLE":
        raise not_supported("CREATE MATERIALIZED VIEW is not supported")
    into = node.into
    if into.rel.relpersistence == "t":
        raise not_supported("CREATE TEMPORARY TABLE is not supported")
    schema = creation_schema(session, into.rel.schemaname)
    table_access.change_catalog(session)
    if exists_already(session, schema, into.rel.relname, node.if_not_exists):
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
    create(session, table, [])
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


# -------------------------------------------------------------------- schemas, sequences


def require_schema_name(name: str) -> None:
    """42939 for a name that no schema may have."""
    if name.startswith("pg_"):
        detail = 'The prefix "pg_" is reserved for system schemas.'
        raise SqlError("42939", f'unacceptable schema name "{name}"', detail=detail)


def run_create_schema(session: Session, statement: Utility) -> Result:
    """CREATE SCHEMA [IF NOT EXISTS] [name] [AUTHORIZATION role]."""
    node = statement.node
    catalog = table_access.change_catalog(session)
    owner = specified_role(session, node.authrole) if node.HasField("authrole") else None
    name = node.schemaname or (session.user if owner is None else owner.name)
    access.require_database(session, "C")
    if owner is not None:
        ownership.require_set(session, owner)
    if node.schema_elts:
        raise not_supported("CREATE SCHEMA with objects in it is not supported")
    require_schema_name(name)
    if name in catalog.schemas:
        if not node.if_not_exists:
            raise SqlError("42P06", f'schema "{name}" already exists')
        session.notice("42P06", f'schema "{name}" already exists, skipping')
        return Result("CREATE SCHEMA")
    role = session.rights.role if owner is None else owner.oid
    authority = ownership.of_new_schema(catalog.authority, name, role)
    schemas = catalog.schemas | {name}
    session.transaction.catalog = store.changed(session.connection, catalog, schemas=schemas, authority=authority)
    return Result("CREATE SCHEMA")


_SEQUENCE_OPTIONS = {"start": "start", "increment": "increment", "minvalue": "minimum", "maxvalue": "maximum"}


def sequence_options(options: Any) -> dict[str, int]:
    """The options that say how a sequence counts, checked."""
    found: dict[str, int] = {}
    for option in options:
        element = option.def_elem
        if element.defname in _SEQUENCE_OPTIONS and element.HasField("arg"):
            found[_SEQUENCE_OPTIONS[element.defname]] = int(constant_text(element.arg))
        elif element.defname == "cycle" and constant_text(element.arg) in ("true", "1"):
            raise not_supported("CYCLE is not supported")
        elif element.defname not in ("cache", "cycle", "as", "owned_by", "minvalue", "maxvalue", "sequence_name"):
            raise not_supported(f"sequence option {element.defname} is not supported")
    if found.get("increment") == 0:
        raise SqlError("22023", "INCREMENT must not be zero")
    if "start" not in found and "minimum" in found:
        found["start"] = found["minimum"]
    return found


def run_create_sequence(session: Session, statement: Utility) -> Result:
    """CREATE SEQUENCE."""
    node = statement.node
    schema = creation_schema(session, node.sequence.schemaname)
    table_access.change_catalog(session)
    name = node.sequence.relname
    if exists_already(session, schema, name, node.if_not_exists):
        return Result("CREATE SEQUENCE")
    owners = [o.def_elem.arg for o in node.options if o.def_elem.defname == "owned_by"]
    owner = table_access.owner_of(session, owners[0]) if owners else 0
    ownership.require_same_owner(session, owner, session.rights.role)
    oid, counting = store.new_oid(session.connection), sequence_options(node.options)
    sequence = SequenceDef(oid, schema, name, INT8, owner_table=owner, **counting)
    create_sequence_storage(session, sequence)
    authority = ownership.created(session, [sequence])
    put = [sequence]
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=put, authority=authority)
    return Result("CREATE SEQUENCE")


def create_sequence_storage(session: Session, sequence: SequenceDef) -> None:
    """The DuckDB sequence that counts for it."""
    session.connection.run(
        f"CREATE SEQUENCE {sequence.storage_name} INCREMENT BY {sequence.increment} "
        f"MINVALUE {sequence.minimum} MAXVALUE {sequence.maximum} START WITH {sequence.start}"
    )
