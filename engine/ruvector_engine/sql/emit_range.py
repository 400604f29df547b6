"""Ranges to text and back in DuckDB SQL."""

from __future__ import annotations

from ruvector_engine.sql import emit_cast
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.ranges import made
from ruvector_engine.sql.range_storage import EMPTY
from ruvector_engine.sql.storage import duck_type
from ruvector_engine.types.registry import NUMERIC, TEXT, RangeType, TypeRef


def to_text(sql: str, pg: RangeType) -> str:
    """What the output function prints."""
    low, high = (emit_cast.output(_bound(f"rv_r.{side}", pg), pg.subtype) for side in "lu")
    return with_bounds(sql, low, high)


def with_bounds(sql: str, low: str, high: str) -> str:
    """The text of a range whose bounds, those of rv_r, are shown so."""
    inclusive = "CAST(rv_r.h AND NOT rv_r.lx AS INTEGER) + 2 * CAST(rv_r.ux AS INTEGER)"
    flags = f"CAST(CASE WHEN rv_r.n THEN {inclusive} ELSE -1 END AS INTEGER)"
    value = f"rv_range_out(CAST([{low}, {high}] AS VARCHAR[]), {flags})"
    return f"(list_transform([{sql}], lambda rv_r: CASE WHEN rv_r IS NOT NULL THEN {value} END))[1]"


def from_text(sql: str, pg: RangeType) -> str:
    """What the input function reads."""
    low, high = (emit_cast.cast(f"rv_t.{side}", TypeRef(TEXT), TypeRef(pg.subtype), explicit=False) for side in "lu")
    duck = duck_type(TypeRef(pg.oid))
    value = made(pg, low, high, "rv_t.f", duck)
    value = f"CASE WHEN rv_t.n THEN {value} WHEN NOT rv_t.n THEN CAST({EMPTY} AS {duck}) END"
    return f"(list_transform([rv_range_in({sql})], lambda rv_t: {value}))[1]"


def _bound(sql: str, pg: RangeType) -> str:
    return numeric.numeric_text(sql) if pg.subtype == NUMERIC else sql
