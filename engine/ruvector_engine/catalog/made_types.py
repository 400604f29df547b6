"""Types that CREATE TYPE and CREATE TABLE made: found by name and OID, and known to the columns that have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from ruvector_engine.catalog import composite_types, enum_types
from ruvector_engine.catalog.composite_types import ROW_TYPE_OFFSET, CompositeDef, row_type
from ruvector_engine.catalog.enum_types import EnumDef
from ruvector_engine.catalog.model import Catalog, ColumnDef, Relation, TableDef, ViewDef
from ruvector_engine.errors import SqlError
from ruvector_engine.types.registry import BY_OID, UserOid

__all__ = [
    "CompositeDef",
    "EnumDef",
    "MadeType",
    "all_types",
    "bound",
    "bound_types",
    "decode",
    "made_type",
    "named_type",
    "oid_of_name",
    "row_type",
    "user_type",
]

MadeType: TypeAlias = EnumDef | CompositeDef

#: How the catalog's entries call them.
KINDS: dict[type[MadeType], str] = {EnumDef: "enum", CompositeDef: "composite"}


def made_type(catalog: Catalog, oid: int) -> MadeType | None:
    """The type that has the OID, or whose arrays have it."""
    if oid >= ROW_TYPE_OFFSET:
        relation = next((r for r in catalog.relations.values() if r.oid == oid % ROW_TYPE_OFFSET), None)
        return row_type(relation) if isinstance(relation, (TableDef, ViewDef)) else None
    return next((made for made in catalog.types.values() if oid in (made.oid, made.array_oid)), None)


def named_type(catalog: Catalog, schema: str, name: str) -> MadeType | None:
    """The type of that name."""
    relation = catalog.relations.get((schema, name))
    return row_type(relation) if isinstance(relation, (TableDef, ViewDef)) else catalog.types.get((schema, name))


def oid_of_name(catalog: Catalog, schema: str, name: str) -> int | None:
    """The OID of the type, or array type, of that name in pg_type."""
    made = named_type(catalog, schema, name)
    if made is not None:
        return made.oid
    arrays = [made for made in catalog.types.values() if made.schema == schema and made.array_name == name]
    element = named_type(catalog, schema, name[1:]) if name.startswith("_") else None
    if element is not None and element.array_name == name:
        arrays.append(element)
    return arrays[0].array_oid if arrays else None


def user_type(catalog: Catalog, oid: int) -> UserOid | None:
    """The OID that knows its type, for the number of such a type, or of its array type."""
    made = made_type(catalog, oid)
    if made is None:
        return None
    return made.type_oid if oid == made.oid else made.array_type_oid


def all_types(catalog: Catalog) -> Iterable[MadeType]:
    """Every such type."""
    yield from catalog.types.values()
    yield from (row_type(r) for r in catalog.relations.values() if isinstance(r, (TableDef, ViewDef)))


# ---------------------------------------------------------------- what the store keeps


def decode(rows: Iterable[tuple[str, str, str]]) -> list[MadeType]:
    """The types among the catalog's entries; composite types know those of their columns."""
    bodies = [(kind, json.loads(body)) for _, kind, body in rows if kind in KINDS.values()]
    types: list[MadeType] = [enum_types.decode(body) for kind, body in bodies if kind == "enum"]
    unbound = [composite_types.decode(body) for kind, body in bodies if kind == "composite"]
    while unbound:
        known = _known(types)
        made = [replace(t, columns=_with_types(t.columns, known)) for t in unbound]
        ready = [t for t in made if _is_bound(t.columns)]
        if not ready:
            raise SqlError("XX001", f'type "{unbound[0].name}" has an attribute of a type that does not exist')
        types += ready
        unbound = [t for t in made if t not in ready]
    return types


def _is_bound(columns: Iterable[ColumnDef]) -> bool:
    """Whether every column's OID knows its type."""
    return all(c.type.oid in BY_OID for c in columns)


def bound_types(types: Iterable[MadeType], changed: Iterable[MadeType]) -> list[MadeType]:
    """All types, those whose columns are of a changed type, directly or not, knowing it as it is now."""
    result, pending = list(types), list(changed)
    while pending:
        known = _known(pending)
        pending = []
        for place, made in enumerate(result):
            if isinstance(made, CompositeDef) and any(_is_news(c, known) for c in made.columns):
                result[place] = replace(made, columns=_with_types(made.columns, known))
                pending.append(result[place])
    return result


def _is_news(column: ColumnDef, known: Mapping[int, UserOid]) -> bool:
    found = known.get(column.type.oid)
    return found is not None and not (isinstance(column.type.oid, UserOid) and column.type.oid.pg is found.pg)


def _known(types: Iterable[MadeType]) -> dict[int, UserOid]:
    known: dict[int, UserOid] = {}
    for made in types:
        known |= {made.oid: made.type_oid, made.array_oid: made.array_type_oid}
    return known


def bound(
    relations: Mapping[tuple[str, str], Relation], types: Iterable[MadeType]
) -> Mapping[tuple[str, str], Relation]:
    """The relations, their columns with OIDs that know these types, and the rows of tables."""
    known = _known(types)
    result = {name: _bound_relation(r, known) for name, r in relations.items()} if known else dict(relations)
    with_columns = [r for r in result.values() if isinstance(r, (TableDef, ViewDef))]
    used = {c.type.oid % ROW_TYPE_OFFSET for r in with_columns for c in r.columns if c.type.oid >= ROW_TYPE_OFFSET}
    while used:
        with_columns = [r for r in result.values() if isinstance(r, (TableDef, ViewDef))]
        ready = [r for r in with_columns if r.oid in used and _is_bound(r.columns)]
        if not ready:
            break
        known = _known(map(row_type, ready))
        result = {name: _bound_relation(r, known) for name, r in result.items()}
        used -= {r.oid for r in ready}
    return MappingProxyType(result)


def _bound_relation(relation: Relation, known: Mapping[int, UserOid]) -> Relation:
    if not isinstance(relation, (TableDef, ViewDef)) or not any(c.type.oid in known for c in relation.columns):
        return relation
    return replace(relation, columns=_with_types(relation.columns, known))


def _with_types(columns: Sequence[ColumnDef], known: Mapping[int, UserOid]) -> tuple[ColumnDef, ...]:
    return tuple(replace(c, type=replace(c.type, oid=known[c.type.oid])) if c.type.oid in known else c for c in columns)
