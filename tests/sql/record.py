"""Ask PostgreSQL all recorded statements again and rewrite its answers: `python -m tests.sql.record`.

To add a case, write its line with the answer null first. Every statement runs in a transaction that is rolled back.
"""

from __future__ import annotations

import psycopg
from tests.oracle.postgres import Postgres, running_postgres
from tests.sql.recorded import FILES, load, save
from tests.sql.sample import ROWS, SETUP, oracle_answer


def prepared_connection(server: Postgres) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to a database with the sample's tables."""
    connection = psycopg.connect(server.dsn(), autocommit=True)
    for statement in ("create extension if not exists vector", "drop table if exists items, tags", *SETUP, *ROWS):
        connection.execute(statement)
    return connection


def answers(connection: psycopg.Connection[tuple[object, ...]], statements: list[str]) -> list[object]:
    """PostgreSQL's answers, each from the state after the setup."""
    result = []
    for sql in statements:
        connection.pgconn.exec_(b"BEGIN")
        result.append(oracle_answer(connection.pgconn, sql))
        connection.pgconn.exec_(b"ROLLBACK")
    return result


def main() -> None:
    """Rewrite every file."""
    with running_postgres() as server, prepared_connection(server) as connection:
        for name in FILES:
            statements = [sql for sql, _ in load(name)]
            save(name, list(zip(statements, answers(connection, statements), strict=True)))


if __name__ == "__main__":
    main()
