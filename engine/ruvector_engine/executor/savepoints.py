"""SAVEPOINT, RELEASE, ROLLBACK TO. DuckDB has none of them, and one failed statement spoils its whole transaction.

So a SAVEPOINT keeps what the transaction has written by then, and ROLLBACK TO rolls DuckDB back, begins again and
writes that anew (`rewriting`). The new snapshot shows what others have committed meanwhile, as READ COMMITTED may; the
stricter isolations fail when there is any such thing. Locks stay until the end of the transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import rewriting, transaction_ends
from ruvector_engine.results import Result
from ruvector_engine.transactions import Savepoint, WrittenRows

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_COMMANDS = {"ROLLBACK TO": "ROLLBACK TO SAVEPOINT", "RELEASE": "RELEASE SAVEPOINT"}


def run(session: Session, kind: str, name: str) -> Result:
    """SAVEPOINT, RELEASE or ROLLBACK TO `name`."""
    transaction = session.transaction
    if transaction.state not in ("block", "failed"):
        raise SqlError("25P01", f"{_COMMANDS.get(kind, kind)} can only be used in transaction blocks")
    if kind == "SAVEPOINT":
        transaction.savepoints.append(mark(session, name))
        return Result("SAVEPOINT")
    names = [savepoint.name for savepoint in transaction.savepoints]
    if name not in names:
        raise SqlError("3B001", f'savepoint "{name}" does not exist')
    place = len(names) - 1 - names[::-1].index(name)
    if kind == "RELEASE":
        del transaction.savepoints[place:]
        return Result("RELEASE")
    go_back(session, transaction.savepoints[place])
    del transaction.savepoints[place + 1 :]
    transaction.state = "block"
    return Result("ROLLBACK")


def go_back(session: Session, savepoint: Savepoint) -> None:
    """Undo what the transaction has done since `mark` gave the savepoint; 0A000 or 40001 where that cannot be."""
    changed = session.transaction.writes != savepoint.writes and session.connection.changing != savepoint.changing
    if changed or not transaction_ends.storage_usable(session):
        _write_again(session, savepoint)
    session.settings.back_to(savepoint.settings)
    transaction_ends.close_cursors(session, savepoint.cursors)
    session.notifications.back_to(savepoint.notifications)


class Undoing(NamedTuple):
    """How a refusal to go back is worded."""

    what: str = "ROLLBACK TO SAVEPOINT"
    mark: str = "the savepoint"
    hint: str = "Commit before SAVEPOINT, or roll back the whole transaction."


def mark(session: Session, name: str, undoing: Undoing = Undoing()) -> Savepoint:  # noqa: B008 - immutable
    """What `go_back` goes back to: how the transaction is now."""
    transaction = session.transaction
    rows: tuple[WrittenRows, ...] = ()
    refusal = None
    if transaction.catalog is not None:
        refusal = not_supported(
            f"{undoing.what} is not supported when the transaction changed the catalog before {undoing.mark}",
            hint=undoing.hint,
        )
    else:
        try:
            rows = rewriting.written_rows(session)
        except rewriting.CannotKeep as reason:
            refusal = reason.refusal
    return Savepoint(
        name,
        transaction.writes,
        session.connection.changing,
        session.settings.mark(),
        transaction.open,
        transaction.catalog,
        {oid: changes.copy() for oid, changes in transaction.changes.items()},
        rows,
        refusal,
        frozenset(session.cursors),
        session.notifications.mark(),
    )


def _write_again(session: Session, savepoint: Savepoint) -> None:
    """Undo everything, then do again what was done before the savepoint."""
    if savepoint.refusal is not None:
        raise savepoint.refusal
    transaction, database = session.transaction, session.database
    with database.commit_lock:
        later = savepoint.open and transaction.isolation != "read committed"
        if later and database.commits != transaction.snapshot:
            raise SqlError("40001", "could not serialize access due to concurrent update")
        rewriting.begin_again(session, savepoint.rows, savepoint.changes, snapshot=later)
    transaction.writes = savepoint.writes
