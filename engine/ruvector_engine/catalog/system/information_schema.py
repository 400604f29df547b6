"""information_schema: the SQL standard's view of tables, columns, constraints, views and sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ruvector_engine.catalog import made_types
from ruvector_engine.catalog.model import ColumnDef, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.rights import owner_of
from ruvector_engine.catalog.system import roles
from ruvector_engine.catalog.system.constraints import Constraint, all_constraints
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.definitions import pg_get_viewdef
from ruvector_engine.catalog.system.listings import lookup_of
from ruvector_engine.catalog.system.lookup import Lookup, system_schemas
from ruvector_engine.catalog.system.objects import role_name, schema_key
from ruvector_engine.catalog.system.relations import RELATIONS, information_schema
from ruvector_engine.catalog.system.typenames import format_type, type_schema
from ruvector_engine.catalog.system.types import all_types, storage_facts
from ruvector_engine.catalog.system.visible import column_shown, owned, relation_shown, schema_shown
from ruvector_engine.sql.shown_defaults import shown_default
from ruvector_engine.sql.shown_names import shown_expression
from ruvector_engine.types.registry import TypeRef

Rows = list[tuple[Any, ...]]

#: type -> (precision, radix, scale) of the exact and the binary numeric types.
_NUMERIC = {
    "int2": (16, 2, 0), "int4": (32, 2, 0), "int8": (64, 2, 0), "float4": (24, 2, None), "float8": (53, 2, None),
}  # fmt: skip
_MICROSECONDS = 6
_MAX_OCTETS = 1 << 30
_BYTES_A_CHARACTER = 4
_TYPMOD_HEADER = 4


def _flag(value: bool) -> str:
    return "YES" if value else "NO"


def _shown(lookup: Lookup, text: str | None) -> str | None:
    return None if text is None else shown_expression(lookup, text)


def _relations(context: SystemContext) -> Iterator[tuple[TableDef | ViewDef, str]]:
    """Tables and views with their table_type, the system's first."""
    for system in RELATIONS.values():
        yield system.table, "VIEW" if system.kind == "v" else "BASE TABLE"
    for relation in context.catalog.relations.values():
        if isinstance(relation, ViewDef):
            yield relation, "VIEW"
        elif isinstance(relation, TableDef):
            yield relation, "LOCAL TEMPORARY" if relation.temporary else "BASE TABLE"


def tables_rows(context: SystemContext) -> Rows:
    """information_schema.tables."""
    row, rights = information_schema("tables").row, context.rights
    return [
        row(
            table_catalog=context.database,
            table_schema=relation.schema,
            table_name=relation.name,
            table_type=kind,
            is_insertable_into=_flag(isinstance(relation, TableDef) and not relation.virtual),
            is_typed="NO",
            commit_action="PRESERVE" if kind == "LOCAL TEMPORARY" else None,
        )
        for relation, kind in _relations(context)
        if relation_shown(rights, relation)
    ]


def columns_rows(context: SystemContext) -> Rows:
    """information_schema.columns."""
    lookup, rights = lookup_of(context), context.rights
    row = information_schema("columns").row
    sequences = {r.oid: r for r in context.catalog.relations.values() if isinstance(r, SequenceDef)}
    rows = []
    for relation, _ in _relations(context):
        updatable = isinstance(relation, TableDef) and not relation.virtual
        for column in [c for c in relation.columns if column_shown(rights, relation, c)]:
            facts = storage_facts(column.type.oid)
            name, array = column.type.pg.name, facts.name.startswith("_")
            made = made_types.user_type(lookup.catalog, column.type.oid) is not None
            data_type = "ARRAY" if array else format_type(lookup, column.type.oid, None)
            rows.append(
                row(
                    table_catalog=context.database,
                    table_schema=relation.schema,
                    table_name=relation.name,
                    column_name=column.name,
                    ordinal_position=column.attnum,
                    column_default=None if column.identity or column.generation else shown_default(lookup, column),
                    is_nullable=_flag(not column.not_null),
                    data_type="USER-DEFINED" if (facts.extension or made) and not array else data_type,
                    udt_catalog=context.database,
                    udt_schema=type_schema(lookup, column.type.oid),
                    udt_name=name,
                    dtd_identifier=str(column.attnum),
                    is_self_referencing="NO",
                    is_generated="NEVER" if column.generation is None else "ALWAYS",
                    generation_expression=_shown(lookup, column.generation),
                    is_updatable=_flag(updatable),
                    **_sizes(column.type, name),
                    **_identity(column, sequences.get(column.owned_sequence)),
                )
            )
    return rows


