"""Clients that come and go badly leave nothing behind; one that reads slowly costs no memory."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
from tests.oracle.server import Server, running_server
from tests.server.certificates import Authority

pytestmark = pytest.mark.slow

CONNECTIONS = 500
STARTUP = struct.pack("!ii", 8 + 15, 196608) + b"user\0postgres\0\0"
#: Memory that a slow reader may cost the server, whatever the size of the result; bytes.
MAX_GROWTH = 64 << 20


def query(sql: str) -> bytes:
    return b"Q" + struct.pack("!i", 5 + len(sql)) + sql.encode() + b"\0"


#: What a client may have sent when it goes.
LAST_WORDS = [
    b"",
    STARTUP[:7],
    STARTUP,
    STARTUP + query("SELECT 1")[:6],
    STARTUP + query("SELECT 1"),
    STARTUP + query("BEGIN; LOCK TABLE churn; INSERT INTO churn VALUES (0, '[1,2]')"),
    STARTUP + query("SELECT pg_sleep(30)"),
    STARTUP + query("SELECT * FROM generate_series(1, 1000000)"),
    STARTUP + query("COPY churn FROM STDIN") + b"d" + struct.pack("!i", 14) + b"1\t[1,2]\n1\t",
    STARTUP + query("COPY churn TO STDOUT"),
    STARTUP + query("DECLARE c CURSOR WITH HOLD FOR SELECT * FROM generate_series(1, 100000)"),
    STARTUP + query("PREPARE p AS SELECT id FROM churn ORDER BY v <-> $1 LIMIT 3; EXECUTE p('[1,1]')"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("churn") / "data") as running:
        with psycopg.connect(running.dsn(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            connection.execute("CREATE TABLE churn (id int, v vector(2))")
            connection.execute("INSERT INTO churn VALUES (1, '[1,2]'), (2, '[3,4]')")
            connection.execute("CREATE INDEX ON churn USING hnsw (v vector_l2_ops)")
        yield running


def eventually(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def open_files(server: Server) -> list[str]:
    found = []
    for entry in Path(f"/proc/{server.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return found


def resident(server: Server) -> int:
    """Bytes of memory that the server's process has to itself."""
    lines = Path(f"/proc/{server.pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_", "Pss_Dirty"))) << 10


@pytest.mark.timeout(300)
def test_connections_dropped_at_any_moment_leave_nothing_behind(server: Server) -> None:
    chance = random.Random(4711)
    with psycopg.connect(server.dsn(), autocommit=True) as watcher:
        before = len(open_files(server))
        waiting: list[socket.socket] = []
        for number in range(CONNECTIONS):
            client = socket.create_connection(("127.0.0.1", server.port))
            with suppress(OSError):
                client.sendall(LAST_WORDS[number % len(LAST_WORDS)])
            waiting.append(client)
            while len(waiting) > chance.randrange(60):
                gone = waiting.pop(chance.randrange(len(waiting)))
                if chance.random() < 0.5:  # a reset instead of an orderly end
                    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                gone.close()
        for client in waiting:
            client.close()

        def sessions() -> list[tuple[object, ...]]:
            return watcher.execute("SELECT pid, state, query FROM pg_stat_activity").fetchall()

        eventually(lambda: len(sessions()) == 1, sessions)
        eventually(lambda: len(open_files(server)) <= before, lambda: open_files(server))
        # No lock is left, nothing half done stays, and everything works.
        watcher.execute("SET lock_timeout = '5s'")
        watcher.execute("BEGIN")
        watcher.execute("LOCK TABLE churn")
        watcher.execute("UPDATE churn SET v = v")
        watcher.execute("COMMIT")
        assert watcher.execute("SELECT id FROM churn ORDER BY v <-> '[0,0]' LIMIT 5").fetchall() == [(1,), (2,)]
        assert "Traceback" not in server.log()


#: What a client of a server with TLS and passwords may have sent when it goes, piece by piece.
SASL = b"SCRAM-SHA-256\0" + struct.pack("!i", 21) + b"n,,n=,r=abcdefghijklm"
RESPONSE = b"c=biws,r=abcdefghijklm,p=AAAA"
LOGINS = [
    [],
    [STARTUP[:7]],
    [STARTUP],
    [STARTUP, b"p" + struct.pack("!i", 4 + len(SASL)) + SASL[:9]],
    [STARTUP, b"p" + struct.pack("!i", 4 + len(SASL)) + SASL],
    [STARTUP, b"p" + struct.pack("!i", 4 + len(SASL)) + SASL, b"p" + struct.pack("!i", 4 + len(RESPONSE)) + RESPONSE],
    [STARTUP, b"p" + struct.pack("!i", 2**31 - 1)],
]
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


