"""Enums in DuckDB: a value is stored as its sort number (pg_enum.enumsortorder), a DOUBLE.

Numbers, not labels, because then everything that compares (keys, ORDER BY, ranges, min, DISTINCT, arrays) is right in
DuckDB by itself, ADD VALUE BEFORE takes a number between two others, and RENAME VALUE changes no row. Numbers never
change. Labels are put in their place where values leave DuckDB, and numbers where they come in.
"""

from __future__ import annotations

from ruvector_engine.types.registry import EnumType

DUCK_TYPE = "DOUBLE"

#: DuckDB macros; see `sql.storage.MACROS`. An unknown label is an error, an unknown number cannot be.
MACROS: tuple[str, ...] = (
    "CREATE OR REPLACE MACRO rv_enum_label(x, labels, numbers) AS labels[list_position(numbers, x)]",
    "CREATE OR REPLACE MACRO rv_enum_number(x, labels, numbers, complaint) AS CASE WHEN x IS NOT NULL "
    'AND NOT list_contains(labels, x) THEN error(\'ruvector-error:{"sqlstate": "22P02", "message": \' || '
    'CAST(to_json(complaint || x || \'"\') AS VARCHAR) || \', "detail": null, "hint": null}:end\') '
    "ELSE numbers[list_position(labels, x)] END",
)


def label(enum: EnumType, number: str) -> str:
    """SQL of the label that a stored value stands for."""
    return f"rv_enum_label({number}, {_labels(enum)}, {_numbers(enum)})"


def number(enum: EnumType, text: str) -> str:
    """SQL of the stored value for a label; it raises 22P02 for text that is no label."""
    complaint = _quoted(f'invalid input value for enum {enum.sql_name}: "')
    return f"rv_enum_number(CAST({text} AS VARCHAR), {_labels(enum)}, {_numbers(enum)}, {complaint})"


def constant(enum: EnumType, value: str) -> str:
    """SQL of the stored value for a label that is known to exist."""
    return f"CAST({number_of(enum, value)!r} AS {DUCK_TYPE})"


def number_of(enum: EnumType, value: str) -> float:
    """The stored value for a label that is known to exist."""
    return enum.numbers[enum.labels.index(value)]


def label_of(enum: EnumType, value: float) -> str:
    """The label that a stored value stands for."""
    return enum.labels[enum.numbers.index(value)]


def numbers(enum: EnumType) -> str:
    """SQL of the list of all stored values, in order."""
    return _numbers(enum)


def _labels(enum: EnumType) -> str:
    return f"CAST([{', '.join(map(_quoted, enum.labels))}] AS VARCHAR[])"


def _numbers(enum: EnumType) -> str:
    return f"CAST([{', '.join(map(repr, enum.numbers))}] AS {DUCK_TYPE}[])"


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
