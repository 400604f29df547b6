"""What the crash tests index: a column's type, the index over it, and what both make of a vector of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 16

Numbers = NDArray[np.floating]


def _listed(numbers: Numbers, brackets: str = "[]") -> str:
    return brackets[0] + ",".join(str(number) for number in numbers) + brackets[1]


def _read_list(text: str) -> Numbers:
    return np.array(text[1:-1].split(","), np.float32)


def _sparse_text(numbers: Numbers) -> str:
    kept = [f"{place}:{number}" for place, number in enumerate(numbers, 1) if number]
    return f"{{{','.join(kept)}}}/{len(numbers)}"


def _read_sparse(text: str) -> Numbers:
    inside, dimensions = text[1:].split("}/")
    numbers = np.zeros(int(dimensions), np.float32)
    for pair in inside.split(",") if inside else ():
        place, number = pair.split(":")
        numbers[int(place) - 1] = np.float32(number)
    return numbers


def _bits(numbers: Numbers) -> str:
    return "".join("1" if number > 0 else "0" for number in numbers)


def _l2(keys: Numbers, query: Numbers) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.sqrt(((keys.astype(np.float64) - query) ** 2).sum(axis=1))
    return found


def _hamming(keys: Numbers, query: Numbers) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.abs(keys - query).sum(axis=1).astype(np.float64)
    return found


def _itself(numbers: Numbers) -> Numbers:
    return numbers


@dataclass(frozen=True, slots=True)
class Kind:
    """A column `embedding` of `type_name` with an index.

    `stored` is what of a vector the column keeps, `key` what of that the index does; `text` and `read` are the
    column's text form. Rows whose version `holds` are in the index.
    """

    type_name: str
    index: str  # what stands behind CREATE INDEX ... ON crash
    key_sql: str = "embedding"
    operator: str = "<->"
    stored: Callable[[Numbers], Numbers] = _itself
    key: Callable[[Numbers], Numbers] = _itself
    text: Callable[[Numbers], str] = _listed
    read: Callable[[str], Numbers] = _read_list
    distances: Callable[[Numbers, Numbers], NDArray[np.float64]] = _l2
    where: str = ""
    holds: Callable[[int], bool] = lambda _version: True

    def query(self, numbers: Numbers) -> str:
        """The literal of a query vector, given as the index's keys are."""
        return f"'{self.text(numbers)}'"


_VECTOR = f"vector({DIMENSIONS})"
_BIT = {
    "stored": lambda numbers: (numbers > 0).astype(np.float32),
    "text": _bits,
    "read": lambda text: np.array(list(text), np.float32),
    "operator": "<~>",
    "distances": _hamming,
}
KINDS: dict[str, Kind] = {
    "hnsw": Kind(_VECTOR, "USING hnsw (embedding vector_l2_ops)"),
    "ivfflat": Kind(_VECTOR, "USING ivfflat (embedding vector_l2_ops) WITH (lists = 10)"),
    "halfvec": Kind(
        f"halfvec({DIMENSIONS})",
        "USING hnsw (embedding halfvec_l2_ops)",
        stored=lambda numbers: numbers.astype(np.float16).astype(np.float32),
    ),
    "halfvec lists": Kind(
        f"halfvec({DIMENSIONS})",
        "USING ivfflat (embedding halfvec_l2_ops) WITH (lists = 10)",
        stored=lambda numbers: numbers.astype(np.float16).astype(np.float32),
    ),
    "bit": Kind(f"bit({DIMENSIONS})", "USING hnsw (embedding bit_hamming_ops)", **_BIT),  # type: ignore[arg-type]
    "bit lists": Kind(f"bit({DIMENSIONS})", "USING ivfflat (embedding bit_hamming_ops) WITH (lists = 10)", **_BIT),  # type: ignore[arg-type]
    "sparsevec": Kind(
        f"sparsevec({DIMENSIONS})",
        "USING hnsw (embedding sparsevec_l2_ops)",
        stored=lambda numbers: np.where(np.abs(numbers) > 0.5, numbers, 0).astype(np.float32),
        text=_sparse_text,
        read=_read_sparse,
    ),
    "array": Kind(
        "real[]",
        "USING hnsw (embedding hnsw_l2_ops)",
        text=lambda numbers: _listed(numbers, "{}"),
    ),
    "expression": Kind(
        _VECTOR,
        "USING hnsw ((subvector(embedding, 1, 4)::vector(4)) vector_l2_ops)",
        key_sql="subvector(embedding, 1, 4)::vector(4)",
        key=lambda numbers: numbers[:4],
    ),
    "partial": Kind(
        _VECTOR,
        "USING hnsw (embedding vector_l2_ops) WHERE version % 2 = 0",
        where="WHERE version % 2 = 0",
        holds=lambda version: version % 2 == 0,
    ),
}
