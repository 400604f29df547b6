"""CREATE VIEW, and what ALTER VIEW does beside renaming: the query is analyzed anew at each use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import Catalog, ColumnDef, Relation, ViewDef
from ruvector_engine.catalog.system.typenames import format_type
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, naming, ownership, stored_texts, table_access
from ruvector_engine.executor.role_names import specified_role
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Query, Utility
from ruvector_engine.sql.parser import inner_statement

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_TRUE, _FALSE = ("true", "on", "1", "yes"), ("false", "off", "0", "no")


def run_create(session: Session, statement: Utility) -> Result:
    """CREATE [OR REPLACE] VIEW."""
    node = statement.node
    _refuse_kinds(node)
    schema = naming.creation_schema(session, node.view.schemaname)
    catalog = table_access.change_catalog(session)
    options = _with_options({}, node.options)
    assert session.raw is not None
    query = stored_texts.ViewQuery(inner_statement(session.raw, node.query), session.analysis_context())
    if not isinstance(query.analyzed.statement, Query):
        raise not_supported("a view takes a query")
    if any(cte.statement is not None for cte in query.analyzed.statement.ctes):
        raise SqlError("0A000", "views must not contain data-modifying statements in WITH")
    columns = _columns(query, [alias.string.sval for alias in node.aliases])
    old = _replaced(session, catalog, schema, node)
    if old is not None:
        columns = _following(session, old, columns)
    view = ViewDef(
        old.oid if old is not None else store.new_oid(session.connection),
        schema,
        node.view.relname,
        query.text([column.name for column in columns], catalog),
        columns,
        options.get("security_invoker", "false").lower() in _TRUE,
        query.uses(),
        tuple(options.items()),
    )
    _require_finite(catalog, view)
    authority = ownership.created(session, [view]) if old is None else None
    session.transaction.catalog = store.changed(session.connection, catalog, put=[view], authority=authority)
    return Result("CREATE VIEW")


def _refuse_kinds(node: Any) -> None:
    if node.view.relpersistence == "u":
        raise SqlError("42601", "views cannot be unlogged because they do not have storage")
    if node.view.relpersistence == "t":
        raise not_supported("CREATE TEMPORARY VIEW is not supported")
    if enum_name(node, "with_check_option") != "NO_CHECK_OPTION":
        raise not_supported("WITH CHECK OPTION is not supported")


def _columns(query: stored_texts.ViewQuery, aliases: Sequence[str]) -> tuple[ColumnDef, ...]:
    """The view's columns; 42601 and 42701 for names that do not fit."""
    outputs = query.analyzed.columns or ()
    if len(aliases) > len(outputs):
        raise SqlError("42601", "CREATE VIEW specifies more column names than columns")
    names = [*aliases, *(c.name for c in outputs[len(aliases) :])]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise SqlError("42701", f'column "{twice}" specified more than once')
    for name, output in zip(names, outputs, strict=True):
        if output.type.pg.category == "P":
            raise SqlError("42P16", f'column "{name}" has pseudo-type {output.type.pg.sql_name}')
    return tuple(ColumnDef(n, c.type, i) for i, (n, c) in enumerate(zip(names, outputs, strict=True), 1))


def _replaced(session: Session, catalog: Catalog, schema: str, node: Any) -> ViewDef | None:
    """The view in whose place the new one comes; 42P07 and 42809 for what may not be replaced."""
    name = node.view.relname
    old = catalog.relations.get((schema, name))
    if old is None or not node.replace:
        naming.exists_already(session, schema, name, False)
        return None
    if not isinstance(old, ViewDef):
        raise SqlError("42809", f'"{name}" is not a view')
    access.require_owner(session, old)
    return old


