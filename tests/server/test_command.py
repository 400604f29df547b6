"""The command as a process, over the real engine: its one line, its refusals, its ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
SEARCH_PATH = os.pathsep.join(str(ROOT / name) for name in ("server", "engine", "quantization", "simd"))
TIMEOUT = 60

Start = Callable[..., "Command"]


class Command:
    """A running `ruvector-server serve`."""

    def __init__(self, *options: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ruvector_server", "serve", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": SEARCH_PATH, **environment},
        )

    def ready(self) -> int:
        """Wait for the line that says so; the port in it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.fullmatch(r"ruvector-server [\d.]+ ready on 127\.0\.0\.1:(\d+) \(data in .+\)\n", line)
        assert found, (line, self.end())
        return int(found[1])

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; exit status, and what else was printed."""
        output, error = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, output, error


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    commands: list[Command] = []

    def run(*options: str, data_dir: Path = tmp_path / "data", **environment: str) -> Command:
        commands.append(Command("--data-dir", str(data_dir), *options, **environment))
        return commands[-1]

    yield run
    for command in commands:
        if command.process.poll() is None:
            command.process.kill()
        command.process.communicate()


def dsn(port: int, **options: str) -> str:
    extra = "".join(f" {name}={value}" for name, value in options.items())
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres{extra}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_and_stop(start: Start, number: signal.Signals) -> None:
    command = start()
    with psycopg.connect(dsn(command.ready()), autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        command.process.send_signal(number)
        status, output, error = command.end()
        assert (status, output) == (0, "")
        assert "Traceback" not in error
        with pytest.raises(psycopg.OperationalError, match="terminating connection due to administrator command"):
            connection.execute("SELECT 1")


def test_a_second_server_on_the_same_data(start: Start) -> None:
    start().ready()
    status, output, error = start().end()
    assert (status, output) == (1, "")
    (line,) = error.splitlines()
    assert re.match(r"ruvector-server: data directory .* is in use by another server \(PID \d+\)", line)


def test_port_in_use(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, output, error = start("--port", str(port)).end()
    assert (status, output) == (1, "")
    assert f"ruvector-server: could not listen on 127.0.0.1:{port}: " in error.splitlines()[-1]


def test_data_dir_that_cannot_be(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, output, error = start(data_dir=tmp_path / "file" / "data").end()
    assert (status, output) == (1, "")
    (line,) = error.splitlines()
    assert line.startswith("ruvector-server: could not use data directory")


def test_password(start: Start) -> None:
    port = start(RUVECTOR_PASSWORD="sesame").ready()
    with psycopg.connect(dsn(port, password="sesame")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dsn(port, password="x"))
