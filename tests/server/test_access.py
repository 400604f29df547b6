"""Who gets in to a real server by its pg_hba.conf, over TCP and over a Unix-domain socket; and reloading the rules."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.oracle.server import Server, run_offline, running_server
from tests.server.test_command import Command

from ruvector_engine.verifiers import Verifier
from ruvector_server.config import Config
from ruvector_server.unix_socket import SocketError, UnixSocket

#: Whom the operating system takes these tests for.
ACCOUNT = pwd.getpwuid(os.geteuid()).pw_name
RULES = """
local all all peer
host all shut 127.0.0.0/8 reject
host all locked all scram-sha-256
host all in_clear all password
host all postgres all trust
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with rules in its data directory, no password, and a Unix-domain socket in `tmp_path`."""
    data = tmp_path / "data"
    run_offline(data, "CREATE USER ann", f'CREATE USER "{ACCOUNT}"')
    (data / "pg_hba.conf").write_text(RULES)
    with running_server(data, ["--unix-socket-dir", str(tmp_path)]) as running:
        yield running


def connect(server: Server, user: str, **options: object) -> psycopg.Connection[tuple[object, ...]]:
    settings = {"host": "127.0.0.1", "port": server.port, "dbname": "postgres", "user": user}
    return psycopg.connect(**{**settings, **options}, autocommit=True)  # type: ignore[arg-type]


ADDRESSES = """
SELECT client_addr, client_port, inet_client_addr(), inet_client_port()
FROM pg_stat_activity WHERE pid = pg_backend_pid()
"""
WHO = 'host "127.0.0.1", user "{}", database "postgres", no encryption'


def refusal(server: Server, user: str, **options: object) -> str:
    with pytest.raises(psycopg.OperationalError) as caught:
        connect(server, user, **options)
    return str(caught.value).partition("FATAL:  ")[2].strip()


def test_rules(server: Server) -> None:
    with connect(server, "postgres") as connection:
        (row,) = connection.execute(ADDRESSES).fetchall()
        assert (str(row[0]), str(row[2]), row[1]) == ("127.0.0.1", "127.0.0.1", row[3])
    assert refusal(server, "shut") == "pg_hba.conf rejects connection for " + WHO.format("shut")
    assert refusal(server, "ann") == "no pg_hba.conf entry for " + WHO.format("ann")
    failed = 'password authentication failed for user "{}"'
    assert refusal(server, "locked", password="x") == failed.format("locked")
    assert refusal(server, "in_clear", password="x") == failed.format("in_clear")
    log = server.log()
    assert "ask for a password, and no role has one" in log
    assert "refused user 'ann', database 'postgres', from 127.0.0.1: 'no pg_hba.conf entry" in log


def test_unix_socket(server: Server, tmp_path: Path) -> None:
    socket_path = tmp_path / f".s.PGSQL.{server.port}"
    user = ACCOUNT
    with connect(server, user, host=str(tmp_path)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (user,)
        assert not connection.pgconn.ssl_in_use
        assert connection.execute(ADDRESSES).fetchall() == [(None, -1, None, None)]
    assert refusal(server, "somebody", host=str(tmp_path)) == 'Peer authentication failed for user "somebody"'
    psql = ["psql", "-h", str(tmp_path), "-p", str(server.port), "-U", user, "-d", "postgres", "-Atc", "SELECT 41 + 1"]
    assert subprocess.run(psql, check=True, capture_output=True, text=True).stdout == "42\n"
    server.stop()
    assert not socket_path.exists()
    assert not socket_path.with_name(socket_path.name + ".lock").exists()


def test_users_of_the_system_are_mapped(server: Server, tmp_path: Path) -> None:
    (server.data_dir / "pg_hba.conf").write_text("local all all peer map=m\nhost all postgres all trust\n")
    (server.data_dir / "pg_ident.conf").write_text(f"m {ACCOUNT} ann\n")
    os.kill(server.pid, signal.SIGHUP)
    deadline = time.monotonic() + 20
    while "reloaded" not in server.log():
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.02)
    with connect(server, "ann", host=str(tmp_path)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("ann",)
    assert refusal(server, ACCOUNT, host=str(tmp_path)) == f'Peer authentication failed for user "{ACCOUNT}"'


def test_a_killed_servers_socket_is_taken_over(server: Server, tmp_path: Path) -> None:
    server.kill()
    assert (tmp_path / f".s.PGSQL.{server.port}").exists()
    server.start()
    connect(server, ACCOUNT, host=str(tmp_path)).close()


def test_reload_by_function_and_by_signal(server: Server) -> None:
    path = server.data_dir / "pg_hba.conf"
    with connect(server, "postgres") as connection:
        loaded = connection.execute("SELECT pg_conf_load_time()").fetchone()
        path.write_text("host all ann all trust\n")
        assert connection.execute("SELECT pg_reload_conf()").fetchone() == (True,)
        assert connection.execute("SELECT pg_conf_load_time() > %s", loaded).fetchone() == (True,)
        connect(server, "ann").close()
        assert refusal(server, "postgres").startswith("no pg_hba.conf entry for")
        path.write_text("host all postgres all trust\nhost all ann all magic\n")
        connection.execute("SELECT pg_reload_conf()")
        connect(server, "ann").close()  # the rules before
        assert f'line 2 of configuration file "{path}": invalid authentication method "magic"' in server.log()
        path.unlink()
        os.kill(server.pid, signal.SIGHUP)
        connect(server, "ann").close()
        assert refusal(server, "postgres").startswith("no pg_hba.conf entry for")


def test_a_server_does_not_start_with_bad_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text("host all all all magic\n")
    status, _, error = Command("--data-dir", str(tmp_path / "data"), "--hba-file", str(file)).end()
    assert status == 1
    assert error.startswith(f'ruvector-server: line 1 of configuration file "{file}": invalid authentication method')


def test_the_lock_of_a_socket(tmp_path: Path) -> None:
    first = UnixSocket(tmp_path, 1, tmp_path)
    first.socket.listen()
    with pytest.raises(SocketError, match=rf"is in use by another server \(PID {os.getpid()}\)"):
        UnixSocket(tmp_path, 1, tmp_path)
    (tmp_path / ".s.PGSQL.1.lock").unlink()  # as with a server of another kind, which does not know the lock
    with pytest.raises(SocketError, match="is in use by another server"):
        UnixSocket(tmp_path, 1, tmp_path)
    first.close()
    UnixSocket(tmp_path, 1, tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_sockets_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(SocketError, match=r"is too long \(maximum 107 bytes\)"):
        UnixSocket(tmp_path / ("x" * 100), 1, tmp_path)
    with pytest.raises(SocketError, match="No such file or directory"):
        UnixSocket(tmp_path / "none", 1, tmp_path)


def test_the_salt_of_a_user_without_a_password() -> None:
    """It must not change: else somebody who asks twice learns that there is no password."""
    first, second = Verifier.mock("ann", b"secret"), Verifier.mock("ann", b"secret")
    assert first.salt == second.salt
    assert Verifier.mock("bob", b"secret").salt != first.salt
    assert Verifier.mock("ann", b"other").salt != first.salt
    assert (len(first.salt), first.iterations) == (len(Verifier.of("x").salt), Verifier.of("x").iterations)
    assert not first.accepts("")


def test_rules_lie_in_the_data_directory_by_default(tmp_path: Path) -> None:
    assert Config(data_dir=tmp_path).hba_path == tmp_path / "pg_hba.conf"
    assert Config(data_dir=tmp_path, hba_file=tmp_path / "x").hba_path == tmp_path / "x"


def test_settings_are_shown_and_not_for_clients_to_choose(server: Server, tmp_path: Path) -> None:
    with connect(server, "postgres") as connection:
        for name, value in (
            ("port", str(server.port)),
            ("unix_socket_directories", str(tmp_path)),
            ("hba_file", str(tmp_path / "data" / "pg_hba.conf")),
            ("ssl", "off"),
        ):
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)
    for option, when in (("ssl=on", " now"), ("port=1", " without restarting the server"), ("server_version=1", "")):
        name = option.partition("=")[0]
        assert refusal(server, "postgres", options=f"-c {option}") == f'parameter "{name}" cannot be changed{when}'


def test_system_user(server: Server, tmp_path: Path) -> None:
    """How one has proven who one is; nothing where nothing was asked."""
    query = "SELECT system_user, SYSTEM_USER IS NULL, session_user"
    (server.data_dir / "pg_hba.conf").write_text(
        "local all all peer map=m\nhost all postgres all trust\n"
        "host all scram all scram-sha-256\nhost all md5 all md5\nhost all clear all password\n"
    )
    (server.data_dir / "pg_ident.conf").write_text(f"m {ACCOUNT} ann\n")
    os.kill(server.pid, signal.SIGHUP)
    deadline = time.monotonic() + 20
    while "reloaded" not in server.log():
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.02)
    with connect(server, "postgres") as connection:
        assert connection.execute(query).fetchone() == (None, True, "postgres")
        for user in ("scram", "md5", "clear"):
            connection.execute(f"CREATE USER {user} PASSWORD 'x' IN ROLE ann")
    for user, method in (("scram", "scram-sha-256"), ("md5", "md5"), ("clear", "password")):
        with connect(server, user, password="x") as connection:
            assert connection.execute(query).fetchone() == (f"{method}:{user}", False, user)
            connection.execute("SET ROLE ann")
            assert connection.execute("SELECT system_user").fetchone() == (f"{method}:{user}",)
    with connect(server, "ann", host=str(tmp_path)) as connection:
        assert connection.execute(query).fetchone() == (f"peer:{ACCOUNT}", False, "ann")
