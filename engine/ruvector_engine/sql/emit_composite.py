"""Composite values in DuckDB SQL: structs of their fields (see storage.fields)."""

from __future__ import annotations

from collections.abc import Sequence

from ruvector_engine.sql import emit_cast, emit_shaped
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.storage import duck_type, fields, with_fields
from ruvector_engine.types.registry import NUMERIC, TEXT, TypeRef


def made(type_ref: TypeRef, texts: Sequence[str]) -> str:
    """The value of these fields."""
    pairs = zip(fields(type_ref), texts, strict=True)
    parts = (f"'{key}': {numeric.as_text(text) if t.oid == NUMERIC else text}" for (key, t), text in pairs)
    return f"CAST({{{', '.join(parts)}}} AS {duck_type(type_ref)})"


def field(sql: str, attnum: int, type_ref: TypeRef) -> str:
    """One of its fields."""
    text = f"({sql}).f{attnum}"
    return numeric.numeric_text(text) if type_ref.oid == NUMERIC else text


def to_text(sql: str, type_ref: TypeRef) -> str:
    """What the output function prints."""
    texts = ", ".join(_output(f"rv_r.{key}", t) for key, t in fields(type_ref))
    shown = f"rv_record_out(CAST([{texts}] AS VARCHAR[]))"
    return f"(list_transform([{sql}], lambda rv_r: CASE WHEN rv_r IS NOT NULL THEN {shown} END))[1]"


def _output(sql: str, type_ref: TypeRef) -> str:
    text = numeric.numeric_text(sql) if type_ref.oid == NUMERIC else sql
    return emit_shaped.to_text(text, type_ref.oid) if type_ref.shaped else emit_cast.output(text, type_ref.oid)


def from_text(sql: str, type_ref: TypeRef) -> str:
    """What the input function reads."""
    assert type_ref.composite is not None
    texts = f"rv_record_in({sql}, {len(type_ref.composite.attributes)})"
    parts = []
    for place, ((key, _), attribute) in enumerate(zip(fields(type_ref), type_ref.composite.attributes, strict=True), 1):
        read = emit_cast.cast(f"rv_t[{place}]", TypeRef(TEXT), attribute.type, explicit=False)
        parts.append(f"'{key}': {numeric.as_text(read) if attribute.type.oid == NUMERIC else read}")
    value = f"CASE WHEN rv_t IS NOT NULL THEN CAST({{{', '.join(parts)}}} AS {duck_type(type_ref)}) END"
    return f"(list_transform([{texts}], lambda rv_t: {value}))[1]"


def null_test(sql: str, type_ref: TypeRef, *, negated: bool) -> str:
    """IS NULL: all fields are NULL; IS NOT NULL: none is."""
    keys = [key for key, _ in fields(type_ref)]
    if negated:
        return f"({sql} IS NOT NULL AND {' AND '.join(f'({sql}).{key} IS NOT NULL' for key in keys)})"
    return f"({sql} IS NULL OR ({' AND '.join(f'({sql}).{key} IS NULL' for key in keys)}))"


def key(sql: str, type_ref: TypeRef, key_of: object) -> str:
    """SQL that is equal for equal values, and sorts as they do."""
    assert callable(key_of)
    return with_fields(
        sql, type_ref, lambda text, t: str(key_of(numeric.numeric_text(text) if t.oid == NUMERIC else text, t))
    )
