"""COPY where a `.test` file cannot show it: when the data begins, files of the server, lines of large data."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, pq
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server


@pytest.fixture
def plain(server: Postgres | Server) -> Iterator[Connection]:
    """An autocommit connection with an empty table of two columns."""
    with psycopg.connect(server.dsn(), autocommit=True) as opened:
        opened.execute("DROP TABLE IF EXISTS copied")
        opened.execute("CREATE TABLE copied (id int PRIMARY KEY, b text)")
        yield opened


@pytest.fixture
def ours(ruvector: Server) -> Iterator[Connection]:
    """The same, of our server alone: PostgreSQL runs as a user that has no place in this user's folders."""
    with psycopg.connect(ruvector.dsn(), autocommit=True) as opened:
        opened.execute("DROP TABLE IF EXISTS copied")
        opened.execute("CREATE TABLE copied (id int PRIMARY KEY, b text)")
        yield opened


def test_copy_to_begins_before_its_query_is_done(ruvector: Server, ours: Connection) -> None:
    """PostgreSQL's first answer waits in its buffer; ours is sent at once."""
    ours.execute("INSERT INTO copied VALUES (1, 'x')")
    ours.execute("BEGIN")
    ours.execute("UPDATE copied SET b = 'y'")
    waiting = pq.PGconn.connect(ruvector.dsn().encode())
    waiting.send_query(b"COPY (SELECT b FROM copied FOR UPDATE) TO STDOUT")
    result = waiting.get_result()
    assert result is not None
    assert result.status == pq.ExecStatus.COPY_OUT
    ours.execute("COMMIT")
    length, data = waiting.get_copy_data(0)
    assert (length, bytes(data)) == (2, b"y\n")
    waiting.finish()


def received(connection: Connection, sql: str) -> bytes:
    """What a COPY TO STDOUT sends."""
    with connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
        return b"".join(map(bytes, copy))


def sent(connection: Connection, lines: list[str]) -> None:
    """COPY FROM STDIN of these lines."""
    with connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
        copy.write("".join(lines))


def test_a_cancelled_copy_to(server: Postgres | Server, plain: Connection) -> None:
    sql = "COPY (SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b) TO STDOUT"
    timer = threading.Timer(0.3, plain.cancel)
    timer.start()
    with pytest.raises(errors.QueryCanceled):
        received(plain, sql)
    timer.join()
    assert plain.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("options", ["", "(FORMAT csv, HEADER)", "(FORMAT binary)"])
def test_there_and_back_by_a_file(ours: Connection, tmp_path: Path, options: str) -> None:
    path = tmp_path / "rows"
    ours.execute("INSERT INTO copied SELECT i, 'text, ' || i FROM generate_series(1, 30000) i")
    assert ours.execute(f"COPY copied TO '{path}' {options}").statusmessage == "COPY 30000"
    assert path.stat().st_mode & 0o777 == 0o644
    before = ours.execute("SELECT count(*), sum(id), min(b), max(b) FROM copied").fetchone()
    ours.execute("TRUNCATE copied")
    assert ours.execute(f"COPY copied FROM '{path}' {options}").statusmessage == "COPY 30000"
    assert ours.execute("SELECT count(*), sum(id), min(b), max(b) FROM copied").fetchone() == before


def test_a_file_is_what_stdout_would_have_got(ours: Connection, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("something longer that was there before")
    ours.execute("INSERT INTO copied VALUES (1, 'tab\there'), (2, NULL)")
    ours.execute(f"COPY (SELECT * FROM copied ORDER BY id) TO '{path}' (HEADER)")
    assert path.read_text() == "id\tb\n1\ttab\\there\n2\t\\N\n"


def test_what_a_failed_copy_leaves(ours: Connection, tmp_path: Path) -> None:
    """Of the file what was written; of the table nothing."""
    path = tmp_path / "rows"
    with pytest.raises(errors.DivisionByZero):
        ours.execute(f"COPY (SELECT 1 / (1000000 - i) FROM generate_series(1, 1100000) i) TO '{path}' (HEADER)")
    assert path.read_text().startswith("?column?\n0\n")
    path.write_text("".join(f"{i}\tx\n" for i in range(50_000)) + "bad\tx\n")
    with pytest.raises(errors.InvalidTextRepresentation) as caught:
        ours.execute(f"COPY copied FROM '{path}'")
    assert caught.value.diag.context == 'COPY copied, line 50001, column id: "bad"'
    assert ours.execute("SELECT count(*) FROM copied").fetchone() == (0,)


def test_a_relative_name_is_read_in_the_data_directory(ours: Connection, ruvector: Server) -> None:
    (ruvector.data_dir / "copied.txt").write_text("7\tseven\n")
    ours.execute("COPY copied FROM 'copied.txt'")
    assert ours.execute("SELECT * FROM copied").fetchall() == [(7, "seven")]


def test_pipes_are_refused(ours: Connection, tmp_path: Path) -> None:
    """Opening one would wait for the other end, and no cancel request could stop that."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(errors.FeatureNotSupported):
        ours.execute(f"COPY copied FROM '{tmp_path / 'pipe'}'")
    with pytest.raises(psycopg.Error):
        ours.execute(f"COPY copied TO '{tmp_path / 'pipe'}'")


def failure(connection: Connection, lines: list[str]) -> tuple[str, str | None]:
    """SQLSTATE and CONTEXT of the error that a COPY of these lines is."""
    with pytest.raises(psycopg.Error) as caught:
        sent(connection, lines)
    return caught.value.sqlstate or "", caught.value.diag.context


@pytest.mark.parametrize("place", [3, 3_000, 70_000])
def test_the_line_of_a_duplicate(plain: Connection, place: int) -> None:
    """Wherever it is in data of several batches, and whatever it clashes with."""
    plain.execute("INSERT INTO copied VALUES (-1, 'committed')")
    filler = "x" * 300
    lines = [f"{number}\t{filler}\n" for number in range(80_000)]
    lines[place] = f"-1\t{filler}\n"
    assert failure(plain, lines) == ("23505", f"COPY copied, line {place + 1}")
    lines[place] = f"1\t{filler}\n"
    assert failure(plain, lines) == ("23505", f"COPY copied, line {place + 1}")
    if place < 10_000:  # the earlier row is in the same batch: else DuckDB's word for the key is all there is
        lines[place + 500] = f"-1\t{filler}\n"
        assert failure(plain, lines) == ("23505", f"COPY copied, line {place + 1}")


def test_the_line_of_a_check(plain: Connection) -> None:
    plain.execute("ALTER TABLE copied ADD CHECK (b <> 'bad')")
    filler = "x" * 300
    lines = [f"{number}\t{filler}\n" for number in range(80_000)]
    lines[70_000] = "70000\tbad\n"
    assert failure(plain, lines) == ("23514", 'COPY copied, line 70001: "70000\tbad"')
