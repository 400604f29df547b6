"""The only module that imports duckdb: one file, a connection a session, values in the registry's Python forms.

DuckDB is the only truth: its write-ahead log and transactions decide what exists. Rule: SQL text comes from
`sql.emit` or is written in this package; nothing here knows PostgreSQL's dialect.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Protocol

import duckdb
import nanoarrow as na
import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.relational.errors import cancelled, carried_error, hides_an_interrupt, is_fatal, translate
from ruvector_engine.relational.kept_rows import KeptRows
from ruvector_engine.results import Row

#: DuckDB checkpoints by itself when its log passes this size; recovery reads at most this much.
CHECKPOINT_THRESHOLD = "128MB"
#: Under which name a statement reads the rows that it is given.
_BATCH = "ruvector_batch"
#: DuckDB's rowid of the first row that a transaction itself has written; committed rows have smaller ones.
FIRST_OWN_ROWID = 36_028_797_018_960_000


class UserFunction(Protocol):
    """A scalar function for DuckDB that is written in Python."""

    @property
    def name(self) -> str:
        """Its name in DuckDB's SQL."""

    @property
    def function(self) -> Callable[..., Any]:
        """What runs a row."""

    @property
    def arguments(self) -> Sequence[str]:
        """DuckDB's types of the arguments."""

    @property
    def result(self) -> str:
        """DuckDB's type of the result."""

    @property
    def null_handling(self) -> str:
        """ "default": NULL in, NULL out; "special": the function sees NULLs, and may return None."""

    @property
    def volatile(self) -> bool:
        """Whether two calls may give two answers."""


