"""Results of type regclass, regtype and their kin: numbers in binary, names as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.system.functions import REG_TYPES
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.results import Column, Row
from ruvector_engine.types.array_values import mapped
from ruvector_engine.types.registry import BY_OID

if TYPE_CHECKING:
    from ruvector_engine.session import Session


class NamedOid(int):
    """An OID that prints as the name of what it stands for."""

    text: str

    def __new__(cls, oid: int, text: str) -> NamedOid:
        """The number, with its text."""
        made = super().__new__(cls, oid)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text


def _named_type(column: Column) -> str:
    """The name of the column's type, or of its elements'."""
    element = column.type.pg.element_oid
    return BY_OID[element].name if element and column.type.pg.name.startswith("_") else column.type.pg.name


def _with_names(value: Any, out: Callable[[Lookup, int], str], lookup: Lookup) -> Any:
    if isinstance(value, list):
        return mapped(value, lambda oid: NamedOid(oid, out(lookup, oid)))
    return NamedOid(value, out(lookup, value))


def naming(session: Session, columns: Sequence[Column]) -> Callable[[list[Row]], list[Row]] | None:
    """What puts names to the reg* values of rows; None when no column has any."""
    places = [(place, REG_TYPES[name][1]) for place, name in enumerate(map(_named_type, columns)) if name in REG_TYPES]
    if not places:
        return None
    lookup = session.lookup

    def name(rows: list[Row]) -> list[Row]:
        named = []
        for row in rows:
            values = list(row)
            for place, out in places:
                if values[place] is not None:
                    values[place] = _with_names(values[place], out, lookup)
            named.append(tuple(values))
        return named

    return name
