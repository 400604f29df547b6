"""Relations and their columns: pg_class, pg_attribute, pg_attrdef, pg_index, pg_constraint, pg_sequence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from ruvector_engine.catalog import made_types
from ruvector_engine.catalog.model import ColumnDef, IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.roles import Authority
from ruvector_engine.catalog.system.access import default_operator_class, operator_class
from ruvector_engine.catalog.system.constraints import all_constraints, indexes_by_table, tables_of
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.listings import lookup_of
from ruvector_engine.catalog.system.lookup import relation_kind
from ruvector_engine.catalog.system.objects import relation_key, relation_owner, shown_acl
from ruvector_engine.catalog.system.oids import (
    ACCESS_METHODS,
    OWNER,
    default_oid,
    namespace_oid,
)
from ruvector_engine.catalog.system.relations import RELATIONS, pg_catalog
from ruvector_engine.catalog.system.types import storage_facts
from ruvector_engine.sql.shown_defaults import shown_default
from ruvector_engine.types.registry import BOOL, INT8, TypeRef

#: The page size that relpages counts in.
BLOCK_SIZE = 8192
Rows = list[tuple[Any, ...]]


def class_rows(context: SystemContext) -> Rows:
    """pg_class."""
    indexed = {oid for oid, indexes in indexes_by_table(context.catalog).items() if indexes}
    rows = (_class_row(context, r, r.oid in indexed) for r in context.catalog.relations.values())
    return [*_system_class_rows(context.catalog.authority), *rows, *map(_composite_row, _composites(context))]


def _composites(context: SystemContext) -> list[made_types.CompositeDef]:
    """The composite types that no table has."""
    return [made for made in context.catalog.types.values() if isinstance(made, made_types.CompositeDef)]


def _composite_row(made: made_types.CompositeDef) -> tuple[Any, ...]:
    return pg_catalog("pg_class").row(
        oid=made.relation_oid,
        relname=made.name,
        relnamespace=namespace_oid(made.schema),
        reltype=made.oid,
        relowner=OWNER,
        relpersistence="p",
        relispopulated=True,
        relkind="c",
        relreplident="n",
        relnatts=len(made.columns),
    )


def _system_class_rows(authority: Authority) -> list[tuple[Any, ...]]:
    row = pg_catalog("pg_class").row
    return [
        row(
            oid=r.table.oid,
            relname=r.table.name,
            relnamespace=namespace_oid(r.table.schema),
            relowner=OWNER,
            relacl=shown_acl(authority, relation_key(r.table)),
            relam=ACCESS_METHODS["heap"] if r.kind == "r" else 0,
            relhasrules=r.kind == "v",
            relispopulated=True,
            relpersistence="p",
            relkind=r.kind,
            relreplident="n",
            relnatts=len(r.table.columns),
        )
        for r in RELATIONS.values()
    ]


def _class_row(context: SystemContext, relation: Relation, indexed: bool) -> tuple[Any, ...]:
    kind = relation_kind(relation)
    size = context.statistics(relation.oid)
    common: dict[str, Any] = {
        "oid": relation.oid,
        "relname": relation.name,
        "relnamespace": namespace_oid(relation.schema),
        "relowner": relation_owner(context.catalog, relation),
        "relacl": shown_acl(context.catalog.authority, relation_key(relation)),
        "relfilenode": 0 if kind == "v" else relation.oid,
        "relpages": -(-size.bytes // BLOCK_SIZE),
        "reltuples": float(size.rows),
        "relpersistence": "p",
        "relispopulated": True,
        "relkind": kind,
        "relreplident": "n",
    }
    match relation:
        case TableDef():
            constraints = [c.kind for c in relation.constraints]
            common |= {
                "relam": ACCESS_METHODS["heap"],
                "reltype": made_types.row_type(relation).oid,
                "relhasindex": indexed,
                "relpersistence": "t" if relation.temporary else "p",
                "relreplident": "d",
                "relnatts": len(relation.columns),
                "relchecks": constraints.count("c"),
            }
        case IndexDef():
            common |= {
                "relam": ACCESS_METHODS[relation.method],
                "relnatts": len(relation.columns),
                "reloptions": [f"{k}={v}" for k, v in relation.options.items()] or None,
            }
        case SequenceDef():
            common |= {"relnatts": len(_SEQUENCE_COLUMNS), "relpages": 1, "reltuples": 1.0}
        case ViewDef():
            common |= {"relnatts": len(relation.columns), "relhasrules": True, "relpages": 0, "reltuples": -1.0}
            common["reloptions"] = [f"{name}={value}" for name, value in relation.options] or None
            common |= {"reltype": made_types.row_type(relation).oid}
    return pg_catalog("pg_class").row(**common)


#: A sequence read as a table has these columns.
_SEQUENCE_COLUMNS = (("last_value", INT8), ("log_cnt", INT8), ("is_called", BOOL))


def attribute_rows(context: SystemContext) -> Rows:
    """pg_attribute. The system columns (ctid, xmin, ...) do not exist here."""
    rows: Rows = list(_system_attribute_rows())
    tables = tables_of(context.catalog)
    for relation in context.catalog.relations.values():
        match relation:
            case TableDef() | ViewDef():
                authority = context.catalog.authority
                rows += (
                    _attribute_row(relation.oid, c, shown_acl(authority, relation_key(relation, c.attnum)))
                    for c in relation.columns
                )
            case IndexDef():
                rows += _index_attribute_rows(tables[relation.table_oid], relation)
            case SequenceDef():
                for attnum, (name, oid) in enumerate(_SEQUENCE_COLUMNS, 1):
                    rows.append(_plain_attribute_row(relation.oid, attnum, name, oid, attnotnull=True))
    for made in _composites(context):
        rows += (_attribute_row(made.relation_oid, c, None) for c in made.columns)
    return rows


_SYSTEM_OIDS = frozenset(r.table.oid for r in RELATIONS.values())


@cache
def _system_attribute_rows() -> tuple[tuple[Any, ...], ...]:
    return tuple(_attribute_row(r.table.oid, c, None) for r in RELATIONS.values() for c in r.table.columns)


def _attribute_row(relation_oid: int, column: ColumnDef, acl: list[str] | None) -> tuple[Any, ...]:
    return _plain_attribute_row(
        relation_oid,
        column.attnum,
        column.name,
        column.type.oid,
        atttypmod=column.type.typmod,
        attnotnull=column.not_null,
        atthasdef=(column.default is not None and not column.identity) or column.generation is not None,
        attgenerated="" if column.generation is None else "v" if column.virtual else "s",
        attidentity=column.identity,
        attacl=acl,
        **({} if relation_oid in _SYSTEM_OIDS else {"attndims": column.dimensions}),
    )


def _plain_attribute_row(relation_oid: int, attnum: int, name: str, type_oid: int, **more: Any) -> tuple[Any, ...]:
    facts = storage_facts(type_oid)
    values = {
        "atttypmod": -1,
        "attcollation": facts.collation,
        "attislocal": True,
        "attndims": 1 if facts.name.startswith("_") else 0,
    } | more
    return pg_catalog("pg_attribute").row(
        attrelid=relation_oid,
        attname=name,
        atttypid=type_oid,
        attlen=facts.length,
        attnum=attnum,
        attbyval=facts.by_value,
        attalign=facts.alignment,
        attstorage=facts.storage,
        **values,
    )


def _index_attribute_rows(table: TableDef, index: IndexDef) -> Iterator[tuple[Any, ...]]:
    for attnum, name in enumerate(index.columns, 1):
        type_ref = _key_type(table, index, attnum - 1)
        if type_ref is not None:
            yield _plain_attribute_row(index.oid, attnum, name, type_ref.oid, atttypmod=type_ref.typmod)


def _key_type(table: TableDef, index: IndexDef, position: int) -> TypeRef | None:
    expression = index.expression_at(position)
    if expression is not None:
        return expression.type
    column = table.column(index.columns[position])
    return None if column is None else column.type


def attrdef_rows(context: SystemContext) -> Rows:
    """pg_attrdef: `adbin` is the default as SQL text, as pg_get_expr prints it."""
    lookup = lookup_of(context)
    row = pg_catalog("pg_attrdef").row
    return [
        row(oid=default_oid(table.oid, c.attnum), adrelid=table.oid, adnum=c.attnum, adbin=shown_default(lookup, c))
        for table in tables_of(context.catalog).values()
        for c in table.columns
        if (c.default is not None and not c.identity) or c.generation is not None
    ]


def _attribute_number(table: TableDef, index: IndexDef, position: int) -> int:
    """The number of a key's column; 0 for an expression."""
    column = table.column(index.columns[position])
    return 0 if column is None or index.expression_at(position) is not None else column.attnum


