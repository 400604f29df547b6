"""Queries that run together are answered as if each had run alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.engine.conftest import Talk
from tests.engine.test_knn import fill

from ruvector_engine.database import Database
from ruvector_engine.results import Result
from ruvector_engine.session import Prepared
from ruvector_engine.types.registry import VECTOR

PLAIN = "SELECT id, category FROM items ORDER BY embedding <-> $1 LIMIT 7"
DISTANCE = "SELECT embedding <-> $1 AS d, id FROM items ORDER BY d LIMIT 5 OFFSET 2"
FILTERED = "SELECT id FROM items WHERE category = 'c1' ORDER BY embedding <-> $1 LIMIT 4"
COSINE = "SELECT id FROM items ORDER BY embedding <=> $1 LIMIT 7"


def prepared(talk: Talk, sql: str) -> Prepared:
    (raw,) = talk.session.parse(sql)
    return talk.session.prepare(raw, (VECTOR,))


def vectors(count: int, dimensions: int = 8) -> list[bytes]:
    matrix = np.random.default_rng(3).normal(size=(count, dimensions)).astype(np.float32)
    return [row.tobytes() for row in matrix]


def together(database: Database, asked: list[tuple[Talk, Prepared, list[Any]]]) -> list[Result | None]:
    return database.execute_together([(talk.session, statement, params) for talk, statement, params in asked])


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("sql", [PLAIN, DISTANCE, FILTERED, COSINE])
def test_as_one_by_one(database: Database, connect: Callable[[], Talk], sql: str, growing: bool) -> None:
    sessions = [connect() for _ in range(4)]
    fill(sessions[0])
    for metric in ("l2", "cosine"):
        sessions[0].result(f"CREATE INDEX ON items USING hnsw (embedding vector_{metric}_ops)")
    if growing:
        sessions[0].result("INSERT INTO items (embedding, category) SELECT embedding, 'c1' FROM items WHERE id < 20")
    sessions[1].result("SET hnsw.ef_search = 200")
    asked = [(talk, prepared(talk, sql), [vector]) for talk in sessions for vector in vectors(3)]
    expected = [talk.rows(sql, params) for talk, _, params in asked]
    assert [result and result.rows for result in together(database, asked)] == expected


def test_all_kinds_at_once(database: Database, connect: Callable[[], Talk]) -> None:
    talk = connect()
    fill(talk)
    talk.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    kinds = [(sql, vector) for sql in (PLAIN, DISTANCE, FILTERED, PLAIN) for vector in vectors(2)]
    expected = [talk.rows(sql, [vector]) for sql, vector in kinds]
    found = together(database, [(talk, prepared(talk, sql), [vector]) for sql, vector in kinds])
    assert [result and result.rows for result in found] == expected


def test_what_cannot_run_so_is_left_out(database: Database, connect: Callable[[], Talk]) -> None:
    talk, writer = connect(), connect()
    fill(talk)
    talk.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    (vector,) = vectors(1)
    rows = talk.rows(PLAIN, [vector])
    writer.result("BEGIN")
    writer.result("UPDATE items SET category = 'mine' WHERE id = 1")
    asked: list[tuple[Talk, Prepared, list[Any]]] = [
        (talk, prepared(talk, PLAIN), [vector]),
        (talk, prepared(talk, PLAIN), [vector[:8]]),  # of another dimension: an error that `execute` reports
        (talk, prepared(talk, PLAIN), [None]),
        (talk, prepared(talk, "SELECT count(*) FROM items"), []),
        (writer, prepared(writer, PLAIN), [vector]),  # must see what it has written
        (talk, prepared(talk, PLAIN), [vector]),
    ]
    first, *between, last = together(database, asked)
    assert between == [None] * 4
    assert first is not None
    assert last is not None
    assert first.rows == last.rows == rows
    assert together(database, asked[1:2]) == [None]


def test_a_row_deleted_meanwhile_is_not_found(database: Database, connect: Callable[[], Talk]) -> None:
    talk = connect()
    fill(talk)
    talk.result("CREATE INDEX ON items USING hnsw (embedding vector_l2_ops)")
    asked = [(talk, prepared(talk, PLAIN), [vector]) for vector in vectors(2)]
    nearest = [talk.column(PLAIN, params)[0] for _, _, params in asked]
    talk.result("DELETE FROM items WHERE id = $1 OR id = $2", nearest)
    for (_, _, params), result in zip(asked, together(database, asked), strict=True):
        assert result is None or not {row[0] for row in result.rows} & set(nearest), params
        assert not set(talk.column(PLAIN, params)) & set(nearest)
