"""The session's settings for the text of values, where texts are made inside a statement.

Each is a variable of DuckDB's connection, NULL while the setting has its default, so that the usual text costs nothing
more: DuckDB decides which branch of a macro it is before any row is read.
"""

from __future__ import annotations

from collections.abc import Mapping

from ruvector_engine.sql.functions.definition import Udf
from ruvector_engine.types.registry import BYTEA, FLOAT4, FLOAT8, INTERVAL, TypeRef
from ruvector_engine.types.text import format_text

_INTERVAL_PARTS = "rv_months(x), rv_days(x), rv_micros(x)"


def _digits_text(oid: int) -> Udf:
    name = TypeRef(oid).pg.name

    def call(value: float, digits: int) -> str:
        return format_text(TypeRef(oid), value, {"extra_float_digits": str(digits)})

    return Udf(f"rv_{name}_digits", call, ("DOUBLE", "INTEGER"), "VARCHAR")


def _escaped(value: bytes) -> str:
    return format_text(TypeRef(BYTEA), value, {"bytea_output": "escape"})


def _styled(months: int, days: int, micros: int, style: str) -> str:
    return format_text(TypeRef(INTERVAL), (months, days, micros), {"IntervalStyle": style})


UDFS: tuple[Udf, ...] = (
    _digits_text(FLOAT4),
    _digits_text(FLOAT8),
    Udf("rv_bytea_escaped", _escaped, ("BLOB",), "VARCHAR"),
    Udf("rv_interval_styled", _styled, ("BIGINT", "BIGINT", "BIGINT", "VARCHAR"), "VARCHAR"),
)

#: DuckDB macros; see `sql.storage.MACROS`.
MACROS: tuple[str, ...] = (
    *(
        f"CREATE OR REPLACE MACRO rv_{name}_text(x) AS CASE WHEN getvariable('rv_float_digits') IS NULL "
        f"THEN rv_{name}_out(x) ELSE rv_{name}_digits(x, CAST(getvariable('rv_float_digits') AS INTEGER)) END"
        for name in ("float4", "float8")
    ),
    "CREATE OR REPLACE MACRO rv_bytea_text(x) AS CASE WHEN getvariable('rv_bytea_escape') IS NULL "
    "THEN '\\x' || lower(hex(x)) ELSE rv_bytea_escaped(x) END",
    "CREATE OR REPLACE MACRO rv_interval_shown(x) AS CASE WHEN getvariable('rv_interval_style') IS NULL "
    f"THEN rv_interval_text(x) ELSE rv_interval_styled({_INTERVAL_PARTS}, "
    "CAST(getvariable('rv_interval_style') AS VARCHAR)) END",
    "CREATE OR REPLACE MACRO rv_interval_read(x) AS rv_parts_interval(rv_interval_in(x, "
    "coalesce(getvariable('rv_interval_style') = 'sql_standard', FALSE)))",
)

#: The types whose text follows a setting, and the macro that writes it; the other one follows none.
STYLED: dict[int, str] = {
    FLOAT4: "rv_float4_text({0})",
    FLOAT8: "rv_float8_text({0})",
    BYTEA: "rv_bytea_text({0})",
    INTERVAL: "rv_interval_shown({0})",
}
_DEFAULT_STYLE = "postgres"


def variables(settings: Mapping[str, str]) -> tuple[str, ...]:
    """The statements that set DuckDB's variables as the session's settings want them."""
    digits = int(settings["extra_float_digits"])
    style = settings["IntervalStyle"]
    return (
        f"SET VARIABLE rv_float_digits = {'NULL' if digits > 0 else digits}",
        f"SET VARIABLE rv_bytea_escape = {'TRUE' if settings['bytea_output'] == 'escape' else 'NULL'}",
        f"SET VARIABLE rv_interval_style = {'NULL' if style == _DEFAULT_STYLE else repr(style)}",
    )
