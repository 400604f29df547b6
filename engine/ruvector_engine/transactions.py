"""A session's transaction: what PostgreSQL promises of BEGIN ... COMMIT, kept over DuckDB's snapshots.

READ COMMITTED is kept by taking DuckDB's snapshot as late as possible: a transaction that has only read runs each
statement on its own; the first write begins the DuckDB transaction, after its table locks are held. REPEATABLE READ and
SERIALIZABLE begin it with the first statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ruvector_engine.catalog.model import Catalog, IndexDef, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.index.elements import Element
from ruvector_engine.index.spec import Vectors
from ruvector_engine.notifications import NotificationMark
from ruvector_engine.published import Published
from ruvector_engine.relational.duck import Connection
from ruvector_engine.relational.kept_rows import KeptRows
from ruvector_engine.settings import Mark

Ids = npt.NDArray[np.int64]
IdVectors = tuple[Ids, Vectors]

#: ReadyForQuery's byte of each state.
_STATUS: Final[dict[str, Literal["I", "T", "E"]]] = {"idle": "I", "implicit": "I", "block": "T", "failed": "E"}


@dataclass(slots=True)
class TableChanges:
    """What a transaction did to one table, as its indexes and the row cache need to know it."""

    #: Searchable column, or the OID of an index that is over something else -> batches of (ids, values as stored, NULL
    #: where the index leaves the row out); made arrays only where an index wants them.
    added: dict[str | int, list[tuple[Ids, Sequence[bytes | str | None] | None]]] = field(default_factory=dict)
    added_rows: list[Ids] = field(default_factory=list)  # the ids of all new row versions
    deleted: list[Ids] = field(default_factory=list)  # ids that are gone
    touched: list[Ids] = field(default_factory=list)  # ids whose other columns changed
    truncated: bool = False  # everything that was there before is gone
    altered: bool = False  # columns came, went or changed
    version: int = 0  # another number after each statement that wrote; never the same twice in a session
    reworked: int = 0  # the version after the last statement that may have changed rows that were there; 0: none

    def copy(self) -> TableChanges:
        """What it says now; later changes to the one are not seen in the other."""
        added = {column: list(batches) for column, batches in self.added.items()}
        return replace(
            self,
            added=added,
            added_rows=list(self.added_rows),
            deleted=list(self.deleted),
            touched=list(self.touched),
        )

    def truncate(self) -> None:
        """All rows are gone, also those added here."""
        self.truncated = True
        self.added.clear()
        self.added_rows.clear()
        self.deleted.clear()
        self.touched.clear()

    def rename(self, old: str, new: str) -> None:
        """A column has another name now."""
        if old in self.added:
            self.added[new] = self.added.pop(old)

    def deleted_ids(self) -> Ids:
        """All ids that are gone, sorted."""
        return np.unique(np.concatenate(self.deleted)) if self.deleted else np.empty(0, np.int64)

    def add(self, key: str | int, ids: Ids, vectors: Sequence[bytes | str | None] | None) -> None:
        """Note new row versions and their vectors under a key of `added`; None: they are read when wanted."""
        self.added.setdefault(key, []).append((ids, vectors))

    def noted_ids(self, key: str | int) -> Ids:
        """The ids of the row versions that were added under a key."""
        return np.concatenate([np.empty(0, np.int64), *(ids for ids, _ in self.added.get(key, ()))])

    def added_vectors(
        self, column: str | int, element: Element, dimensions: int, read: Callable[[Ids], IdVectors]
    ) -> IdVectors:
        """What is still there of what was added to `column`: ids (n,), and their vectors; NULLs are left out.

        `read` gives committed rows' ids and vectors: those of large batches are not kept in memory.
        """
        ids_parts, parts = [np.empty(0, np.int64)], [element.zeros(0, dimensions)]
        for ids, values in self.added.get(column, ()):
            if values is None:
                ids, vectors = read(ids)
            else:
                fits = [value is not None and element.dimensions_of(value) == dimensions for value in values]
                ids = ids if all(fits) else ids[fits]
                present = [value for value, fit in zip(values, fits, strict=True) if fit and value is not None]
                vectors = element.of_values(present, dimensions)
            ids_parts.append(ids)
            parts.append(vectors)
        ids, vectors = np.concatenate(ids_parts), element.rows.joined(parts)
        if not self.deleted or not len(ids):
            return ids, vectors
        keep = np.flatnonzero(~np.isin(ids, self.deleted_ids()))
        return ids[keep], vectors.take(keep, axis=0)

    def touched_ids(self) -> Ids:
        """The ids of rows that changed otherwise, sorted."""
        return np.unique(np.concatenate(self.touched)) if self.touched else np.empty(0, np.int64)

    def added_ids(self) -> Ids:
        """The ids of new row versions that are still there, sorted."""
        if not self.added_rows:
            return np.empty(0, np.int64)
        return np.setdiff1d(np.concatenate(self.added_rows), self.deleted_ids())


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """A table's rows as a transaction had changed them at some moment, kept to be written again.

    `version` and `epoch` are the `TableChanges.version` and the `Transaction.epoch` of that moment.
    """

    table: TableDef
    version: int
    epoch: int
    own: KeptRows  # rows that the transaction wrote anew: rowid, then every stored column
    last_own: int  # the greatest rowid among them
    changed: KeptRows | None  # rows that were there before: rowid, whether it is gone, every stored column

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the rows take."""
        return self.own.nbytes + (0 if self.changed is None else self.changed.nbytes)


