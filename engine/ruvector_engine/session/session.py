"""One backend: prepares and runs statements for one client, in its transactions, under its settings.

Calls come one at a time, from any thread; only `cancel` may come from elsewhere, at any time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal

from ruvector_engine.catalog.made_types import user_type
from ruvector_engine.catalog.roles import RoleDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import (
    access,
    clearance,
    cursors,
    dispatch,
    queries,
    transaction_ends,
    transaction_statements,
    widening,
)
from ruvector_engine.executor.knn import search_now
from ruvector_engine.executor.role_settings import begin_with
from ruvector_engine.executor.sequences import named_sequence
from ruvector_engine.executor.transaction_statements import WITHOUT_SNAPSHOT
from ruvector_engine.planner.plan import KnnPlan, QueryPlan, UtilityPlan
from ruvector_engine.published import Published
from ruvector_engine.results import Column, Result
from ruvector_engine.session import preparing
from ruvector_engine.session.prepared import Prepared
from ruvector_engine.session.state import SessionState
from ruvector_engine.session.storage_settings import StorageSettings
from ruvector_engine.sql.analyze import Analyzed, analyze
from ruvector_engine.sql.names import name_to_oid
from ruvector_engine.sql.parser import RawStatement, inner_statement, parse
from ruvector_engine.types.registry import TypeRef, Value
from ruvector_engine.types.text import parse_text

if TYPE_CHECKING:
    from ruvector_engine.database import Database


#: Statements that a failed transaction still takes.
_ENDS_TRANSACTION = frozenset({"COMMIT", "ROLLBACK", "ROLLBACK TO", "PREPARE TRANSACTION"})


class Session(SessionState):
    """See the module, and `SessionState` for what the executor asks of it."""

    def __init__(
        self, database: Database, *, login: RoleDef, published: Published, pid: int, startup: Mapping[str, str]
    ) -> None:
        super().__init__(database, login, published, pid)
        try:
            begin_with(self, startup)
        except SqlError:
            self.connection.close()
            raise
        self._reported = self.reported_parameters()
        self._reported_generation = self.settings.generation
        self._storage_settings = StorageSettings(self.connection)

    def reported_parameters(self) -> dict[str, str]:
        """Every setting that a client is told of at the start."""
        return self.settings.reported()

    def note_changed_parameters(self) -> None:
        """Queue ParameterStatus for settings that changed since the last look."""
        if self.settings.generation == self._reported_generation:
            return
        self._reported_generation = self.settings.generation
        now = self.reported_parameters()
        self.changed_parameters += [(k, v) for k, v in now.items() if self._reported.get(k) != v]
        self._reported = now

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
        return preparing.prepare(self, raw, parameter_oids, shaped)

    def prepare_call(self, oid: int, given: int) -> tuple[Prepared, bool]:
        """A function's call with so many arguments, as a query of one value; whether it is NULL for a NULL argument."""
        return preparing.prepare_call(self, oid, given)

    def check_runnable(self, prepared: Prepared | None) -> None:
        """What Bind, Describe and Execute tell of a statement before it runs: 25P02, or that its tables have changed.

        None is an empty query. Never blocks.
        """
        if self.transaction.state == "failed" and not (prepared is not None and _ends_transaction(prepared.raw)):
            raise _aborted()
        if prepared is not None and prepared.catalog is not self.catalog and type(prepared.plan) is not UtilityPlan:
            self.current_plan(prepared)

    def current_plan(self, prepared: Prepared) -> Prepared:
        """The statement, analyzed again when what it was made for changed since; 42501 if the user may not run it."""
        return clearance.cleared(self, prepared)

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
        self._storage_settings.follow(self.settings, self.stream)
        with self.watched():
            return dispatch.run(self, widening.fitting(self, prepared, params), params)

    def execute_inside(self, prepared: Prepared, params: Sequence[Value] = ()) -> Result:
        """Run a statement of the program that the running statement is, in the same transaction; blocks."""
        self.check_cancelled()
        self._storage_settings.follow(self.settings, self.stream)
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
            raise preparing.too_deep() from None
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

    def _follow_configuration(self) -> None:
        """Take up what pg_reload_conf() brought, between two statements."""
        current = self.database.configuration.current
        if self.settings.server is not current:
            self.settings.follow(current)

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

    def sync(self) -> None:
        """End an implicit transaction: commit it. Blocks while the log is written."""
        if self.transaction.state == "implicit":
            self.commit()

    def fail(self) -> None:
        """An error was reported: an implicit transaction is rolled back, a block becomes a failed one."""
        transaction_ends.fail(self)

    def begin(self, state: Literal["implicit", "block"]) -> None:
        """Start a transaction."""
        transaction_ends.begin(self, state)

    def commit(self) -> None:
        """Commit the transaction. On error it is rolled back, and the error raised."""
        transaction_ends.commit(self)

    def rollback(self) -> None:
        """Undo the transaction."""
        transaction_ends.roll_back(self)

    def close(self) -> None:
        """Roll back and free everything, whatever fails on the way."""
        with ExitStack() as ending:
            ending.callback(self.database.sessions.pop, self.pid, None)
            ending.callback(self.connection.close)
            ending.callback(self.notifications.close)
            ending.callback(self.database.advisory_locks.release_all, self.pid, transaction=False)
            ending.callback(transaction_ends.release_locks, self)
            self.cursors.clear()
            self.rollback()


def _ends_transaction(raw: RawStatement) -> bool:
    return raw.kind == "transaction_stmt" and transaction_statements.transaction_kind(raw.node) in _ENDS_TRANSACTION


def _aborted() -> SqlError:
    return SqlError("25P02", "current transaction is aborted, commands ignored until end of transaction block")
