"""What a search costs, in microseconds: rough, and only for choosing between two ways to answer.

The constants fit one core of a 2020s x86-64 server at 128 to 1,536 dimensions; half or double changes few choices.
"""

from __future__ import annotations

import math

_SCAN_ROW = 0.005
_SCAN_DIMENSION = 0.00013
_GATHER_ROW = 0.010
_GATHER_DIMENSION = 0.00016
_GRAPH_START = 18.0
_GRAPH_VISIT = 0.030
_GRAPH_DIMENSION = 0.00024


def scan_us(rows: int, dimensions: int) -> float:
    """An exact scan of `rows` that lie side by side."""
    return rows * (_SCAN_ROW + _SCAN_DIMENSION * dimensions)


def gather_us(rows: int, dimensions: int) -> float:
    """Exact distances to `rows` scattered over a matrix."""
    return rows * (_GATHER_ROW + _GATHER_DIMENSION * dimensions)


def graph_us(ef_search: int, dimensions: int, m: int, size: int) -> float:
    """An hnsw search: it computes some m distances for each candidate it keeps, and never more than `size`."""
    visits = min(size, ef_search * m)
    return _GRAPH_START + visits * (_GRAPH_VISIT + _GRAPH_DIMENSION * dimensions)


def filtered_ef(ef_search: int, allowed: int, size: int) -> int:
    """The ef_search that keeps the recall when only `allowed` of `size` rows count."""
    return math.ceil(ef_search * math.sqrt(size / max(1, allowed)))
