"""Who may log in, and as what: each role by its own password, with its settings and limits; on both servers."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from tests.drivers.conftest import PASSWORD, Connection
from tests.drivers.test_psql import PROGRAMS
from tests.oracle.postgres import SUPERUSER, TEST_SETTINGS, Postgres, installation, running_postgres
from tests.oracle.server import Server, running_server

RULES = f"""
host all {SUPERUSER} all trust
host all in_clear all password
host all old all md5
host all trusted all trust
host all +crew all trust
host all all all scram-sha-256
"""


class Door(NamedTuple):
    """A server that asks for passwords, and the superuser's way in."""

    server: Postgres | Server
    superuser: Connection

    def connect(self, user: str, password: str = "", **options: object) -> Connection:
        """Log in."""
        settings = {"user": user, "password": password, "autocommit": True} | options
        return psycopg.connect(self.server.dsn(), **settings)  # type: ignore[arg-type]

    def refusal(self, user: str, password: str = "", **options: object) -> str:
        """Why one may not."""
        with pytest.raises(psycopg.OperationalError) as caught:
            self.connect(user, password, **options)
        return str(caught.value).partition("FATAL:  ")[2].strip()

    def run(self, *statements: str) -> None:
        """Run statements as the superuser."""
        for statement in statements:
            self.superuser.execute(statement.encode())


@pytest.fixture(scope="module", params=["postgres", "ruvector"])
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    with ExitStack() as stack:
        # Not in pytest's own folder: PostgreSQL runs as another user, who must be able to read the rules.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ruvector-door-")))
        folder.chmod(0o755)
        rules = folder / "pg_hba.conf"
        rules.write_text(RULES)
        rules.chmod(0o644)
        server: Postgres | Server
        if request.param == "postgres":
            server = stack.enter_context(running_postgres({**TEST_SETTINGS, "hba_file": str(rules)}))
        else:
            server = stack.enter_context(running_server(folder / "data", ["--hba-file", str(rules)]))
        # Nothing is prepared: DEALLOCATE ALL would come after statements whose text is looked at.
        connected = psycopg.connect(server.dsn(), autocommit=True, prepare_threshold=None)
        superuser = stack.enter_context(closing(connected))
        yield Door(server, superuser)


@pytest.fixture
def roles(door: Door) -> Iterator[Door]:
    """The door, and no roles of earlier tests."""
    yield door
    names = [
        name
        for (name,) in door.superuser.execute(
            "SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg%' AND rolname <> 'postgres'"
        ).fetchall()
    ]
    if names:
        door.run("DROP ROLE " + ", ".join(f'"{name}"' for name in names))


WRONG = 'password authentication failed for user "{}"'


def test_each_role_has_its_own_password(roles: Door) -> None:
    roles.run(f"CREATE USER ann PASSWORD '{PASSWORD}'", "CREATE USER bob PASSWORD 'other'", "CREATE USER carl")
    with roles.connect("ann", PASSWORD) as connection:
        assert connection.execute("SELECT current_user, session_user").fetchone() == ("ann", "ann")
        assert connection.info.parameter_status("is_superuser") == "off"
        assert connection.info.parameter_status("session_authorization") == "ann"
    roles.connect("bob", "other").close()
    assert roles.refusal("ann", "other") == WRONG.format("ann")
    assert roles.refusal("carl", "other") == WRONG.format("carl")
    assert roles.refusal("nobody", "other") == WRONG.format("nobody")
    roles.run("ALTER ROLE ann PASSWORD 'new'", "ALTER ROLE bob PASSWORD NULL")
    assert roles.refusal("ann", PASSWORD) == WRONG.format("ann")
    roles.connect("ann", "new").close()
    assert roles.refusal("bob", "other") == WRONG.format("bob")


def test_a_password_in_clear(roles: Door) -> None:
    roles.run("CREATE USER in_clear PASSWORD 'sesame'")
    roles.connect("in_clear", "sesame").close()
    assert roles.refusal("in_clear", "other") == WRONG.format("in_clear")


def test_a_verifier_is_taken_as_it_is(roles: Door) -> None:
    roles.run("CREATE USER ann PASSWORD 'sesame'")
    (verifier,) = roles.superuser.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'ann'").fetchone() or ("",)
    assert str(verifier).startswith("SCRAM-SHA-256$4096:")
    assert "sesame" not in str(verifier)
    roles.run(f"CREATE USER bob PASSWORD '{verifier}'")
    roles.connect("bob", "sesame").close()
    assert roles.superuser.execute("SELECT passwd FROM pg_shadow WHERE usename = 'bob'").fetchone() == (verifier,)


