"""The engine's door as this package needs it; `ruvector_engine.database` is what stands behind it.

Stated as protocols so that conversations can be tested against a scripted engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column, Result, StatementDescription
from ruvector_engine.types.registry import Value


class Settings(Protocol):
    """A session's settings, by name."""

    @property
    def generation(self) -> int:
        """Grows whenever a setting may have changed."""

    @property
    def live(self) -> dict[str, Callable[[], int]]:
        """What SHOW shows of settings whose value somebody else knows better."""

    def __getitem__(self, name: str, /) -> str: ...


class Prepared(Protocol):
    """An analyzed statement."""

    @property
    def description(self) -> StatementDescription:
        """Parameter types and columns."""


class Notifications(Protocol):
    """What has come for a session from NOTIFYs of others and its own; true while there is something to take."""

    #: Called, from any thread, when something has come.
    wake: Callable[[], object]

    def __bool__(self) -> bool: ...

    def take(self) -> Sequence[tuple[int, str, str]]:
        """Process id, channel and payload of each message, in their order."""


class EngineSession(Protocol):
    """One backend. Calls come one at a time, from any thread; only `cancel` may come at any time.

    `notices` and `changed_parameters` fill up during calls; whoever sends them empties them. `statements` are the
    named prepared statements (None: an empty query); Parse and Close change them, and so do PREPARE and DEALLOCATE.
    `in_implicit_block` is set while a statement has others beside it in one text or pipeline. `terminating`: an
    administrator has ordered the session to end, which `notifications.wake` tells.
    """

    statements: dict[str, Any]
    in_implicit_block: bool
    terminating: bool

    notices: list[SqlError]
    changed_parameters: list[tuple[str, str]]

    @property
    def status(self) -> Literal["I", "T", "E"]:
        """ReadyForQuery's byte."""

    @property
    def needs_sync(self) -> bool:
        """Whether `sync` has something to do."""

    @property
    def savepoint_level(self) -> int:
        """How many savepoints the transaction has."""

    @property
    def notifications(self) -> Notifications:
        """What LISTEN brings."""

    @property
    def settings(self) -> Settings:
        """What SHOW shows."""

    def reported_parameters(self) -> dict[str, str]:
        """The settings that a client is told of at the start."""

    def parse(self, sql: str) -> Sequence[Any]:
        """The statements in a text. Quick."""

    def prepare(self, raw: Any, parameter_oids: Sequence[int] | None = None) -> Prepared:
        """Analyze a statement; 0 is a type to be inferred, None says that there are no parameters. Quick."""

    def check_runnable(self, prepared: Any | None) -> None:
        """25P02 for a statement that a failed transaction does not run, and errors for one whose tables have changed.

        None is an empty query. Quick.
        """

    def read_name(self, type_oid: int, name: str) -> int | str:
        """The OID that a parameter of type regclass, regtype, ... names; the label, for an enum. Quick."""

    def cursor_columns(self, name: str) -> tuple[Column, ...] | None:
        """The columns of a cursor that SQL declared; None when there is none of that name."""

    def prepare_call(self, oid: int, given: int) -> tuple[Prepared, bool]:
        """A call of the function with an OID; whether it is NULL for a NULL argument. Quick."""

    def fetch(self, cursor: str, count: int) -> Result:
        """Up to `count` further rows (0: all) of a cursor that SQL declared. Blocks."""

    def execute(self, prepared: Any, params: Sequence[Value] = ()) -> Result:
        """Run a statement. Blocks."""

    def execute_now(self, prepared: Any, params: Sequence[Value] = ()) -> Result | None:
        """Run a statement without ever blocking; None when that cannot be."""

    def sync(self) -> None:
        """Commit the implicit transaction. Blocks."""

    def fail(self) -> None:
        """An error was reported: roll back the implicit transaction, or fail the explicit one. Blocks."""

    def forget_cancel(self) -> None:
        """Take back a `cancel` that came too late. Before anything is run for the next message. Quick."""

    def cancel(self) -> None:
        """Interrupt what runs, which then raises 57014."""

    def close(self) -> None:
        """Roll back and free everything. Blocks."""


class Query(NamedTuple):
    """A prepared statement to run: whose it is, and its parameters."""

    session: Any
    prepared: Any
    params: Sequence[Value]


class Engine(Protocol):
    """An open database."""

    def session(
        self,
        *,
        user: str,
        database: str,
        pid: int,
        startup: Mapping[str, str],
        client: tuple[str | None, int],
        system_user: str | None,
    ) -> EngineSession:
        """Begin a session for the client at an address and port, (None, -1) for one without. Blocks.

        `system_user` is how it has proven who it is, method:name; None when nothing was asked.
        """

    def execute_together(self, queries: Sequence[Query]) -> list[Result | None]:
        """`execute_now` for several sessions at once; None also for a query that fails: `execute` tells how."""

    def close(self) -> None:
        """Save everything and let go of the data directory. Blocks."""
