"""The first superuser's name and password, which the operator gives; and what a restart keeps of roles."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.oracle.server import Server, running_server

from ruvector_engine.database import Database
from ruvector_engine.errors import SqlError


def connect(server: Server, user: str, password: str = "") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1", port=server.port, dbname="postgres", user=user, password=password, autocommit=True
    )


def refused(server: Server, user: str, password: str = "") -> str:
    with pytest.raises(psycopg.OperationalError) as caught:
        connect(server, user, password)
    return str(caught.value)


def test_name(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", ["--user", "my admin"]) as server:
        with connect(server, "my admin") as connection:
            row = connection.execute("SELECT oid, rolsuper, rolcanlogin FROM pg_roles WHERE rolname = current_user")
            assert row.fetchone() == (10, True, True)
            assert connection.execute("SELECT pg_get_userbyid(datdba) FROM pg_database").fetchone() == ("my admin",)
        assert 'role "postgres" does not exist' in refused(server, "postgres")
    with running_server(tmp_path / "data", ["--user", "other"]) as server:  # the directory is not new
        connect(server, "my admin").close()
        assert 'role "other" does not exist' in refused(server, "other")
        assert (
            "--user names the first superuser of a new data directory; that of this one is 'my admin'" in server.log()
        )


def test_password(tmp_path: Path) -> None:
    """It is the first superuser's, and stays his; by him, everybody must know a password."""
    file = tmp_path / "password"
    file.write_text("sesame\n")
    with running_server(tmp_path / "data", ["--password-file", str(file)]) as server:
        with connect(server, "postgres", "sesame") as connection:
            connection.execute("CREATE USER ann PASSWORD 'mine'")
            connection.execute("CREATE USER bob")
            (first,) = connection.execute("SELECT rolpassword FROM pg_authid WHERE oid = 10").fetchone() or ("",)
        connect(server, "ann", "mine").close()
        for user in ("ann", "bob", "nobody"):
            assert f'password authentication failed for user "{user}"' in refused(server, user, "sesame")
    with running_server(tmp_path / "data") as server:  # not said again
        assert 'password authentication failed for user "postgres"' in refused(server, "postgres", "x")
        with connect(server, "postgres", "sesame") as connection:
            assert connection.execute("SELECT rolpassword FROM pg_authid WHERE oid = 10").fetchone() == (first,)
    file.write_text("new")
    with running_server(tmp_path / "data", ["--password-file", str(file)]) as server:
        assert 'password authentication failed for user "postgres"' in refused(server, "postgres", "sesame")
        with connect(server, "postgres", "new") as connection:
            connection.execute("ALTER ROLE postgres PASSWORD NULL")
    with running_server(tmp_path / "data") as server:
        connect(server, "postgres").close()
    log = (tmp_path / "data.log").read_text()
    assert "sesame" not in log
    assert "SCRAM-SHA-256$" not in log


SETUP = (
    "CREATE USER ann SUPERUSER CONNECTION LIMIT 7 VALID UNTIL '2999-01-01' PASSWORD 'mine'",
    "CREATE ROLE team NOINHERIT",
    "GRANT team TO ann WITH ADMIN OPTION, SET FALSE",
    "GRANT pg_read_all_data TO team",
    "REVOKE pg_read_all_stats FROM pg_monitor",
    "ALTER ROLE ann SET work_mem = '8MB'",
    "CREATE ROLE gone",
    "GRANT team TO gone",
    "DROP ROLE gone",
)
EVERYTHING = (
    "SELECT rolname, oid, rolsuper, rolinherit, rolconnlimit, rolvaliduntil, rolpassword FROM pg_authid ORDER BY oid",
    "SELECT roleid, member, grantor, admin_option, inherit_option, set_option FROM pg_auth_members ORDER BY 1, 2, 3",
    "SELECT * FROM pg_db_role_setting",
)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_restart(tmp_path: Path, end: str) -> None:
    with running_server(tmp_path / "data") as server:
        with connect(server, "postgres") as connection:
            for statement in SETUP:
                connection.execute(statement.encode())
            before = [connection.execute(query.encode()).fetchall() for query in EVERYTHING]
        getattr(server, end)()
        server.start()
        with connect(server, "ann", "mine") as connection:
            after = [connection.execute(query.encode()).fetchall() for query in EVERYTHING]
            assert connection.execute("SHOW work_mem").fetchone() == ("8MB",)
            connection.execute("CREATE ROLE late")
            (new,) = connection.execute("SELECT 'late'::regrole::oid").fetchone() or (None,)
        assert after == before
        assert new not in [row[1] for row in before[0]]


def test_a_directory_from_before_there_were_roles(tmp_path: Path) -> None:
    """Opening it makes the roles that every directory begins with, once."""
    database = Database.open(tmp_path / "data")
    with database.store.connection() as connection:
        connection.run("DELETE FROM ruvector_catalog.entries WHERE kind IN ('role', 'member')")
    database.close()
    for name in ("first", "second"):
        database = Database.open(tmp_path / "data", name)
        authority = database.authority
        assert authority.role_by_oid(10) == authority.roles["first"]
        assert len(authority.roles) == 17
        assert len(authority.memberships) == 3
        with pytest.raises(SqlError, match='role "second" does not exist'):
            database.session(user="second", database="postgres", pid=1, startup={})
        database.close()


def test_places_for_superusers(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", ["--max-connections", "5"]) as server, connect(server, "postgres") as first:
        assert first.execute("SHOW superuser_reserved_connections").fetchone() == ("3",)
        first.execute("CREATE USER ann")
        with connect(server, "ann"):
            reserved = "remaining connection slots are reserved for roles with the SUPERUSER attribute"
            assert reserved in refused(server, "ann")
            with connect(server, "postgres"), connect(server, "postgres"), connect(server, "postgres"):
                assert "sorry, too many clients already" in refused(server, "postgres")


def test_a_password_counts_from_the_next_connection_on(tmp_path: Path) -> None:
    """Where there is no pg_hba.conf: whoever locks the door must not have to restart the server."""
    with running_server(tmp_path / "data") as server, connect(server, "postgres") as connection:
        connection.execute("CREATE USER ann")
        connect(server, "ann").close()
        connection.execute("ALTER ROLE postgres PASSWORD 'sesame'")
        for user in ("postgres", "ann", "nobody"):
            assert f'password authentication failed for user "{user}"' in refused(server, user, "x")
        assert connection.execute("SELECT 1").fetchone() == (1,)  # who is in stays in
        connect(server, "postgres", "sesame").close()
        connection.execute("ALTER ROLE postgres PASSWORD NULL")
        connect(server, "ann").close()


def test_a_server_for_others_asks_for_a_password_whatever_happens(tmp_path: Path) -> None:
    """Started with one on an address that others reach, it does not open when that password is taken away."""
    file = tmp_path / "password"
    file.write_text("sesame")
    options = ["--host", "0.0.0.0", "--password-file", str(file)]
    with running_server(tmp_path / "data", options) as server:
        with connect(server, "postgres", "sesame") as connection:
            connection.execute("ALTER ROLE postgres PASSWORD NULL")
        assert 'password authentication failed for user "postgres"' in refused(server, "postgres", "sesame")
