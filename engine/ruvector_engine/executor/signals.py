"""pg_cancel_backend() and pg_terminate_backend(): what one session may do to another."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import SqlError
from ruvector_engine.executor.server_rights import check_may_cancel, check_may_terminate

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: How often whoever waits for a session's end looks, in seconds.
_NAP = 0.02


def cancel(session: Session, pid: Any) -> bool | None:
    """Cancel what another session, or this one, does; whether there is such a session."""
    if pid is None:
        return None
    other = _other(session, pid)
    if other is None:
        return False
    check_may_cancel(session, other)
    other.cancel()
    session.check_cancelled()
    return True


def terminate(session: Session, pid: Any, timeout: Any = 0) -> bool | None:
    """End another session, or this one. With a timeout, in milliseconds: whether it is gone by then."""
    if pid is None or timeout is None:
        return None
    if timeout < 0:
        raise SqlError("22003", '"timeout" must not be negative')
    other = _other(session, pid)
    if other is None:
        return False
    check_may_terminate(session, other)
    other.terminate()
    session.check_cancelled()
    return timeout == 0 or _gone(session, other, timeout)


def _other(session: Session, pid: Any) -> Session | None:
    other = session.database.sessions.get(int(pid))
    if other is None:
        session.notice("01000", f"PID {pid} is not a PostgreSQL backend process", "WARNING")
    return other


def _gone(session: Session, other: Session, timeout: int) -> bool:
    until = time.monotonic() + timeout / 1000
    while session.database.sessions.get(other.pid) is other:
        session.check_cancelled()
        if time.monotonic() >= until:
            text = f"backend with PID {other.pid} did not terminate within {timeout} milliseconds"
            session.notice("01000", text, "WARNING")
            return False
        time.sleep(_NAP)
    return True