def test_a_password_that_the_client_has_hashed(roles: Door) -> None:
    """As psql's \\password sends it."""
    roles.run("CREATE USER ann")
    hashed = roles.superuser.pgconn.encrypt_password(b"sesame", b"ann").decode()
    roles.run(f"ALTER ROLE ann PASSWORD '{hashed}'")
    roles.connect("ann", "sesame").close()


@pytest.mark.parametrize("hashed", [False, True])
def test_an_md5_hash(roles: Door, hashed: bool) -> None:
    """For clients that know nothing better: by the method md5, and in clear; SCRAM cannot be done with it."""
    roles.run("SET password_encryption = 'md5'")
    for user in ("old", "in_clear", "ann"):
        text = "md5" + hashlib.md5(f"{PASSWORD}{user}".encode(), usedforsecurity=False).hexdigest()
        roles.run(f"CREATE USER {user} PASSWORD '{text if hashed else PASSWORD}'")
    roles.run("RESET password_encryption")
    query = "SELECT count(*) FROM pg_authid WHERE rolpassword ~ '^md5[0-9a-f]{32}$'"
    assert roles.superuser.execute(query).fetchone() == (3,)
    roles.connect("old", PASSWORD, require_auth="md5").close()
    assert roles.refusal("old", "other") == WRONG.format("old")
    roles.connect("in_clear", PASSWORD, require_auth="password").close()
    assert roles.refusal("in_clear", "other") == WRONG.format("in_clear")
    assert roles.refusal("ann", PASSWORD) == WRONG.format("ann")
    roles.run(f"ALTER ROLE old PASSWORD '{PASSWORD}'")
    roles.connect("old", PASSWORD, require_auth="scram-sha-256").close()


def test_the_number_of_iterations(roles: Door) -> None:
    roles.run("SET scram_iterations = 10000", "CREATE USER ann PASSWORD 'sesame'", "RESET scram_iterations")
    query = "SELECT rolpassword LIKE 'SCRAM-SHA-256$10000:%' FROM pg_authid WHERE rolname = 'ann'"
    assert roles.superuser.execute(query).fetchone() == (True,)
    roles.connect("ann", "sesame").close()


@pytest.mark.parametrize("iterations", [1, 5000])
def test_any_number_of_iterations(roles: Door, iterations: int) -> None:
    roles.run(f"SET scram_iterations = {iterations}", f"CREATE USER ann PASSWORD '{PASSWORD}'", "RESET ALL")
    roles.connect("ann", PASSWORD).close()
    assert roles.refusal("ann", "other") == WRONG.format("ann")


@pytest.mark.parametrize("password", ["a\x01b", "\u200b\u0627a", "\u00ad", "Ⅸ", "x" * 300])
def test_passwords_that_hashing_must_prepare(roles: Door, password: str) -> None:
    """Characters that SASLprep maps, removes or forbids; a password that it forbids is hashed as it is."""
    roles.run(f"CREATE USER ann PASSWORD '{password}'", f"CREATE USER in_clear PASSWORD '{password}'")
    for user in ("ann", "in_clear"):
        roles.connect(user, password).close()
        assert roles.refusal(user, password + "y") == WRONG.format(user)


def test_valid_until(roles: Door) -> None:
    roles.run(
        "CREATE USER past PASSWORD 'x' VALID UNTIL '2001-01-01'",
        "CREATE USER future PASSWORD 'x' VALID UNTIL '2999-01-01'",
        "CREATE USER always PASSWORD 'x' VALID UNTIL 'infinity'",
        "CREATE USER trusted VALID UNTIL '2001-01-01'",
    )
    assert roles.refusal("past", "x") == WRONG.format("past")
    for user in ("future", "always", "trusted"):  # it is the password that is no longer valid, not the role
        roles.connect(user, "x").close()


def test_who_is_no_role_or_may_not_log_in(roles: Door) -> None:
    roles.run("CREATE ROLE trusted NOLOGIN PASSWORD 'x'", "CREATE ROLE asked PASSWORD 'x'")
    assert roles.refusal("trusted") == 'role "trusted" is not permitted to log in'
    assert roles.refusal("asked", "x") == 'role "asked" is not permitted to log in'
    assert roles.refusal("asked", "y") == WRONG.format("asked")
    roles.run("DROP ROLE trusted")
    assert roles.refusal("trusted") == 'role "trusted" does not exist'


