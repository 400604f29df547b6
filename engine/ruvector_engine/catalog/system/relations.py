"""The system relations' shapes: names, OIDs and columns as PostgreSQL 18 has them, read from data/relations.tsv.

Column types that the registry does not know stand as the nearest that it does (pg_node_tree, pg_lsn: text).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.types.registry import BY_NAME, TypeRef

#: The folder of recorded catalog data (tests/catalog/record_system_data.py writes it).
DATA = Path(__file__).parent / "data"


def records(name: str) -> list[list[str]]:
    """The fields of every line of data/<name>.tsv."""
    text = (DATA / f"{name}.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


@dataclass(frozen=True, slots=True, eq=False)
class SystemRelation:
    """A system table ("r") or view ("v"): its definition and how a row of it is filled."""

    table: TableDef
    kind: str
    blank: tuple[Any, ...]  # what a column holds when a row says nothing of it
    position: dict[str, int]

    def row(self, **values: Any) -> tuple[Any, ...]:
        """One row from named values. The rest is NULL where the column allows it, else the type's zero."""
        row = list(self.blank)
        for name, value in values.items():
            row[self.position[name]] = value
        return tuple(row)


def _zero(column: ColumnDef) -> Any:
    if not column.not_null:
        return None
    pg = column.type.pg
    if pg.category == "A":
        return []
    if pg.name == "bool":
        return False
    if pg.name in ("float4", "float8"):
        return 0.0
    if pg.category == "N" or pg.name == "xid":
        return 0
    return ""


def _relation(fields: list[str]) -> SystemRelation:
    oid, kind, qualified, *specs = fields
    schema, name = qualified.split(".")
    columns = []
    for attnum, spec in enumerate(specs, 1):
        column, type_name = spec.removesuffix("!").split(":")
        columns.append(ColumnDef(column, TypeRef(BY_NAME[type_name].oid), attnum, not_null=spec.endswith("!")))
    table = TableDef(int(oid), schema, name, tuple(columns), virtual=True)
    return SystemRelation(table, kind, tuple(_zero(c) for c in columns), {c.name: i for i, c in enumerate(columns)})


#: Every system relation by (schema, name).
RELATIONS: dict[tuple[str, str], SystemRelation] = {
    (relation.table.schema, relation.table.name): relation for relation in map(_relation, records("relations"))
}


def pg_catalog(name: str) -> SystemRelation:
    """A relation of pg_catalog."""
    return RELATIONS["pg_catalog", name]


def information_schema(name: str) -> SystemRelation:
    """A relation of information_schema."""
    return RELATIONS["information_schema", name]
