"""date_trunc()."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.date_units import TRUNCATED, constant_text, spellings, unit_name, unsupported
from ruvector_engine.sql.functions.definition import function
from ruvector_engine.sql.functions.errors import raising
from ruvector_engine.sql.functions.zones import clock_to_zoned, zoned_to_clock
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.types.registry import BY_NAME

#: How many years, and in which year the first of them begins: the first century begins in the year 1.
_YEARS = {"decade": (10, 0), "century": (100, 1), "millennium": (1000, 1)}
#: No zone's offset has a part of a second.
_BELOW_ZONES = ("microseconds", "milliseconds", "second")

_Cut = Callable[[str, str], str]


def _cut_clock(unit: str, value: str) -> str:
    """A timestamp cut to the unit."""
    if unit in _YEARS:
        return "rv_trunc_years({}, {}, {})".format(value, *_YEARS[unit])
    return f"date_trunc('{unit}', {value})"


def _cut_zoned(unit: str, value: str) -> str:
    """A timestamptz, by the session's time zone."""
    if unit in _BELOW_ZONES:
        return f"date_trunc('{unit}', {value})"
    clock = f"CAST({value} AS TIMESTAMP)"
    if unit in ("minute", "hour"):
        return f"rv_trunc_time({value}, {clock}, '{unit}')"
    return f"CAST({_cut_clock(unit, clock)} AS TIMESTAMPTZ)"


def _cut_interval(unit: str, value: str) -> str:
    if unit == "week":
        error = unsupported(unit, "interval")
        error.detail = "Months usually have fractional weeks."
        raise error
    return f"date_trunc('{unit}', {value})"


def _cut_in_zone(zone: str) -> _Cut:
    def cut(unit: str, value: str) -> str:
        clock = zoned_to_clock(zone, value)
        if unit in (*_BELOW_ZONES, "minute", "hour"):
            return f"rv_trunc_time({value}, {clock}, '{unit}')"
        return clock_to_zoned(zone, _cut_clock(unit, clock))

    return cut


def _truncated(cut: _Cut, type_name: str, field: str, value: str) -> str:
    text = constant_text(field)
    if text is None:
        return _by_row(cut, type_name, field, value)
    unit = unit_name(text)
    if unit is None:
        raise SqlError("22023", f'unit "{text}" not recognized for type {type_name}')
    if unit not in TRUNCATED:
        raise unsupported(unit, type_name)
    return cut(unit, value)


def _by_row(cut: _Cut, type_name: str, field: str, value: str) -> str:
    """The unit is known when a row is read."""
    branches = []
    for unit in TRUNCATED:
        names = ", ".join(f"'{s}'" for s in spellings(unit))
        try:
            branches.append(f"WHEN left(lower({field}), 10) IN ({names}) THEN {cut(unit, value)}")
        except SqlError as error:
            refused = raising(error.sqlstate, error.message)
            branches.append(f"WHEN left(lower({field}), 10) IN ({names}) THEN {refused}")
    # A unit that is none is shown as it was written, which no constant text of an error can do.
    unknown = f"rv_unknown_unit(lower({field}), '{type_name}')"
    return f"(CASE {' '.join(branches)} WHEN {field} IS NOT NULL AND {value} IS NOT NULL THEN {unknown} END)"


def _template(cut: _Cut, type_name: str) -> Callable[[str, str], str]:
    return lambda field, value: _truncated(cut, type_name, field, value)


def _in_zone(field: str, value: str, zone: str) -> str:
    return _truncated(_cut_in_zone(zone), BY_NAME["timestamptz"].sql_name, field, value)


def _functions() -> Iterator[FunctionDef]:
    for name, cut in (("timestamp", _cut_clock), ("timestamptz", _cut_zoned), ("interval", _cut_interval)):
        yield function("date_trunc", f"text,{name}", name, _template(cut, BY_NAME[name].sql_name))
    yield function("date_trunc", "text,timestamptz,text", "timestamptz", _in_zone)


FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())
