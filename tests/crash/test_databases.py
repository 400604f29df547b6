"""kill -9 while databases are created and dropped: each is there whole, with its tables, or not at all."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import psycopg
import pytest
from tests.oracle.server import Server

from ruvector_engine.database import Database

NAMES = ("one", "two", "three")


class Builder(threading.Thread):
    """Creates and drops databases until the server is gone; `settled`: which are there for certain, and which not."""

    def __init__(self, dsn: str, database_dsn: dict[str, str], settled: dict[str, bool]) -> None:
        super().__init__()
        self._dsn, self._database_dsn, self.settled = dsn, database_dsn, settled
        self.done = 0

    def run(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                while True:
                    self._turn(connection, NAMES[self.done % len(NAMES)])
                    self.done += 1
        except psycopg.Error:
            pass  # the server was killed

    def _turn(self, connection: psycopg.Connection, name: str) -> None:
        if self.settled.pop(name, True):  # in doubt until the server has answered
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            self.settled[name] = False
            return
        connection.execute(f"CREATE DATABASE {name}")
        self.settled[name] = True
        with psycopg.connect(self._database_dsn[name], autocommit=True) as inside:
            inside.execute("CREATE EXTENSION vector")
            inside.execute("CREATE TABLE items (id serial PRIMARY KEY, e vector(2))")
            inside.execute("INSERT INTO items (e) VALUES ('[1,2]'), ('[3,4]')")
            inside.execute("CREATE INDEX ON items USING hnsw (e vector_l2_ops)")


@pytest.mark.parametrize(
    "rounds",
    [pytest.param(2, id="few"), pytest.param(5, id="many", marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_kill_while_creating_and_dropping(tmp_path: Path, rounds: int) -> None:
    chance, server, settled = random.Random(rounds), Server(tmp_path / "data"), dict.fromkeys(NAMES, False)
    try:
        for _ in range(rounds):
            server.start()
            builder = Builder(server.dsn(), {name: server.dsn(name) for name in NAMES}, settled)
            builder.start()
            while builder.done < len(NAMES):
                time.sleep(0.05)
            time.sleep(chance.uniform(0.1, 0.6))
            server.kill()
            builder.join()
            check_storage(server.data_dir)
            server.start()
            check(server, settled)
            server.stop()
    finally:
        if server.is_running:
            server.stop()


def check(server: Server, settled: dict[str, bool]) -> None:
    """What is certain is so; every database that is there can be used."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        there = {str(name) for (name,) in connection.execute("SELECT datname FROM pg_database")}
    for name, expected in settled.items():
        assert (name in there) is expected, name
    for name in there.intersection(NAMES):
        settled[name] = True
        with psycopg.connect(server.dsn(name), autocommit=True) as inside:
            inside.execute("CREATE EXTENSION IF NOT EXISTS vector")
            inside.execute("CREATE TABLE IF NOT EXISTS items (id serial PRIMARY KEY, e vector(2))")
            inside.execute("INSERT INTO items (e) VALUES ('[5,6]')")
            inside.execute("SELECT id FROM items ORDER BY e <-> '[1,2]' LIMIT 1").fetchone()
    for name in set(NAMES) - there:
        settled[name] = False


def check_storage(data_dir: Path) -> None:
    """Every table belongs to a database, and so does every index's folder once the directory was opened."""
    database = Database.open(data_dir)
    try:
        relations = [r for published in database.databases for r in published.catalog.relations.values()]
        with database.store.connection() as connection:
            stored = connection.run(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT temporary"
            )
        assert {name for (name,) in stored} <= {f"t{relation.oid}" for relation in relations}
        folders = {path.name for path in (data_dir / "indexes").iterdir()}
        assert folders <= {str(relation.oid) for relation in relations}
    finally:
        database.close()
