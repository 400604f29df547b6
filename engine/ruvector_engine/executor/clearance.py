"""Whether a prepared statement may run now: what it was made for is still so, and all that it needs was granted.

The answer is kept in the statement until the settings, the current user among them, or the catalog change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access
from ruvector_engine.sql.needs import Needs, needs_of
from ruvector_engine.types.registry import TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Prepared, Session
    from ruvector_engine.sql.analyze import Analyzed


def needs_for(session: Session, analyzed: Analyzed) -> Needs | None:
    """What a statement needs, before its plan changes the tree; None where nobody has to be asked."""
    if session.rights.superuser and not analyzed.reads_views:
        return None
    return needs_of(analyzed.statement)


def cleared(session: Session, prepared: Prepared) -> Prepared:
    """The statement, analyzed again where that is due; 42501 when something that it needs was not granted."""
    if not _is_current(session, prepared) or (prepared.needs is None and not session.rights.superuser):
        fresh = session.prepare(prepared.raw, prepared.parameter_oids, prepared.shaped)
        if _row_type(fresh) != _row_type(prepared):
            raise SqlError("0A000", "cached plan must not change result type")
        prepared.analyzed, prepared.plan, prepared.needs = fresh.analyzed, fresh.plan, fresh.needs
        prepared.catalog, prepared.search_path = fresh.catalog, fresh.search_path
    elif prepared.allowed_at == session.settings.generation:
        return prepared
    if prepared.needs is not None:
        access.require(session, prepared.needs)
    prepared.allowed_at = session.settings.generation
    return prepared


def _row_type(prepared: Prepared) -> list[tuple[str, TypeRef]] | None:
    """Names and types of the columns: whose they are may change, as where a table is made again."""
    columns = prepared.description.columns
    return None if columns is None else [(column.name, column.type) for column in columns]


def is_allowed(session: Session, prepared: Prepared) -> bool:
    """The same for a statement that the event loop would answer: False where `cleared` must do it or tell the error.

    The caller has found the catalog to be the one that the statement was made for.
    """
    if not _is_current(session, prepared):
        return False
    if prepared.needs is None:
        if not session.rights.superuser:
            return False
    else:
        try:
            access.require(session, prepared.needs)
        except SqlError:
            return False
    prepared.allowed_at = session.settings.generation
    return True


def _is_current(session: Session, prepared: Prepared) -> bool:
    return prepared.catalog is session.catalog and prepared.search_path == session.search_path
