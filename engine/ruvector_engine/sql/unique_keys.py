"""Hidden companions of key columns, for what DuckDB's unique indexes would not tell apart as PostgreSQL does.

A column of a PRIMARY KEY or UNIQUE whose equal values may be written differently (1.0 and 1.00), or of a type that
DuckDB's indexes do not take, has a companion in the stored table: text that is the same for equal values. The
constraint is on the companion, and whatever writes the column writes it too. No client ever sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ruvector_engine.catalog.model import ColumnDef, TableDef
from ruvector_engine.sql import enum_storage
from ruvector_engine.sql.emit_binding import quote
from ruvector_engine.sql.emit_cast import stable_output
from ruvector_engine.sql.emit_key import key_of
from ruvector_engine.sql.emit_range import with_bounds
from ruvector_engine.sql.functions import halfvecs, sparsevecs, vectors
from ruvector_engine.sql.functions.jsonb_values import canonical as canonical_jsonb
from ruvector_engine.sql.functions.numeric_udfs import canonical as canonical_numeric
from ruvector_engine.sql.functions.output import canonical_interval
from ruvector_engine.sql.storage import duck_type, fields, is_decimal
from ruvector_engine.types.array_values import mapped
from ruvector_engine.types.composites import join_record
from ruvector_engine.types.numeric import format_numeric
from ruvector_engine.types.ranges import Range, join_range
from ruvector_engine.types.registry import (
    BPCHAR,
    BY_NAME,
    DIMENSION_LIMITS,
    HALFVEC,
    INTERVAL,
    JSONB,
    NUMERIC,
    SPARSEVEC,
    TypeRef,
    Value,
)
from ruvector_engine.types.text import format_text

_VECTOR_KEYS = {HALFVEC: halfvecs.sort_key, SPARSEVEC: sparsevecs.sort_key}


def companions(table: TableDef) -> list[ColumnDef]:
    """The columns of the table that have a companion."""
    keys = {name for constraint in table.constraints if constraint.kind != "c" for name in constraint.columns}
    return [column for column in table.columns if column.name in keys and _needed(column.type)]


def _needed(type_ref: TypeRef) -> bool:
    if type_ref.oid == NUMERIC:
        return not is_decimal(type_ref)
    if type_ref.composite is not None or type_ref.range is not None:
        return True
    if type_ref.oid == BPCHAR:
        return type_ref.typmod < 0  # char(n) is stored with its blanks
    return type_ref.oid in (JSONB, INTERVAL, *DIMENSION_LIMITS) or bool(type_ref.pg.element_oid)


def companion(column: ColumnDef) -> str:
    """The companion's name in DuckDB, quoted; stable under renames."""
    return quote(_companion(column))


def _companion(column: ColumnDef) -> str:
    return f"__ruvector_key_{column.attnum}"


def stored_names(table: TableDef, names: Sequence[str]) -> list[str]:
    """The columns that a unique constraint on these columns is on in DuckDB."""
    hidden = {column.name: _companion(column) for column in companions(table)}
    return [hidden.get(name, name) for name in names]


def key_columns(table: TableDef, names: Sequence[str]) -> list[str]:
    """The same, quoted."""
    return list(map(quote, stored_names(table, names)))


def comparable(sql: str, type_ref: TypeRef) -> str:
    """SQL for a key column's value that is the same for equal values: the companion's where one is needed."""
    return key_value(sql, type_ref) if _needed(type_ref) else sql


