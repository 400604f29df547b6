"""What the recall tests of plain and of quantized indexes share."""

from __future__ import annotations

import pytest

from ruvector_engine.index import faiss_hnsw, faiss_ivf, graph_search


@pytest.fixture
def approximate_searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Prices exact scans out and counts searches that faiss answered, so that no test passes on exact scans."""
    calls: list[int] = []
    for module in (faiss_hnsw, graph_search):
        monkeypatch.setattr(module, "scan_us", lambda rows, dimensions: 1e9)
    for module in (faiss_hnsw, faiss_ivf):
        original = module.search_one

        def counted(index: object, query: object, k: int, parameters: object, original: object = original) -> object:
            calls.append(k)
            return original(index, query, k, parameters)  # type: ignore[operator]

        monkeypatch.setattr(module, "search_one", counted)
    return calls
