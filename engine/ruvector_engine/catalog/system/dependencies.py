"""pg_depend: what goes with a table, a column or an extension; and objects described in words."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog import made_types
from ruvector_engine.catalog.model import Catalog, TableDef, ViewDef
from ruvector_engine.catalog.system import oids
from ruvector_engine.catalog.system.access import exists, extension_of, operator_classes
from ruvector_engine.catalog.system.callables import (
    existing_casts,
    existing_procedures,
    is_there,
    operators,
    procedures,
)
from ruvector_engine.catalog.system.constraints import indexes_by_table, table_constraints, tables_of
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.listings import lookup_of
from ruvector_engine.catalog.system.lookup import Lookup, relation_kind
from ruvector_engine.catalog.system.oids import (
    ACCESS_METHODS,
    EXTENSIONS,
    PG_AM,
    PG_ATTRDEF,
    PG_CAST,
    PG_CLASS,
    PG_CONSTRAINT,
    PG_EXTENSION,
    PG_OPCLASS,
    PG_OPERATOR,
    PG_OPFAMILY,
    PG_PROC,
    PG_REWRITE,
    PG_TYPE,
    default_oid,
    rule_oid,
)
from ruvector_engine.catalog.system.relations import pg_catalog
from ruvector_engine.catalog.system.typenames import format_type
from ruvector_engine.catalog.system.types import all_types, existing_types
from ruvector_engine.sql.shown_names import relations_named

Rows = list[tuple[Any, ...]]


def depend_rows(context: SystemContext) -> Rows:
    """pg_depend: what goes when a table or a column goes."""
    row = pg_catalog("pg_depend").row
    rows: Rows = []

    def depends(classid: int, objid: int, table: TableDef, attnum: int, deptype: str = "a") -> None:
        rows.append(
            row(
                classid=classid, objid=objid, refclassid=PG_CLASS, refobjid=table.oid, refobjsubid=attnum,
                deptype=deptype,
            )
        )  # fmt: skip

    indexes_of = indexes_by_table(context.catalog)
    for table in tables_of(context.catalog).values():
        for column in table.columns:
            if column.owned_sequence:
                depends(PG_CLASS, column.owned_sequence, table, column.attnum, "i" if column.identity else "a")
            if column.default is not None and not column.identity:
                depends(PG_ATTRDEF, default_oid(table.oid, column.attnum), table, column.attnum)
        indexes = indexes_of[table.oid]
        for constraint in table_constraints(table, indexes):
            for attnum in constraint.attnums:
                depends(PG_CONSTRAINT, constraint.oid, table, attnum)
        for index in indexes:
            if not table.is_plain(index):
                rows.append(
                    row(
                        classid=PG_CLASS, objid=index.oid, refclassid=PG_CONSTRAINT,
                        refobjid=index.constraint_oid, deptype="i",
                    )
                )  # fmt: skip
                continue
            for name in index.columns:
                column_def = table.column(name)
                depends(PG_CLASS, index.oid, table, column_def.attnum if column_def else 0)
    return [*rows, *_text_rows(context), *_member_rows(context.catalog)]


def _text_rows(context: SystemContext) -> Rows:
    """What views use, and the relations that defaults name."""
    row, lookup, types = pg_catalog("pg_depend").row, lookup_of(context), set(all_types())
    rows: Rows = []
    for relation in context.catalog.relations.values():
        if isinstance(relation, TableDef):
            for column in relation.columns:
                named = relations_named(lookup, column.default) if column.default is not None else ()
                ids = {"classid": PG_ATTRDEF, "objid": default_oid(relation.oid, column.attnum)}
                rows += (row(**ids, refclassid=PG_CLASS, refobjid=oid, deptype="n") for oid in named)
        elif isinstance(relation, ViewDef):
            ids = {"classid": PG_REWRITE, "objid": rule_oid(relation.oid)}
            rows.append(row(**ids, refclassid=PG_CLASS, refobjid=relation.oid, deptype="i"))
            for use in relation.uses:
                is_type = use.oid in types or made_types.made_type(context.catalog, use.oid) is not None
                rows += (
                    row(
                        **ids, refclassid=PG_TYPE if is_type else PG_CLASS, refobjid=use.oid,
                        refobjsubid=attnum, deptype="n",
                    )
                    for attnum in use.attnums or (0,)
                )  # fmt: skip
    return rows


def rewrite_rows(context: SystemContext) -> Rows:
    """pg_rewrite: a view's query is a rule; its tree is not shown."""
    row = pg_catalog("pg_rewrite").row
    return [
        row(
            oid=rule_oid(view.oid), rulename="_RETURN", ev_class=view.oid, ev_type="1", ev_enabled="O",
            is_instead=True, ev_qual="<>", ev_action="<>",
        )
        for view in context.catalog.relations.values()
        if isinstance(view, ViewDef)
    ]  # fmt: skip


