"""A scripted engine: the statements it knows stand in `STATEMENTS`; everything it is asked to do goes into `calls`.

Its transactions are the real ones' states without any data: implicit, BEGIN ... COMMIT, failed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from ruvector_engine.errors import SqlError
from ruvector_engine.login import Secret
from ruvector_engine.results import Column, CopyIn, CopyOptions, CopyOut, Origin, Result, Row, StatementDescription
from ruvector_engine.types.encodings import is_served, known_encoding
from ruvector_engine.types.registry import FLOAT8, INT4, INT8, TEXT, VECTOR, TypeRef
from ruvector_engine.verifiers import DEFAULT_ITERATIONS, Verifier

DEFAULTS = {
    "server_version": "18.1",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "IntervalStyle": "postgres",
    "integer_datetimes": "on",
    "standard_conforming_strings": "on",
}
UNREPORTED = {
    **dict.fromkeys(
        ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout"), "0"
    ),
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}


class FakeAccounts:
    """One password, or none, for everybody; who belongs to which role is a set of pairs."""

    def __init__(self, verifier: Verifier | None = None, members: frozenset[tuple[str, str]] = frozenset()) -> None:
        self._verifier = verifier
        self._members = members

    @property
    def guarded(self) -> bool:
        return self._verifier is not None

    @property
    def has_passwords(self) -> bool:
        return self._verifier is not None

    def secret_of(self, user: str) -> Secret:
        return Secret(self._verifier, "" if self._verifier is not None else f"{user} has no password")

    @property
    def iterations(self) -> int:
        return DEFAULT_ITERATIONS

    @property
    def hashes_by_md5(self) -> bool:
        return False

    def belongs(self, user: str, role: str) -> bool:
        return user == role or (user, role) in self._members


class FakeSettings(dict[str, str]):
    """Settings with the generation that the server looks at."""

    generation = 0

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.live: dict[str, Callable[[], int]] = {}

    def change(self, name: str, value: str) -> None:
        self[name] = value
        self.generation += 1


@dataclass(frozen=True)
class Scripted:
    """A statement: what it takes and gives, and what running it does."""

    run: Callable[[FakeSession, Sequence[Any]], Result]
    parameters: tuple[int, ...] = ()
    columns: tuple[Column, ...] | None = None
    now: bool = False  # answered by execute_now
    control: bool = False  # legal in a failed transaction

    @property
    def description(self) -> StatementDescription:
        return StatementDescription(self.parameters, self.columns)


@dataclass(frozen=True)
class FakePrepared:
    """What `prepare` gives."""

    sql: str
    statement: Scripted
    description: StatementDescription


@dataclass
class FakeSink:
    """COPY rows end up in the session's `copied`."""

    session: FakeSession
    rows: list[Row] = field(default_factory=list)

    def append(self, columns: Sequence[Sequence[Any]], origin: Origin) -> None:
        self.rows += zip(*columns, strict=True)

    def skip(self, line: int, column: str, value: str | None) -> None:
        raise AssertionError("nothing is skipped")

    def finish(self) -> str:
        self.session.note("copy finish")
        self.session.copied += self.rows
        return f"COPY {len(self.rows)}"

    def abort(self) -> None:
        self.session.note("copy abort")


class FakeNotifications:
    """What has come; tests put it there and call `wake`."""

    def __init__(self) -> None:
        self.wake: Callable[[], object] = lambda: None
        self.waiting: list[tuple[int, str, str]] = []

    def __bool__(self) -> bool:
        return bool(self.waiting)

    def take(self) -> list[tuple[int, str, str]]:
        taken, self.waiting = self.waiting, []
        return taken


