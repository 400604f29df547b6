"""The readable views over the relations: pg_tables, pg_indexes, pg_views, pg_sequences, pg_matviews."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog.model import IndexDef, SequenceDef, ViewDef
from ruvector_engine.catalog.system.constraints import indexes_by_table, tables_of
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.definitions import pg_get_indexdef, pg_get_viewdef
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.objects import owner_name
from ruvector_engine.catalog.system.relations import RELATIONS, pg_catalog
from ruvector_engine.catalog.system.visible import relation_shown

Rows = list[tuple[Any, ...]]


def lookup_of(context: SystemContext) -> Lookup:
    """The lookup that belongs to a context."""
    return Lookup.of(context.catalog, context.search_path, user=context.user)


def tables_rows(context: SystemContext) -> Rows:
    """pg_tables."""
    row = pg_catalog("pg_tables").row
    system = [r.table for r in RELATIONS.values() if r.kind == "r"]
    user = tables_of(context.catalog).values()
    indexes = indexes_by_table(context.catalog)
    return [
        row(
            schemaname=t.schema,
            tablename=t.name,
            tableowner=owner_name(context.catalog, t),
            hasindexes=bool(indexes.get(t.oid)),
            hasrules=False,
            hastriggers=False,
            rowsecurity=False,
        )
        for t in [*system, *user]
    ]


def indexes_rows(context: SystemContext) -> Rows:
    """pg_indexes."""
    row, lookup = pg_catalog("pg_indexes").row, lookup_of(context)
    return [
        row(
            schemaname=i.schema,
            tablename=lookup.relations[i.table_oid].name,
            indexname=i.name,
            indexdef=pg_get_indexdef(lookup, i.oid),
        )
        for i in context.catalog.relations.values()
        if isinstance(i, IndexDef)
    ]


def views_rows(context: SystemContext) -> Rows:
    """pg_views: those that were created; the system's own have no defining query."""
    row, lookup = pg_catalog("pg_views").row, lookup_of(context)
    return [
        row(
            schemaname=v.schema,
            viewname=v.name,
            viewowner=owner_name(context.catalog, v),
            definition=pg_get_viewdef(lookup, v.oid),
        )
        for v in context.catalog.relations.values()
        if isinstance(v, ViewDef)
    ]


def sequences_rows(context: SystemContext) -> Rows:
    """pg_sequences: the last value only for those who may read it."""
    row, rights = pg_catalog("pg_sequences").row, context.rights
    return [
        row(
            schemaname=s.schema,
            sequencename=s.name,
            sequenceowner=owner_name(context.catalog, s),
            data_type=s.type_oid,
            start_value=s.start,
            min_value=s.minimum,
            max_value=s.maximum,
            increment_by=s.increment,
            cycle=False,
            cache_size=1,
            last_value=context.sequence_value(s.oid) if relation_shown(rights, s) else None,
        )
        for s in context.catalog.relations.values()
        if isinstance(s, SequenceDef)
    ]


ROWS = {
    "pg_tables": tables_rows,
    "pg_indexes": indexes_rows,
    "pg_views": views_rows,
    "pg_sequences": sequences_rows,
}
EMPTY = ("pg_matviews",)
