"""The engine's door: opens a data directory, makes sessions, and publishes what transactions commit.

What other sessions see is the catalogs in `databases`, the vector indexes and the row cache here; `commit` replaces or
changes them in one step, under one lock, after DuckDB has made the transaction durable and before the client hears of
it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ruvector_engine.advisory_locks import AdvisoryLocks
from ruvector_engine.catalog import store as catalog_store
from ruvector_engine.catalog.roles import DEFAULT_SUPERUSER, Authority
from ruvector_engine.catalog.system import AccessRule, Activity, IndexBuild, NameMapping
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.configuration_file import ConfigurationFile
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import sequence_values
from ruvector_engine.executor.filters import FilterCache
from ruvector_engine.executor.knn_batch import Asked, search_together
from ruvector_engine.executor.row_cache import RowCache
from ruvector_engine.executor.session_functions import call
from ruvector_engine.executor.sizes import database_bytes, relation_bytes
from ruvector_engine.indexes import IndexSet
from ruvector_engine.locks import LockManager
from ruvector_engine.login import Accounts, admitted, admitted_to
from ruvector_engine.notifications import Exchange
from ruvector_engine.published import PublishedDatabases
from ruvector_engine.relational.duck import Store
from ruvector_engine.results import Result
from ruvector_engine.session import Prepared, Session
from ruvector_engine.session.activity import activity_of
from ruvector_engine.setting_definitions import SHARED_BUFFERS
from ruvector_engine.sql.functions import notifications, sequences, system
from ruvector_engine.sql.functions.catalog import UDFS
from ruvector_engine.sql.functions.session import udfs as session_udfs
from ruvector_engine.sql.storage import MACROS
from ruvector_engine.text_indexes import TextIndexSet
from ruvector_engine.transactions import Transaction
from ruvector_engine.types.registry import Value
from ruvector_simd.level import eight_lanes

_log = logging.getLogger(__name__)

FILE_NAME = "ruvector.duckdb"
LOCK_NAME = "ruvector.lock"


class Database:
    """One data directory, open: what PostgreSQL calls a cluster, of several databases. Thread-safe."""

    def __init__(self, data_dir: Path, lock_file: IO[str], superuser: str) -> None:
        self.data_dir = data_dir
        self._lock_file = lock_file
        self.configuration = ConfigurationFile(data_dir)
        self.store = Store(
            data_dir / FILE_NAME, threads=os.cpu_count() or 1, memory=self._storage_memory(), during=eight_lanes
        )
        self.sessions: dict[int, Session] = {}
        self.exchange = Exchange()
        self.store.register(
            (
                *UDFS,
                *session_udfs(lambda pid, name, args: call(self.sessions[pid], name, args)),
                *system.udfs(self._lookup_of, self._relation_bytes, self._database_bytes),
                *sequences.udfs(
                    lambda pid: self.sessions[pid].drawn,
                    lambda pid, oid: sequence_values.current(self.sessions[pid], oid),
                    lambda pid: sequence_values.last(self.sessions[pid]),
                ),
                *notifications.udfs(lambda pid: self.sessions[pid].notifications, self.exchange.usage),
            )
        )
        with self.store.connection() as connection:
            connection.run("BEGIN")
            for macro in MACROS:
                connection.run(macro)
            #: What is committed: the databases in the directory, each with its catalog.
            self.databases = PublishedDatabases(catalog_store.bootstrap(connection, superuser))
            connection.run("COMMIT")
        #: What is asked of roles before there is a session.
        self.accounts = Accounts(lambda: self.authority, lambda: self.configuration.current)
        #: Held while it is decided whether one more session may begin.
        self._admission = threading.Lock()
        self.locks = LockManager()
        self.advisory_locks = AdvisoryLocks()
        self.rows = RowCache()
        self.filters = FilterCache()
        self.indexes = IndexSet(self.store, data_dir / "indexes")
        self.text_indexes = TextIndexSet(
            self.store, data_dir / "text_indexes", lambda: [published.catalog for published in self.databases]
        )
        #: Held while a commit becomes visible; and by those who need a moment without commits.
        self.commit_lock = threading.RLock()
        #: Commits so far, and the number of the last one that changed a table.
        self.commits = 0
        self.changed_at: dict[int, int] = {}
        #: The same of the last one that created a table or altered it.
        self.defined_at: dict[int, int] = {}
        self.started_at = self.configured_at = time.time()
        #: What pg_reload_conf() asks for: whoever has files to read again sets it.
        self.on_reload: Callable[[], object] = lambda: None
        #: What the files say of who gets in, as they are now: whoever lets clients in sets these.
        self.access_rules: Callable[[], Sequence[AccessRule]] = lambda: ()
        self.name_mappings: Callable[[], Sequence[NameMapping]] = lambda: ()
        #: Milliseconds to begin with: numbers grow beyond a restart too, unless transactions came faster than that.
        self._closed = False

    @classmethod
    def open(cls, data_dir: Path, superuser: str = DEFAULT_SUPERUSER) -> Database:
        """Open (or create) a data directory; SqlError when it is in use, unwritable, or of another format.

        `superuser` is the name of the first role of one that is created.
        """
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock_file = open(data_dir / LOCK_NAME, "a+")  # noqa: SIM115 - held until close()
        except OSError as error:
            raise SqlError(
                "58030", f"could not use data directory {data_dir}: {error.strerror}", severity="FATAL"
            ) from error
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock_file.seek(0)
            owner = lock_file.read().strip() or "unknown"
            lock_file.close()
            raise SqlError(
                "55006",
                f"data directory {data_dir} is in use by another server (PID {owner})",
                hint="Stop that server, or give this one a --data-dir of its own.",
                severity="FATAL",
            ) from error
        lock_file.truncate(0)
        lock_file.write(str(os.getpid()))
        lock_file.flush()
        try:
            database = cls(data_dir, lock_file, superuser)
        except BaseException:
            lock_file.close()
            raise
        catalogs = [published.catalog for published in database.databases]
        database.indexes.open_all(catalogs)
        database.text_indexes.open_all(catalogs)
        return database

    @property
    def authority(self) -> Authority:
        """The roles and the databases as committed now."""
        return self.databases.authority

    def session(
        self,
        *,
        user: str,
        database: str,
        pid: int,
        startup: Mapping[str, str],
        client: tuple[str | None, int] = (None, -1),
        system_user: str | None = None,
    ) -> Session:
        """A new session in the database of that name.

        SqlError for a user who may not log in, for a database that there is not or that he may not connect to, for an
        unknown startup parameter or a bad value.

        `client` is the address and port of the client; (None, -1) when it is on this machine and has none.
        `system_user` is how it has proven who it is, method:name; None when nothing was asked.
        """
        with self._admission:
            others = list(self.sessions.values())
            login = admitted(self.authority, user, others, self._places())
            published = admitted_to(self.databases, database, login, others)
            session = Session(self, login=login, published=published, pid=pid, startup=startup)
            session.client_address, session.client_port = client
            session.system_user = system_user
            self.sessions[pid] = session
        return session

    @contextmanager
    def no_new_sessions(self) -> Iterator[None]:
        """A moment in which no session begins."""
        with self._admission:
            yield

    def _places(self) -> int | None:
        """How many sessions there may be before the rest of the places is kept for superusers."""
        settings = self.configuration.current.values
        if "max_connections" not in settings:
            return None
        return int(settings["max_connections"]) - int(settings["superuser_reserved_connections"])

    def _storage_memory(self) -> int:
        """Bytes of memory that DuckDB may take: shared_buffers, in units of 8 kB, as it is at the start."""
        buffers = self.configuration.current.values.get("shared_buffers", SHARED_BUFFERS)
        return int(buffers) * 8192

    def execute_together(self, queries: Sequence[tuple[Session, Prepared, Sequence[Value]]]) -> list[Result | None]:
        """`Session.execute_now` for queries of several sessions at once.

        None also for a query that fails: `Session.execute` tells the error.
        """
        asked = []
        for session, prepared, params in queries:
            plan = session.plan_for_now(prepared)
            asked.append(None if plan is None else Asked(session, plan, params))
        return search_together(asked)

    def _lookup_of(self, pid: int) -> Lookup:
        return self.sessions[pid].lookup

    def _relation_bytes(self, pid: int, oid: int) -> int | None:
        session = self.sessions[pid]
        with self.store.connection() as connection:  # the session's own is running the statement that asks
            return relation_bytes(session, connection, oid)

    def _database_bytes(self, pid: int, given: int | str) -> int:
        session = self.sessions[pid]
        with self.store.connection() as connection:
            return database_bytes(session, connection, given)

    def reload(self) -> None:
        """Have configuration files read again, soon."""
        self.configuration.reload()
        self.configured_at = time.time()
        self.on_reload()

    def next_transaction_number(self) -> int:
        """What txid_current() says of one more transaction: greater than any it said before, restarts included."""
        with self.store.connection() as connection:  # the session's own may be rolled back
            return catalog_store.next_transaction_number(connection)

    def activity(self) -> list[Activity]:
        """The sessions, for pg_stat_activity."""
        return [activity_of(session) for session in list(self.sessions.values())]

    def index_progress(self) -> list[IndexBuild]:
        """Index builds under way, for pg_stat_progress_create_index."""
        return [s.building for s in list(self.sessions.values()) if s.building is not None]

    def commit(self, transaction: Transaction) -> None:
        """Make a transaction durable, then visible. SqlError when DuckDB refuses it: then it is rolled back."""
        with self.commit_lock:
            changed = tuple(transaction.changes)
            self.rows.begin_change(changed)
            try:
                try:
                    transaction.connection.control_transaction("COMMIT")
                except SqlError:
                    self.indexes.discard(transaction)
                    self.text_indexes.discard(transaction)
                    raise
                self._publish(transaction)
            finally:
                self.rows.end_change(changed)

    def _publish(self, transaction: Transaction) -> None:
        self.changed_at |= dict.fromkeys(transaction.changes, self.commits + 1)
        self.commits += 1
        if transaction.new_database is not None:
            self.databases.add(transaction.new_database)
        if transaction.catalog is not None:
            former = self.databases.replace(transaction.catalog)
            for name, relation in transaction.catalog.relations.items():
                known = former.relations.get(name)
                if known is not relation and known != relation:  # equal ones know a changed type
                    self.defined_at[relation.oid] = self.commits
        if transaction.dropped_database:
            self.databases.remove(transaction.dropped_database)
        for table_oid, changes in transaction.changes.items():
            if changes.truncated or changes.altered or table_oid in transaction.dropped:
                self.rows.forget(table_oid)
        catalog = transaction.new_database or transaction.published.catalog
        self.indexes.publish(catalog, transaction)
        self.text_indexes.publish(catalog, transaction)
        # After the indexes: a reader that still finds an old id misses its row, and searches again.
        for table_oid, changes in transaction.changes.items():
            self.rows.changed(table_oid, (*changes.deleted, *changes.touched))

    def close(self) -> None:
        """Checkpoint, save the indexes and free the directory. Sessions must be closed before."""
        if self._closed:
            return
        self._closed = True
        self.indexes.close()
        self.text_indexes.close()
        self.store.checkpoint()
        self.store.close()
        self._lock_file.close()
