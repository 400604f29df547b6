"""COPY's binary format: a signature, then rows of length-prefixed fields in the types' binary formats.

Rows are cut apart first, then each column is decoded at once: vectors and fixed-width numbers by whole arrays.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Column, CopyIn, Row
from ruvector_engine.types import registry
from ruvector_engine.types.registry import TypeRef, Value
from ruvector_engine.types.text import apply_typmod
from ruvector_engine.types.vectors import VectorColumn
from ruvector_server.copy.batches import ColumnBatches
from ruvector_server.copy.errors import at_column, at_line, malformed
from ruvector_server.types import binary_decoder, binary_encoder, fixed_width_code
from ruvector_server.types.rows import field_encoder

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER_SIZE = len(SIGNATURE) + 8
_OIDS_FLAG = 1 << 16
_CRITICAL_FLAGS = 0xFFFF0000
_END = struct.pack(">h", -1)

_count_at = struct.Struct(">h").unpack_from
_length_at = struct.Struct(">i").unpack_from

Raw: TypeAlias = bytes | None
ColumnDecoder: TypeAlias = Callable[[Sequence[Raw]], Sequence[Value]]
#: A column's fields as they came, shape (rows, length); the decoder gives None where it is not made for them.
Fields: TypeAlias = npt.NDArray[np.uint8]
BulkDecoder: TypeAlias = Callable[[Fields], Sequence[Value] | None]


class BinaryDecoder:
    """COPY FROM STDIN in binary. Feed bytes in any pieces, then finish; both may block in the sink."""

    def __init__(self, copy: CopyIn, encoding: str) -> None:
        self.table = copy.table
        self.columns = copy.columns
        self.line_number = 0
        self._batches = ColumnBatches(copy.sink, len(copy.columns))
        self._decoders = [_column_decoder(column.type, encoding) for column in copy.columns]
        self._bulk = [_bulk_decoder(column.type) for column in copy.columns]
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._needed = _HEADER_SIZE  # bytes without which nothing further can be read
        self._in_header = True
        self._done = False

    def feed(self, data: bytes) -> None:
        """Take the next piece of data."""
        if self._done and data:
            raise at_line(malformed("received copy data after EOF marker"), self.table, self.line_number + 1)
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size < self._needed:
            return
        buffer = b"".join(self._pending)
        start = self._header(buffer) if self._in_header else 0
        end = self._rows(buffer, start) if not self._in_header else start
        self._pending = [buffer[end:]]
        self._pending_size = len(buffer) - end
        if self._done and self._pending_size:
            raise at_line(malformed("received copy data after EOF marker"), self.table, self.line_number + 1)

    def finish(self) -> None:
        """Check that the data ended where it may, and hand everything to the sink."""
        rest = b"".join(self._pending)
        if self._in_header:
            self._short_header(rest)
        if rest and not self._done:
            self._short_row(rest)
        self._batches.flush()

    def _header(self, buffer: bytes) -> int:
        """Where the rows begin, or 0 while the header is not all there."""
        if not buffer.startswith(SIGNATURE):
            raise malformed("COPY file signature not recognized")
        flags, extension = struct.unpack_from(">Ii", buffer, len(SIGNATURE))
        if flags & _OIDS_FLAG:
            raise malformed("invalid COPY file header (WITH OIDS)")
        if flags & _CRITICAL_FLAGS:
            raise malformed("unrecognized critical flags in COPY file header")
        if extension < 0:
            raise malformed("invalid COPY file header (missing length)")
        self._needed = _HEADER_SIZE + extension
        if len(buffer) < self._needed:
            return 0
        self._in_header = False
        return self._needed

    def _short_header(self, rest: bytes) -> None:
        if not rest.startswith(SIGNATURE):
            raise malformed("COPY file signature not recognized")
        flags_end = len(SIGNATURE) + 4
        missing = "missing flags" if len(rest) < flags_end else "missing length"
        raise malformed(f"invalid COPY file header ({missing if len(rest) < _HEADER_SIZE else 'wrong length'})")

    def _rows(self, buffer: bytes, start: int) -> int:
        """Decode the whole rows from `start` on; return where the first unfinished one begins."""
        start = self._alike_rows(buffer, start)
        rows: list[list[Raw]] = []
        fault: SqlError | None = None
        needed = 0
        at, size, width = start, len(buffer), len(self.columns)
        try:
            while at + 2 <= size:
                (count,) = _count_at(buffer, at)
                if count != width:
                    if count == -1:
                        self._done = True
                        at += 2
                        break
                    raise malformed(f"row field count is {count}, expected {width}")
                position = at + 2
                row: list[Raw] = []
                for _ in range(width):
                    (length,) = _length_at(buffer, position)
                    position += 4
                    if length >= 0:
                        field = buffer[position : position + length]
                        position += length
                        if position > size:
                            break
                        row.append(field)
                    elif length == -1:
                        row.append(None)
                    else:
                        raise self._at_field(malformed("invalid field size"), len(rows), len(row))
                if len(row) != width:
                    needed = position - at
                    break
                rows.append(row)
                at = position
        except struct.error:
            needed = 0  # a length is not all there
        except SqlError as error:
            fault = error if error.context else at_line(error, self.table, self.line_number + len(rows) + 1)
        self._needed = needed or size - at + 1
        if rows:
            self._convert(rows, at - start)
        if fault is not None:
            raise fault
        return at

    def _alike_rows(self, buffer: bytes, start: int) -> int:
        """Decode rows from `start` on while they are laid out as the first; return where the next one begins.

        Ids, numbers and vectors have one size each, so a table of them is read as a matrix of bytes, a column at a
        time. What it cannot take (the end marker, NULLs, texts, a bad value) is left to the careful way.
        """
        layout = _layout(buffer, start, len(self.columns))
        if layout is None:
            return start
        places, row_size = layout
        count = (len(buffer) - start) // row_size
        if count < _FEWEST_ALIKE:
            return start
        count = _alike(buffer, start, count, places, row_size)
        if count < _FEWEST_ALIKE:
            return start
        matrix = np.frombuffer(buffer, np.uint8, count * row_size, start).reshape(count, row_size)
        columns = []
        for decode, (offset, length) in zip(self._bulk, places, strict=True):
            values = decode(matrix[:, offset : offset + length]) if decode is not None else None
            if values is None:
                return start
            columns.append(values)
        numbers = range(self.line_number + 1, self.line_number + 1 + count)
        self.line_number += count
        self._batches.add(columns, count * row_size, numbers)
        return start + count * row_size

    def _at_field(self, error: SqlError, rows_before: int, index: int) -> SqlError:
        return at_column(error, self.table, self.line_number + rows_before + 1, self.columns[index].name)

    def _short_row(self, rest: bytes) -> None:
        """Say where the data broke off; a lone byte where a row would begin counts as the end."""
        if len(rest) < 2:
            return
        at, index = 2, 0
        while at + 4 <= len(rest):
            (length,) = _length_at(rest, at)
            at += 4 + max(length, 0)
            if at > len(rest):
                break
            index += 1
        raise self._at_field(malformed("unexpected EOF in COPY data"), 0, min(index, len(self.columns) - 1))

    def _convert(self, rows: list[list[Raw]], size: int) -> None:
        try:
            columns = [decode(raws) for decode, raws in zip(self._decoders, zip(*rows, strict=True), strict=True)]
        except SqlError:
            self._find_error(rows)
            raise
        numbers = range(self.line_number + 1, self.line_number + 1 + len(rows))
        self.line_number += len(rows)
        self._batches.add(columns, size, numbers)

    def _find_error(self, rows: list[list[Raw]]) -> None:
        """Decode row by row and raise the first error with its place."""
        for number, row in enumerate(rows, self.line_number + 1):
            for column, decode, raw in zip(self.columns, self._decoders, row, strict=True):
                try:
                    decode((raw,))
                except SqlError as error:
                    raise at_column(error, self.table, number, column.name) from None


#: Fewer rows than this are not worth a matrix.
_FEWEST_ALIKE = 32


def _layout(buffer: bytes, at: int, width: int) -> tuple[list[tuple[int, int]], int] | None:
    """(Offset, length) of each field within the row at `at`, and the row's size; None when it has a NULL or an end."""
    if at + 2 > len(buffer) or _count_at(buffer, at) != (width,) or not width:
        return None
    places = []
    offset = 2
    for _ in range(width):
        if at + offset + 4 > len(buffer):
            return None
        (length,) = _length_at(buffer, at + offset)
        if length <= 0:
            return None
        places.append((offset + 4, length))
        offset += 4 + length
    return places, offset


