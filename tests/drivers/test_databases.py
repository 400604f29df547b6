"""Several databases on both servers: clients, messages, and what becomes of who is in one that is dropped."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator

import psycopg
import pytest
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres, installation
from tests.oracle.server import Server

NAMES = ("dd_one", "dd_two")


@pytest.fixture
def admin(server: Postgres | Server) -> Iterator[Connection]:
    """A connection to the database postgres of a server where nothing has the tests' names, before and after."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for name in NAMES:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        yield connection
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        for name in NAMES:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def both(server: Postgres | Server, admin: Connection) -> Iterator[tuple[Connection, Connection]]:
    """Connections to two databases."""
    for name in NAMES:
        admin.execute(f"CREATE DATABASE {name}")
    with (
        psycopg.connect(server.dsn(NAMES[0]), autocommit=True) as one,
        psycopg.connect(server.dsn(NAMES[1]), autocommit=True) as two,
    ):
        yield one, two


def program(server: Postgres | Server, *command: str, script: str | None = None) -> tuple[str, str]:
    """What a program of the wheel's writes to its output, and to standard error."""
    environment = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "LC_ALL": "C"}
    path = installation() / "bin" / command[0]
    done = subprocess.run(
        [path, *command[1:]],
        input=script,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout, done.stderr


def test_messages_stay_in_their_database(both: tuple[Connection, Connection], server: Postgres | Server) -> None:
    one, two = both
    with psycopg.connect(server.dsn(NAMES[0]), autocommit=True) as ear:
        for listener in (ear, two):
            listener.execute("LISTEN news")
        one.execute("NOTIFY news, 'from one'")
        two.execute("NOTIFY news, 'from two'")
        assert [n.payload for n in ear.notifies(timeout=20, stop_after=1)] == ["from one"]
        assert [n.payload for n in two.notifies(timeout=20, stop_after=1)] == ["from two"]
        assert [n.payload for n in ear.notifies(timeout=0.2)] == []


def test_advisory_locks_are_apart(both: tuple[Connection, Connection], server: Postgres | Server) -> None:
    one, _ = both
    for connection in both:
        connection.execute("SELECT pg_advisory_lock(7)")
    with psycopg.connect(server.dsn(NAMES[0]), autocommit=True) as third:
        assert third.execute("SELECT pg_try_advisory_lock(7)").fetchone() == (False,)
        one.execute("SELECT pg_advisory_unlock(7)")
        assert third.execute("SELECT pg_try_advisory_lock(7)").fetchone() == (True,)


def test_force_ends_who_is_idle(both: tuple[Connection, Connection], admin: Connection) -> None:
    one, two = both
    one.execute("BEGIN")
    one.execute("CREATE TABLE half_done (id int)")
    admin.execute("DROP DATABASE dd_one WITH (FORCE)")
    with pytest.raises(psycopg.OperationalError, match="terminating connection due to administrator command") as caught:
        one.execute("SELECT 1")
    assert caught.value.sqlstate == "57P01"
    assert two.execute("SELECT current_database()").fetchone() == ("dd_two",)


def test_force_ends_who_is_busy(both: tuple[Connection, Connection], admin: Connection) -> None:
    one, _ = both
    failures: list[str | None] = []

    def sleep() -> None:
        try:
            one.execute("SELECT pg_sleep(60)")
        except psycopg.Error as error:
            failures.append(error.sqlstate)

    thread = threading.Thread(target=sleep)
    thread.start()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'dd_one' AND query LIKE '%pg_sleep%'"
    while admin.execute(waiting).fetchone() == (0,):
        pass
    admin.execute("DROP DATABASE dd_one WITH (FORCE)")
    thread.join(30)
    assert failures == ["57P01"]


def test_terminating_a_backend(both: tuple[Connection, Connection], admin: Connection) -> None:
    one, two = both
    pid = one.info.backend_pid
    assert admin.execute("SELECT pg_terminate_backend(%s, 20000)", (pid,)).fetchone() == (True,)
    assert admin.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError) as caught:
        one.execute("SELECT 1")
    assert caught.value.sqlstate == "57P01"
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'dd_two'"
    assert admin.execute(ended).fetchall() == [(True,)]
    with pytest.raises(psycopg.OperationalError):
        two.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="terminating connection"):
        admin.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_database_cannot_be_dropped_from_under_others(both: tuple[Connection, Connection], admin: Connection) -> None:
    with pytest.raises(psycopg.errors.ObjectInUse) as caught:
        admin.execute("DROP DATABASE dd_one")
    assert caught.value.diag.message_detail == "There is 1 other session using the database."
    both[0].close()
    admin.execute("DROP DATABASE dd_one")  # whoever has just hung up is waited for


