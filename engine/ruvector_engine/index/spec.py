"""What an index is made of, what a search may spend, and how either can fail. No arithmetic here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ruvector_simd import AnyMetric

Float32Array: TypeAlias = npt.NDArray[np.float32]
Float64Array: TypeAlias = npt.NDArray[np.float64]
Int64Array: TypeAlias = npt.NDArray[np.int64]
Method: TypeAlias = Literal["hnsw", "ivfflat"]
ElementName: TypeAlias = Literal["single", "half", "bit", "sparse"]
Quantization: TypeAlias = Literal["none", "f16", "sq8", "sq4", "pq", "binary"]

#: Rows of vectors as `elements` lays them out: float32 or float16 (n, d), uint64 words (n, w), or a SparseMatrix.
Vectors: TypeAlias = Any
#: One vector to search for: float32 (d,), uint64 (w,), or a SparseVector.
Query: TypeAlias = Any

#: progress(phase, done, total): phases are named as pg_stat_progress_create_index names them.
Progress: TypeAlias = Callable[[str, int, int], None]
Cancelled: TypeAlias = Callable[[], bool]

DEFAULT_M = 16
DEFAULT_EF_CONSTRUCTION = 64
DEFAULT_LISTS = 100


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """The parameters of CREATE INDEX. `m` and `ef_construction` are hnsw's, `lists` is ivfflat's.

    `parts` and `centroids` are those of product codes (pq); other codes have none.
    """

    method: Method
    metric: AnyMetric
    dimensions: int
    m: int = DEFAULT_M
    ef_construction: int = DEFAULT_EF_CONSTRUCTION
    lists: int = DEFAULT_LISTS
    element: ElementName = "single"
    quantization: Quantization = "none"
    parts: int = 0
    centroids: int = 0


class Effort(NamedTuple):
    """How hard a search tries: candidates kept by hnsw, lists visited by ivfflat."""

    ef_search: int
    probes: int


class BuildCancelled(Exception):
    """`cancelled` said yes during a build; nothing was changed."""


class DamagedIndex(Exception):
    """Saved files are missing, cut short, altered, or of another version or index. The message says which."""


def check_cancelled(cancelled: Cancelled | None) -> None:
    """Raise BuildCancelled when asked to stop."""
    if cancelled is not None and cancelled():
        raise BuildCancelled
