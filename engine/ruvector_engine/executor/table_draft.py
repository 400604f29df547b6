"""A table under construction: what CREATE TABLE, LIKE and ALTER TABLE gather before it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ruvector_engine.catalog.model import ColumnDef, ConstraintDef, SequenceDef


@dataclass(slots=True)
class Draft:
    """A table under construction."""

    schema: str
    name: str
    columns: list[ColumnDef] = field(default_factory=list)
    constraints: list[ConstraintDef] = field(default_factory=list)
    sequences: list[SequenceDef] = field(default_factory=list)
    checks: list[tuple[Any, str]] = field(default_factory=list)  # of columns, which may read columns that come later
    taken: set[str] = field(default_factory=set)
