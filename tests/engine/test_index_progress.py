"""pg_stat_progress_create_index while an index is built, as another session sees it: no state is missed here.

The other session looks whenever the build says how far it is, so that nothing hangs on how fast either is.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.engine.conftest import Talk, talk

from ruvector_engine.database import Database
from ruvector_engine.index import VectorIndex, faiss_binary, faiss_hnsw_build, faiss_ivf

ROWS = 3000
_LOOK = """
SELECT command, phase, tuples_done, tuples_total, blocks_done, blocks_total, relid::regclass::text, pid
FROM pg_stat_progress_create_index
"""
HNSW = ["building index: loading tuples"]
IVFFLAT = ["building index: performing k-means", "building index: assigning tuples", "building index: loading tuples"]
KINDS = [
    ("CREATE INDEX knn ON items USING hnsw (v vector_l2_ops)", HNSW),
    ("CREATE INDEX CONCURRENTLY knn ON items USING ruhnsw ((v::halfvec(8)) halfvec_cosine_ops)", HNSW),
    ("CREATE INDEX knn ON items USING hnsw ((v::sparsevec(8)) sparsevec_ip_ops)", HNSW),
    ("CREATE INDEX knn ON items USING hnsw ((binary_quantize(v)::bit(8)) bit_hamming_ops)", HNSW),
    ("CREATE INDEX knn ON items USING ivfflat (v vector_cosine_ops) WITH (lists = 10)", IVFFLAT),
    (
        "CREATE INDEX knn ON items USING ivfflat ((binary_quantize(v)::bit(8)) bit_hamming_ops) WITH (lists = 4)",
        IVFFLAT,
    ),
]


@pytest.fixture
def items(db: Talk) -> Talk:
    db.result("CREATE TABLE items (id int, v vector(8))")
    db.result(
        "INSERT INTO items SELECT i, (SELECT array_agg(random() - 0.5) FROM generate_series(1, 8 + 0 * i))::vector "
        f"FROM generate_series(1, {ROWS}) AS i"
    )
    return db


def watched(database: Database, db: Talk, command: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What another session saw while the command ran."""
    monkeypatch.setattr(faiss_hnsw_build, "_CHUNK_NUMBERS", 8 * 500)
    monkeypatch.setattr(faiss_binary, "_CHUNK", 500)
    monkeypatch.setattr(faiss_ivf, "_CHUNK", 500)
    watcher, seen = talk(database), []
    build = VectorIndex.build.__func__  # type: ignore[attr-defined]

    def told(cls: type[VectorIndex], /, *args: Any, progress: Any, **others: Any) -> VectorIndex:
        def step(*state: Any) -> None:
            progress(*state)
            seen.extend(watcher.rows(_LOOK))

        seen.extend(watcher.rows(_LOOK))
        made: VectorIndex = build(cls, *args, progress=step, **others)
        return made

    monkeypatch.setattr(VectorIndex, "build", classmethod(told))
    db.result(command)
    monkeypatch.undo()
    assert watcher.rows(_LOOK) == []
    return seen


@pytest.mark.parametrize(("command", "phases"), KINDS)
def test_another_session_watches(
    database: Database, items: Talk, command: str, phases: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(database, items, command, monkeypatch)
    called = "CREATE INDEX CONCURRENTLY" if "CONCURRENTLY" in command else "CREATE INDEX"
    assert {(row[0], *row[6:]) for row in seen} == {(called, "items", items.session.pid)}
    assert list(dict.fromkeys(row[1] for row in seen)) == ["building index: initializing", *phases]
    for phase in phases:
        states = [row[2:6] for row in seen if row[1] == phase]
        assert states == sorted(states)
        assert all(0 <= done <= total == ROWS and 0 <= blocks <= most for done, total, blocks, most in states)
    assert seen[-1][2:4] == (ROWS, ROWS)
    assert seen[-1][4] == seen[-1][5] > 0
    if "sparsevec" not in command:  # whose lists are made in one step
        assert any(0 < row[2] < ROWS for row in seen)


def test_a_reindex_is_called_so(database: Database, items: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    items.result("CREATE INDEX knn ON items USING hnsw (v vector_l2_ops)")
    assert {row[0] for row in watched(database, items, "REINDEX INDEX knn", monkeypatch)} == {"REINDEX"}
    again = watched(database, items, "REINDEX INDEX CONCURRENTLY knn", monkeypatch)
    assert {row[0] for row in again} == {"REINDEX CONCURRENTLY"}
