"""How a transaction begins and ends: its modes, its cursors, what DuckDB and the indexes keep of it, its locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ruvector_engine.errors import SqlError
from ruvector_engine.executor import writes
from ruvector_engine.executor.setting_values import TRANSACTION_MODES

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def begin(session: Session, state: Literal["implicit", "block"]) -> None:
    """Start a transaction."""
    if session.transaction.state == "idle":
        session.settings.begin()
        _begin_as_usual(session)
        session.transaction_time = session.statement_time
    session.transaction.state = state


def _begin_as_usual(session: Session) -> None:
    """Give the transaction the modes that this session's transactions begin with, and have SHOW show them."""
    for name in TRANSACTION_MODES:
        mode = session.settings[f"default_{name}"]
        if session.settings[name] != mode:
            session.settings.set(name, mode, local=True)
    session.transaction.isolation = session.settings["transaction_isolation"]
    session.transaction.read_only = session.settings["transaction_read_only"] == "on"


def commit(session: Session) -> None:
    """Commit the transaction. On error it is rolled back, and the error raised."""
    transaction = session.transaction
    try:
        session.notifications.check_room()
        _end_cursors(session, committed=True)  # reads what is left of those WITH HOLD
    except SqlError:
        roll_back(session)
        raise
    try:
        _commit_and_notify(session)
    except SqlError as error:
        transaction.open = False
        tables = [session.catalog.table_by_oid(oid) for oid in transaction.changes]
        _finish(session, committed=False)
        raise writes.explained_by_any(error, [t for t in tables if t is not None], session) from error
    _finish(session, committed=True)


def _commit_and_notify(session: Session) -> None:
    transaction, notifications = session.transaction, session.notifications
    if not notifications.has_something_to_commit:
        if transaction.open:
            session.database.commit(transaction)
        return
    with session.database.commit_lock:  # messages go out in the order of commits
        if transaction.open:
            session.database.commit(transaction)
        notifications.commit()


def roll_back(session: Session) -> None:
    """Undo the transaction."""
    _end_cursors(session, committed=False)
    _roll_back_storage(session)
    _finish(session, committed=False)


def fail(session: Session) -> None:
    """An error was reported: an implicit transaction is rolled back, a block becomes a failed one."""
    if session.transaction.state == "implicit":
        roll_back(session)
    elif session.transaction.state == "block":
        session.transaction.state = "failed"
        if not session.transaction.savepoints:
            _roll_back_storage(session)


def storage_usable(session: Session) -> bool:
    """Whether DuckDB's transaction, if one is open, still takes statements: its own errors abort it."""
    if not session.transaction.open:
        return True
    try:
        session.connection.run("SELECT 1")
    except SqlError:
        return False
    return True


def close_cursors(session: Session, kept: frozenset[str]) -> None:
    """Close the cursors that are not among the kept ones: ROLLBACK TO undoes their DECLARE."""
    for name in set(session.cursors) - kept:
        cursor = session.cursors.pop(name)
        if cursor.stream is not None:
            cursor.stream.close()


def _end_cursors(session: Session, *, committed: bool) -> None:
    """Cursors end with their transaction; those WITH HOLD keep their rows when it commits, and stay for good."""
    staying = {name: cursor for name, cursor in session.cursors.items() if cursor.kept or (cursor.hold and committed)}
    for name, cursor in session.cursors.items():
        if name not in staying:
            cursor.close()
        elif not cursor.kept:
            cursor.keep()
    session.cursors = staying
    if session.stream is not None:
        session.stream.close()
        session.stream = None


def undo_storage(session: Session) -> None:
    """Undo all that the transaction did; its locks stay."""
    transaction = session.transaction
    if transaction.open:
        session.connection.control_transaction("ROLLBACK")
        transaction.open = False
        session.filled_views.clear()
    session.database.indexes.discard(transaction)
    session.database.text_indexes.discard(transaction)
    transaction.forget_changes()


def _roll_back_storage(session: Session) -> None:
    undo_storage(session)
    release_locks(session)


def _finish(session: Session, *, committed: bool) -> None:
    session.settings.end(committed=committed)
    session.notifications.rollback()  # what is left, if this was no commit
    session.transaction.forget()
    release_locks(session)
    session.note_changed_parameters()


def release_locks(session: Session) -> None:
    """Give back what is held to the end of the transaction."""
    session.database.locks.release_all(session.pid)
    session.database.advisory_locks.release_all(session.pid, transaction=True)