class Savepoint(NamedTuple):
    """Where ROLLBACK TO can go back to. `refusal` says why it cannot when storage has to be undone.

    Storage has changed when both `writes` and the connection's `changing` have grown: statements that announce a write
    may fail before they do anything.
    """

    name: str
    writes: int
    changing: int
    settings: Mark
    open: bool
    catalog: Catalog | None
    changes: dict[int, TableChanges]
    rows: tuple[WrittenRows, ...]
    refusal: SqlError | None
    cursors: frozenset[str]
    notifications: NotificationMark


class Transaction:
    """The state machine of one session's transactions, over its DuckDB connection.

    `state`: "idle"; "implicit" for the group of statements up to the next Sync; "block" after BEGIN; "failed" for a
    block in which a statement failed. `open` says whether DuckDB's transaction has begun.
    """

    def __init__(self, connection: Connection, published: Published, commits: Callable[[], int]) -> None:
        self.connection = connection
        #: The database that it is in.
        self.published = published
        self._commits = commits
        #: How many commits of the database the snapshot is sure to see, while `open`.
        self.snapshot = 0
        self.state: Literal["idle", "implicit", "block", "failed"] = "idle"
        self.open = False
        self.writes = 0  # statements that wrote
        self.number: int | None = None  # txid_current(), once it was asked for
        self.savepoints: list[Savepoint] = []
        #: Counts the DuckDB transactions begun, so that what was read in one is not taken for another's.
        self.epoch = 0
        self.kept: dict[int, WrittenRows] = {}  # what the last SAVEPOINT kept, by table
        self._versions = 0
        self.isolation = "read committed"
        self.read_only = False
        self.queried = False  # a statement has run that may have looked at rows
        self.chained: Mapping[str, str] = {}  # the modes that AND CHAIN has handed over
        self.catalog: Catalog | None = None  # set once DDL ran in this transaction
        self.changes: dict[int, TableChanges] = {}
        self.dropped: set[int] = set()  # oids of indexes and tables dropped here
        self.new_indexes: dict[int, IndexDef] = {}  # vector indexes built here
        self.new_database: Catalog | None = None  # what CREATE DATABASE made here
        self.dropped_database = 0  # the OID of what DROP DATABASE dropped here

    @property
    def status(self) -> Literal["I", "T", "E"]:
        """ReadyForQuery's transaction status."""
        return _STATUS[self.state]

    def begin_snapshot(self) -> None:
        """Begin DuckDB's transaction, if it has not begun."""
        if not self.open:
            self.snapshot = self._commits()
            self.connection.control_transaction("BEGIN")
            self.open = True
            self.epoch += 1

    def take_snapshot(self) -> None:
        """Begin DuckDB's transaction at once: by itself it would begin with its first read."""
        self.begin_snapshot()
        self.connection.run("SELECT 1 FROM ruvector_catalog.entries LIMIT 1")

    def for_write(self, command: str) -> None:
        """Prepare to write: 25006 in a read-only transaction. Table locks must be held already."""
        if self.read_only:
            raise SqlError("25006", f"cannot execute {command} in a read-only transaction")
        self.begin_snapshot()
        self.writes += 1

    def changes_of(self, table_oid: int) -> TableChanges:
        """The record of changes for a table, made on first use."""
        return self.changes.setdefault(table_oid, TableChanges())

    def note_write(self, table_oid: int, *, reworks: bool) -> TableChanges:
        """A statement is about to write to a table; `reworks`: not only new rows. The record of its changes."""
        changes = self.changes_of(table_oid)
        self._versions += 1
        changes.version = self._versions
        if reworks:
            changes.reworked = self._versions
        return changes

    def forget(self) -> None:
        """Back to idle; the DuckDB transaction has been ended by the caller."""
        self.state = "idle"
        self.open = self.read_only = self.queried = False
        self.chained = {}
        self.writes = 0
        self.number = None
        self.savepoints = []
        self.kept = {}
        self.isolation = "read committed"
        self.forget_changes()

    def forget_changes(self) -> None:
        """Nothing was changed: storage has undone it all, or it has been published."""
        self.catalog = None
        self.changes = {}
        self.dropped = set()
        self.new_indexes = {}
        self.new_database = None
        self.dropped_database = 0
