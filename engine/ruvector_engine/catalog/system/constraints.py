"""A table's constraints as PostgreSQL counts them: those of the catalog, and one for each NOT NULL column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ruvector_engine.catalog.model import Catalog, ColumnDef, IndexDef, TableDef
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.catalog.system.oids import not_null_oid

_NAME_BYTES = 63


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint. `kind` is contype: p, u, c, or n for NOT NULL; `attnums` are its columns'."""

    oid: int
    name: str
    kind: str
    table: TableDef
    columns: tuple[str, ...]
    index_oid: int = 0
    expression: str | None = None

    @property
    def attnums(self) -> list[int]:
        """The columns by number."""
        return [c.attnum for name in self.columns for c in self.table.columns if c.name == name]

    @property
    def definition(self) -> str:
        """What pg_get_constraintdef prints, of all but a CHECK."""
        columns = ", ".join(map(quote_identifier, self.columns))
        match self.kind:
            case "p":
                return f"PRIMARY KEY ({columns})"
            case "u":
                return f"UNIQUE ({columns})"
            case _:
                return f"NOT NULL {columns}"


def not_null_name(table: str, column: str) -> str:
    """PostgreSQL's name for a NOT NULL constraint: the longer of table and column is cut until it fits."""
    room = _NAME_BYTES - len("__not_null")
    parts = [table.encode(), column.encode()]
    while sum(map(len, parts)) > room:
        longer = 0 if len(parts[0]) > len(parts[1]) else 1
        parts[longer] = parts[longer][:-1]
    names = [part.decode(errors="ignore") for part in parts]
    return f"{names[0]}_{names[1]}_not_null"


def with_not_null_names(table: TableDef) -> TableDef:
    """The table with the names of its NOT NULL constraints written down: before it, or a column, is renamed."""

    def named(column: ColumnDef) -> ColumnDef:
        name = column.not_null_name or not_null_name(table.name, column.name)
        return replace(column, not_null_name=name if column.not_null else "")

    return replace(table, columns=tuple(map(named, table.columns)))


def table_constraints(table: TableDef, indexes: tuple[IndexDef, ...]) -> Iterator[Constraint]:
    """The constraints of one table, NOT NULL ones first."""
    if table.virtual:
        return
    for column in table.columns:
        if column.not_null:
            yield Constraint(
                not_null_oid(table.oid, column.attnum),
                column.not_null_name or not_null_name(table.name, column.name),
                "n",
                table,
                (column.name,),
            )
    by_constraint = {index.constraint_oid: index.oid for index in indexes if index.constraint_oid}
    for c in table.constraints:
        if c.index_only:
            continue
        yield Constraint(c.oid, c.name, c.kind, table, c.columns, by_constraint.get(c.oid, 0), c.expression)


def tables_of(catalog: Catalog) -> dict[int, TableDef]:
    """The tables that were created, by OID."""
    return {r.oid: r for r in catalog.relations.values() if isinstance(r, TableDef)}


def indexes_by_table(catalog: Catalog) -> dict[int, tuple[IndexDef, ...]]:
    """Each table's indexes, in order of creation. One pass: `Catalog.indexes_of` a table looks at every relation."""
    found: dict[int, list[IndexDef]] = {oid: [] for oid in tables_of(catalog)}
    for relation in catalog.relations.values():
        if isinstance(relation, IndexDef):
            found.setdefault(relation.table_oid, []).append(relation)
    return {oid: tuple(sorted(indexes, key=lambda i: i.oid)) for oid, indexes in found.items()}


def all_constraints(catalog: Catalog) -> list[Constraint]:
    """Every constraint there is."""
    indexes = indexes_by_table(catalog)
    return [c for table in tables_of(catalog).values() for c in table_constraints(table, indexes[table.oid])]
