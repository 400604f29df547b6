"""DROP, TRUNCATE, ALTER TABLE: changes to what exists. Other names are given in `renames`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import (
    PREVIOUS_ROW_ID,
    ROW_ID,
    ColumnDef,
    IndexDef,
    Relation,
    SequenceDef,
    TableDef,
    ViewDef,
)
from ruvector_engine.catalog.system import objects
from ruvector_engine.catalog.system.dependencies import pg_describe_object
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.catalog.system.oids import PG_CLASS
from ruvector_engine.catalog.system.typenames import format_type
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import (
    access,
    bindings,
    dependents,
    duplicate_keys,
    generation,
    index_values,
    ownership,
    stored_texts,
    table_access,
    tables,
    views,
)
from ruvector_engine.executor.index_builds import build_index
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.planner.operator_classes import awaits_dimensions, is_text
from ruvector_engine.relational.errors import DuplicateKey
from ruvector_engine.results import Result
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.coerce import coerce, without_shape
from ruvector_engine.sql.context import Parameters, State
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.emit import emit_expression
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.storage import duck_type
from ruvector_engine.sql.typenames import resolve_column_type
from ruvector_engine.sql.unique_keys import insertion
from ruvector_engine.types.registry import TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: What DROP and RENAME are about, by the statement's kind of object.
DROPPABLE: dict[str, tuple[type[Relation], str]] = {
    "OBJECT_TABLE": (TableDef, "table"),
    "OBJECT_INDEX": (IndexDef, "index"),
    "OBJECT_SEQUENCE": (SequenceDef, "sequence"),
    "OBJECT_VIEW": (ViewDef, "view"),
}

# -------------------------------------------------------------------- DROP


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
        if relation.constraint_oid:
            table = session.catalog.table_by_oid(relation.table_oid)
            constraint = f"constraint {relation.name} on table {table.name if table is not None else ''}"
            raise SqlError(
                "2BP01",
                f"cannot drop index {relation.name} because {constraint} requires it",
                hint=f"You can drop {constraint} instead.",
            )
        session.lock(relation.table_oid, "ddl")
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


# -------------------------------------------------------------------- TRUNCATE


def run_truncate(session: Session, statement: Utility) -> Result:
    """TRUNCATE table, ... [RESTART IDENTITY]."""
    node = statement.node
    for relation in node.relations:
        table = table_access.table_named(session, relation.range_var)
        access.require_table(session, table, "D")
        session.lock(table.oid, "ddl")
        session.transaction.for_write(session.command)
        table_access.require_current(session, table)
        session.connection.run(f"DELETE FROM {table.storage_name}")
        session.transaction.note_write(table.oid, reworks=True).truncate()
        if node.restart_seqs:
            for item in session.catalog.relations.values():
                if isinstance(item, SequenceDef) and item.owner_table == table.oid:
                    session.connection.run(f"SELECT setval('{item.storage_name}', {item.start}, false)")
    return Result("TRUNCATE TABLE")


# -------------------------------------------------------------------- ALTER TABLE


def run_alter_table(session: Session, statement: Utility) -> Result:
    """ALTER TABLE: ADD / DROP COLUMN, ALTER COLUMN, ADD / DROP CONSTRAINT; one rewrite of the table for all."""
    node = statement.node
    if all(enum_name(item.alter_table_cmd, "subtype") == "AT_ChangeOwner" for item in node.cmds):
        return ownership.run_change_owner(session, statement)
    if enum_name(node, "objtype") not in ("OBJECT_TABLE", "OBJECT_VIEW"):
        raise not_supported(f"{statement.tag} is not supported")
    table_access.lock_catalog(session)
    try:
        relation = table_access.relation_named(session, node.relation)
    except SqlError as error:
        if node.missing_ok and error.sqlstate in ("42P01", "3F000"):
            session.notice("00000", f'relation "{node.relation.relname}" does not exist, skipping')
            return Result(statement.tag)
        raise
    if isinstance(relation, ViewDef) or enum_name(node, "objtype") == "OBJECT_VIEW":
        return views.run_alter(session, statement, relation)
    table = table_access.table_named(session, node.relation)
    access.require_owner(session, table)
    session.lock(table.oid, "ddl")
    table_access.change_catalog(session)
    table_access.require_current(session, table)
    for wrapped in node.cmds:
        command = wrapped.alter_table_cmd
        kind = enum_name(command, "subtype")
        change = _COMMANDS.get(kind)
        if change is None:
            raise not_supported(f"ALTER TABLE {kind.removeprefix('AT_')} is not supported")
        change(session, table_access.current(session, table), command)
    return Result("ALTER TABLE")


def column_of(table: TableDef, name: str) -> ColumnDef:
    """The table's column of that name; 42703."""
    column = table.column(name)
    if column is None:
        raise SqlError("42703", f'column "{name}" of relation "{table.name}" does not exist')
    return column


