"""Who may COPY from and to files of the server. The errors are PostgreSQL's own."""

from __future__ import annotations

import pytest
from tests.engine.conftest import Talk

from ruvector_engine.results import CopyIn, CopyOut

HINT = "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."


def become(db: Talk, *memberships: tuple[str, str], superuser: bool = False, inherit: bool = True) -> None:
    """Go on as the role tester with these memberships, (role, member) each."""
    db.result("RESET ROLE")
    db.result("DROP ROLE IF EXISTS tester, crew")
    for role in ("tester", "crew"):
        db.result(f"CREATE ROLE {role}")
    if superuser:
        db.result("ALTER ROLE tester SUPERUSER")
    for role, member in memberships:
        db.result(f"GRANT {role} TO {member} WITH INHERIT {inherit}")
    db.result("SET ROLE tester")


@pytest.mark.parametrize(
    ("sql", "role", "what"),
    [
        ("COPY nope TO 'relative'", "pg_write_server_files", "COPY to a file"),
        ("COPY nope FROM '/nowhere'", "pg_read_server_files", "COPY from a file"),
        ("COPY nope TO PROGRAM 'cat'", "pg_execute_server_program", "COPY to or from an external program"),
        ("COPY nope FROM PROGRAM 'cat'", "pg_execute_server_program", "COPY to or from an external program"),
    ],
)
def test_refused_before_anything_else(db: Talk, sql: str, role: str, what: str) -> None:
    become(db)
    error = db.error(sql)
    assert (error.sqlstate, error.message) == ("42501", f"permission denied to {what}")
    assert error.detail == f'Only roles with privileges of the "{role}" role may {what}.'
    assert error.hint == HINT


def test_memberships_count_at_any_distance(db: Talk) -> None:
    db.result("CREATE TABLE items (id int)")
    db.result("GRANT ALL ON items TO PUBLIC")
    become(db, ("crew", "tester"), ("pg_write_server_files", "crew"))
    assert isinstance(db.result("COPY items TO '/nowhere'").copy, CopyOut)
    assert db.error("COPY items FROM '/nowhere'").sqlstate == "42501"
    become(db, ("pg_read_server_files", "tester"))
    assert isinstance(db.result("COPY items FROM '/nowhere'").copy, CopyIn)
    assert db.error("COPY items TO '/nowhere'").sqlstate == "42501"


def test_memberships_that_do_not_inherit_do_not_count(db: Talk) -> None:
    become(db, ("pg_write_server_files", "tester"), inherit=False)
    assert db.error("COPY nope TO '/nowhere'").sqlstate == "42501"


def test_superusers_may(db: Talk) -> None:
    become(db, superuser=True)
    assert db.error("COPY nope TO 'relative'").sqlstate == "42P01"
    assert db.error("COPY nope FROM PROGRAM 'cat'").sqlstate == "0A000"
