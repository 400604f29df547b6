"""What a searchable type's vectors are made of: how they are stored, laid out in memory, measured and compared.

An index, and an exact search as well, knows the types by nothing but their `Element`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ruvector_engine.index.other_vectors import BitRows, HalfRows, SparseRows
from ruvector_engine.index.spec import ElementName, Float64Array, IndexSpec, Int64Array, Query, Vectors
from ruvector_engine.index.vectors import Rows
from ruvector_engine.types.sparsevecs import unpack
from ruvector_simd import AnyMetric, SparseMatrix, nearest, packed, smallest, spans, words_for

Octets = npt.NDArray[np.uint8]

#: Rows beyond `k` whose exact distance decides, so that rounding cannot push one out.
_MARGIN = 16


class Element(ABC):
    """One kind of elements. `stored` are values as DuckDB has them: BLOBs, or text of "0" and "1" for bits."""

    name: ElementName
    #: How pgvector's errors speak of how long a value is.
    measured: str
    rows: type[Rows]
    #: How many dimensions cost as much as one of float32, in time.
    lightness = 1

    @abstractmethod
    def dimensions_of(self, stored: bytes | str) -> int:
        """Of a value."""

    @abstractmethod
    def query(self, stored: bytes | str) -> Query:
        """A value as something to search for."""

    @abstractmethod
    def vectors(self, data: Octets, offsets: Int64Array, dimensions: int) -> Vectors:
        """Values laid end to end: value i from `offsets[i]` up to `offsets[i + 1]`. ValueError for wrong dimensions."""

    def of_values(self, values: Sequence[bytes | str], dimensions: int) -> Vectors:
        """The same from single values."""
        parts = [value.encode() if isinstance(value, str) else value for value in values]
        offsets = np.concatenate(([0], np.cumsum([len(part) for part in parts]))).astype(np.int64)
        return self.vectors(np.frombuffer(b"".join(parts), np.uint8), offsets, dimensions)

    def zeros(self, count: int, dimensions: int) -> Vectors:
        """So many zero vectors."""
        return np.zeros((count, self.width(dimensions)), self.dtype)

    @property
    @abstractmethod
    def dtype(self) -> type[np.generic]:
        """Of the numbers in memory."""

    def width(self, dimensions: int) -> int:
        """How many of them a vector has."""
        return dimensions

    def checked(self, vectors: Vectors, count: int, dimensions: int) -> Vectors:
        """The vectors in the form that kernels take. ValueError for a wrong shape."""
        array = np.ascontiguousarray(vectors, self.dtype)
        shape = (count, self.width(dimensions))
        if array.shape != shape:
            raise ValueError(f"expected vectors of shape {shape}, got {array.shape}")
        return array

    def nearest(self, metric: AnyMetric, query: Query, vectors: Vectors, k: int) -> tuple[Int64Array, Float64Array]:
        """The `k` rows nearest to `query` and their distances, nearest first: exact, ties in row order, NaN last."""
        rows = self.rows(metric, np.arange(len(vectors)), vectors)
        front = np.sort(rows.nearest(query, k + _MARGIN, None, len(vectors)))
        order, found = smallest(rows.distances(query, front), k)
        return front[order], found


class _Single(Element):
    name: ElementName = "single"
    measured = "vector dimensions"
    rows = Rows
    dtype = np.float32

    def dimensions_of(self, stored: bytes | str) -> int:
        return len(stored) // 4

    def query(self, stored: bytes | str) -> Query:
        assert isinstance(stored, bytes)
        return np.frombuffer(stored, np.float32)

    def vectors(self, data: Octets, offsets: Int64Array, dimensions: int) -> Vectors:
        return _matrix(data, offsets, 4 * dimensions).view(np.float32)

    def nearest(self, metric: AnyMetric, query: Query, vectors: Vectors, k: int) -> tuple[Int64Array, Float64Array]:
        return nearest(metric, query, vectors, k)  # type: ignore[arg-type]


class _Half(Element):
    name: ElementName = "half"
    measured = "halfvec dimensions"
    rows = HalfRows
    dtype = np.float16

    def dimensions_of(self, stored: bytes | str) -> int:
        return len(stored) // 2

    def query(self, stored: bytes | str) -> Query:
        assert isinstance(stored, bytes)
        return np.frombuffer(stored, np.float16).astype(np.float32)

    def vectors(self, data: Octets, offsets: Int64Array, dimensions: int) -> Vectors:
        return _matrix(data, offsets, 2 * dimensions).view(np.float16)


class _Bit(Element):
    name: ElementName = "bit"
    measured = "bit lengths"
    rows = BitRows
    dtype = np.uint64
    lightness = 32

    def dimensions_of(self, stored: bytes | str) -> int:
        return len(stored)

    def query(self, stored: bytes | str) -> Query:
        assert isinstance(stored, str)
        return packed(np.frombuffer(stored.encode(), np.uint8)[None, :])[0]

    def vectors(self, data: Octets, offsets: Int64Array, dimensions: int) -> Vectors:
        return packed(_matrix(data, offsets, dimensions))

    def width(self, dimensions: int) -> int:
        return words_for(dimensions)


class _Sparse(Element):
    name: ElementName = "sparse"
    measured = "sparsevec dimensions"
    rows = SparseRows
    dtype = np.float32

    def dimensions_of(self, stored: bytes | str) -> int:
        return self.query(stored).dimensions  # type: ignore[no-any-return]

    def query(self, stored: bytes | str) -> Query:
        assert isinstance(stored, bytes)
        return unpack(stored)

    def vectors(self, data: Octets, offsets: Int64Array, dimensions: int) -> Vectors:
        """Each value is its dimensions, the number of its elements, their indices, their values; all of 4 bytes."""
        starts = offsets[:-1] // 4
        numbers = data.view("<i4")
        if (numbers[starts] != dimensions).any():
            raise ValueError(f"a vector does not have {dimensions} dimensions")
        counts = numbers[starts + 1].astype(np.int64)
        indices = numbers[spans(starts + 2, counts)]
        values = data.view("<f4")[spans(starts + 2 + counts, counts)]
        ends = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return SparseMatrix(dimensions, ends, indices, values)

    def zeros(self, count: int, dimensions: int) -> Vectors:
        return SparseMatrix.empty(dimensions, count)

    def checked(self, vectors: Vectors, count: int, dimensions: int) -> Vectors:
        if not isinstance(vectors, SparseMatrix) or (len(vectors), vectors.dimensions) != (count, dimensions):
            raise ValueError(f"expected {count} sparse vectors of {dimensions} dimensions")
        return vectors


def _matrix(data: Octets, offsets: Int64Array, width: int) -> Octets:
    """A copy of values that are all `width` bytes long, as rows."""
    count = len(offsets) - 1
    if count and (np.diff(offsets) != width).any():
        raise ValueError("a vector does not have the column's dimensions")
    first = int(offsets[0])
    return data[first : first + count * width].reshape(count, width).copy()


SINGLE, HALF, BIT, SPARSE = _Single(), _Half(), _Bit(), _Sparse()
ELEMENTS: dict[ElementName, Element] = {element.name: element for element in (SINGLE, HALF, BIT, SPARSE)}


def element_of(spec: IndexSpec) -> Element:
    """The elements of an index's vectors."""
    return ELEMENTS[spec.element]
