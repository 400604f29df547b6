"""One backend: prepares and runs statements for one client, in its transactions, under its settings.

Calls come one at a time, from any thread; only `cancel` may come from elsewhere, at any time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ruvector_engine.authorization import Authorization
from ruvector_engine.catalog.made_types import user_type
from ruvector_engine.catalog.model import Catalog
from ruvector_engine.catalog.rights import Rights
from ruvector_engine.catalog.roles import RoleDef
from ruvector_engine.catalog.system import Activity, IndexBuild
from ruvector_engine.catalog.system.callables import existing_procedures
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.drawn_numbers import DrawnNumbers
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import (
    access,
    clearance,
    cursors,
    dispatch,
    queries,
    transaction_statements,
    widening,
    writes,
)
from ruvector_engine.executor.cursors import Cursor
from ruvector_engine.executor.knn import search_now
from ruvector_engine.executor.role_settings import begin_with
from ruvector_engine.executor.sequences import named_sequence
from ruvector_engine.executor.session_functions import micros
from ruvector_engine.executor.setting_values import TRANSACTION_MODES
from ruvector_engine.executor.streams import RowStream
from ruvector_engine.executor.transaction_statements import WITHOUT_SNAPSHOT
from ruvector_engine.identity import Identity
from ruvector_engine.notifications import Mailbox
from ruvector_engine.planner.plan import KnnPlan, Plan, QueryPlan, UtilityPlan, make_plan
from ruvector_engine.published import Published
from ruvector_engine.results import Column, Result, StatementDescription
from ruvector_engine.settings import Settings
from ruvector_engine.sql import text_styles
from ruvector_engine.sql.analyze import Analyzed, analyze
from ruvector_engine.sql.context import Context, Variables
from ruvector_engine.sql.names import name_to_oid
from ruvector_engine.sql.needs import Needs
from ruvector_engine.sql.parser import RawStatement, inner_statement, parse
from ruvector_engine.sql.secrets import shown_text
from ruvector_engine.sql.tags import command_tag
from ruvector_engine.transactions import Transaction
from ruvector_engine.types.registry import TypeRef, Value
from ruvector_engine.types.text import parse_text
from ruvector_engine.types.textio import DEFAULT_SETTINGS
from ruvector_engine.types.timezones import find_zone

if TYPE_CHECKING:
    from ruvector_engine.database import Database

#: The severities of notices, from the least, by which client_min_messages chooses.
_LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "notice", "warning", "error")
#: Statements that a failed transaction still takes.
_ENDS_TRANSACTION = frozenset({"COMMIT", "ROLLBACK", "ROLLBACK TO", "PREPARE TRANSACTION"})


class SearchOptions(NamedTuple):
    """What a vector index is searched with."""

    ef_search: int
    probes: int


@dataclass(slots=True)
class Prepared:
    """A statement after analysis and planning; made anew when the catalog has moved on (`Session.current_plan`)."""

    raw: RawStatement
    parameter_oids: tuple[int, ...] | None
    analyzed: Analyzed
    plan: Plan
    catalog: Catalog
    search_path: tuple[str, ...]
    description: StatementDescription
    needs: Needs | None = None  # None: not looked at
    #: The settings' generation, the current user among them, under which all that it needs was granted; -1: none.
    allowed_at: int = -1
    #: The parameters of array types, and which of these this plan takes with their shape.
    arrays: tuple[int, ...] = ()
    shaped: frozenset[int] = frozenset()
    #: The same statement for other choices of `shaped`.
    variants: dict[frozenset[int], Prepared] = field(default_factory=dict)


class Session:
    """See the module. `notices` and `changed_parameters` are drained by the caller."""

    def __init__(
        self, database: Database, *, login: RoleDef, published: Published, pid: int, startup: Mapping[str, str]
    ) -> None:
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
        try:
            begin_with(self, startup)
        except SqlError:
            self.connection.close()
            raise
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
        self._reported = self.reported_parameters()
        self._reported_generation = self.settings.generation
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
        self._duck_zone = ""
        self._duck_variables = text_styles.variables(DEFAULT_SETTINGS)
        self._followed = -1
        self._lookup: Lookup | None = None
        self._lookup_path: tuple[str, ...] = ()
        self._options = SearchOptions(0, 0)
        self._options_generation = -1

    # ------------------------------------------------------------ the door

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

    def reported_parameters(self) -> dict[str, str]:
        """Every setting that a client is told of at the start."""
        return self.settings.reported()

    def parse(self, sql: str) -> list[RawStatement]:
        """The statements in a text; 42601 for a syntax error. Never blocks."""
        return parse(sql)

    def prepare(
        self, raw: RawStatement, parameter_oids: Sequence[int] | None = None, shaped: frozenset[int] = frozenset()
    ) -> Prepared:
        """Analyze and plan. Never blocks.

        `parameter_oids`: 0, or none at all, for a type to be inferred; None where there can be no parameters.
        `shaped`: the parameters whose values are arrays with a shape.
        """
        if self.transaction.state == "failed" and not _ends_transaction(raw):
            raise _aborted()
        self._follow_configuration()
        catalog, search_path = self.catalog, self.search_path
        try:
            analyzed = analyze(raw, self.analysis_context(), parameter_oids, shaped)
            needs = clearance.needs_for(self, analyzed)
            plan = make_plan(analyzed)
        except RecursionError:
            raise _too_deep() from None
        description = StatementDescription(tuple(t.oid for t in analyzed.parameters), analyzed.columns)
        oids = None if parameter_oids is None else tuple(parameter_oids)
        arrays = tuple(n for n, t in enumerate(analyzed.parameters, 1) if t.is_array)
        prepared = Prepared(raw, oids, analyzed, plan, catalog, search_path, description, needs)
        prepared.arrays, prepared.shaped = arrays, shaped
        dispatch.describe(self, prepared)
        return prepared

    def check_runnable(self, prepared: Prepared | None) -> None:
        """What Bind, Describe and Execute tell of a statement before it runs: 25P02, or that its tables have changed.

        None is an empty query. Never blocks.
        """
        if self.transaction.state == "failed" and not (prepared is not None and _ends_transaction(prepared.raw)):
            raise _aborted()
        if prepared is not None and prepared.catalog is not self.catalog and type(prepared.plan) is not UtilityPlan:
            self.current_plan(prepared)

    def execute_now(self, prepared: Prepared, params: Sequence[Value] = ()) -> Result | None:
        """Answer without ever blocking, on the event loop; None when `execute` must do it."""
        plan = prepared.plan
        if prepared.arrays and widening.variant(self, prepared, params) is not prepared:
            return None
        if type(plan) is QueryPlan and plan.constants is not None and self.transaction.state == "idle":
            return queries.constant_row(plan, params)
        knn = self.plan_for_now(prepared)
        return None if knn is None else search_now(self, knn, params)

    def plan_for_now(self, prepared: Prepared) -> KnnPlan | None:
        """The statement's plan, if it is one that `search_now` may try in this transaction."""
        plan, transaction = prepared.plan, self.transaction
        if type(plan) is not KnnPlan or transaction.state == "failed" or transaction.open:
            return None
        if transaction.isolation != "read committed":  # the first statement takes the snapshot
            return None
        if prepared.catalog is not self.catalog:
            return None
        if prepared.allowed_at != self.settings.generation and not clearance.is_allowed(self, prepared):
            return None
        return plan if self.settings.server is self.database.configuration.current else None

    def execute(self, prepared: Prepared, params: Sequence[Value] = ()) -> Result:
        """Run a statement; blocks. SqlError tells what went wrong: the caller then calls `fail`."""
        if self.transaction.state == "failed" and not _ends_transaction(prepared.raw):
            raise _aborted()
        self.statement_time = time.time()
        self.raw = self.sent = prepared.raw
        if self.transaction.state == "idle":
            self.begin("implicit")
        if prepared.raw.kind not in WITHOUT_SNAPSHOT:
            self.transaction.queried = True
        self._follow_configuration()
        self._follow_settings()
        with self.watched():
            return dispatch.run(self, widening.fitting(self, prepared, params), params)

    def execute_inside(self, prepared: Prepared, params: Sequence[Value] = ()) -> Result:
        """Run a statement of the program that the running statement is, in the same transaction; blocks."""
        self.check_cancelled()
        self._follow_settings()
        outer, self.raw = self.raw, prepared.raw
        try:
            return dispatch.run(self, widening.fitting(self, prepared, params), params)
        except SqlError as error:
            raise named_sequence(error, self.catalog) from error.__cause__
        finally:
            self.raw = outer

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A part of the running statement: statement_timeout stops it, its errors are told as clients know them."""
        self.check_cancelled()
        timer = self._timer()
        try:
            yield
        except RecursionError:
            raise _too_deep() from None
        except SqlError as error:
            if error.sqlstate == "57014" and self._cancelled:
                error.message = self._cancelled
            raise named_sequence(error, self.catalog) from error.__cause__
        finally:
            if timer is not None:
                timer.cancel()
                timer.join()  # one that is just firing must not hit what comes next
                self.forget_cancel()
        self.note_changed_parameters()

    def sync(self) -> None:
        """End an implicit transaction: commit it. Blocks while the log is written."""
        if self.transaction.state == "implicit":
            self.commit()

    def fail(self) -> None:
        """An error was reported: an implicit transaction is rolled back, a block becomes a failed one."""
        if self.transaction.state == "implicit":
            self.rollback()
        elif self.transaction.state == "block":
            self.transaction.state = "failed"
            if not self.transaction.savepoints:
                self._roll_back_storage()

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

    def close(self) -> None:
        """Roll back and free everything, whatever fails on the way."""
        with ExitStack() as ending:
            ending.callback(self.database.sessions.pop, self.pid, None)
            ending.callback(self.connection.close)
            ending.callback(self.notifications.close)
            ending.callback(self.database.advisory_locks.release_all, self.pid, transaction=False)
            ending.callback(self._release_locks)
            self.cursors.clear()
            self.rollback()

    # ------------------------------------------------------------ for the executor

    def begin(self, state: Literal["implicit", "block"]) -> None:
        """Start a transaction."""
        if self.transaction.state == "idle":
            self.settings.begin()
            self._begin_as_usual()
            self.transaction_time = self.statement_time
        self.transaction.state = state

    def _begin_as_usual(self) -> None:
        """Give the transaction the modes that this session's transactions begin with, and have SHOW show them."""
        for name in TRANSACTION_MODES:
            mode = self.settings[f"default_{name}"]
            if self.settings[name] != mode:
                self.settings.set(name, mode, local=True)
        self.transaction.isolation = self.settings["transaction_isolation"]
        self.transaction.read_only = self.settings["transaction_read_only"] == "on"

    def commit(self) -> None:
        """Commit the transaction. On error it is rolled back, and the error raised."""
        transaction = self.transaction
        try:
            self.notifications.check_room()
            self._end_cursors(committed=True)  # reads what is left of those WITH HOLD
        except SqlError:
            self.rollback()
            raise
        try:
            self._commit_and_notify()
        except SqlError as error:
            transaction.open = False
            tables = [self.catalog.table_by_oid(oid) for oid in transaction.changes]
            self._finish(committed=False)
            raise writes.explained_by_any(error, [t for t in tables if t is not None], self) from error
        self._finish(committed=True)

    def _commit_and_notify(self) -> None:
        transaction, notifications = self.transaction, self.notifications
        if not notifications.has_something_to_commit:
            if transaction.open:
                self.database.commit(transaction)
            return
        with self.database.commit_lock:  # messages go out in the order of commits
            if transaction.open:
                self.database.commit(transaction)
            notifications.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        self._end_cursors(committed=False)
        self._roll_back_storage()
        self._finish(committed=False)

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

    def inner(self, node: Any, parameter_oids: Sequence[int] | None = None) -> Analyzed:
        """The analysis of a statement inside the one that runs; without types it has no parameters."""
        if self.raw is None:
            raise SqlError("XX000", "there is no statement that this could be part of")
        return analyze(inner_statement(self.raw, node), self.analysis_context(), parameter_oids)

    def require(self, analyzed: Analyzed) -> None:
        """42501 when something that a statement inside the one that runs needs was not granted."""
        needs = clearance.needs_for(self, analyzed)
        if needs is not None:
            access.require(self, needs)

    def note_changed_parameters(self) -> None:
        """Queue ParameterStatus for settings that changed since the last look."""
        if self.settings.generation == self._reported_generation:
            return
        self._reported_generation = self.settings.generation
        now = self.reported_parameters()
        self.changed_parameters += [(k, v) for k, v in now.items() if self._reported.get(k) != v]
        self._reported = now

    def prepare_call(self, oid: int, given: int) -> tuple[Prepared, bool]:
        """A function's call with so many arguments, as a query of one value; whether it is NULL for a NULL argument."""
        found = next((p for p in existing_procedures(self.catalog) if p.oid == oid), None)
        if found is None or found.kind != "f" or found.returns_set:
            raise SqlError("42883", f"function with OID {oid} does not exist")
        if given != len(found.arguments):
            raise SqlError(
                "08P01",
                f"function call message contains {given} arguments but function requires {len(found.arguments)}",
            )
        arguments = ", ".join(f"${number}" for number in range(1, given + 1))
        name = found.name.replace('"', '""')
        (raw,) = self.parse(f'SELECT {found.schema}."{name}"({arguments})')
        return self.prepare(raw, found.arguments), found.strict

    def fetch(self, cursor: str, count: int) -> Result:
        """Up to `count` further rows of a cursor that DECLARE made, 0 for all, as Execute asks for them. Blocks."""
        self.check_cancelled()
        return cursors.fetch_on(self, cursor, count)

    def cursor_columns(self, name: str) -> tuple[Column, ...] | None:
        """The columns of a cursor that DECLARE made; None when there is none of that name."""
        cursor = self.cursors.get(name)
        return None if cursor is None else cursor.columns

    def read_name(self, type_oid: int, name: str) -> int | str:
        """The OID that a text names as a value of type regclass, regtype, ...; an error when nothing bears the name.

        Of an enum: the label, if the type has it now.
        """
        made = user_type(self.catalog, type_oid)
        if made is not None:
            return str(parse_text(TypeRef(made), name))
        return name_to_oid(self.lookup, name, type_oid)

    def activity(self) -> Activity:
        """This session as pg_stat_activity shows it."""
        return Activity(
            self.pid,
            self.identity.login.name,
            self.database_name,
            self.settings["application_name"],
            self.client_address,
            self.client_port,
            backend_start=micros(self.started_at),
            xact_start=micros(self.transaction_time) if self.transaction.state != "idle" else None,
            query_start=micros(self.statement_time),
            state_change=micros(self.statement_time),
            state={"idle": "idle", "implicit": "active", "block": "idle in transaction"}.get(
                self.transaction.state, "idle in transaction (aborted)"
            ),
            query=shown_text(self.sent) if self.sent is not None else "",
            user_oid=self.identity.login.oid,
            database_oid=self.published.oid,
        )

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

    # ------------------------------------------------------------ inside

    def current_plan(self, prepared: Prepared) -> Prepared:
        """The statement, analyzed again when what it was made for changed since; 42501 if the user may not run it."""
        return clearance.cleared(self, prepared)

    def storage_usable(self) -> bool:
        """Whether DuckDB's transaction, if one is open, still takes statements: its own errors abort it."""
        if not self.transaction.open:
            return True
        try:
            self.connection.run("SELECT 1")
        except SqlError:
            return False
        return True

    def _follow_configuration(self) -> None:
        """Take up what pg_reload_conf() brought, between two statements."""
        current = self.database.configuration.current
        if self.settings.server is not current:
            self.settings.follow(current)

    def _follow_settings(self) -> None:
        """Casts inside DuckDB go by its own settings of the connection: the time zone, and how values are written."""
        if self.settings.generation != self._followed:
            self._followed = self.settings.generation
            wanted = text_styles.variables(self.settings)
            if wanted != self._duck_variables:
                if self.stream is not None:
                    self.stream.detach()
                for statement in wanted:
                    self.connection.run(statement)
                self._duck_variables = wanted
        zone = self.settings["TimeZone"]
        if zone != self._duck_zone:
            if self.stream is not None:
                self.stream.detach()
            self.connection.run(f"SET TimeZone = '{_duck_zone(zone)}'")
            self._duck_zone = zone

    def _timer(self) -> threading.Timer | None:
        """What interrupts the statement when statement_timeout has passed; None when there is none."""
        limit = int(self.settings["statement_timeout"])
        if not limit:
            return None
        left = max(limit / 1000 - (time.time() - self.statement_time), 0)
        timer = threading.Timer(left, self.cancel, ("canceling statement due to statement timeout",))
        timer.daemon = True
        timer.start()
        return timer

    def close_cursors(self, kept: frozenset[str]) -> None:
        """Close the cursors that are not among the kept ones: ROLLBACK TO undoes their DECLARE."""
        for name in set(self.cursors) - kept:
            cursor = self.cursors.pop(name)
            if cursor.stream is not None:
                cursor.stream.close()

    def _end_cursors(self, *, committed: bool) -> None:
        """Cursors end with their transaction; those WITH HOLD keep their rows when it commits, and stay for good."""
        staying = {name: cursor for name, cursor in self.cursors.items() if cursor.kept or (cursor.hold and committed)}
        for name, cursor in self.cursors.items():
            if name not in staying:
                cursor.close()
            elif not cursor.kept:
                cursor.keep()
        self.cursors = staying
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def undo_storage(self) -> None:
        """Undo all that the transaction did; its locks stay."""
        transaction = self.transaction
        if transaction.open:
            self.connection.control_transaction("ROLLBACK")
            transaction.open = False
            self.filled_views.clear()
        self.database.indexes.discard(transaction)
        self.database.text_indexes.discard(transaction)
        transaction.forget_changes()

    def _roll_back_storage(self) -> None:
        self.undo_storage()
        self._release_locks()

    def _finish(self, *, committed: bool) -> None:
        self.settings.end(committed=committed)
        self.notifications.rollback()  # what is left, if this was no commit
        self.transaction.forget()
        self._release_locks()
        self.note_changed_parameters()

    def _release_locks(self) -> None:
        """Give back what is held to the end of the transaction."""
        self.database.locks.release_all(self.pid)
        self.database.advisory_locks.release_all(self.pid, transaction=True)


def _duck_zone(name: str) -> str:
    """DuckDB's name of a time zone: of a fixed offset, the offset."""
    zone = find_zone(name)
    if zone is None or not zone.fixed:  # UTC has its own name there, which to_char shows
        return name if zone is None or zone.fixed is None else "UTC"
    minutes = zone.fixed // 60
    return f"GMT{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _too_deep() -> SqlError:
    return SqlError("54001", "stack depth limit exceeded", hint="Write the statement with less nesting.")


def _ends_transaction(raw: RawStatement) -> bool:
    return raw.kind == "transaction_stmt" and transaction_statements.transaction_kind(raw.node) in _ENDS_TRANSACTION


def _aborted() -> SqlError:
    return SqlError("25P02", "current transaction is aborted, commands ignored until end of transaction block")