def index_rows(context: SystemContext) -> Rows:
    """pg_index."""
    tables = tables_of(context.catalog)
    found = [r for r in context.catalog.relations.values() if isinstance(r, IndexDef)]
    return [_index_row(tables[index.table_oid], index) for index in found]


def _index_row(table: TableDef, index: IndexDef) -> tuple[Any, ...]:
    keys = [t for i in range(len(index.columns)) if (t := _key_type(table, index, i))]
    expressions = [e.shown for e in index.expressions if e is not None]
    constraint = next((c for c in table.constraints if c.oid == index.constraint_oid), None)
    classes = []
    for position, type_ref in enumerate(keys):
        named = index.opclasses[position] if position < len(index.opclasses) else ""
        found = operator_class(index.method, named) if named else None
        found = found or default_operator_class(index.method, type_ref.oid)
        classes.append(found.oid if found else 0)
    return pg_catalog("pg_index").row(
        indexrelid=index.oid,
        indrelid=index.table_oid,
        indnatts=len(keys),
        indnkeyatts=len(keys),
        indisunique=index.unique,
        indisprimary=constraint is not None and constraint.kind == "p",
        indimmediate=True,
        indisvalid=True,
        indisready=True,
        indislive=True,
        indkey=[_attribute_number(table, index, i) for i in range(len(index.columns))],
        indcollation=[storage_facts(t.oid).collation for t in keys],
        indclass=classes,
        indoption=list(index.orders) or [0] * len(keys),
        indexprs=", ".join(expressions) or None,
        indpred=index.predicate.shown if index.predicate is not None else None,
    )