def half_done(port: int, number: int) -> socket.socket:
    """A client that has got so far: in clear, with TLS asked for, in the handshake, or behind it."""
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    words, stage = LOGINS[number % len(LOGINS)], number // len(LOGINS) % 4
    if stage == 0:
        send_each(client, words)
        return client
    client.sendall(SSL_REQUEST)
    assert client.recv(1) == b"S"
    if stage == 1:
        client.sendall(b"\x16\x03\x01\x02\x00\x01" if number % 2 else b"")
        return client
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if stage == 2:
        encrypted = context.wrap_socket(client, do_handshake_on_connect=False)
        encrypted.setblocking(False)
        with suppress(ssl.SSLWantReadError):
            encrypted.do_handshake()
        return encrypted
    encrypted = context.wrap_socket(client)
    send_each(encrypted, words)
    return encrypted


def send_each(client: socket.socket, words: list[bytes]) -> None:
    """Send one after the other, with an answer between them."""
    for number, word in enumerate(words):
        client.sendall(word)
        if number + 1 < len(words):
            with suppress(OSError):
                client.recv(4096)


@pytest.mark.timeout(300)
def test_logins_dropped_at_any_moment_leave_nothing_behind(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path / "authority")
    certificate, key = authority.issue("localhost")
    (tmp_path / "password").write_text("secret")
    options = [
        "--ssl-cert", str(certificate), "--ssl-key", str(key), "--password-file", str(tmp_path / "password"),
        "--max-connections", "40",
    ]  # fmt: skip
    chance = random.Random(4712)
    with running_server(tmp_path / "data", options) as server:
        with psycopg.connect(server.dsn(), password="secret", sslmode="require", autocommit=True) as watcher:
            before, threads = len(open_files(server)), tasks(server)
            waiting: list[socket.socket] = []
            for number in range(CONNECTIONS):
                with suppress(OSError):
                    waiting.append(half_done(server.port, number))
                while len(waiting) > chance.randrange(30):
                    gone = waiting.pop(chance.randrange(len(waiting)))
                    if chance.random() < 0.5:
                        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    gone.close()
            for client in waiting:
                client.close()
            eventually(lambda: len(open_files(server)) <= before, lambda: open_files(server))
            assert watcher.execute("SELECT count(*) FROM pg_stat_activity").fetchone() == (1,)
            assert tasks(server) - threads <= 40  # of which each session may have one
        # Every place is free again: as many as there may be get in at the same time.
        with ExitStack() as all_of_them:
            for _ in range(40):
                opened = psycopg.connect(server.dsn(), password="secret", sslmode="require")
                assert all_of_them.enter_context(opened).execute("SELECT 1").fetchone() == (1,)
        assert "Traceback" not in server.log()


def tasks(server: Server) -> int:
    """The threads of the server's process."""
    return len(list(Path(f"/proc/{server.pid}/task").iterdir()))


GIGABYTE = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("sql", [GIGABYTE, f"COPY ({GIGABYTE}) TO STDOUT"])
def test_a_slow_reader_costs_no_memory(server: Server, sql: str) -> None:
    """The result is 1 GB; its reader takes 20 MB of it and stops, and a second session goes on working."""
    with psycopg.connect(server.dsn(), autocommit=True) as other:
        before = resident(server)
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.settimeout(60)
            client.sendall(STARTUP + query(sql))
            taken = 0
            while taken < 20 << 20 and (data := client.recv(1 << 16)):
                taken += len(data)
                if taken % (1 << 20) < len(data):
                    time.sleep(0.02)
                    assert resident(server) - before < MAX_GROWTH
            time.sleep(1)
            assert resident(server) - before < MAX_GROWTH
            assert other.execute("SELECT count(*) FROM churn").fetchone() == (2,)
        eventually(
            lambda: other.execute("SELECT count(*) FROM pg_stat_activity").fetchone() == (1,),
            lambda: other.execute("SELECT pid, state, query FROM pg_stat_activity").fetchall(),
        )


#: A line of 1 kB, so many of them in a message, and how many messages: half a gigabyte.
LINES, MESSAGES = 1_000, 500


@pytest.mark.timeout(300)
def test_a_long_copy_takes_bounded_memory(tmp_path: Path) -> None:
    """Rows go to the disk beyond what shared_buffers says, although nothing is committed yet."""
    with running_server(tmp_path / "data") as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET shared_buffers = '128MB'")
        server.stop()
        server.start()
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE copied (id int, t text)")
            piece, greatest = f"1\t{'x' * 1000}\n" * LINES, 0
            with connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
                for number in range(MESSAGES):
                    copy.write(piece)
                    if number == 100:
                        before = resident(server)
                    elif number > 100 and number % 25 == 0:
                        greatest = max(greatest, resident(server))
            assert greatest - before < LINES * MESSAGES * 1000 // 2
            assert connection.execute("SELECT count(*) FROM copied").fetchone() == (LINES * MESSAGES,)
