"""The settings of a client's TCP socket: SHOW asks the socket, so that what it shows is what is in force."""

from __future__ import annotations

from pathlib import Path

import psycopg
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server, running_server

NAMES = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")


def shown(connection: psycopg.Connection[tuple[object, ...]]) -> list[object]:
    """The four settings."""
    rows = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in NAMES]
    return [row[0] for row in rows if row is not None]


def test_shown_are_the_systems_until_others_are_set(server: Postgres | Server) -> None:
    idle, interval, count = (
        int(Path(f"/proc/sys/net/ipv4/tcp_keepalive_{name}").read_text()) for name in ("time", "intvl", "probes")
    )
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        system = shown(connection)
        assert system == [str(idle), str(interval), str(count), "0"]
        connection.execute("SET tcp_keepalives_idle = 17")
        connection.execute("SET tcp_keepalives_interval = '2min'")
        connection.execute("SET tcp_keepalives_count TO 5")
        connection.execute("SET tcp_user_timeout = '1500ms'")
        assert shown(connection) == ["17", "120", "5", "1500"]
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL tcp_keepalives_idle = 30")
            assert shown(connection)[0] == "30"
        assert shown(connection)[0] == "17"
        connection.execute("SET tcp_keepalives_count = 0")
        assert shown(connection) == ["17", "120", system[2], "1500"]
        connection.execute("RESET ALL")
        assert shown(connection) == system
    with psycopg.connect(server.dsn(), options="-c tcp_keepalives_idle=40", autocommit=True) as connection:
        assert shown(connection)[0] == "40"


def test_what_no_socket_takes_changes_nothing(server: Postgres | Server) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        before = shown(connection)
        connection.execute("SET tcp_keepalives_count = 1000")
        assert shown(connection) == before


def test_what_the_server_was_started_with(tmp_path: Path) -> None:
    with (
        running_server(
            tmp_path / "data", ["--tcp-keepalives-idle", "50", "--unix-socket-dir", str(tmp_path)]
        ) as server,
        psycopg.connect(server.dsn(), autocommit=True) as connection,
        psycopg.connect(f"host={tmp_path} port={server.port} user=postgres dbname=postgres") as local,
    ):
        assert shown(connection)[0] == "50"
        assert shown(local) == ["0", "0", "0", "0"]
