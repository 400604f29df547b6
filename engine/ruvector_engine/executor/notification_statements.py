"""LISTEN, UNLISTEN, NOTIFY: the session's mailbox takes note; the commit does what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run_listen(session: Session, statement: Utility) -> Result:
    """LISTEN channel."""
    session.notifications.listen(statement.node.conditionname)
    return Result("LISTEN")


def run_unlisten(session: Session, statement: Utility) -> Result:
    """UNLISTEN channel, UNLISTEN *."""
    session.notifications.unlisten(statement.node.conditionname or None)
    return Result("UNLISTEN")


def run_notify(session: Session, statement: Utility) -> Result:
    """NOTIFY channel [, payload]."""
    session.notifications.notify(statement.node.conditionname, statement.node.payload)
    return Result("NOTIFY")
