"""READ COMMITTED inside a transaction that has written: each statement sees what others have committed by then.

DuckDB's snapshot is the transaction's. So when others have changed a table that a statement is about to look at, the
transaction moves to a new snapshot: it keeps what it has written, rolls DuckDB back, begins again and writes the same
(`rewriting`). That costs as much as the rows it has written, so a transaction that has written much stays where it is;
so does one that has updated or deleted rows of a table without vectors to which others have added rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.executor import rewriting

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: A transaction that has written more than this keeps its snapshot; bytes.
MOST_REWRITTEN = 16 << 20


def catch_up(session: Session, read: Iterable[TableDef]) -> None:
    """Move to a new snapshot if others have changed one of the tables since the present one. Locks are held already."""
    transaction, database = session.transaction, session.database
    if not transaction.open or transaction.isolation != "read committed" or transaction.catalog is not None:
        return
    changed, defined, snapshot = database.changed_at, database.defined_at, transaction.snapshot
    if all(max(changed.get(table.oid, 0), defined.get(table.oid, 0)) <= snapshot for table in read):
        return
    try:
        rows = rewriting.written_rows(session)
    except rewriting.CannotKeep:
        return
    if (
        sum(kept.own.nbytes + (kept.changed.nbytes if kept.changed is not None else 0) for kept in rows)
        > MOST_REWRITTEN
    ):
        return
    with database.commit_lock:
        rewriting.begin_again(session, rows, transaction.changes, snapshot=True)
