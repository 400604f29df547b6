"""Python columns as Arrow arrays: the quick way of many rows into DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nanoarrow as na
import numpy as np

from ruvector_engine.types.registry import BY_OID, INT8, INTERVAL, NUMERIC, UUID, TypeRef
from ruvector_engine.types.vectors import VectorColumn

_INTEGERS = {
    "int2": na.int16,
    "int4": na.int32,
    "int8": na.int64,
    "date": na.int32,
    "time": na.int64,
    "timestamp": na.int64,
    "timestamptz": na.int64,
    "timetz": na.int64,
}
_OTHERS = {
    "bool": na.bool_,
    "float4": na.float32,
    "float8": na.float64,
    "bytea": na.binary,
    "vector": na.binary,
    "ruvector": na.binary,
    "halfvec": na.binary,
    "sparsevec": na.binary,
    "inet": na.binary,
    "cidr": na.binary,
    "xid8": na.uint64,
}
#: Types whose Python forms are not scalars: they go to DuckDB as statement parameters instead.
_NESTED = frozenset({"record"})


def fits(type_ref: TypeRef) -> bool:
    """Whether a column of that type can be an Arrow array here: scalars, and plain arrays of them."""
    if type_ref.shaped or type_ref.composite is not None or type_ref.range is not None:
        return False
    element = BY_OID[type_ref.oid].element_oid
    if element:
        return fits(TypeRef(element))
    return type_ref.pg.name not in _NESTED


def array(type_ref: TypeRef, values: Sequence[Any]) -> Any:
    """The column, in the registry's Python forms, as a nanoarrow array that `from_transport` understands."""
    name = type_ref.pg.name
    if isinstance(values, VectorColumn):
        return _vectors(values)
    if type_ref.pg.element_oid:
        return _lists(TypeRef(type_ref.pg.element_oid), values)
    if type_ref.oid == INTERVAL:
        return _lists(TypeRef(INT8), values)
    if name in _INTEGERS:
        return na.c_array(values, _INTEGERS[name]())
    if name in _OTHERS:
        return na.c_array(values, _OTHERS[name]())
    if name in ("oid", "xid") or name.startswith("reg"):
        return na.c_array(values, na.int64())
    if type_ref.oid == NUMERIC:
        return na.c_array([None if v is None else f"{v:f}" for v in values], na.string())
    if type_ref.oid == UUID:
        return na.c_array([None if v is None else str(v) for v in values], na.string())
    return na.c_array(values, na.string())


def _vectors(column: VectorColumn) -> Any:
    """A column of binaries of one length, over the column's own memory."""
    rows, dimensions = column.elements.shape
    offsets = np.arange(0, 4 * rows * dimensions + 1, 4 * dimensions, dtype=np.int32)
    return na.c_array_from_buffers(na.binary(), rows, [None, offsets, column.elements.view(np.uint8).reshape(-1)])


def _lists(element: TypeRef, values: Sequence[Any]) -> Any:
    """A column of lists: validity bits, offsets, and one array of all the elements."""
    items = array(element, [item for value in values if value for item in value])
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) if value else 0 for value in values], out=offsets[1:])
    valid = np.packbits([value is not None for value in values], bitorder="little")
    return na.c_array_from_buffers(na.list_(items.schema), len(values), [valid, offsets], children=[items])


def ids(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Any:
    """Row ids as an Arrow array."""
    return na.c_array(values)
