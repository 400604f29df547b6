"""pg_hba_file_rules and pg_ident_file_mappings: the files as they are now, as PostgreSQL shows the same files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server, running_server

RULES = """# a comment
local all all trust
host  all all 127.0.0.1/32 trust
host  all,"b c" +team,@users 10.1.2.3/8 scram-sha-256
host all /^a[bc]$ 10.0.0.0 255.255.0.0 md5
hostnossl sameuser all ::1/128 password
hostnogssenc samerole all all reject
host replication all samehost trust
host all all samenet trust
host all all .example.org trust
local all all peer map=m
host all all all magic
host all all 10.0.0.1/33 trust
host all /( all trust
local all
include more.conf
include none.conf
"""
MORE = "host more all all trust\nhost more all nonsense/1 trust\n"
MAPS = """m root ann
m /^(.*)@example\\.org$ \\1
"quoted map" "some one" all
m root
m one,two ann
m /( ann
m root +team
"""
RULES_QUERY = """
SELECT rule_number, regexp_replace(file_name, '.*/', ''), line_number, type, database, user_name, address, netmask,
  auth_method, options, regexp_replace(error, '"/.*/', '"') FROM pg_hba_file_rules
"""
MAPS_QUERY = """
SELECT map_number, regexp_replace(file_name, '.*/', ''), line_number, map_name, sys_name, pg_username, error
FROM pg_ident_file_mappings
"""
Rows = list[tuple[object, ...]]


def write(folder: Path) -> None:
    (folder / "pg_hba.conf").write_text(RULES)
    (folder / "pg_ident.conf").write_text(MAPS)
    (folder / "more.conf").write_text(MORE)
    (folder / "users").write_text("ann bob")


def shown(dsn: str) -> tuple[Rows, Rows]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(RULES_QUERY).fetchall(), connection.execute(MAPS_QUERY).fetchall()


@pytest.fixture
def expected(postgres: Postgres) -> Iterator[tuple[Rows, Rows]]:
    """What PostgreSQL shows, which reads the files for these views only."""
    folder = postgres.data_dir
    saved = {name: (folder / name).read_text() for name in ("pg_hba.conf", "pg_ident.conf")}
    write(folder)
    try:
        yield shown(postgres.dsn())
    finally:
        for name, text in saved.items():
            (folder / name).write_text(text)
        for name in ("more.conf", "users"):
            (folder / name).unlink()


def test_files_with_errors(tmp_path: Path, expected: tuple[Rows, Rows]) -> None:
    with running_server(tmp_path / "data") as server:
        write(server.data_dir)  # not loaded: shown as they are now
        rules, maps = shown(server.dsn())
    assert rules == expected[0]
    assert maps == expected[1]
    assert [row[10] for row in rules if row[0] is None]


def test_without_files(tmp_path: Path) -> None:
    """What holds then is shown, with no place in a file."""
    with running_server(tmp_path / "data") as server:
        assert shown(server.dsn()) == (
            [
                (1, None, None, "local", ["all"], ["all"], None, None, "trust", None, None),
                (2, None, None, "host", ["all"], ["all"], "all", None, "trust", None, None),
            ],
            [],
        )


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "pg_hba.conf").write_text("host all all all trust\n")
    with running_server(data) as server:
        (data / "pg_hba.conf").unlink()
        with pytest.raises(psycopg.errors.UndefinedFile, match="could not open file"):
            shown(server.dsn())


def test_they_are_for_superusers(ruvector: Server, postgres: Postgres) -> None:
    for server in (ruvector, postgres):
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE hba_reader IN ROLE pg_read_all_settings")
            try:
                connection.execute("SET ROLE hba_reader")
                for view in ("pg_hba_file_rules", "pg_ident_file_mappings"):
                    with pytest.raises(
                        psycopg.errors.InsufficientPrivilege, match=f"permission denied for view {view}"
                    ):
                        connection.execute(f"SELECT * FROM {view}".encode())
            finally:
                connection.execute("RESET ROLE")
                connection.execute("DROP ROLE hba_reader")
