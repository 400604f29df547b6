"""psql, the wheel's and the system's where there is one: scripts, client-side COPY, Ctrl-C."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest
from tests.drivers.conftest import PASSWORD, missing
from tests.oracle.postgres import installation
from tests.oracle.server import Server

PROGRAMS = {
    "psql 18": installation() / "bin" / "psql",
    "psql 16": installation().with_name("pginstall") / "bin" / "psql",
    "psql 15": Path("/usr/bin/psql"),  # Debian 12's
}


def program(name: str) -> str:
    """A psql that is there and is of that version."""
    path = PROGRAMS[name]
    if not path.exists():
        missing(f"not installed: {path}")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if f" {name.split()[1]}." not in version:
        missing(f"{path} is {version}")
    return str(path)


@pytest.fixture(params=PROGRAMS)
def psql(request: pytest.FixtureRequest, dsn: str) -> list[str]:
    """The command that starts psql on a server, without the user's own settings."""
    return [program(request.param), "--no-psqlrc", "--quiet", "--set", "VERBOSITY=verbose", dsn]


def run(psql: list[str], script: str) -> tuple[str, str]:
    done = subprocess.run(psql, input=script, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout, done.stderr


def test_a_script(psql: list[str]) -> None:
    output, errors = run(
        psql,
        r"""
        \pset format unaligned
        INSERT INTO driver_items (content, embedding) VALUES ('one', '[1,2,3]'), ('two', '[4,5,6]');
        SELECT id, content, embedding FROM driver_items ORDER BY embedding <-> '[3,3,3]';
        BEGIN;
        SELECT nope FROM driver_items;
        SELECT 1;
        ROLLBACK;
        SELECT count(*) FROM driver_items;
        \echo :LAST_ERROR_SQLSTATE
        """,
    )
    assert output.splitlines() == [
        "id|content|embedding", "1|one|[1,2,3]", "2|two|[4,5,6]", "(2 rows)", "count", "2", "(1 row)", "25P02",
    ]  # fmt: skip
    assert "42703" in errors
    assert "25P02" in errors


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_password(name: str, guarded: Server) -> None:
    command = [program(name), "--no-psqlrc", "-At", guarded.dsn(), "-c", "SELECT 6 * 7"]
    right, wrong = (
        subprocess.run(command, env={"PGPASSWORD": password}, capture_output=True, text=True, timeout=60, check=False)
        for password in (PASSWORD, "wrong")
    )
    assert (right.stdout, right.stderr) == ("42\n", "")
    assert 'password authentication failed for user "postgres"' in wrong.stderr


def test_a_block(psql: list[str]) -> None:
    """psql sends a dollar-quoted block whole, and shows where in it an error is."""
    output, errors = run(
        psql,
        """
        DO $$
        BEGIN
          INSERT INTO driver_items (content) VALUES ('one;'), ('two');
          RAISE NOTICE 'inserted %', (SELECT count(*) FROM driver_items);
        END
        $$;
        DO $$ BEGIN
          RAISE NOTICE 'x' y;
        END $$;
        """,
    )
    assert output == ""
    assert "NOTICE:  00000: inserted 2" in errors
    assert 'ERROR:  42601: syntax error at or near "y"' in errors
    assert "LINE 2:           RAISE NOTICE 'x' y;" in errors


def test_client_side_copy(psql: list[str], tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('1,"a, b","[1,2,3]"\n2,,"[4,5,6]"\n')
    output, errors = run(
        psql,
        rf"""
        \copy driver_items (id, content, embedding) FROM '{source}' WITH (FORMAT csv)
        \copy (SELECT id, content, embedding FROM driver_items ORDER BY id) TO '{target}' WITH (FORMAT csv)
        SELECT count(*) FROM driver_items \g (format=unaligned tuples_only)
        """,
    )
    assert errors == ""
    assert output == "2\n"
    assert target.read_text() == source.read_text()


def test_inline_copy(psql: list[str]) -> None:
    output, errors = run(
        psql,
        "COPY driver_items (id, embedding) FROM STDIN;\n1\t[1,2,3]\n2\t\\N\n\\.\n"
        "COPY (SELECT id, embedding FROM driver_items ORDER BY id) TO STDOUT;\n",
    )
    assert errors == ""
    assert output == "1\t[1,2,3]\n2\t\\N\n"


def test_prepared_statements(psql: list[str]) -> None:
    if "15." in subprocess.run([psql[0], "--version"], capture_output=True, text=True, check=True).stdout:
        pytest.skip(r"\bind came with psql 16")
    output, errors = run(
        psql,
        "INSERT INTO driver_items (embedding) VALUES ('[1,2,3]');\n"
        "SELECT id FROM driver_items ORDER BY embedding <-> $1 LIMIT $2 \\bind '[1,1,1]' 1 "
        "\\g (format=unaligned tuples_only)\n",
    )
    assert errors == ""
    assert output == "1\n"


def test_several_statements_are_one_transaction(psql: list[str], dsn: str) -> None:
    statements = "INSERT INTO driver_items (id) VALUES (1); INSERT INTO driver_items (id) VALUES (1)"
    done = subprocess.run([*psql, "-c", statements], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "23505" in done.stderr
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM driver_items").fetchone() == (0,)


@pytest.mark.parametrize(
    "statement", ["SELECT pg_sleep(60)", "SELECT max(g % 7 + g % 11) FROM generate_series(1, 100000000000) g"]
)
def test_interrupt(psql: list[str], statement: str) -> None:
    terminal, psql_end = os.openpty()  # at a terminal psql goes on after Ctrl-C; reading a script it gives up
    process = subprocess.Popen(
        [*psql, "--no-readline", "-P", "pager=off"],  # a pager would outlive psql
        stdin=psql_end,
        stdout=psql_end,
        stderr=psql_end,
        start_new_session=True,
    )
    os.close(psql_end)
    try:
        os.write(terminal, f"\\echo 'now '  'waiting'\n{statement};\n".encode())
        read_until(terminal, "now  waiting")  # not the echo of the command, which has quotes
        time.sleep(0.5)  # psql is now within the statement; there is nothing to wait for that would say so
        os.kill(process.pid, signal.SIGINT)
        assert "57014: canceling statement due to user request" in read_until(terminal, "user request")
        os.write(terminal, b"SELECT 'still ' || 'here';\n")
        read_until(terminal, "still here")
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def read_until(terminal: int, text: str) -> str:
    """Read what psql prints until `text` appears; its echo of what was typed is part of it."""
    output = ""
    deadline = time.monotonic() + 30
    while text not in output:
        readable, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert readable, output
        output += os.read(terminal, 4096).decode(errors="replace")
    return output


def test_the_list_of_types(psql: list[str], dsn: str) -> None:
    output, errors = run(
        psql,
        r"""
        \pset format unaligned
        DROP TYPE IF EXISTS driver_listed;
        CREATE TYPE driver_listed AS ENUM ('b', 'a');
        COMMENT ON TYPE driver_listed IS 'two letters';
        \dT+ driver_listed
        DROP TYPE driver_listed;
        """,
    )
    rows = [line for line in output.splitlines() if line.startswith(("public|", "b|", "a|", "a"))]
    assert rows[0].startswith("public|driver_listed|driver_listed|4|b")
    assert rows[1].startswith("a|")
    assert "two letters" in rows[1]
    assert "ERROR" not in errors


def test_a_composite_type_is_described(psql: list[str], dsn: str) -> None:
    output, errors = run(
        psql,
        r"""
        \pset format unaligned
        DROP TYPE IF EXISTS driver_pair;
        CREATE TYPE driver_pair AS (number int, words varchar(20)[]);
        \d driver_pair
        \dT+ driver_pair
        \dT int4range
        DROP TYPE driver_pair;
        """,
    )
    assert 'Composite type "public.driver_pair"' in output
    assert "number|integer|||\nwords|character varying(20)[]|||" in output
    assert "public|driver_pair|driver_pair|tuple|" in output
    assert "pg_catalog|int4range|" in output
    assert "ERROR" not in errors
