"""Who may act on the server as a whole: on others' statements, its configuration, its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog.membership import has_privileges_of
from ruvector_engine.catalog.predefined_roles import PG_CHECKPOINT, PG_SIGNAL_BACKEND
from ruvector_engine.errors import SqlError

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def check_may_cancel(session: Session, other: Session) -> None:
    """42501 unless the current user may cancel what another session does."""
    _check_may_signal(session, other, "cancel", "query", "cancel queries", "query is being canceled")


def check_may_terminate(session: Session, other: Session) -> None:
    """42501 unless the current user may end another session."""
    _check_may_signal(session, other, "terminate", "process", "terminate processes", "process is being terminated")


def _check_may_signal(session: Session, other: Session, verb: str, what: str, doing: str, done: str) -> None:
    user, target = session.identity.current, other.identity.login
    if target.superuser and not user.superuser:
        detail = f"Only roles with the SUPERUSER attribute may {doing} of roles with the SUPERUSER attribute."
        raise SqlError("42501", f"permission denied to {verb} {what}", detail=detail)
    authority = session.catalog.authority
    if not any(has_privileges_of(authority, user.oid, role) for role in (target.oid, PG_SIGNAL_BACKEND)):
        detail = (
            f"Only roles with privileges of the role whose {done} "
            f'or with privileges of the "pg_signal_backend" role may {verb} this {what}.'
        )
        raise SqlError("42501", f"permission denied to {verb} {what}", detail=detail)


def check_may_checkpoint(session: Session) -> None:
    """42501 unless the current user may CHECKPOINT."""
    if not has_privileges_of(session.catalog.authority, session.identity.current.oid, PG_CHECKPOINT):
        detail = 'Only roles with privileges of the "pg_checkpoint" role may execute this command.'
        raise SqlError("42501", "permission denied to execute CHECKPOINT command", detail=detail)


def check_may_reload(session: Session) -> None:
    """42501 unless the current user may have configuration files read again."""
    if not session.is_superuser:
        raise SqlError("42501", "permission denied for function pg_reload_conf")