def test_connection_limit(roles: Door) -> None:
    roles.run("CREATE USER trusted CONNECTION LIMIT 1", "CREATE USER ann PASSWORD 'x'")
    with roles.connect("trusted"):
        assert roles.refusal("trusted") == 'too many connections for role "trusted"'
        roles.connect("ann", "x").close()
    roles.run("ALTER ROLE trusted CONNECTION LIMIT 0")
    assert roles.refusal("trusted") == 'too many connections for role "trusted"'
    roles.run("ALTER ROLE trusted SUPERUSER")
    roles.connect("trusted").close()


def test_members_of_roles_in_the_rules(roles: Door) -> None:
    roles.run("CREATE ROLE crew", "CREATE ROLE part IN ROLE crew", "CREATE USER ann", "CREATE USER chief SUPERUSER")
    assert roles.refusal("ann", "x") == WRONG.format("ann")
    roles.run("GRANT part TO ann")
    roles.connect("ann").close()
    assert roles.refusal("chief", "x") == WRONG.format("chief")  # a superuser is no member for that


def test_settings_of_a_role(roles: Door) -> None:
    roles.run(
        "CREATE USER trusted",
        "CREATE ROLE other",
        "GRANT other TO trusted",
        "ALTER ROLE ALL SET lock_timeout = '1s'",
        "ALTER ROLE trusted SET lock_timeout = '2s'",
        "ALTER ROLE trusted SET application_name = 'of the role'",
        "ALTER DATABASE postgres SET statement_timeout = '9s'",
        "ALTER ROLE trusted IN DATABASE postgres SET role = 'other'",
    )
    names = ("lock_timeout", "application_name", "statement_timeout", "role")
    ask = f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}, current_user, session_user"
    with roles.connect("trusted") as connection:
        assert connection.execute(ask).fetchone() == ("2s", "of the role", "9s", "other", "other", "trusted")
        connection.execute("SET lock_timeout = 0")
        connection.execute("SET ROLE NONE")
        connection.execute("RESET ALL")
        connection.execute("RESET ROLE")
        assert connection.execute(ask).fetchone() == ("2s", "of the role", "9s", "other", "other", "trusted")
        connection.execute("DISCARD ALL")
        assert connection.execute("SHOW lock_timeout").fetchone() == ("2s",)
    with roles.connect("trusted", options="-c lock_timeout=3s -c role=trusted") as connection:
        assert connection.execute(ask).fetchone() == ("3s", "of the role", "9s", "trusted", "trusted", "trusted")
    roles.run("ALTER ROLE ALL RESET ALL", "ALTER DATABASE postgres RESET ALL")
    for option in ("session_authorization", "Session_Authorization"):
        whose = roles.refusal("trusted", options=f"-c {option}=postgres")
        assert whose.endswith('permission denied to set session authorization "postgres"')
    assert roles.refusal("trusted", options="-c role=postgres").endswith('permission denied to set role "postgres"')


def test_what_the_client_is_told(roles: Door) -> None:
    roles.run("CREATE USER trusted")
    with psycopg.connect(roles.server.dsn()) as connection:

        def told() -> tuple[str | None, str | None]:
            info = connection.info
            return info.parameter_status("is_superuser"), info.parameter_status("session_authorization")

        assert told() == ("on", "postgres")
        connection.execute("SET LOCAL ROLE trusted")
        assert told() == ("off", "postgres")
        connection.rollback()
        assert told() == ("on", "postgres")
        connection.execute("SET SESSION AUTHORIZATION trusted")
        assert told() == ("off", "trusted")
        connection.commit()
        connection.execute("RESET SESSION AUTHORIZATION")
        assert told() == ("on", "postgres")


def test_a_prepared_query_follows_the_current_user(roles: Door) -> None:
    """Repeated queries are answered by short ways, which must know who asks."""
    roles.run("CREATE USER trusted")
    with psycopg.connect(roles.server.dsn(), autocommit=True) as connection:
        for _ in range(5):
            for role in ("trusted", "postgres"):
                connection.execute(f"SET ROLE {role}")
                query = "SELECT current_user, %s::int"
                assert connection.execute(query, (1,), prepare=True, binary=True).fetchone() == (role, 1)


@pytest.mark.parametrize("program", [name for name, path in PROGRAMS.items() if path])
def test_psql(roles: Door, program: str) -> None:
    roles.run("CREATE USER ann PASSWORD 'sesame' CREATEDB IN ROLE pg_monitor")
    command = [str(PROGRAMS[program]), "-X", "-At", roles.server.dsn() + " user=ann"]
    environment = {**os.environ, "PGPASSWORD": "sesame"}
    done = subprocess.run(
        [*command, "-c", "SELECT current_user", "-c", r"\du ann"],
        capture_output=True, text=True, timeout=60, check=True, env=environment,
    )  # fmt: skip
    assert done.stdout.splitlines()[0] == "ann"
    assert done.stdout.splitlines()[1].startswith("ann|Create DB")
    failed = subprocess.run(
        [*command, "-c", ""], capture_output=True, text=True, timeout=60, check=False,
        env={**environment, "PGPASSWORD": "wrong"},
    )  # fmt: skip
    assert WRONG.format("ann") in failed.stderr