def _sizes(type_ref: TypeRef, name: str) -> dict[str, Any]:
    typmod = type_ref.typmod
    if name in _NUMERIC:
        precision, radix, scale = _NUMERIC[name]
        return {
            "numeric_precision": precision,
            "numeric_precision_radix": radix,
            "numeric_scale": scale,
        }
    if name == "numeric":
        bounded = typmod >= 0
        return {
            "numeric_precision": (typmod - _TYPMOD_HEADER) >> 16 if bounded else None,
            "numeric_precision_radix": 10,
            "numeric_scale": (typmod - _TYPMOD_HEADER) & 0xFFFF if bounded else None,
        }
    if name in ("varchar", "bpchar"):
        length = typmod - _TYPMOD_HEADER if typmod >= 0 else None
        return {
            "character_maximum_length": length,
            "character_octet_length": length * _BYTES_A_CHARACTER if length is not None else _MAX_OCTETS,
        }
    if name == "text":
        return {"character_octet_length": _MAX_OCTETS}
    if name in ("time", "timestamp", "timestamptz", "interval"):
        return {"datetime_precision": typmod if typmod >= 0 else _MICROSECONDS}
    return {"datetime_precision": 0} if name == "date" else {}


def _identity(column: ColumnDef, sequence: SequenceDef | None) -> dict[str, Any]:
    if not column.identity or sequence is None:
        return {"is_identity": "NO", "identity_cycle": "NO"}
    return {
        "is_identity": "YES",
        "identity_generation": "ALWAYS" if column.identity == "a" else "BY DEFAULT",
        "identity_start": str(sequence.start),
        "identity_increment": str(sequence.increment),
        "identity_maximum": str(sequence.maximum),
        "identity_minimum": str(sequence.minimum),
        "identity_cycle": "NO",
    }


def schemata_rows(context: SystemContext) -> Rows:
    """information_schema.schemata."""
    row, rights = information_schema("schemata").row, context.rights
    authority = context.catalog.authority
    return [
        row(
            catalog_name=context.database,
            schema_name=name,
            schema_owner=role_name(authority, owner_of(authority, schema_key(name))),
        )
        for name in (*system_schemas(), *sorted(context.catalog.schemas))
        if schema_shown(rights, name)
    ]


def _constraint_names(context: SystemContext, constraint: Constraint) -> dict[str, Any]:
    return {
        "constraint_catalog": context.database,
        "constraint_schema": constraint.table.schema,
        "constraint_name": constraint.name,
    }


def _table_names(context: SystemContext, constraint: Constraint) -> dict[str, Any]:
    return {
        "table_catalog": context.database,
        "table_schema": constraint.table.schema,
        "table_name": constraint.table.name,
    }


def table_constraints_rows(context: SystemContext) -> Rows:
    """information_schema.table_constraints: NOT NULL counts as a CHECK, as in PostgreSQL."""
    row, rights = information_schema("table_constraints").row, context.rights
    types = {"p": "PRIMARY KEY", "u": "UNIQUE", "c": "CHECK", "n": "CHECK"}
    return [
        row(
            **_constraint_names(context, c),
            **_table_names(context, c),
            constraint_type=types[c.kind],
            is_deferrable="NO",
            initially_deferred="NO",
            enforced="YES",
            nulls_distinct="YES" if c.kind == "u" else None,
        )
        for c in all_constraints(context.catalog)
        if relation_shown(rights, c.table, "awdDxt", "awx")
    ]


