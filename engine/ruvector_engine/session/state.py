"""What a session knows: whom it acts for, in which transaction, under which settings, and what it has open."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from ruvector_engine.authorization import Authorization
from ruvector_engine.catalog.model import Catalog
from ruvector_engine.catalog.rights import Rights
from ruvector_engine.catalog.roles import RoleDef
from ruvector_engine.catalog.system import IndexBuild
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.drawn_numbers import DrawnNumbers
from ruvector_engine.errors import SqlError
from ruvector_engine.executor.cursors import Cursor
from ruvector_engine.executor.session_functions import micros
from ruvector_engine.executor.streams import RowStream
from ruvector_engine.identity import Identity
from ruvector_engine.notifications import Mailbox
from ruvector_engine.published import Published
from ruvector_engine.session.prepared import Prepared
from ruvector_engine.settings import Settings
from ruvector_engine.sql.context import Context, Variables
from ruvector_engine.sql.parser import RawStatement
from ruvector_engine.sql.tags import command_tag
from ruvector_engine.transactions import Transaction

if TYPE_CHECKING:
    from ruvector_engine.database import Database


#: The severities of notices, from the least, by which client_min_messages chooses.
_LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "notice", "warning", "error")


class SearchOptions(NamedTuple):
    """What a vector index is searched with."""

    ef_search: int
    probes: int


class SessionState:
    """See the module; `Session` adds to it. `notices` and `changed_parameters` are drained by the caller."""

    def __init__(self, database: Database, login: RoleDef, published: Published, pid: int) -> None:
        self.database = database
        #: The database that it is connected to, of those in the data directory.
        self.published = published
        self.pid = pid
        self.client_address: str | None = None
        self.client_port = -1  # as PostgreSQL has it for a client without an address
        self.system_user: str | None = None
        self.settings = Settings({}, database.configuration.current)
        self.connection = database.store.connection()
        self.transaction = Transaction(self.connection, published, lambda: database.commits)
        #: Whom the session acts for.
        self.identity = Identity(login, self.settings, lambda: self.catalog.authority)
        #: What that one may do.
        self.authorization = Authorization(self.identity, self.settings, lambda: self.catalog.authority)
        self.notices: list[SqlError] = []
        #: What this session listens to, what has come for it, and what its transaction has to say.
        self.notifications = Mailbox(database.exchange, published.oid, pid)
        self.changed_parameters: list[tuple[str, str]] = []
        self.started_at = time.time()
        self.transaction_time = self.statement_time = self.started_at
        #: The statement that runs, or ran last.
        self.raw: RawStatement | None = None
        #: The same as the client sent it: of a program, the whole.
        self.sent: RawStatement | None = None
        self.drawn = DrawnNumbers()
        self._cancelled = ""  # why the running statement is to stop
        #: Whether an administrator has ordered it to end.
        self.terminating = False
        #: Named statements, of PREPARE and of the extended protocol; None for an empty one.
        self.statements: dict[str, Prepared | None] = {}
        #: Whether the statement has others beside it in one text or pipeline, with which it is one transaction.
        self.in_implicit_block = False
        #: How many programs (DO) the running statement stands in, and the names that they give to it.
        self.program_depth = 0
        self.variables: Variables | None = None
        self.cursors: dict[str, Cursor] = {}
        #: The stream that DuckDB is still producing for a client, if any.
        self.stream: RowStream | None = None
        #: System views filled on this connection: OID -> what they were filled for.
        self.filled_views: dict[int, tuple[int, int, tuple[str, ...]]] = {}
        #: A CREATE INDEX under way, for pg_stat_progress_create_index.
        self.building: IndexBuild | None = None
        self._lookup: Lookup | None = None
        self._lookup_path: tuple[str, ...] = ()
        self._options = SearchOptions(0, 0)
        self._options_generation = -1

    @property
    def status(self) -> Literal["I", "T", "E"]:
        """ReadyForQuery's transaction status."""
        return self.transaction.status

    @property
    def needs_sync(self) -> bool:
        """Whether `sync` has something to do."""
        return self.transaction.state == "implicit"

    @property
    def savepoint_level(self) -> int:
        """How many savepoints the transaction has."""
        return len(self.transaction.savepoints)

    @property
    def catalog(self) -> Catalog:
        """What exists, as this session's transaction sees it."""
        return self.transaction.catalog or self.published.catalog

    @property
    def database_name(self) -> str:
        """The name of the database that it is connected to."""
        return self.published.name

    @property
    def is_superuser(self) -> bool:
        """Whether the current user may do everything."""
        return self.identity.current.superuser

    @property
    def user(self) -> str:
        """The current user's name."""
        return self.identity.current.name

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas that unqualified names are looked up in: those that the current user may look into."""
        return self.authorization.search_path

    @property
    def rights(self) -> Rights:
        """What the current user may do, by what the transaction sees."""
        return self.authorization.rights

    def cancel(self, reason: str = "canceling statement due to user request") -> None:
        """Interrupt the statement that runs now, or is about to. Thread-safe."""
        self._cancelled = reason
        self.connection.interrupt()

    def terminate(self) -> None:
        """End the session by an administrator's order: whoever talks to the client sees `terminating`. Thread-safe."""
        self.terminating = True
        self.cancel()
        self.notifications.wake()

    def forget_cancel(self) -> None:
        """Before the next statement is handed over: a cancel that came too late for the last is not meant for it."""
        if not self.terminating:
            self._cancelled = ""

    def check_cancelled(self) -> None:
        """57014 when the client asked for the statement to stop."""
        if self._cancelled:
            raise SqlError("57014", self._cancelled)

    @property
    def cancel_reason(self) -> str:
        """Why the running statement is to stop, in PostgreSQL's words; empty while it is not."""
        return self._cancelled

    def notice(
        self,
        sqlstate: str,
        message: str,
        severity: Literal["NOTICE", "WARNING"] = "NOTICE",
        *,
        detail: str | None = None,
        hint: str | None = None,
        context: str | None = None,
    ) -> None:
        """Send a message beside the result, if client_min_messages lets it pass."""
        self.tell(SqlError(sqlstate, message, severity=severity, detail=detail, hint=hint, context=context))

    def tell(self, notice: SqlError) -> None:
        """Send a notice of any severity, if client_min_messages lets it pass; INFO always passes."""
        wanted = _LEVELS.index(self.settings["client_min_messages"])
        if notice.severity == "INFO" or _LEVELS.index(notice.severity.lower()) >= wanted:
            self.notices.append(notice)

    @property
    def in_block(self) -> bool:
        """Whether the statement is one of several in a transaction, a block's or an implicit one's."""
        return self.transaction.state == "block" or self.in_implicit_block or self.program_depth > 0

    def require_no_block(self, command: str) -> None:
        """25001 for a command that must be a transaction of its own, when others are in it too."""
        if self.transaction.state == "block" or self.in_implicit_block:
            raise SqlError("25001", f"{command} cannot run inside a transaction block")
        if self.program_depth:
            raise SqlError("25001", f"{command} cannot be executed from a function")

    def require_block(self, command: str) -> None:
        """25P01 for a command that means nothing when it is a transaction of its own."""
        if not self.in_block:
            raise SqlError("25P01", f"{command} can only be used in transaction blocks")

    def lock(
        self, table_oid: int, mode: Literal["insert", "update", "ddl"], *, wait: bool = True, keep: bool = True
    ) -> None:
        """Take a table lock until the end of the transaction; 55P03 when it may not `wait` and has to.

        Without `keep` it is not taken: those who hold it now are waited for.
        """
        timeout = int(self.settings["lock_timeout"]) / 1000 or None if wait else 0
        locks, check = self.database.locks, self.check_cancelled
        locks.acquire(self.pid, table_oid, mode, timeout=timeout, check=check, keep=keep)

    @property
    def command(self) -> str:
        """The running statement's command, as errors name it."""
        return command_tag(self.raw.kind, self.raw.node) if self.raw is not None else "this statement"

    @property
    def search_options(self) -> SearchOptions:
        """ef_search and probes now."""
        if self._options_generation != self.settings.generation:
            self._options = SearchOptions(int(self.settings["hnsw.ef_search"]), int(self.settings["ivfflat.probes"]))
            self._options_generation = self.settings.generation
        return self._options

    @property
    def lookup(self) -> Lookup:
        """The catalog by OID and name, as the transaction sees it; made once for each of its states."""
        made, path = self._lookup, self.search_path
        if made is None or made.catalog is not self.catalog or made.user != self.user or self._lookup_path != path:
            self._lookup_path = path
            made = Lookup.of(self.catalog, path, user=self.user)
            self._lookup = made
        return made

    def analysis_context(self) -> Context:
        """What names mean in this session now."""
        now = micros(self.transaction_time if self.transaction.state != "idle" else time.time())
        if self.rights.superuser:
            return Context(self.catalog, self.search_path, self.settings, now, self.lookup, variables=self.variables)
        return Context(
            self.catalog, self.search_path, self.settings, now, self.lookup, self.rights, variables=self.variables
        )
