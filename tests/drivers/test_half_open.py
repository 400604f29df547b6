"""A client whose machine has vanished without a word on the wire is noticed; its session and locks are given back."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.drivers.conftest import missing
from tests.oracle.server import Server, running_server
from tests.server.raw_client import RawClient

from ruvector_server.wire import messages as m

#: Linux: a socket under repair is closed without FIN or RST.
TCP_REPAIR = 19


def vanish(client: socket.socket) -> None:
    """End a connection of which the other side hears nothing."""
    try:
        client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    except PermissionError:
        missing("only root may let a connection vanish")
    client.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that asks silent clients for a sign after one second, every second, twice."""
    options = ["--tcp-keepalives-idle", "1", "--tcp-keepalives-interval", "1", "--tcp-keepalives-count", "2"]
    with running_server(tmp_path / "data", options) as running:
        yield running


def test_its_locks_are_given_back(server: Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as watcher:
        watcher.execute("CREATE TABLE half_open (i int)")
        gone = RawClient(server.port, startup=m.StartupMessage(3, 0, {"user": "postgres", "database": "postgres"}))
        gone.send(m.Query("BEGIN; LOCK TABLE half_open; INSERT INTO half_open VALUES (1)"))
        gone.until("ReadyForQuery")
        vanish(gone.socket)
        assert watcher.execute("SELECT count(*) FROM pg_stat_activity").fetchone() == (2,)
        watcher.execute("SET lock_timeout = '20s'")
        began = time.monotonic()
        watcher.execute("INSERT INTO half_open VALUES (2)")
        assert time.monotonic() - began < 15
        assert watcher.execute("SELECT i FROM half_open").fetchall() == [(2,)]
        assert watcher.execute("SELECT count(*) FROM pg_stat_activity").fetchone() == (1,)


def test_one_that_never_said_who_it_is(server: Server) -> None:
    def sockets() -> int:
        return sum("socket" in str(entry.readlink()) for entry in Path(f"/proc/{server.pid}/fd").iterdir())

    before = sockets()
    client = socket.create_connection(("127.0.0.1", server.port))
    client.sendall(struct.pack("!i", 40))
    deadline = time.monotonic() + 20
    while sockets() == before:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    vanish(client)
    while sockets() > before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
