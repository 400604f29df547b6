"""Arrays with a shape in DuckDB SQL: structs of the elements in storage order and of the shape (see array_values).

Elements are taken and put by DuckDB, whatever their type; where they are, Python works out from the shapes.
"""

from __future__ import annotations

from collections.abc import Sequence

from ruvector_engine.sql import emit_cast
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.storage import with_items
from ruvector_engine.types.array_shapes import LEAST, MOST
from ruvector_engine.types.registry import BY_OID, DIMENSION_LIMITS, NUMERIC, TEXT, TypeRef


def struct(items: str, shape: str) -> str:
    """The array of these elements and that shape."""
    return f"{{'items': {items}, 'shape': {shape}}}"


def cast(sql: str, source: TypeRef, target: TypeRef, *, explicit: bool) -> str:
    """A cast from or to an array with a shape."""
    if not source.shaped and source.pg.element_oid:
        return f"rv_shaped({emit_cast.cast(sql, source, TypeRef(target.oid, target.typmod), explicit=explicit)})"
    if not source.shaped:  # text
        read = f"rv_shaped_in({emit_cast.to_text(sql, source.oid)})"
        texts = TypeRef(BY_OID[TEXT].array_oid)
        wanted = TypeRef(target.oid, target.typmod)
        return with_items(read, lambda items: emit_cast.cast(items, texts, wanted, explicit=explicit))
    plain = TypeRef(source.oid, source.typmod)
    if target.pg.element_oid and target.pg.category == "A":
        wanted = TypeRef(target.oid, target.typmod)
        return with_items(sql, lambda items: emit_cast.cast(items, plain, wanted, explicit=explicit))
    if target.oid in DIMENSION_LIMITS:
        return emit_cast.cast(f"rv_one_dimension({sql})", plain, target, explicit=explicit)
    return emit_cast.cast(to_text(sql, source.oid), TypeRef(TEXT), target, explicit=explicit)


def to_text(sql: str, oid: int) -> str:
    """What the array's output function prints."""
    element = BY_OID[oid].element_oid
    inner = "rv_e" if element == NUMERIC else emit_cast.output("rv_e", element)
    return f"rv_shaped_out(list_transform(({sql}).items, lambda rv_e: {inner}), ({sql}).shape)"


def subscript(sql: str, indexes: Sequence[str]) -> str:
    """One element."""
    return f"(({sql}).items)[rv_shape_place(({sql}).shape, {_integers(indexes)})]"


def slice_of(sql: str, bounds: Sequence[tuple[str | None, str | None]]) -> str:
    """A slice; None for a bound that is not written."""
    low, high = _bounds(bounds)
    items = f"list_select(({sql}).items, rv_slice_places(({sql}).shape, {low}, {high}))"
    written = [b for pair in bounds for b in pair if b is not None]
    present = " AND ".join(f"{b} IS NOT NULL" for b in (sql, *written))
    return f"(CASE WHEN {present} THEN {struct(items, f'rv_slice_shape(({sql}).shape, {low}, {high})')} END)"


def assigned(sql: str, bounds: Sequence[tuple[str | None, str | None]], value: str, *, element: bool) -> str:
    """The array after an assignment to an element or a slice of it; a NULL array counts as empty."""
    low, high = _bounds(bounds)
    shape = f"coalesce(({sql}).shape, CAST([0] AS INTEGER[]))"
    new = f"[{value}]" if element else f"({value}).items"
    source = f"CASE WHEN rv_p > 0 THEN (({sql}).items)[rv_p] WHEN rv_p < 0 THEN ({new})[- rv_p] END"
    places = f"rv_written_places({shape}, {low}, {high}, {element}, CAST(len({new}) AS INTEGER))"
    made = struct(
        f"list_transform({places}, lambda rv_p: {source})", f"rv_written_shape({shape}, {low}, {high}, {element})"
    )
    return made if element else f"(CASE WHEN {value} IS NULL THEN {sql} ELSE {made} END)"


def nested(texts: Sequence[str]) -> str:
    """ARRAY[...] of arrays."""
    rows = f"[{', '.join(texts)}]"
    items = f"flatten(list_transform({rows}, lambda rv_a: rv_a.items))"
    return struct(f"coalesce({items}, [])", f"rv_shape_nested(list_transform({rows}, lambda rv_a: rv_a.shape))")


def aggregated(rows: str) -> str:
    """What array_agg() makes of a list of arrays; of no rows an empty array."""
    items = "coalesce(flatten(list_transform(rv_r, lambda rv_a: rv_a.items)), [])"
    made = struct(items, "rv_shape_aggregated(list_transform(rv_r, lambda rv_a: rv_a.shape))")
    return f"(list_transform([{rows}], lambda rv_r: {made}))[1]"


def element_text(sql: str, oid: int) -> str:
    """An element's SQL, marked as a numeric where it is one."""
    return numeric.numeric_text(sql) if oid == NUMERIC else sql


def _bounds(bounds: Sequence[tuple[str | None, str | None]]) -> tuple[str, str]:
    low = _integers([f"({LEAST})" if b is None else b for b, _ in bounds])
    return low, _integers([str(MOST) if b is None else b for _, b in bounds])


def _integers(texts: Sequence[str]) -> str:
    return f"CAST([{', '.join(texts)}] AS INTEGER[])"
