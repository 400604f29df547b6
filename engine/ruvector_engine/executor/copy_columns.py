"""The columns that a COPY names."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.errors import SqlError


def chosen_columns(table: TableDef, node: Any) -> list[ColumnDef]:
    """The listed columns, or all; 42703 and 42701 for names that cannot be."""
    if not node.attlist:
        return [column for column in table.columns if column.generation is None]
    chosen: list[ColumnDef] = []
    for item in node.attlist:
        name = item.string.sval
        column = table.column(name)
        if column is None:
            raise SqlError("42703", f'column "{name}" of relation "{table.name}" does not exist')
        if column.generation is not None:
            raise SqlError(
                "42P10", f'column "{name}" is a generated column', detail="Generated columns cannot be used in COPY."
            )
        if column in chosen:
            raise SqlError("42701", f'column "{name}" specified more than once')
        chosen.append(column)
    return chosen