def _members(catalog: Catalog) -> list[tuple[int, int, str]]:
    """(classid, objid, extension) of every object that came with an extension."""
    classes = [c for c in operator_classes().values() if exists(c.oid, catalog)]
    members = [
        *((PG_TYPE, t.oid, t.extension) for t in existing_types(catalog)),
        *((PG_PROC, p.oid, p.extension) for p in existing_procedures(catalog)),
        *((PG_OPERATOR, o.oid, o.extension) for o in operators().values() if is_there(o, catalog)),
        *((PG_CAST, c.oid, c.extension) for c in existing_casts(catalog)),
        *((PG_OPCLASS, c.oid, extension_of(c.oid)) for c in classes),
        *((PG_OPFAMILY, oid, extension_of(oid)) for oid in {c.family_oid for c in classes}),
        *((PG_AM, oid, extension_of(oid)) for oid in ACCESS_METHODS.values()),
    ]
    return [member for member in members if member[2] in catalog.extensions]


def _member_rows(catalog: Catalog) -> Rows:
    row = pg_catalog("pg_depend").row
    return [
        row(classid=classid, objid=oid, refclassid=PG_EXTENSION, refobjid=EXTENSIONS[extension], deptype="e")
        for classid, oid, extension in _members(catalog)
    ]


_KINDS = {"r": "table", "v": "view", "i": "index", "S": "sequence"}


def pg_describe_object(lookup: Lookup, classid: int, oid: int, subid: int) -> str | None:
    """An object in words, as in the messages about dependencies."""
    match classid:
        case oids.PG_CLASS:
            return _describe_relation(lookup, oid, subid)
        case oids.PG_TYPE:
            return (
                f"type {format_type(lookup, oid)}"
                if oid in all_types() or made_types.user_type(lookup.catalog, oid)
                else None
            )
        case oids.PG_PROC:
            return _describe_procedure(lookup, oid)
        case oids.PG_OPERATOR:
            return _describe_operator(lookup, oid)
        case oids.PG_CAST:
            return _describe_cast(lookup, oid)
        case oids.PG_AM:
            return next((f"access method {name}" for name, number in ACCESS_METHODS.items() if number == oid), None)
        case oids.PG_OPCLASS | oids.PG_OPFAMILY:
            return _describe_operator_class(classid, oid)
        case oids.PG_EXTENSION:
            return next((f"extension {name}" for name, number in EXTENSIONS.items() if number == oid), None)
        case _:
            return None


def _describe_relation(lookup: Lookup, oid: int, attnum: int) -> str | None:
    relation = lookup.relations.get(oid)
    if relation is None:
        return None
    text = f"{_KINDS[relation_kind(relation)]} {lookup.relation_name(relation)}"
    column = next((c.name for c in getattr(relation, "columns", ()) if attnum and c.attnum == attnum), None)
    return f"column {column} of {text}" if column else text


def _describe_procedure(lookup: Lookup, oid: int) -> str | None:
    found = procedures().get(oid)
    if found is None:
        return None
    return f"function {found.name}({','.join(format_type(lookup, a) for a in found.arguments)})"


def _describe_operator(lookup: Lookup, oid: int) -> str | None:
    found = operators().get(oid)
    if found is None:
        return None
    left = format_type(lookup, found.left) if found.left else "NONE"
    return f"operator {found.name}({left},{format_type(lookup, found.right)})"


def _describe_cast(lookup: Lookup, oid: int) -> str | None:
    found = next((c for c in existing_casts(lookup.catalog) if c.oid == oid), None)
    if found is None:
        return None
    return f"cast from {format_type(lookup, found.source)} to {format_type(lookup, found.target)}"


def _describe_operator_class(classid: int, oid: int) -> str | None:
    kind = "operator class" if classid == PG_OPCLASS else "operator family"
    for c in operator_classes().values():
        if oid == (c.oid if classid == PG_OPCLASS else c.family_oid):
            return f"{kind} {c.name if classid == PG_OPCLASS else c.family} for access method {c.method}"
    return None


ROWS = {"pg_depend": depend_rows, "pg_rewrite": rewrite_rows}
