"""The columns that a COPY names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.results import CopyOptions


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


def check_forced(options: CopyOptions, chosen: Collection[str], table: TableDef | None) -> None:
    """Whether FORCE_... name columns of the table, or of the query (None), that are copied; else 42703 and 42P10."""
    for option, names in (
        ("FORCE_QUOTE", options.force_quote),
        ("FORCE_NOT_NULL", options.force_not_null),
        ("FORCE_NULL", options.force_null),
    ):
        for name in sorted(names or ()):
            if name in chosen:
                continue
            if table is None:
                raise SqlError("42703", f'column "{name}" does not exist')
            if table.column(name) is None:
                raise SqlError("42703", f'column "{name}" of relation "{table.name}" does not exist')
            raise SqlError("42P10", f'{option} column "{name}" not referenced by COPY')