def key_value(sql: str, type_ref: TypeRef) -> str:
    """SQL of the companion's text for a value."""
    if type_ref.oid == NUMERIC:
        return f"rv_numeric_canonical(CAST({sql} AS VARCHAR))"
    if type_ref.oid == JSONB:
        return f"rv_jsonb_canonical({sql})"
    if type_ref.oid == BPCHAR:
        return f"rtrim({sql}, ' ')"
    if type_ref.enum is not None:
        return f"CAST({sql} AS VARCHAR)"
    if type_ref.oid == INTERVAL:
        return f"rv_interval_canonical(rv_months({sql}), rv_days({sql}), rv_micros({sql}))"
    if type_ref.oid in DIMENSION_LIMITS:
        return f"hex({key_of(sql, type_ref)})"
    if type_ref.range is not None:
        subtype = TypeRef(type_ref.range.subtype)
        return with_bounds(sql, key_value("rv_r.l", subtype), key_value("rv_r.u", subtype))
    if type_ref.composite is not None:
        keys = ", ".join(key_value(f"rv_r.{key}", t) for key, t in fields(type_ref))
        shown = f"rv_record_out(CAST([{keys}] AS VARCHAR[]))"
        return f"(list_transform([{sql}], lambda rv_r: CASE WHEN rv_r IS NOT NULL THEN {shown} END))[1]"
    element = type_ref.pg.element_oid
    if type_ref.shaped:
        keys = f"list_transform(({sql}).items, lambda rv_e: {key_value('rv_e', TypeRef(element))})"
        return f"rv_shaped_out({keys}, ({sql}).shape)"
    if element:
        return f"rv_array_out(list_transform({sql}, lambda rv_e: {key_value('rv_e', TypeRef(element))}))"
    return stable_output(sql, type_ref.oid)


def insertion(table: TableDef, names: Sequence[str], rows: str, *, typed: bool = False) -> str:
    """INSERT's columns and source: `rows` has a value for each of the named columns; companions are added.

    `typed`: numerics come in the form that they are stored in, for ON CONFLICT to read them as `excluded`.
    """
    listed = [quote(name) for name in names]
    columns = {column.name: column for column in table.columns}
    written = [column for column in companions(table) if column.name in names]
    if not (written or (typed and any(columns[name].type.oid == NUMERIC for name in names))):
        return f"({', '.join(listed)}) {rows}"
    places = {name: f"k.c{i}" for i, name in enumerate(names, 1)}
    values = [
        f"CAST({place} AS {duck_type(columns[name].type)})"
        if name in columns and columns[name].type.oid == NUMERIC
        else place
        for name, place in places.items()
    ]
    values += (key_value(places[column.name], column.type) for column in written)
    listed += map(companion, written)
    given = ", ".join(f"c{i}" for i in range(1, len(names) + 1))
    return f"({', '.join(listed)}) SELECT {', '.join(values)} FROM ({rows}) AS k({given})"


def key_text(type_ref: TypeRef, value: Value) -> str:
    """What `key_value` makes of a value in the registry's form."""
    if isinstance(value, Decimal):
        return canonical_numeric(format_numeric(value))
    if isinstance(value, list):
        element = TypeRef(type_ref.pg.element_oid)
        return format_text(TypeRef(BY_NAME["_text"].oid), mapped(value, lambda item: key_text(element, item)))
    if type_ref.range is not None and isinstance(value, Range):
        subtype = TypeRef(type_ref.range.subtype)
        low, high = (None if b is None else key_text(subtype, b) for b in (value.lower, value.upper))
        return join_range(value.empty, low, high, value.lower_inc, value.upper_inc)
    if type_ref.composite is not None and isinstance(value, tuple):
        pairs = zip(fields(type_ref), value, strict=True)
        return join_record([None if v is None else key_text(t, v) for (_, t), v in pairs])
    if type_ref.oid == INTERVAL and isinstance(value, tuple):
        return canonical_interval(*value)
    if type_ref.oid in DIMENSION_LIMITS and isinstance(value, bytes):
        return _VECTOR_KEYS.get(type_ref.oid, vectors.sort_key)(value).hex().upper()
    if type_ref.enum is not None:
        return repr(enum_storage.number_of(type_ref.enum, str(value)))
    text = format_text(type_ref, value)
    if type_ref.oid == BPCHAR:
        return text.rstrip(" ")
    return canonical_jsonb(text) if type_ref.oid == JSONB else text