def constraint_rows(context: SystemContext) -> Rows:
    """pg_constraint: `conbin` of a CHECK is its expression as SQL text."""
    row = pg_catalog("pg_constraint").row
    return [
        row(
            oid=c.oid,
            conname=c.name,
            connamespace=namespace_oid(c.table.schema),
            contype=c.kind,
            conenforced=True,
            convalidated=True,
            conrelid=c.table.oid,
            conindid=c.index_oid,
            confupdtype=" ",
            confdeltype=" ",
            confmatchtype=" ",
            conislocal=True,
            connoinherit=c.kind in "pu",
            conkey=c.attnums,
            conbin=c.expression,
        )
        for c in all_constraints(context.catalog)
    ]


def sequence_rows(context: SystemContext) -> Rows:
    """pg_sequence."""
    row = pg_catalog("pg_sequence").row
    return [
        row(
            seqrelid=s.oid,
            seqtypid=s.type_oid,
            seqstart=s.start,
            seqincrement=s.increment,
            seqmax=s.maximum,
            seqmin=s.minimum,
            seqcache=1,
            seqcycle=False,
        )
        for s in context.catalog.relations.values()
        if isinstance(s, SequenceDef)
    ]


ROWS = {
    "pg_class": class_rows,
    "pg_attribute": attribute_rows,
    "pg_attrdef": attrdef_rows,
    "pg_index": index_rows,
    "pg_constraint": constraint_rows,
    "pg_sequence": sequence_rows,
}
EMPTY = ("pg_inherits", "pg_partitioned_table")