def test_unknown_databases(server: Postgres | Server) -> None:
    with pytest.raises(psycopg.OperationalError, match=r'FATAL: *database "dd_nothing" does not exist'):
        psycopg.connect(server.dsn("dd_nothing"))
    with pytest.raises(psycopg.OperationalError, match='"template0" is not currently accepting connections'):
        psycopg.connect(server.dsn("template0"))


def test_the_programs(server: Postgres | Server, admin: Connection) -> None:
    assert program(server, "createdb", "dd_one", "the first") == ("", "")
    assert program(server, "createdb", "dd_one") == (
        "",
        'createdb: error: database creation failed: ERROR:  database "dd_one" already exists\n',
    )
    assert program(server, "createdb", "-T", "template0", "-E", "UTF8", "-O", "postgres", "-l", "C", "dd_two")[1] == ""
    listed, _ = program(server, "psql", "--no-psqlrc", "-A", "-t", "-c", r"\l dd_*")
    assert listed.splitlines() == [
        "dd_one|postgres|UTF8|libc|C|C||||",
        "dd_two|postgres|UTF8|libc|C|C||||",
    ] or listed.splitlines() == ["dd_one|postgres|UTF8|libc|C|C|||", "dd_two|postgres|UTF8|libc|C|C|||"]
    script = r"""
        SELECT current_database();
        \c dd_two
        SELECT current_database();
        CREATE TABLE here (id int);
        \dt
        \c dd_one
        \dt
    """
    output, errors = program(server, "psql", "--no-psqlrc", "-A", "-t", "-d", "dd_one", script=script)
    assert output.splitlines() == [
        "dd_one",
        'You are now connected to database "dd_two" as user "postgres".',
        "dd_two",
        "CREATE TABLE",
        "public|here|table|postgres",
        'You are now connected to database "dd_one" as user "postgres".',
    ]
    assert errors == "Did not find any tables.\n"
    assert program(server, "dropdb", "dd_one") == ("", "")
    assert program(server, "dropdb", "--if-exists", "--force", "dd_two")[1] == ""
    assert "does not exist" in program(server, "dropdb", "dd_one")[1]


DUMPED = """
CREATE EXTENSION vector;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE SCHEMA other;
CREATE TABLE items (id int PRIMARY KEY, name text, n numeric(10,2), m mood, e vector(2), tags text[], UNIQUE (name, n));
INSERT INTO items VALUES (1, 'a', 1, 'ok', '[1,2]', '{x,y}'), (2, E'b\\t', 2.5, NULL, NULL, NULL);
CREATE TABLE other.notes (x int NOT NULL);
CREATE INDEX nearest ON items USING hnsw (e vector_l2_ops) WITH (m=8);
CREATE SEQUENCE counted START 5;
SELECT nextval('counted');
COMMENT ON TABLE items IS 'things';
COMMENT ON COLUMN items.id IS 'which';
GRANT SELECT ON items TO PUBLIC;
GRANT UPDATE (name) ON items TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
ALTER DATABASE dd_one SET work_mem = '5MB';
COMMENT ON DATABASE dd_one IS 'dumped';
GRANT CREATE ON DATABASE dd_one TO PUBLIC;
"""


def dump(server: Postgres | Server) -> str:
    """A database as pg_dump writes it, without what is another each time."""
    text, errors = program(server, "pg_dump", "--create", "dd_one")
    assert errors == ""
    kept = [line for line in text.splitlines() if not line.startswith((r"\restrict", r"\unrestrict", "-- Dumped from"))]
    return "\n".join(kept)


def test_a_dump_makes_the_database_again(server: Postgres | Server, admin: Connection, postgres: Postgres) -> None:
    """And says the same of it on both servers."""
    admin.execute("CREATE DATABASE dd_one")
    with psycopg.connect(server.dsn("dd_one"), autocommit=True) as connection:
        connection.execute(DUMPED)
    text = dump(server)
    admin.execute("ALTER DATABASE dd_one RENAME TO dd_two")
    stopping = ("psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", "postgres")
    assert program(server, *stopping, script=text)[1] == ""
    assert dump(server) == text
    with psycopg.connect(server.dsn("dd_one"), autocommit=True) as connection:
        assert connection.execute("SELECT id FROM items ORDER BY e <-> '[1,2]' LIMIT 1").fetchone() == (1,)
        assert connection.execute("SELECT nextval('counted')").fetchone() == (6,)
    if server is not postgres:
        with psycopg.connect(postgres.dsn(), autocommit=True) as there:
            for name in NAMES:
                there.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            assert program(postgres, *stopping, script=text)[1] == ""
            assert dump(postgres) == text
            there.execute("DROP DATABASE dd_one")
