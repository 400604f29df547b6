"""Our own server as users run it: a real process of `python -m ruvector_server serve`, on a free port.

Used by the tests and by `bench`. Its log goes to a file beside the data directory: failures show it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.oracle.postgres import free_port

from ruvector_engine.database import Database

START_TIMEOUT = 60.0  # seconds; a cold start that rebuilds indexes is the longest
STOP_TIMEOUT = 60.0

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("server", "engine", "quantization", "simd")


class ServerFailure(RuntimeError):
    """The server did not start, or did not stop, as it should; the message carries its log."""


class Server:
    """A server process over one data directory; it can be started, stopped and killed any number of times."""

    def __init__(self, data_dir: Path, options: Sequence[str] = ()) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir.with_name(data_dir.name + ".log")
        self.port = free_port()
        self.ready_line = ""
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    def dsn(self, database: str = "postgres") -> str:
        """The libpq connection string of one of its databases."""
        return f"host=127.0.0.1 port={self.port} user=postgres dbname={database}"

    def log(self) -> str:
        """What the server has written to standard error since the first start."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> None:
        """Start the process and wait for the line that says it accepts connections."""
        self.launch()
        self.ready_line = self._first_line()

    def launch(self) -> None:
        """Start the process and do not wait for anything."""
        command = [
            sys.executable, "-m", "ruvector_server", "serve", "--data-dir", str(self.data_dir),
            "--host", "127.0.0.1", "--port", str(self.port), *self._options,
        ]  # fmt: skip
        search_path = os.pathsep.join(str(_ROOT / package) for package in _PACKAGES)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONPATH": search_path}
            )

    def stop(self) -> int:
        """Ask for an orderly end (SIGTERM), wait for it and return the exit status."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailure(f"the server did not stop within {STOP_TIMEOUT:.0f} s:\n{self.log()}") from None
        self._forget()
        return status

    def kill(self) -> None:
        """End the process at once, as a crash does (SIGKILL)."""
        process = self._running()
        process.kill()
        process.wait()
        self._forget()

    def wait(self) -> int:
        """Wait for a process that ends by itself and return its exit status."""
        status = self._running().wait(STOP_TIMEOUT)
        self._forget()
        return status

    @property
    def is_running(self) -> bool:
        """Whether a process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process

    def _forget(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def _first_line(self) -> str:
        process = self._running()
        assert process.stdout is not None
        deadline = time.monotonic() + START_TIMEOUT
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(process.stdout.fileno(), 4096) if readable else b""
            if not chunk:
                self.kill()
                raise ServerFailure(f"the server did not start:\n{self.log()}")
            line += chunk
        return line.decode().rstrip()


def run_offline(data_dir: Path, *statements: str) -> None:
    """Run SQL on a data directory, made if need be, before a server has it: roles that are to log in, say."""
    database = Database.open(data_dir)
    try:
        session = database.session(user="postgres", database="postgres", pid=1, startup={})
        for statement in statements:
            (raw,) = session.parse(statement)
            session.execute(session.prepare(raw))
            session.sync()
        session.close()
    finally:
        database.close()


@contextmanager
def running_server(data_dir: Path, options: Sequence[str] = ()) -> Iterator[Server]:
    """Start our server over `data_dir` and yield it; stop it at the end unless the caller has."""
    server = Server(data_dir, options)
    server.start()
    try:
        yield server
    finally:
        if server.is_running:
            server.stop()
