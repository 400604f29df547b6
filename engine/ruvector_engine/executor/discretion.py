"""What an error may tell of a row: values of columns that the user may read, or gave himself (execMain.c)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.catalog.system import objects
from ruvector_engine.errors import SqlError

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def reads_all(session: Session, table: TableDef) -> bool:
    """Whether the user may read the whole table."""
    return session.rights.has("table", objects.relation_key(table), "r", schema=table.schema)


def shown_places(session: Session, table: TableDef, written: Collection[int]) -> list[int]:
    """The places of the columns that may be shown to one who may not read the whole table."""
    return [
        place for place, column in enumerate(table.columns) if place in written or _reads(session, table, column.attnum)
    ]


def _reads(session: Session, table: TableDef, attnum: int) -> bool:
    return "r" in session.rights.held("column", objects.relation_key(table, attnum))


def without_key(session: Session, table: TableDef, error: SqlError) -> SqlError:
    """A 23505 without its DETAIL, if the user may not read all columns of the key."""
    if session.rights.superuser or error.sqlstate != "23505" or reads_all(session, table):
        return error
    constraint = next((c for c in table.constraints if c.name == error.constraint), None)
    names: Iterable[str] = () if constraint is None else constraint.columns
    columns = [column for name in names if (column := table.column(name)) is not None]
    if not columns or not all(_reads(session, table, column.attnum) for column in columns):
        error.detail = None
    return error
