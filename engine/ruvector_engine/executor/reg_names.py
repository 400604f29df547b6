"""Results of type regclass, regtype and their kin: numbers in binary, names as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ruvector_engine.catalog.system.functions import REG_TYPES
from ruvector_engine.results import Column, Row

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


def naming(session: Session, columns: Sequence[Column]) -> Callable[[list[Row]], list[Row]] | None:
    """What puts names to the reg* values of rows; None when no column has any."""
    places = [
        (place, REG_TYPES[column.type.pg.name][1])
        for place, column in enumerate(columns)
        if column.type.pg.name in REG_TYPES
    ]
    if not places:
        return None
    lookup = session.lookup

    def name(rows: list[Row]) -> list[Row]:
        named = []
        for row in rows:
            values = list(row)
            for place, out in places:
                if values[place] is not None:
                    values[place] = NamedOid(values[place], out(lookup, values[place]))
            named.append(tuple(values))
        return named

    return name