def _following(session: Session, old: ViewDef, columns: tuple[ColumnDef, ...]) -> tuple[ColumnDef, ...]:
    """The columns of a view that replaces another, whose columns must all be there as they were; 42P16."""
    if len(columns) < len(old.columns):
        raise SqlError("42P16", "cannot drop columns from view")
    for before, after in zip(old.columns, columns, strict=False):
        if before.name != after.name:
            raise SqlError(
                "42P16",
                f'cannot change name of view column "{before.name}" to "{after.name}"',
                hint="Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
            )
        if (before.type.oid, before.type.typmod) != (after.type.oid, after.type.typmod):
            was, now = (format_type(session.lookup, t.oid, t.typmod) for t in (before.type, after.type))
            raise SqlError("42P16", f'cannot change data type of view column "{before.name}" from {was} to {now}')
    numbers = [column.attnum for column in old.columns]
    numbers += range(max(numbers) + 1, max(numbers) + 1 + len(columns) - len(numbers))
    return tuple(replace(column, attnum=number) for column, number in zip(columns, numbers, strict=True))


def _require_finite(catalog: Catalog, view: ViewDef) -> None:
    """42P17 for a view that would read itself, which PostgreSQL finds out when it is read."""
    views = {r.oid: r for r in catalog.relations.values() if isinstance(r, ViewDef)}
    pending = list(view.uses)
    for use in pending:
        if use.oid == view.oid:
            raise SqlError("42P17", f'infinite recursion detected in rules for relation "{view.name}"')
        pending += (u for u in (views[use.oid].uses if use.oid in views else ()) if u not in pending)


# -------------------------------------------------------------------- ALTER VIEW

#: What ALTER TABLE would do with a table only, as errors call it.
_OF_TABLES = {
    "AT_AddColumn": "ADD COLUMN",
    "AT_DropColumn": "DROP COLUMN",
    "AT_AlterColumnType": "ALTER COLUMN ... SET DATA TYPE",
    "AT_SetNotNull": "ALTER COLUMN ... SET NOT NULL",
    "AT_DropNotNull": "ALTER COLUMN ... DROP NOT NULL",
    "AT_AddConstraint": "ADD CONSTRAINT",
    "AT_DropConstraint": "DROP CONSTRAINT",
}


def run_alter(session: Session, statement: Utility, relation: Relation) -> Result:
    """ALTER VIEW (or ALTER TABLE of a view) SET | RESET (options) | OWNER TO; names change elsewhere."""
    if not isinstance(relation, ViewDef):
        raise SqlError("42809", f'"{relation.name}" is not a view')
    access.require_owner(session, relation)
    table_access.change_catalog(session)
    for item in statement.node.cmds:
        command = item.alter_table_cmd
        kind = enum_name(command, "subtype")
        if kind in ("AT_SetRelOptions", "AT_ResetRelOptions"):
            _set_options(session, relation.oid, command)
        elif kind == "AT_ChangeOwner":
            ownership.alter_owner(session, relation, specified_role(session, command.newowner))
        elif kind in _OF_TABLES:
            raise SqlError(
                "42809",
                f'ALTER action {_OF_TABLES[kind]} cannot be performed on relation "{relation.name}"',
                detail="This operation is not supported for views.",
            )
        elif kind == "AT_ColumnDefault":
            raise not_supported("defaults of a view's columns are not supported", hint="No view can be written to.")
        else:
            raise not_supported(f"ALTER VIEW {kind.removeprefix('AT_')} is not supported")
    return Result(statement.tag)


def _set_options(session: Session, oid: int, command: Any) -> None:
    view = next(r for r in session.catalog.relations.values() if isinstance(r, ViewDef) and r.oid == oid)
    elements = getattr(command, "def").list.items
    options = dict(view.options)
    if enum_name(command, "subtype") == "AT_SetRelOptions":
        options = _with_options(options, elements)
    else:
        for element in elements:
            options.pop(element.def_elem.defname, None)
    invoker = options.get("security_invoker", "false").lower() in _TRUE
    new = replace(view, security_invoker=invoker, options=tuple(options.items()))
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=[new])


def _with_options(options: dict[str, str], elements: Any) -> dict[str, str]:
    """The options as a list of them changes these; security_barrier holds for every view here."""
    changed = dict(options)
    for item in elements:
        element = item.def_elem
        if element.defname not in ("security_invoker", "security_barrier"):
            raise SqlError("22023", f'unrecognized parameter "{element.defname}"')
        value = constant_text(element.arg) if element.HasField("arg") else "true"
        if value.lower() not in (*_TRUE, *_FALSE):
            raise SqlError("22023", f'invalid value for boolean option "{element.defname}": {value}')
        changed[element.defname] = value
    return changed