def put_table(session: Session, table: TableDef) -> None:
    """Put another definition in a table's place."""
    session.transaction.changes_of(table.oid).altered = True
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=[table])


def _add_column(session: Session, table: TableDef, command: Any) -> None:
    node = getattr(command, "def").column_def
    if table.column(node.colname) is not None:
        text = f'column "{node.colname}" of relation "{table.name}" already exists'
        if not command.missing_ok:
            raise SqlError("42701", text)
        session.notice("42701", f"{text}, skipping")
        return
    column, sequence, constraints = tables.column_from(session, table.schema, table.name, node, table.oid, {table.name})
    if constraints:
        raise not_supported("ADD COLUMN with a key or check is not supported", hint="Add the constraint separately.")
    number = max((c.attnum for c in table.columns), default=0) + 1
    column = replace(column, attnum=number)
    run = session.connection.run
    if sequence is not None:
        tables.create_sequence_storage(session, sequence)
        owner = objects.relation_owner(session.catalog, table)
        put = [sequence]
        authority = ownership.made_by(session.catalog.authority, put, owner)
        session.transaction.catalog = store.changed(session.connection, session.catalog, put=put, authority=authority)
    new = replace(table, columns=(*table.columns, column))
    tables.check_stored(new)
    default = table_access.default_sql(session, column)
    if column.generation is not None:
        new = generation.checked(session, new, generation.expressions([node]))
        default = table_access.generation_sql(session, new, new.columns[-1])
    if default is not None or column.not_null or new.has_row_id != table.has_row_id:
        rewrite(session, table, new, {column.name: default})
        return
    run(f"ALTER TABLE {table.storage_name} ADD COLUMN {quote(column.name)} {duck_type(column.type)}")
    put_table(session, new)


def _drop_column(session: Session, table: TableDef, command: Any) -> None:
    """ALTER TABLE ... DROP COLUMN [IF EXISTS]."""
    if table.column(command.name) is None and command.missing_ok:
        text = f'column "{command.name}" of relation "{table.name}" does not exist, skipping'
        session.notice("00000", text)
        return
    column = column_of(table, command.name)
    cascade = enum_name(command, "behavior") == "DROP_CASCADE"
    dependents.release(session, [dependents.Column(table, column)], cascade=cascade)
    drop_column(session, table_access.current(session, table), column)


def drop_column(session: Session, table: TableDef, column: ColumnDef) -> None:
    """Remove a column with the indexes and constraints over it; the table's "ddl" lock is held.

    What else depends on it is gone already. Views that list the table's columns under an alias follow.
    """
    before = session.catalog
    for index in session.catalog.indexes_of(table.oid):
        if index.uses(column.name) and not index.constraint_oid:
            drop(session, index)
    session.transaction.changes_of(table.oid).added.pop(column.name, None)
    kept = tuple(c for c in table.constraints if column.name not in c.columns)
    new = replace(table, columns=tuple(c for c in table.columns if c is not column), constraints=kept)
    rewrite(session, table, new, {})
    gone = objects.relation_key(table, column.attnum)
    catalog = session.catalog
    comments = {key: text for key, text in catalog.comments.items() if key != gone}
    acls = {key: items for key, items in catalog.authority.acls.items() if key != gone}
    authority = replace(catalog.authority, acls=MappingProxyType(acls))
    session.transaction.catalog = store.changed(session.connection, catalog, comments=comments, authority=authority)
    if dependents.views_of(session, table):
        stored_texts.follow(session, before)


