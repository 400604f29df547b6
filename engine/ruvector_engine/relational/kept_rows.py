"""Rows of a query as Arrow arrays: they outlive the transaction that read them, and go back into DuckDB any time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nanoarrow as na
import numpy as np
import numpy.typing as npt
from nanoarrow.c_array_stream import CArrayStream


@dataclass(frozen=True, slots=True)
class KeptRows:
    """All rows of one query, in their order."""

    schema: Any
    chunks: tuple[Any, ...]
    count: int
    nbytes: int

    @classmethod
    def read(cls, stream: Any, most_bytes: int) -> KeptRows | None:
        """Everything in a C array stream; None when it takes more than so many bytes."""
        schema, chunks, count, nbytes = stream.get_schema(), [], 0, 0
        for chunk in stream:
            chunks.append(chunk)
            count += len(chunk)
            nbytes += sum(_buffer_sizes(chunk.view()))
            if nbytes > most_bytes:
                return None
        return cls(schema, tuple(chunks), count, nbytes)

    @classmethod
    def of_ids(cls, ids: npt.NDArray[np.int64]) -> KeptRows:
        """One column, `id`."""
        column = na.c_array(ids, na.int64())
        rows = na.c_array_from_buffers(na.struct({"id": column.schema}), len(ids), [None], children=[column])
        return cls(rows.schema, (rows,), len(ids), ids.nbytes)

    def followed_by(self, other: KeptRows) -> KeptRows:
        """These rows and then others of the same columns."""
        return KeptRows(self.schema, self.chunks + other.chunks, self.count + other.count, self.nbytes + other.nbytes)

    def stream(self) -> Any:
        """The rows for DuckDB to read, once."""
        return na.ArrayStream(CArrayStream.from_c_arrays(list(self.chunks), self.schema, validate=False))

    def greatest_id(self) -> int | None:
        """The greatest value of the first column, a BIGINT without NULLs; None without rows."""
        parts = (np.asarray(chunk.view().child(0).buffer(1))[: len(chunk)] for chunk in self.chunks if len(chunk))
        return max((int(part.max()) for part in parts), default=None)


def _buffer_sizes(view: Any) -> Iterator[int]:
    """Bytes of each buffer of an array and of what it is made of."""
    yield from (buffer.size_bytes for buffer in view.buffers)
    for child in view.children:
        yield from _buffer_sizes(child)