class Store:
    """An open database file. Thread-safe; each session works on a `Connection` of its own.

    `memory` is how many bytes all of them may take together; what they need beyond it goes to a folder beside the file.
    `during` is entered wherever DuckDB runs something, on any thread: what the registered functions need around them.
    """

    def __init__(self, path: Path, *, threads: int, memory: int, during: AbstractContextManager[None]) -> None:
        config = {
            "threads": threads,
            "memory_limit": f"{memory}B",
            "checkpoint_threshold": CHECKPOINT_THRESHOLD,
            # Freed memory goes back to the system: without it 100 MB stayed after a COPY of 50,000 x 384.
            "allocator_background_threads": True,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": str(path.parent / "spill"),
            "ieee_floating_point_ops": False,  # the square root of -1 is an error then, not NaN
        }
        try:
            self._root = duckdb.connect(str(path), config=config)
        except duckdb.Error as error:
            raise SqlError("58030", f"could not open database file {path}: {error}") from error
        self._root.execute("SET TimeZone = 'UTC'").complete()
        self._during = during
        #: Called, on any thread, when DuckDB has given up: nothing can be read or written any more.
        self.on_fatal: Callable[[], object] = lambda: None

    def register(self, functions: Iterable[UserFunction]) -> None:
        """Make Python functions callable from SQL, on every connection."""
        for udf in functions:
            self._root.create_function(
                udf.name,
                _carrying(udf.function, len(udf.arguments)),
                list(udf.arguments),
                udf.result,
                type="native",
                null_handling=udf.null_handling,
                side_effects=udf.volatile,
            )

    def connection(self) -> Connection:
        """A new connection, with its own transaction."""
        return Connection(self._root.cursor(), self._during, lambda: self.on_fatal())

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file."""
        with self.connection() as connection:
            connection.run("CHECKPOINT")

    def close(self) -> None:
        """Close the file; every connection must be closed before."""
        self._root.close()


def _carrying(function: Callable[..., Any], arity: int) -> Callable[..., Any]:
    """The function, with a SqlError packed into the text of an exception: DuckDB hands on nothing but text.

    DuckDB asks the function how many parameters it has, so the wrapper must name as many.
    """

    def call(arguments: tuple[Any, ...]) -> Any:
        try:
            return function(*arguments)
        except SqlError as error:
            raise ValueError(carried_error(error)) from None

    names = ", ".join(f"a{i}" for i in range(arity))
    return eval(f"lambda {names}: call(({names}{',' if arity else ''}))", {"call": call})  # type: ignore[no-any-return]


class Connection:
    """One DuckDB connection: used by one thread at a time; only `interrupt` may come from elsewhere."""

    def __init__(self, raw: Any, during: AbstractContextManager[None], fatal: Callable[[], object]) -> None:
        self._raw = raw
        self._during = during
        self._fatal = fatal
        self._interruptible = threading.Lock()
        self._interrupted = False  # since the transaction's beginning
        #: How many statements were run here that are no plain SELECT.
        self.changing = 0

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a statement to its end and return all its rows."""
        self._count(sql)
        try:
            with self._during:
                rows: list[Row] = self._raw.execute(sql, parameters or None).fetchall()
        except Exception as error:
            raise self._failure(error, sql) from error
        return rows

    def control_transaction(self, command: Literal["BEGIN", "COMMIT", "ROLLBACK"]) -> None:
        """Run a command that no interrupt reaches: DuckDB may call a COMMIT interrupted that it has made durable."""
        with self._interruptible:
            self._interrupted = False
            self.run(command)

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Callable[[int], list[Row]]:
        """Start a query; the returned function fetches the next n rows, [] at the end."""
        self._count(sql)
        try:
            with self._during:
                result = self._raw.execute(sql, parameters or None)
        except Exception as error:
            raise self._failure(error, sql) from error

        def fetch(count: int) -> list[Row]:
            try:
                with self._during:
                    return result.fetchmany(count)  # type: ignore[no-any-return]
            except Exception as error:
                raise self._failure(error, sql) from error

        return fetch

    def abandon(self) -> None:
        """Drop an unfinished stream, so that the connection can be used again."""
        self._raw.abort()

    def id_values(
        self, sql: str, parameters: Sequence[Any] = ()
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int64]]]:
        """Run a query of (BIGINT id, BLOB or VARCHAR) without NULLs: batches of ids, bytes and offsets.

        Value i of a batch lies in the bytes from `offsets[i]` up to `offsets[i + 1]`; offsets begin at 0. They are
        good until the next batch is asked for. No Python object is made for a value.
        """
        for batch in self._arrow_batches(sql, parameters):
            rows = len(batch)
            if not rows:
                continue
            values = batch.child(1)
            offsets = np.asarray(values.buffer(1))[: rows + 1].astype(np.int64)
            data = np.asarray(values.buffer(2)).view(np.uint8)[offsets[0] : offsets[-1]]
            yield np.asarray(batch.child(0).buffer(1))[:rows].astype(np.int64), data, offsets - offsets[0]

    def ids(self, sql: str, parameters: Sequence[Any] = ()) -> npt.NDArray[np.int64]:
        """Run a query of one BIGINT column without NULLs: (n,) int64."""
        try:
            with self._during:
                column = self._raw.execute(sql, parameters or None).fetchnumpy()
        except Exception as error:
            raise self._failure(error, sql) from error
        values = next(iter(column.values()))
        return np.ascontiguousarray(np.ma.getdata(values), dtype=np.int64)

    def id_texts(self, sql: str) -> tuple[npt.NDArray[np.int64], list[str | None]]:
        """Run a query of (BIGINT id, VARCHAR): ids (n,), and the texts."""
        rows = self.run(sql)
        return np.fromiter((row[0] for row in rows), np.int64, len(rows)), [row[1] for row in rows]

    def id_text_batches(self, sql: str, size: int) -> Iterator[tuple[npt.NDArray[np.int64], list[str | None]]]:
        """The same in batches of `size` rows."""
        fetch = self.stream(sql)
        while rows := fetch(size):
            yield np.fromiter((row[0] for row in rows), np.int64, len(rows)), [row[1] for row in rows]

    def insert_arrow(self, sql: str, columns: Mapping[str, Any]) -> list[Row]:
        """Run an INSERT ... SELECT ... FROM batch where `batch` is `columns`: nanoarrow arrays of one length."""
        fields = {name: array.schema for name, array in columns.items()}
        length = len(next(iter(columns.values())))
        struct = na.c_array_from_buffers(na.struct(fields), length, [None], children=list(columns.values()))
        with self._batch(na.ArrayStream(struct), sql):
            rows: list[Row] = self._raw.execute(sql).fetchall()
        return rows

    def run_over(self, sql: str, given: KeptRows) -> list[Row]:
        """Run a statement that reads `given` under the name ruvector_batch, once."""
        with self._batch(given.stream(), sql):
            rows: list[Row] = self._raw.execute(sql).fetchall()
        return rows

    def keep(
        self, sql: str, most_bytes: int, given: KeptRows | None = None, parameters: Sequence[Any] = ()
    ) -> KeptRows | None:
        """All rows of a query, which may read `given` as ruvector_batch; None when they take more bytes than that."""
        with self._batch(None if given is None else given.stream(), sql):
            result = self._raw.sql(sql, params=list(parameters))
            return KeptRows.read(na.c_array_stream(result.__arrow_c_stream__()), most_bytes)

    @contextmanager
    def _batch(self, stream: Any, sql: str) -> Iterator[None]:
        """For a while, an Arrow stream under the name ruvector_batch; errors are told as those of `sql`."""
        self._count(sql)
        try:
            if stream is not None:
                self._raw.register(_BATCH, stream)
            with self._during:
                yield
        except Exception as error:
            raise self._failure(error, sql) from error
        finally:
            with suppress(duckdb.Error):  # a failed transaction takes no more statements; the next batch replaces it
                self._raw.unregister(_BATCH)

    def interrupt(self) -> None:
        """Stop what runs now; it raises SqlError 57014. Thread-safe; a closed connection runs nothing.

        The beginning and the end of a transaction are left alone.
        """
        if self._interruptible.acquire(blocking=False):
            try:
                self._interrupted = True
                with suppress(duckdb.ConnectionException):
                    self._raw.interrupt()
            finally:
                self._interruptible.release()

    def close(self) -> None:
        """Roll back what is open and free the connection."""
        self._raw.close()

    def _count(self, sql: str) -> None:
        if not sql.startswith("SELECT"):
            self.changing += 1

    def _arrow_batches(self, sql: str, parameters: Sequence[Any]) -> Iterator[Any]:
        try:
            with self._during:
                stream = iter(na.c_array_stream(self._raw.sql(sql, params=list(parameters)).__arrow_c_stream__()))
            while True:
                with self._during:
                    array = next(stream, None)
                if array is None:
                    return
                yield array.view()
        except Exception as error:
            raise self._failure(error, sql) from error

    def _failure(self, error: Exception, sql: str) -> SqlError:
        if isinstance(error, SqlError):
            return error
        kind, text = type(error).__name__, str(error)
        if is_fatal(kind, text):
            self._fatal()
        if self._interrupted and hides_an_interrupt(kind, text):
            return cancelled()
        return translate(kind, text, sql)