def rewrite(
    session: Session,
    old: TableDef,
    new: TableDef,
    values: Mapping[str, str | None] = MappingProxyType({}),
    *,
    new_ids: bool = False,
) -> None:
    """Make the table anew under its name: what DuckDB cannot alter in place.

    `values`: SQL for changed columns. With `new_ids` every row gets another hidden id, and whoever asks for that has
    the indexes built anew.
    """
    table_access.require_current(session, old)
    run = session.connection.run
    for constraint in new.constraints:
        if constraint.kind in "pu" and constraint not in old.constraints and not values:
            duplicate_keys.require_unique(session, old, constraint)
    fresh = replace(new, oid=store.new_oid(session.connection))
    run(tables.create_sql(session, fresh))
    names = [c.name for c in new.columns]
    selected = [values.get(n) or (quote(n) if old.column(n) else "NULL") for n in names]
    hidden = [ROW_ID, PREVIOUS_ROW_ID] if new.has_row_id and old.has_row_id and not new_ids else []
    rows = f"SELECT {', '.join([*selected, *map(quote, hidden)])} FROM {old.storage_name}"
    try:
        run(f"INSERT INTO {fresh.storage_name} {insertion(fresh, [*names, *hidden], rows)}")
    except SqlError as error:
        raise _rewritten_error(error, old, new, fresh) from error
    run(f"DROP TABLE {old.storage_name}")
    run(f"ALTER TABLE {fresh.storage_name} RENAME TO {new.storage_name}")
    gone = {i.constraint_oid for i in session.catalog.indexes_of(old.oid)} - {c.oid for c in new.constraints} - {0}
    lost = [i for i in session.catalog.indexes_of(old.oid) if i.constraint_oid in gone]
    session.transaction.catalog = store.changed(session.connection, session.catalog, drop=lost)
    put_table(session, new)


def _rewritten_error(error: SqlError, old: TableDef, table: TableDef, fresh: TableDef) -> SqlError:
    """What DuckDB says of the rows' copy, as PostgreSQL says it of the table; a new constraint is the likely one."""
    if error.sqlstate == "23502" and error.table == fresh.storage_name.strip('"'):
        return SqlError("23502", f'column "{error.column}" of relation "{table.name}" contains null values')
    added = [c for c in table.constraints if c not in old.constraints] or list(table.constraints)
    if isinstance(error, DuplicateKey):
        return duplicate_keys.explained_for_index(error, replace(table, constraints=tuple(added)))
    if error.sqlstate == "23514":
        checks = [c.name for c in added if c.kind == "c"]
        named = f' "{checks[0]}"' if len(checks) == 1 else ""
        return SqlError("23514", f'check constraint{named} of relation "{table.name}" is violated by some row')
    return error


def _set_default(session: Session, table: TableDef, command: Any) -> None:
    column = column_of(table, command.name)
    generation.require_no_expression(table, column)
    text = None
    if command.HasField("def"):
        text = stored_texts.default_text(session, getattr(command, "def"), column)
    _replace_column(session, table, replace(column, default=text))


def _drop_expression(session: Session, table: TableDef, command: Any) -> None:
    changed = generation.without_expression(table, column_of(table, command.name), missing_ok=command.missing_ok)
    if changed is None:
        text = f'column "{command.name}" of relation "{table.name}" is not a generated column, skipping'
        session.notice("00000", text)
        return
    _replace_column(session, table, changed)


def _set_expression(session: Session, table: TableDef, command: Any) -> None:
    column = column_of(table, command.name)
    new, value = generation.with_expression(session, table, column, getattr(command, "def"))
    indexes = session.catalog.indexes_of(table.oid)
    searched = [index for index in indexes if index.is_vector]
    if not any(index.uses(column.name) for index in searched):
        searched = []
    # Other vectors are other versions of the rows: what is saved of the indexes must not be taken for them.
    rewrite(session, table, new, {column.name: value}, new_ids=bool(searched))
    for index in indexes:
        if not index.is_vector and index.uses(column.name):
            index_values.require_computable(session, new, index)
    for index in searched:
        if not awaits_dimensions(index, new):
            build_index(session, index, new)


def _replace_column(session: Session, table: TableDef, column: ColumnDef) -> None:
    columns = tuple(column if c.attnum == column.attnum else c for c in table.columns)
    put_table(session, replace(table, columns=columns))


def _set_not_null(session: Session, table: TableDef, command: Any) -> None:
    column = column_of(table, command.name)
    if not column.not_null:
        rewrite(session, table, with_column(table, replace(column, not_null=True)), {})


def _drop_not_null(session: Session, table: TableDef, command: Any) -> None:
    column = column_of(table, command.name)
    if any(c.kind == "p" and column.name in c.columns for c in table.constraints):
        raise SqlError("42P16", f'column "{column.name}" is in a primary key')
    if column.not_null:
        rewrite(session, table, with_column(table, replace(column, not_null=False)), {})


