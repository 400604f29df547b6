"""A session as pg_stat_activity shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog.system import Activity
from ruvector_engine.executor.session_functions import micros
from ruvector_engine.sql.secrets import shown_text

if TYPE_CHECKING:
    from ruvector_engine.session.session import Session


def activity_of(session: Session) -> Activity:
    """A session as pg_stat_activity shows it."""
    return Activity(
        session.pid,
        session.identity.login.name,
        session.database_name,
        session.settings["application_name"],
        session.client_address,
        session.client_port,
        backend_start=micros(session.started_at),
        xact_start=micros(session.transaction_time) if session.transaction.state != "idle" else None,
        query_start=micros(session.statement_time),
        state_change=micros(session.statement_time),
        state={"idle": "idle", "implicit": "active", "block": "idle in transaction"}.get(
            session.transaction.state, "idle in transaction (aborted)"
        ),
        query=shown_text(session.sent) if session.sent is not None else "",
        user_oid=session.identity.login.oid,
        database_oid=session.published.oid,
    )
