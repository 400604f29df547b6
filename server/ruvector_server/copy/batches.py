"""Gathers decoded columns until a batch is worth handing to the engine."""

from __future__ import annotations

from collections.abc import Sequence

from ruvector_engine.results import CopySink, Origin
from ruvector_engine.types.registry import Value
from ruvector_engine.types.vectors import VectorColumn

MAX_BATCH_ROWS = 4096
MAX_BATCH_BYTES = 8 * 1024 * 1024


class ColumnBatches:
    """Columns of values on their way to a sink. Memory stays bounded: `size` counts the bytes the values came from."""

    def __init__(self, sink: CopySink, column_count: int) -> None:
        self._sink = sink
        self._columns: list[list[Value]] = [[] for _ in range(column_count)]
        self._numbers: list[int] = []
        self._lines: list[str] = []
        self._rows = 0
        self._size = 0

    def add(
        self, columns: Sequence[Sequence[Value]], size: int, numbers: Sequence[int], lines: Sequence[str] | None = None
    ) -> None:
        """Take a row for each of the lines with these numbers, `size` bytes on the wire; may block in the sink."""
        rows = len(numbers)
        if any(isinstance(column, VectorColumn) for column in columns):  # many rows, decoded as a whole
            self.flush()
            self._sink.append(columns, Origin(numbers, lines))
            return
        for mine, new in zip(self._columns, columns, strict=True):
            mine.extend(new)
        self._numbers += numbers
        if lines is not None:
            self._lines += lines
        self._rows += rows
        self._size += size
        if self._rows >= MAX_BATCH_ROWS or self._size >= MAX_BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand over what there is."""
        if self._rows:
            columns, self._columns = self._columns, [[] for _ in self._columns]
            origin = Origin(self._numbers, self._lines or None)
            self._numbers, self._lines = [], []
            self._rows = self._size = 0
            self._sink.append(columns, origin)