def _alike(buffer: bytes, start: int, count: int, places: list[tuple[int, int]], row_size: int) -> int:
    """How many of `count` rows begin alike: the same number of fields, each as long as the first row's."""
    heads = np.dtype(
        {
            "names": [f"f{i}" for i in range(len(places) + 1)],
            "formats": [">i2", *(">i4" for _ in places)],
            "offsets": [0, *(offset - 4 for offset, _ in places)],
            "itemsize": row_size,
        }
    )
    rows = np.frombuffer(buffer, heads, count, start)
    same = np.ones(count, np.bool_)
    for name, expected in zip(heads.names or (), rows[0].tolist(), strict=True):
        same &= rows[name] == expected
    return count if same.all() else int(same.argmin())


def _bulk_decoder(type_ref: TypeRef) -> BulkDecoder | None:
    """A function from a column's fields to its values; None for types it is not made for."""
    if type_ref.is_vector:
        return partial(_bulk_vectors, type_ref.typmod)
    code = fixed_width_code(type_ref.oid)
    if code and type_ref.typmod < 0 and type_ref.oid not in _BOUNDED:
        return partial(_bulk_numbers, np.dtype(f">{code}"))
    return None


def _bulk_numbers(dtype: np.dtype[Any], fields: Fields) -> Sequence[Value] | None:
    if fields.shape[1] != dtype.itemsize:
        return None
    values: list[Value] = np.ascontiguousarray(fields).view(dtype).ravel().tolist()
    return values


