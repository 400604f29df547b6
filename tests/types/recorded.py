"""What PostgreSQL 18 with pgvector 0.8.5 answered to texts of every type: the files in `cases`, one JSON array a line.

A line is [settings, type, text, answer]: the answer is what PostgreSQL prints for CAST('text' AS type), or its error as
{"error": [SQLSTATE, message, detail, hint, context]}. `record.py` asks again and rewrites them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import psycopg

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.registry import TypeRef
from ruvector_engine.types.text import DEFAULT_SETTINGS, apply_typmod, format_text, parse_text

FOLDER = Path(__file__).parent / "cases"
FAMILIES = ("numbers", "strings", "datetimes", "intervals", "json", "vectors", "arrays")

Answer: TypeAlias = str | dict[str, list[str | None]]

_INTERVAL_FIELDS = {"year": 4, "month": 2, "day": 8, "hour": 1024, "minute": 2048, "second": 4096}
_FIELD_ORDER = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True, slots=True)
class Case:
    """A text read as a type under settings, and PostgreSQL's answer."""

    settings: tuple[tuple[str, str], ...]
    type_name: str
    text: str
    answer: Answer

    def line(self) -> str:
        """The case as its file has it."""
        return json.dumps([dict(self.settings), self.type_name, self.text, self.answer], ensure_ascii=False)


def load(family: str) -> list[Case]:
    """All cases of a family."""
    with (FOLDER / f"{family}.jsonl").open(encoding="utf-8") as file:
        return [Case(tuple(settings.items()), *rest) for settings, *rest in map(json.loads, file)]


def type_ref(name: str) -> TypeRef:
    """The type a cast names: integer types by their short names, modifiers in parentheses, [] for arrays."""
    if name.startswith("interval "):
        fields, _, precision = name.removeprefix("interval ").rstrip(")").partition("(")
        return TypeRef(registry.INTERVAL, _interval_fields(fields) << 16 | int(precision or 0xFFFF))
    match = re.fullmatch(r'("?)(\w+)"?(?:\((-?\d+)(?:,(-?\d+))?\))?(\[\])?', name)
    assert match is not None, name
    quoted, base, first, second, brackets = match.groups()
    if base == "char" and not quoted:
        base, first = "bpchar", first or "1"
    pg_type = registry.BY_NAME[base]
    typmod = -1 if first is None else _typmod(base, int(first), int(second or 0))
    return TypeRef(pg_type.array_oid if brackets else pg_type.oid, typmod)


def _typmod(base: str, first: int, second: int) -> int:
    if base == "numeric":
        return (first << 16 | second & 0x7FF) + 4
    if base in ("varchar", "bpchar"):
        return first + 4
    return 0x7FFF << 16 | first if base == "interval" else first


def _interval_fields(fields: str) -> int:
    first, _, last = fields.partition(" to ")
    start, end = _FIELD_ORDER.index(first), _FIELD_ORDER.index(last or first)
    return sum(_INTERVAL_FIELDS[field] for field in _FIELD_ORDER[start : end + 1])


def answer_here(case: Case) -> Answer:
    """What this project answers: read, fit to the modifier as a cast does, print."""
    settings = {**DEFAULT_SETTINGS, **dict(case.settings)}
    wanted = type_ref(case.type_name)
    # Only interval's input function cares for the modifier itself; a cast applies the others afterwards.
    read_as = wanted if wanted.oid == registry.INTERVAL else TypeRef(wanted.oid)
    try:
        value = parse_text(read_as, case.text, settings)
        return format_text(wanted, apply_typmod(wanted, value, explicit=True), settings)
    except SqlError as error:
        return {"error": [error.sqlstate, error.message, error.detail, error.hint, error.context]}


def answer_there(connection: psycopg.Connection[Any], case: Case) -> Answer:
    """What the connected PostgreSQL answers."""
    literal = case.text.replace("'", "''")
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL standard_conforming_strings = on")
        for name, value in case.settings:
            connection.execute(f"SELECT set_config('{name}', '{value}', true)".encode())
        try:
            with connection.transaction():
                # A text column would be printed with the cast's own rules, so the value itself goes out, as text.
                result = connection.execute(f"SELECT CAST('{literal}' AS {case.type_name})".encode()).pgresult
                assert result is not None
                printed = result.get_value(0, 0)
                return "" if printed is None else printed.decode()
        except psycopg.Error as error:
            diag = error.diag
            fields = (diag.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint, diag.context)
            return {"error": list(fields)}


def mismatches(cases: list[Case]) -> Iterator[str]:
    """A line for each case that is answered differently here."""
    for case in cases:
        here = answer_here(case)
        if here != case.answer:
            yield f"{dict(case.settings)} {case.text!r}::{case.type_name}: expected {case.answer!r}, got {here!r}"