DUMPED = """
SET default_transaction_read_only = off;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
CREATE ROLE ann;
ALTER ROLE ann WITH NOSUPERUSER INHERIT NOCREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 5;
COMMENT ON ROLE ann IS 'hello';
CREATE ROLE crew;
ALTER ROLE crew WITH SUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;
ALTER ROLE ann SET work_mem TO '1MB';
GRANT crew TO ann WITH ADMIN OPTION, INHERIT TRUE, SET FALSE GRANTED BY postgres;
"""


def test_postgresqls_own_programs(roles: Door) -> None:
    programs, port = installation() / "bin", str(roles.server.port)
    place = ["-h", "127.0.0.1", "-p", port, "-U", SUPERUSER]
    subprocess.run([programs / "createuser", *place, "-d", "-c", "5", "ann"], check=True, timeout=60)
    roles.run(
        "CREATE ROLE crew SUPERUSER NOINHERIT",
        "GRANT crew TO ann WITH ADMIN TRUE, SET FALSE",
        "ALTER ROLE ann SET work_mem = '1MB'",
        "COMMENT ON ROLE ann IS 'hello'",
    )
    dump = [str(programs / "pg_dumpall"), *place, "-l", "postgres", "--roles-only"]
    lines = subprocess.run(dump, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    told = [line for line in lines if line and not line.startswith(("--", "\\"))]
    assert told == DUMPED.strip().splitlines()
    subprocess.run([programs / "dropuser", *place, "ann"], check=True, timeout=60)
    assert roles.superuser.execute("SELECT FROM pg_roles WHERE rolname = 'ann'").fetchone() is None


def test_a_dropped_role_may_do_nothing(roles: Door) -> None:
    roles.run("CREATE USER trusted SUPERUSER")
    with roles.connect("trusted") as connection:
        roles.run("DROP ROLE trusted")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM pg_authid")


def test_cancelling_others(roles: Door) -> None:
    """One's own and one's role's members' queries; all but superusers' by pg_signal_backend."""
    roles.run("CREATE USER ann PASSWORD 'x'", "CREATE USER trusted")
    with roles.connect("ann", "x") as target, roles.connect("trusted") as connection:
        pid = target.info.backend_pid

        def refused(pid: int) -> str:
            with pytest.raises(
                psycopg.errors.InsufficientPrivilege, match="permission denied to cancel query"
            ) as error:
                connection.execute("SELECT pg_cancel_backend(%s)", (pid,))
            return str(error.value.diag.message_detail)

        assert refused(pid).startswith("Only roles with privileges of the role whose query is being canceled")
        roles.run("GRANT ann TO trusted")
        assert connection.execute("SELECT pg_cancel_backend(%s)", (pid,)).fetchone() == (True,)
        roles.run("REVOKE ann FROM trusted", "GRANT pg_signal_backend TO trusted")
        assert connection.execute("SELECT pg_cancel_backend(%s)", (pid,)).fetchone() == (True,)
        assert refused(roles.superuser.info.backend_pid).startswith("Only roles with the SUPERUSER attribute may")


def test_no_password_is_shown(roles: Door) -> None:
    roles.run("CREATE USER ann")
    roles.superuser.execute("ALTER ROLE ann PASSWORD 'a-secret-word'")
    query = "SELECT query FROM pg_stat_activity WHERE pid = %s"
    with psycopg.connect(roles.server.dsn(), autocommit=True) as other:
        (shown,) = other.execute(query, (roles.superuser.info.backend_pid,)).fetchone() or ("",)
    if isinstance(roles.server, Server):  # PostgreSQL shows it to superusers
        assert shown == "ALTER ROLE ann PASSWORD <hidden>"
    for statement in ("ALTER ROLE nobody PASSWORD 'a-secret-word'", "CREATE ROLE ann PASSWORD 'a-secret-word'"):
        with pytest.raises(psycopg.Error) as caught:
            roles.superuser.execute(statement.encode())
        assert "a-secret-word" not in str(caught.value).partition("\n")[0]
    assert roles.refusal("ann", "a-secret-wor") == WRONG.format("ann")
    if isinstance(roles.server, Server):
        assert "refused user 'ann'" in roles.server.log()
        assert "a-secret-wor" not in roles.server.log()