def _bulk_vectors(typmod: int, fields: Fields) -> Sequence[Value] | None:
    """Vectors of one length, as a column has them, swapped and checked as one matrix."""
    if fields.shape[1] < 8:
        return None
    dimensions, unused = struct.unpack(">hh", fields[0, :4].tobytes())
    size = 4 * dimensions
    if fields.shape[1] != 4 + size or unused or typmod not in (-1, dimensions) or dimensions > registry.VECTOR_MAX_DIM:
        return None
    if not (fields[:, :4] == fields[0, :4]).all():
        return None
    elements = fields[:, 4:].view(">f4").astype("<f4", order="C")
    return VectorColumn(elements) if np.isfinite(elements).all() else None


def _column_decoder(type_ref: TypeRef, encoding: str) -> ColumnDecoder:
    """A function from a column's raw fields to its values."""
    one_by_one = _field_decoder(type_ref, encoding)
    if type_ref.is_vector:
        return _vector_decoder(type_ref, one_by_one)
    code = fixed_width_code(type_ref.oid)
    if code and type_ref.typmod < 0 and type_ref.oid not in _BOUNDED:
        return _number_decoder(code, one_by_one)
    return one_by_one


#: Fixed-width types whose values have a range of their own to check.
_BOUNDED = frozenset({registry.DATE, registry.TIME, registry.TIMESTAMP, registry.TIMESTAMPTZ})


def _field_decoder(type_ref: TypeRef, encoding: str) -> ColumnDecoder:
    decode = binary_decoder(type_ref.oid, encoding)
    if type_ref.typmod < 0:
        return lambda raws: [None if raw is None else decode(raw) for raw in raws]
    return lambda raws: [None if raw is None else apply_typmod(type_ref, decode(raw)) for raw in raws]


def _number_decoder(code: str, one_by_one: ColumnDecoder) -> ColumnDecoder:
    size = struct.calcsize(f">{code}")

    def decode(raws: Sequence[Raw]) -> Sequence[Value]:
        if None in raws or any(len(raw) != size for raw in raws if raw is not None):
            return one_by_one(raws)
        return struct.unpack(f">{len(raws)}{code}", b"".join(raws))  # type: ignore[arg-type]

    return decode


def _vector_decoder(type_ref: TypeRef, one_by_one: ColumnDecoder) -> ColumnDecoder:
    """Vectors of one length, as a column has them, are decoded as one matrix."""

    def decode(raws: Sequence[Raw]) -> Sequence[Value]:
        first = raws[0]
        if first is None or any(raw is None or len(raw) != len(first) for raw in raws):
            return one_by_one(raws)
        joined = np.frombuffer(b"".join(raws), np.uint8)  # type: ignore[arg-type]
        values = _bulk_vectors(type_ref.typmod, joined.reshape(len(raws), len(first)))
        return one_by_one(raws) if values is None else values

    return decode


class BinaryEncoder:
    """Writes the binary format, one CopyData payload a row."""

    def __init__(self, columns: Sequence[Column], encoding: str) -> None:
        self._fields = [field_encoder(binary_encoder(column.type.oid, encoding)) for column in columns]
        self._count = struct.pack(">h", len(columns))

    def header(self) -> bytes:
        """The signature, no flags, no extension."""
        return SIGNATURE + bytes(8)

    def rows(self, batch: Sequence[Row]) -> list[bytes]:
        """A payload a row."""
        fields, count = self._fields, self._count
        return [count + b"".join([field(value) for field, value in zip(fields, row, strict=True)]) for row in batch]

    def trailer(self) -> bytes:
        """The end marker, a row of -1 fields."""
        return _END
