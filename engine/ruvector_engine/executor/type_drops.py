"""DROP TYPE: what depends on a type, and what goes with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ruvector_engine.catalog import store
from ruvector_engine.catalog.made_types import CompositeDef, MadeType, row_type
from ruvector_engine.catalog.model import BARE_SCHEMA, ColumnDef, TableDef, ViewDef
from ruvector_engine.catalog.system.lookup import system_schemas
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, composite_types, dependents, table_changes, type_changes
from ruvector_engine.executor.dependents import CASCADE_HINT
from ruvector_engine.sql.deparse import type_names
from ruvector_engine.sql.raw import strings
from ruvector_engine.sql.typenames import EXTENSION_TYPES, find_type
from ruvector_engine.types.registry import PgType

if TYPE_CHECKING:
    from ruvector_engine.session import Session


class _Dependent(NamedTuple):
    """A column (of a table) or a view that uses a type; `label` says which it is, `uses` what it depends on."""

    label: str
    uses: str
    relation: int
    column: ColumnDef | None


def run(session: Session, node: Any, *, cascade: bool) -> None:
    """DROP TYPE [IF EXISTS] names [CASCADE]."""
    for item in node.objects:
        names = strings(item.type_name.names)
        definition = type_changes.find(session, names)
        if definition is not None:
            access.require_type_owner(session, definition, schema_too=True)
            drop(session, definition, cascade=cascade)
        else:
            _missing(session, names, node.missing_ok)


def _missing(session: Session, names: list[str], missing_ok: bool) -> None:
    shown = ".".join(names)
    if len(names) > 1 and names[-2] not in (*session.catalog.schemas, *system_schemas()):
        code, text = "3F000", f'schema "{names[-2]}" does not exist'
    else:
        built_in = find_type(names[-1])
        if built_in is not None:
            _refuse_built_in(session, built_in)
        relation = session.catalog.find(names[-1], names[-2] if len(names) > 1 else None, session.search_path)
        if isinstance(relation, (TableDef, ViewDef)):
            kind = "table" if isinstance(relation, TableDef) else "view"
            text = f"cannot drop type {shown} because {kind} {relation.name} requires it"
            raise SqlError("2BP01", text, hint=f"You can drop {kind} {relation.name} instead.")
        code, text = "42704", f'type "{shown}" does not exist'
    if not missing_ok:
        raise SqlError(code, text)
    session.notice("00000", f"{text}, skipping")


def _refuse_built_in(session: Session, pg_type: PgType) -> None:
    extension = EXTENSION_TYPES.get(pg_type.name)
    if extension is None:
        text = f"cannot drop type {pg_type.sql_name} because it is required by the database system"
        raise SqlError("2BP01", text)
    if extension in session.catalog.extensions:
        text = f"cannot drop type {pg_type.sql_name} because extension {extension} requires it"
        raise SqlError("2BP01", text, hint=f"You can drop extension {extension} instead.")


def drop(session: Session, definition: MadeType, *, cascade: bool) -> None:
    """Remove a type, with CASCADE also the columns and views that use it; 2BP01 without."""
    found = _dependents(session, definition)
    if found and not cascade:
        raise SqlError(
            "2BP01",
            f"cannot drop type {definition.sql_name} because other objects depend on it",
            detail="\n".join(f"{d.label} depends on {d.uses}" for d in found),
            hint=CASCADE_HINT,
        )
    dependents.tell(session, [d.label for d in found])
    for dependent in sorted(found, key=lambda d: d.column is not None):  # views before what they read
        _drop_dependent(session, dependent)
    _require_unmentioned(session, definition)
    session.transaction.catalog = store.changed(session.connection, session.catalog, drop_types=[definition])


def drop_row_users(session: Session, relation: TableDef | ViewDef, *, cascade: bool) -> None:
    """Remove the columns of other tables that hold rows of one that is about to go, with CASCADE; 2BP01 without."""
    definition = row_type(relation)
    found = [d for d in _dependents(session, definition) if d.column is not None and d.relation != relation.oid]
    if found and not cascade:
        kind = "table" if isinstance(relation, TableDef) else "view"
        raise SqlError(
            "2BP01",
            f"cannot drop {kind} {relation.name} because other objects depend on it",
            detail="\n".join(f"{d.label} depends on {d.uses}" for d in found),
            hint=CASCADE_HINT,
        )
    dependents.tell(session, [d.label for d in found])
    for dependent in found:
        _drop_dependent(session, dependent)


def _drop_dependent(session: Session, dependent: _Dependent) -> None:
    relation = next((r for r in session.catalog.relations.values() if r.oid == dependent.relation), None)
    if isinstance(relation, ViewDef):
        table_changes.drop(session, relation)
    elif isinstance(relation, TableDef) and dependent.column is not None:
        session.lock(relation.oid, "ddl")
        table_changes.drop_column(session, relation, dependent.column)
    elif dependent.column is not None:
        made = next(t for t in session.catalog.types.values() if t.oid == dependent.relation)
        assert isinstance(made, CompositeDef)
        left = replace(made, columns=tuple(c for c in made.columns if c.name != dependent.column.name))
        composite_types.change(session, made, left)


def _dependents(session: Session, definition: MadeType) -> list[_Dependent]:
    """Columns and views, in PostgreSQL's order: what uses the array type first; columns of a table from the last on."""
    relations = sorted(session.catalog.relations.values(), key=lambda r: r.oid)
    found = []
    for oid, uses in (
        (definition.array_oid, f"type {definition.sql_name}[]"),
        (definition.oid, f"type {definition.sql_name}"),
    ):
        for made in session.catalog.types.values():
            for column in made.columns if isinstance(made, CompositeDef) else ():
                if column.type.oid == oid:
                    label = f"column {column.name} of composite type {made.sql_name}"
                    found.append(_Dependent(label, uses, made.oid, column))
        for relation in relations:
            if not isinstance(relation, TableDef):
                continue
            for column in reversed(relation.columns):
                if column.type.oid == oid:
                    label = f"column {column.name} of table {relation.name}"
                    found.append(_Dependent(label, uses, relation.oid, column))
    columns = {(d.relation, d.column.attnum) for d in found if d.column is not None}
    for view in relations:
        if isinstance(view, ViewDef) and _view_uses(view, definition, columns):
            found.append(_Dependent(f"view {view.name}", f"type {definition.sql_name}", view.oid, None))
    views = {view.oid: view for view in relations if isinstance(view, ViewDef)}
    for dependent in found:  # which grows: views of views
        known = {d.relation for d in found if d.column is None}
        above = dependents.views_of(session, views[dependent.relation]) if dependent.relation in views else []
        found += [_Dependent(f"view {v.name}", dependent.label, v.oid, None) for v in above if v.oid not in known]
    return found


def _view_uses(view: ViewDef, definition: MadeType, columns: set[tuple[int, int]]) -> bool:
    if any(c.type.oid in (definition.oid, definition.array_oid) for c in view.columns):
        return True
    return any(view.reads(*column) for column in columns) or mentions(view.query, definition)


def mentions(statement: str, definition: MadeType) -> bool:
    """Whether a stored text names the type."""
    named = {(names[-2] if len(names) > 1 else BARE_SCHEMA, names[-1]) for names in type_names(statement)}
    return (definition.schema, definition.name) in named


def _require_unmentioned(session: Session, definition: MadeType) -> None:
    """0A000 when a default or a CHECK of another column names the type."""
    for table in session.catalog.relations.values():
        if not isinstance(table, TableDef):
            continue
        texts = [c.default for c in table.columns] + [c.expression for c in table.constraints]
        if any(mentions(f"SELECT {text}", definition) for text in texts if text):
            raise not_supported(
                f"an expression of table {table.name} uses type {definition.sql_name}",
                hint="Drop the default or the check constraint first.",
            )
