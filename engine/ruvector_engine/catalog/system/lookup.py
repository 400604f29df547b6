"""Finding objects by OID and by name as one session sees them: its search path decides what a bare name means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ruvector_engine.catalog.model import Catalog, IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.system.constraints import Constraint, all_constraints
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.catalog.system.relations import RELATIONS

_SYSTEM_BY_OID: dict[int, Relation] = {r.table.oid: r.table for r in RELATIONS.values()}


def system_table(schema: str, name: str) -> TableDef | None:
    """The system relation of that name."""
    found = RELATIONS.get((schema, name))
    return found.table if found else None


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """The catalog as a session sees it. Make one with `of` for each catalog version and search path, and keep it."""

    catalog: Catalog
    search_path: tuple[str, ...]
    user: str
    relations: Mapping[int, Relation]
    constraints: Mapping[int, Constraint]

    @classmethod
    def of(cls, catalog: Catalog, search_path: tuple[str, ...], *, user: str) -> Lookup:
        """The lookup for a catalog; pg_catalog is searched first unless the path names it."""
        path = search_path if "pg_catalog" in search_path else ("pg_catalog", *search_path)
        relations = _SYSTEM_BY_OID | {r.oid: r for r in catalog.relations.values()}
        constraints = {c.oid: c for c in all_constraints(catalog)}
        return cls(catalog, path, user, relations, constraints)

    def relation(self, schema: str | None, name: str) -> Relation | None:
        """What a relation's name means, system relations included."""
        for place in (schema,) if schema else self.search_path:
            found = self.catalog.relations.get((place, name)) or system_table(place, name)
            if found is not None:
                return found
        return None

    def is_visible(self, relation: Relation) -> bool:
        """Whether the bare name means this relation."""
        found = self.relation(None, relation.name)
        return found is not None and found.oid == relation.oid

    def relation_name(self, relation: Relation) -> str:
        """The relation's name as regclass prints it: with its schema where the bare name would not find it."""
        name = quote_identifier(relation.name)
        return name if self.is_visible(relation) else qualified_name(relation)

    def has_schema(self, name: str) -> bool:
        """Whether there is a schema of that name."""
        return name in self.catalog.schemas or name in system_schemas()


@cache
def system_schemas() -> tuple[str, ...]:
    """The schemas that every database has of itself."""
    return ("pg_catalog", "information_schema")


def qualified_name(relation: Relation) -> str:
    """schema.name, both quoted where needed."""
    return f"{quote_identifier(relation.schema)}.{quote_identifier(relation.name)}"


def relation_kind(relation: Relation) -> str:
    """pg_class.relkind."""
    match relation:
        case IndexDef():
            return "i"
        case SequenceDef():
            return "S"
        case ViewDef():
            return "v"
        case TableDef(virtual=True):
            return RELATIONS[relation.schema, relation.name].kind
        case _:
            return "r"