class FakeSession:
    """One backend of the FakeEngine."""

    def __init__(self, engine: FakeEngine, user: str, database: str, pid: int, startup: Mapping[str, str]) -> None:
        self.engine = engine
        self.user, self.database, self.pid, self.startup = user, database, pid, dict(startup)
        self.settings = FakeSettings(DEFAULTS | UNREPORTED | dict(startup))
        self.statements: dict[str, Any] = {}
        self.in_implicit_block = False
        self.terminating = False
        self.system_user: str | None = None
        self.notices: list[SqlError] = []
        self.notifications = FakeNotifications()
        self.changed_parameters: list[tuple[str, str]] = []
        self.transaction: Literal["idle", "implicit", "block", "failed"] = "idle"
        self.cancelled = threading.Event()
        self.copied: list[Row] = []
        self.calls: list[str] = []

    def note(self, call: str) -> None:
        self.calls.append(call)

    @property
    def status(self) -> Literal["I", "T", "E"]:
        states: dict[str, Literal["I", "T", "E"]] = {"block": "T", "failed": "E"}
        return states.get(self.transaction, "I")

    @property
    def needs_sync(self) -> bool:
        return self.transaction == "implicit"

    def reported_parameters(self) -> dict[str, str]:
        return {name: self.settings[name] for name in DEFAULTS}

    def parse(self, sql: str) -> list[str]:
        texts = [text.strip() for text in sql.split(";")]
        for text in texts:
            if text.startswith("syntax"):
                raise SqlError("42601", 'syntax error at or near "syntax"', position=sql.index("syntax") + 1)
        return [text for text in texts if text]

    def read_name(self, type_oid: int, name: str) -> int | str:
        return int(name)

    @property
    def savepoint_level(self) -> int:
        return 0

    def cursor_columns(self, name: str) -> None:
        """SQL declares no cursor here."""

    def fetch(self, cursor: str, count: int) -> Result:
        raise SqlError("34000", f'cursor "{cursor}" does not exist')

    def prepare_call(self, oid: int, given: int) -> tuple[FakePrepared, bool]:
        """There is one function, with the OID 1, which gives its first argument and is not strict."""
        if oid != 1:
            raise SqlError("42883", f"function with OID {oid} does not exist")
        prepared = self.prepare("call $1, $2", ())
        if given != len(prepared.description.parameters):
            raise SqlError("08P01", f"function call message contains {given} arguments but function requires 2")
        return prepared, False

    def check_runnable(self, prepared: FakePrepared | None) -> None:
        if self.transaction == "failed" and (prepared is None or not prepared.statement.control):
            raise _aborted()

    def prepare(self, raw: str, parameter_oids: Sequence[int] | None = None) -> FakePrepared:
        statement = STATEMENTS.get(raw.lower())
        if statement is None:
            raise SqlError("42601", f"not scripted: {raw}")
        if parameter_oids is None and statement.description.parameters:
            raise SqlError("42P02", "there is no parameter $1")
        self._check_failed(statement)
        return FakePrepared(raw, statement, statement.description)

    def _check_failed(self, statement: Scripted) -> None:
        if self.transaction == "failed" and not statement.control:
            raise _aborted()

    def execute_now(self, prepared: FakePrepared, params: Sequence[Any] = ()) -> Result | None:
        if not prepared.statement.now or self.transaction == "failed":
            return None
        return prepared.statement.run(self, params)

    def execute(self, prepared: FakePrepared, params: Sequence[Any] = ()) -> Result:
        assert threading.current_thread() is not threading.main_thread() or self.engine.on_main_thread
        self._check_failed(prepared.statement)
        self.note(f"execute {prepared.sql}")
        if self.transaction == "idle":
            self.transaction = "implicit"
        return prepared.statement.run(self, params)

    def sync(self) -> None:
        self.note("sync")
        if self.engine.fail_commits:
            self.transaction = "idle"
            raise SqlError("40001", "could not serialize access")
        self.transaction = "idle"

    def fail(self) -> None:
        self.note("fail")
        self.transaction = "failed" if self.transaction in ("block", "failed") else "idle"

    def cancel(self) -> None:
        self.note("cancel")
        self.cancelled.set()

    def forget_cancel(self) -> None:
        self.cancelled.clear()

    def close(self) -> None:
        self.note("close")
        self.engine.closed.append(self)


def _aborted() -> SqlError:
    return SqlError("25P02", "current transaction is aborted, commands ignored until end of transaction block")


class FakeEngine:
    """A database without data."""

    def __init__(self, *, on_main_thread: bool = False) -> None:
        self.on_main_thread = on_main_thread
        self.sessions: list[FakeSession] = []
        self.closed: list[FakeSession] = []
        self.fail_commits = False
        self.together: list[int] = []  # sizes of the batches
        self.only_alone = False  # no query can be run together with others

    def session(
        self,
        *,
        user: str,
        database: str,
        pid: int,
        startup: Mapping[str, str],
        client: tuple[str | None, int],
        system_user: str | None,
    ) -> FakeSession:
        if database == "nope":
            raise SqlError("3D000", 'database "nope" does not exist')
        encoding = startup.get("client_encoding", "UTF8")
        if known_encoding(encoding) != encoding or not is_served(encoding):
            raise SqlError("22023", f'invalid value for parameter "client_encoding": "{encoding}"')
        session = FakeSession(self, user, database, pid, startup)
        session.system_user = system_user
        self.sessions.append(session)
        return session

    def execute_together(
        self, queries: Sequence[tuple[FakeSession, FakePrepared, Sequence[Any]]]
    ) -> list[Result | None]:
        self.together.append(len(queries))
        if self.only_alone:
            return [None] * len(queries)
        results: list[Result | None] = []
        for session, prepared, params in queries:
            try:
                results.append(session.execute_now(prepared, params))
            except SqlError:
                results.append(None)
        return results

    def close(self) -> None:
        pass


def column(name: str, oid: int) -> Column:
    return Column(name, TypeRef(oid))


ONE = (column("?column?", INT4),)
NUMBER = (column("n", INT8),)
NEAREST = (column("id", INT8), column("distance", FLOAT8))


def _select(rows: Sequence[Row], columns: tuple[Column, ...]) -> Result:
    return Result("SELECT", columns, list(rows), counted=True)


def _select_one(session: FakeSession, params: Sequence[Any]) -> Result:
    return _select([(1,)], ONE)


def _command(tag: str) -> Callable[[FakeSession, Sequence[Any]], Result]:
    return lambda session, params: Result(tag)