def key_column_usage_rows(context: SystemContext) -> Rows:
    """information_schema.key_column_usage."""
    row, rights = information_schema("key_column_usage").row, context.rights
    return [
        row(
            **_constraint_names(context, c),
            **_table_names(context, c),
            column_name=column,
            ordinal_position=position,
        )
        for c in all_constraints(context.catalog)
        if c.kind in "pu"
        for position, column in enumerate(c.columns, 1)
        if (found := c.table.column(column)) is not None and column_shown(rights, c.table, found)
    ]


def constraint_column_usage_rows(context: SystemContext) -> Rows:
    """information_schema.constraint_column_usage."""
    row, rights = information_schema("constraint_column_usage").row, context.rights
    return [
        row(**_table_names(context, c), column_name=column, **_constraint_names(context, c))
        for c in all_constraints(context.catalog)
        if owned(rights, c.table)
        for column in c.columns
    ]


def constraint_table_usage_rows(context: SystemContext) -> Rows:
    """information_schema.constraint_table_usage."""
    row, rights = information_schema("constraint_table_usage").row, context.rights
    return [
        row(**_table_names(context, c), **_constraint_names(context, c))
        for c in all_constraints(context.catalog)
        if c.kind in "pu" and owned(rights, c.table)
    ]


def check_constraints_rows(context: SystemContext) -> Rows:
    """information_schema.check_constraints."""
    row, lookup, rights = information_schema("check_constraints").row, lookup_of(context), context.rights
    return [
        row(
            **_constraint_names(context, c),
            check_clause=f"{c.columns[0]} IS NOT NULL" if c.kind == "n" else f"({_shown(lookup, c.expression)})",
        )
        for c in all_constraints(context.catalog)
        if c.kind in "cn" and owned(rights, c.table)
    ]


def views_rows(context: SystemContext) -> Rows:
    """information_schema.views: no view can be written through."""
    row, lookup, rights = information_schema("views").row, lookup_of(context), context.rights
    return [
        row(
            table_catalog=context.database,
            table_schema=v.schema,
            table_name=v.name,
            view_definition=pg_get_viewdef(lookup, v.oid) if owned(rights, v) else None,
            check_option="NONE",
            is_updatable="NO",
            is_insertable_into="NO",
            is_trigger_updatable="NO",
            is_trigger_deletable="NO",
            is_trigger_insertable_into="NO",
        )
        for v in context.catalog.relations.values()
        if isinstance(v, ViewDef) and relation_shown(rights, v)
    ]


def sequences_rows(context: SystemContext) -> Rows:
    """information_schema.sequences: those of identity columns are left out, as in PostgreSQL."""
    row, lookup, rights = information_schema("sequences").row, lookup_of(context), context.rights
    tables = [t for t in context.catalog.relations.values() if isinstance(t, TableDef)]
    of_identity = {c.owned_sequence for t in tables for c in t.columns if c.identity}
    return [
        row(
            sequence_catalog=context.database,
            sequence_schema=s.schema,
            sequence_name=s.name,
            data_type=format_type(lookup, s.type_oid, None),
            numeric_precision=_NUMERIC[all_types()[s.type_oid].name][0],
            numeric_precision_radix=2,
            numeric_scale=0,
            start_value=str(s.start),
            minimum_value=str(s.minimum),
            maximum_value=str(s.maximum),
            increment=str(s.increment),
            cycle_option="NO",
        )
        for s in context.catalog.relations.values()
        if isinstance(s, SequenceDef) and s.oid not in of_identity and relation_shown(rights, s)
    ]


ROWS = {
    "check_constraints": check_constraints_rows,
    "columns": columns_rows,
    "constraint_column_usage": constraint_column_usage_rows,
    "constraint_table_usage": constraint_table_usage_rows,
    **roles.INFORMATION_SCHEMA,
    "information_schema_catalog_name": lambda context: [(context.database,)],
    "key_column_usage": key_column_usage_rows,
    "schemata": schemata_rows,
    "sequences": sequences_rows,
    "table_constraints": table_constraints_rows,
    "tables": tables_rows,
    "views": views_rows,
}
EMPTY = (
    "column_domain_usage", "domain_constraints", "domains", "referential_constraints", "triggers",
    "user_defined_types",
)  # fmt: skip
