"""ALTER SYSTEM and the options of a connection: what a server keeps over reload and restart, and what a client begins
with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.oracle.server import Server, running_server

from ruvector_engine.setting_definitions import SHARED_BUFFERS


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path / "data") as server:
        yield server


def connect(server: Server, options: str = "") -> psycopg.Connection:
    return psycopg.connect(server.dsn(), autocommit=True, options=options)


def shown(connection: psycopg.Connection, *names: str) -> list[str]:
    return [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]  # type: ignore[index]


def origin(connection: psycopg.Connection, name: str) -> tuple[object, ...] | None:
    return connection.execute(
        "SELECT setting, source, reset_val, sourceline, pending_restart FROM pg_settings WHERE name = %s", (name,)
    ).fetchone()


def test_alter_system_takes_effect_on_reload_and_is_kept(server: Server) -> None:
    with connect(server) as admin, connect(server) as other, connect(server) as own:
        own.execute("SET hnsw.ef_search = 7")
        admin.execute("ALTER SYSTEM SET hnsw.ef_search = 100")
        admin.execute("ALTER SYSTEM SET my.setting = 'it''s \\ here'")
        assert shown(other, "hnsw.ef_search") == ["40"]
        admin.execute("SELECT pg_reload_conf()")
        assert shown(admin, "hnsw.ef_search", "my.setting") == ["100", "it's \\ here"]
        assert shown(other, "hnsw.ef_search", "ruvector.ef_search") == ["100", "100"]
        assert shown(own, "hnsw.ef_search") == ["7"]
        own.execute("RESET hnsw.ef_search")
        assert shown(own, "hnsw.ef_search") == ["100"]
        assert origin(other, "hnsw.ef_search") == ("100", "configuration file", "100", 3, False)
    server.stop()
    server.start()
    with connect(server) as admin:
        assert shown(admin, "hnsw.ef_search", "my.setting") == ["100", "it's \\ here"]
        admin.execute("ALTER SYSTEM RESET ALL")
        admin.execute("SELECT pg_reload_conf()")
        assert shown(admin, "hnsw.ef_search") == ["40"]
        assert origin(admin, "hnsw.ef_search") == ("40", "default", "40", None, False)


def test_what_waits_for_a_restart(server: Server) -> None:
    with connect(server) as admin:
        admin.execute("ALTER SYSTEM SET shared_buffers = '8GB'")
        admin.execute("ALTER SYSTEM SET maintenance_work_mem = '8GB'")
        admin.execute("SELECT pg_reload_conf()")
        assert shown(admin, "maintenance_work_mem") == ["8GB"]
        default = str(SHARED_BUFFERS)
        assert origin(admin, "shared_buffers") == (default, "default", default, None, True)
    server.stop()
    server.start()
    with connect(server) as admin:
        assert shown(admin, "shared_buffers", "maintenance_work_mem") == ["8GB", "8GB"]
        assert origin(admin, "shared_buffers") == ("1048576", "configuration file", "1048576", 3, False)
        with pytest.raises(psycopg.errors.CantChangeRuntimeParam):
            admin.execute("SET shared_buffers = '1GB'")


def test_the_ruvector_names_are_the_same_settings(server: Server) -> None:
    with connect(server) as admin:
        admin.execute("ALTER SYSTEM SET ruvector.ef_search = 100")
        admin.execute("ALTER SYSTEM SET ruvector.probes = 5")
        admin.execute("SELECT pg_reload_conf()")
        assert shown(admin, "hnsw.ef_search", "ruvector.hnsw_ef_search", "ivfflat.probes") == ["100", "100", "5"]


def test_what_the_command_line_gives_is_refused(server: Server) -> None:
    with connect(server) as admin, pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        admin.execute("ALTER SYSTEM SET port = 1")
    assert raised.value.diag.message_primary == 'parameter "port" is given when the server is started'


def test_only_superusers(server: Server) -> None:
    with connect(server) as admin:
        admin.execute("CREATE ROLE plain LOGIN")
        admin.execute("SET ROLE plain")
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as raised:
            admin.execute("ALTER SYSTEM SET hnsw.ef_search = 100")
        assert raised.value.diag.message_primary == 'permission denied to set parameter "hnsw.ef_search"'
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as raised:
            admin.execute("ALTER SYSTEM RESET ALL")
        assert raised.value.diag.message_primary == "permission denied to perform ALTER SYSTEM RESET ALL"


def test_lines_that_cannot_be_are_left_out(server: Server) -> None:
    server.stop()
    (server.data_dir / "postgresql.auto.conf").write_text(
        "hnsw.ef_search = 0 # too small\nwork_mem 8MB\nport = 1\n???\nmy.own = 'x' # kept\nnothing = 1\n"
    )
    server.start()
    with connect(server) as connection:
        assert shown(connection, "hnsw.ef_search", "work_mem", "my.own") == ["40", "8MB", "x"]
        assert shown(connection, "port") == [str(server.port)]
    log = server.log()
    for line in (1, 3, 4, 6):
        assert f"postgresql.auto.conf, line {line}: " in log


def test_the_options_of_a_connection(server: Server) -> None:
    with connect(server, "-c hnsw.ef_search=77 -c my.own=a\\ b --ivfflat.probes=3") as connection:
        assert shown(connection, "hnsw.ef_search", "my.own", "ivfflat.probes") == ["77", "a b", "3"]
        assert origin(connection, "hnsw.ef_search") == ("77", "client", "77", None, False)
        connection.execute("SET hnsw.ef_search = 5")
        assert origin(connection, "hnsw.ef_search") == ("5", "session", "77", None, False)
        connection.execute("RESET hnsw.ef_search")
        assert shown(connection, "hnsw.ef_search") == ["77"]
    with connect(server, "-c ruvector.ef_search=78") as connection:
        assert shown(connection, "hnsw.ef_search") == ["78"]
    with pytest.raises(psycopg.OperationalError, match="0 is outside the valid range for parameter"):
        connect(server, "-c hnsw.ef_search=0")
    with pytest.raises(psycopg.OperationalError, match='unrecognized configuration parameter "nothing"'):
        connect(server, "-c nothing=1")