def with_column(table: TableDef, column: ColumnDef) -> TableDef:
    """The table with another definition of the column that has its number."""
    return replace(table, columns=tuple(column if c.attnum == column.attnum else c for c in table.columns))


def _alter_type(session: Session, table: TableDef, command: Any) -> None:
    column = column_of(table, command.name)
    node = getattr(command, "def").column_def
    dimensions = len(node.type_name.array_bounds)
    type_ = resolve_column_type(command.name, node.type_name, session.catalog, session.search_path)
    type_ = replace(type_, shaped=dimensions > 1 or column.type.shaped)
    generation.require_free_type(session, table, column)
    for index in session.catalog.indexes_of(table.oid):
        built = index.is_vector or index.reads or is_text(index, table)
        if index.uses(column.name) and built and column.type != type_:
            raise not_supported(
                f'column "{column.name}" has the index "{index.name}"', hint="Drop the index, then create it again."
            )
    value = _transformed(session, table, column, node, type_)
    for view in dependents.views_of(session, table, column.attnum):
        rule = f"rule _RETURN on {pg_describe_object(session.lookup, PG_CLASS, view.oid, 0)}"
        detail = f'{rule} depends on column "{column.name}"'
        raise SqlError("0A000", "cannot alter type of a column used by a view or rule", detail=detail)
    rewrite(
        session, table, with_column(table, replace(column, type=type_, dimensions=dimensions)), {column.name: value}
    )


def _transformed(session: Session, table: TableDef, column: ColumnDef, node: Any, type_: TypeRef) -> str:
    """DuckDB's SQL of a column's values as another type: of USING, or of an assignment; 42804 when there is none."""
    context = session.analysis_context()
    given = node.raw_default if node.HasField("raw_default") else None
    source = analyze_expression(quote(column.name) if given is None else given, context, table=table, clause="USING")
    value = coerce(State(context, Parameters(None)), source, type_, "a")
    if value is None:
        shown = format_type(session.lookup, type_.oid)
        if given is not None:
            text = f'result of USING clause for column "{column.name}" cannot be cast automatically to type {shown}'
            raise SqlError("42804", text, hint="You might need to add an explicit cast.")
        full = format_type(session.lookup, type_.oid, type_.typmod)
        raise SqlError(
            "42804",
            f'column "{column.name}" cannot be cast automatically to type {shown}',
            hint=f'You might need to specify "USING {quote_identifier(column.name)}::{full}".',
        )
    return bindings.inlined(session, emit_expression(value if type_.shaped else without_shape(value)))


def _add_constraint(session: Session, table: TableDef, command: Any) -> None:
    draft = tables.Draft(table.schema, table.name, list(table.columns), list(table.constraints), taken={table.name})
    tables.add_constraint(session, draft, getattr(command, "def").constraint, None)
    new = replace(table, columns=tuple(draft.columns), constraints=tuple(draft.constraints))
    rewrite(session, table, new, {})
    added = tables.constraint_indexes(session, replace(new, constraints=(draft.constraints[-1],)))
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=added)


def _drop_constraint(session: Session, table: TableDef, command: Any) -> None:
    found = next((c for c in table.constraints if c.name == command.name), None)
    if found is None:
        text = f'constraint "{command.name}" of relation "{table.name}" does not exist'
        if not command.missing_ok:
            raise SqlError("42704", text)
        session.notice("00000", f"{text}, skipping")
        return
    rewrite(session, table, replace(table, constraints=tuple(c for c in table.constraints if c is not found)), {})


def _change_owner(session: Session, table: TableDef, command: Any) -> None:
    ownership.alter_owner(session, table, specified_role(session, command.newowner))


_COMMANDS = {
    "AT_AddColumn": _add_column,
    "AT_DropColumn": _drop_column,
    "AT_ColumnDefault": _set_default,
    "AT_DropExpression": _drop_expression,
    "AT_SetExpression": _set_expression,
    "AT_SetNotNull": _set_not_null,
    "AT_DropNotNull": _drop_not_null,
    "AT_AlterColumnType": _alter_type,
    "AT_AddConstraint": _add_constraint,
    "AT_DropConstraint": _drop_constraint,
    "AT_ChangeOwner": _change_owner,
}