def _transaction(tag: str, state: Literal["idle", "block"]) -> Scripted:
    def run(session: FakeSession, params: Sequence[Any]) -> Result:
        real = "ROLLBACK" if tag == "COMMIT" and session.transaction == "failed" else tag
        session.transaction = state
        return Result(real)

    return Scripted(run, control=True)


def _fail(session: FakeSession, params: Sequence[Any]) -> Result:
    raise SqlError("22012", "division by zero")


def _bug(session: FakeSession, params: Sequence[Any]) -> Result:
    raise ZeroDivisionError("a bug")


def _numbers(count: int, width: int = 0) -> Callable[[FakeSession, Sequence[Any]], Result]:
    """Rows 1 ... count, fetched a batch at a time; `width` makes them a text of that length."""

    def run(session: FakeSession, params: Sequence[Any]) -> Result:
        numbers = iter(range(1, count + 1))

        def more(wanted: int) -> list[Row]:
            batch = list(islice(numbers, wanted))
            session.note(f"more {len(batch)}")
            return [("x" * width,) if width else (number,) for number in batch]

        columns = (column("t", TEXT),) if width else NUMBER
        return Result("SELECT", columns, [], more, counted=True, close=lambda: session.note("close result"))

    return run


def _wait(session: FakeSession, params: Sequence[Any]) -> Result:
    session.note("waiting")
    if session.cancelled.wait(30):
        raise SqlError("57014", "canceling statement due to user request")
    raise AssertionError("nobody cancelled")


def _sleep(session: FakeSession, params: Sequence[Any]) -> Result:
    session.cancelled.wait(0.3)
    return Result("SLEPT")


def _nearest(session: FakeSession, params: Sequence[Any]) -> Result:
    return _select([(number, number / 4) for number in range(10)], NEAREST)


def _notice(session: FakeSession, params: Sequence[Any]) -> Result:
    session.notices.append(SqlError("42P07", "it exists, skipping", severity="NOTICE"))
    return Result("CREATE TABLE")


def _set_zone(session: FakeSession, params: Sequence[Any]) -> Result:
    session.settings.change("TimeZone", "CET")
    session.changed_parameters.append(("TimeZone", "CET"))
    return Result("SET")


def _deallocate(session: FakeSession, params: Sequence[Any]) -> Result:
    session.statements.clear()
    return Result("DEALLOCATE ALL")


def _echo(session: FakeSession, params: Sequence[Any]) -> Result:
    return _select([tuple(params)], ECHO)


def _call(session: FakeSession, params: Sequence[Any]) -> Result:
    return _select([(params[0],)], ONE)


ECHO = (column("i", INT4), column("t", TEXT))
COPIED = (column("id", INT4), column("t", TEXT))


def _copy_in(options: CopyOptions) -> Callable[[FakeSession, Sequence[Any]], Result]:
    return lambda session, params: Result("COPY", copy=CopyIn("items", COPIED, options, FakeSink(session)))


def _copy_out(options: CopyOptions) -> Callable[[FakeSession, Sequence[Any]], Result]:
    rows = [(1, "one"), (2, None)]
    return lambda session, params: Result("COPY", COPIED, list(rows), counted=True, copy=CopyOut(options))


BINARY = CopyOptions(format="binary")
STATEMENTS: dict[str, Scripted] = {
    "begin": _transaction("BEGIN", "block"),
    "commit": _transaction("COMMIT", "idle"),
    "rollback": _transaction("ROLLBACK", "idle"),
    "select 1": Scripted(_select_one, columns=ONE),
    "select 1 now": Scripted(_select_one, columns=ONE, now=True),
    "select nothing": Scripted(lambda session, params: _select([], ONE), columns=ONE, now=True),
    "call $1, $2": Scripted(_call, (INT4, TEXT), ONE),
    "select $1, $2": Scripted(_echo, (INT4, TEXT), ECHO, now=True),
    "select numbers": Scripted(_numbers(5), columns=NUMBER),
    "select many": Scripted(_numbers(10_000), columns=NUMBER),
    "select much": Scripted(_numbers(3_000, 10_000), columns=(column("t", TEXT),)),
    "select 1/0": Scripted(_fail, columns=ONE),
    "select 1/0 now": Scripted(_fail, columns=ONE, now=True),
    "bug": Scripted(_bug),
    "bug now": Scripted(_bug, now=True),
    "nearest $1": Scripted(_nearest, (VECTOR,), NEAREST, now=True),
    "insert": Scripted(_command("INSERT 0 1")),
    "create table": Scripted(_notice),
    "set timezone = 'cet'": Scripted(_set_zone),
    "deallocate all": Scripted(_deallocate),
    "wait": Scripted(_wait),
    "sleep": Scripted(_sleep),
    "copy items from stdin": Scripted(_copy_in(CopyOptions())),
    "copy items from stdin binary": Scripted(_copy_in(BINARY)),
    "copy items to stdout": Scripted(_copy_out(CopyOptions())),
    "copy items to stdout binary": Scripted(_copy_out(BINARY)),
}
