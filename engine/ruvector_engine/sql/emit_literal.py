"""Constants in DuckDB SQL: written out where that is exact and short, bound where it is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

from ruvector_engine.errors import not_supported
from ruvector_engine.sql import enum_storage
from ruvector_engine.sql.functions import numeric_sql as numeric
from ruvector_engine.sql.functions.numeric_sql import NumericSql
from ruvector_engine.sql.nodes import Const
from ruvector_engine.sql.storage import EPOCH_SHIFT, duck_type, from_transport
from ruvector_engine.types.numeric import format_numeric
from ruvector_engine.types.registry import (
    BY_OID,
    DATE,
    DATE_INFINITY,
    DATE_MINUS_INFINITY,
    NUMERIC,
    TIMESTAMP,
    TIMESTAMP_INFINITY,
    TIMESTAMP_MINUS_INFINITY,
    TIMESTAMPTZ,
    TypeRef,
)

_INFINITE = {
    DATE: {DATE_INFINITY: "DATE 'infinity'", DATE_MINUS_INFINITY: "DATE '-infinity'"},
    TIMESTAMP: {
        TIMESTAMP_INFINITY: "TIMESTAMP 'infinity'",
        TIMESTAMP_MINUS_INFINITY: "TIMESTAMP '-infinity'",
    },
    TIMESTAMPTZ: {
        TIMESTAMP_INFINITY: "TIMESTAMPTZ 'infinity'",
        TIMESTAMP_MINUS_INFINITY: "TIMESTAMPTZ '-infinity'",
    },
}

#: DuckDB's timestamps end here, nearly 30 years before PostgreSQL's.
_LAST_MICROSECOND = 2**63 - 2
_LEAST_INTEGER = -(2**31)


def quote_text(text: str) -> str:
    """A string literal."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def literal(const: Const, bind: Callable[[Const], str]) -> str:
    """The constant's SQL; `bind` gives a placeholder for values that are better bound."""
    oid, value = const.type.oid, const.value
    if value is None:
        return _null(const.type)
    enum = const.type.enum
    if enum is not None:
        return enum_storage.constant(enum, str(value))
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return _integer(oid, value)
    if isinstance(value, str):
        return quote_text(value)
    if isinstance(value, float):
        shown = "infinity" if value > 0 and math.isinf(value) else "-infinity" if math.isinf(value) else repr(value)
        return f"CAST('{shown}' AS {duck_type(const.type)})"
    if isinstance(value, Decimal):
        return numeric.literal(format_numeric(value) if value.is_finite() else _special(value))
    if isinstance(value, bytes):
        return bind(const)
    if const.type.composite is not None or const.type.range is not None:
        return from_transport(const.type, bind(const))
    if isinstance(value, tuple):
        months, days, micros = value
        return f"(to_months({months}) + to_days({days}) + to_microseconds({micros}))"
    if isinstance(value, list):
        return _list(const, value, bind)
    return f"CAST('{value}' AS {duck_type(TypeRef(oid))})"


def _null(type_ref: TypeRef) -> str:
    if type_ref.oid == NUMERIC:
        return NumericSql("CAST(NULL AS VARCHAR)", None, bare="NULL")
    return f"CAST(NULL AS {duck_type(type_ref)})"


def _special(value: Decimal) -> str:
    return "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"


def _integer(oid: int, value: int) -> str:
    infinite = _INFINITE.get(oid, {}).get(value)
    if infinite is not None:
        return infinite
    kind = BY_OID[oid].name
    digits = str(value) if value >= 0 else f"({value})"
    if kind == "date":
        return f"(DATE '2000-01-01' + {digits})"
    if kind in ("timestamp", "timestamptz") and value + EPOCH_SHIFT > _LAST_MICROSECOND:
        raise not_supported("timestamps after 294247-01-10 are not supported")
    if kind == "timestamp":
        return f"make_timestamp({value + EPOCH_SHIFT})"
    if kind == "timestamptz":
        return f"make_timestamptz({value + EPOCH_SHIFT})"
    if kind == "time":
        return f"rv_micros_time({digits})"
    if kind in ("int2", "int8", "timetz") or value == _LEAST_INTEGER:  # the digits alone are a BIGINT
        return f"CAST({value} AS {duck_type(TypeRef(oid))})"
    return digits


def _list(const: Const, values: list[object], bind: Callable[[Const], str]) -> str:
    """Arrays of numbers and strings are bound; DuckDB converts them."""
    if const.type.pg.element_oid != NUMERIC or const.type.shaped:
        return from_transport(const.type, bind(const))
    return f"CAST([{', '.join(map(_decimal, values))}] AS VARCHAR[])"


def _decimal(value: object) -> str:
    if not isinstance(value, Decimal):
        return "NULL"
    return quote_text(format_numeric(value) if value.is_finite() else _special(value))
