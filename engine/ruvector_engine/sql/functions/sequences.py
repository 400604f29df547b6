"""nextval() and what sessions are told of sequences.

A number is noted for its session as it is drawn, row by row: `rv_catalog_drawn(pid, oid, nextval('s1'))`. currval() and
lastval() are evaluated row by row too, so that they may stand beside nextval(); the rest before the statement runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ruvector_engine.errors import not_supported
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.functions.system import PREFIX
from ruvector_engine.sql.nodes import FunctionDef

if TYPE_CHECKING:
    from ruvector_engine.drawn_numbers import DrawnNumbers

#: The template of what draws numbers; emission knows it.
COUNTING = "nextval"
_DRAWN, _CURRVAL, _LASTVAL = f"{PREFIX}drawn", f"{PREFIX}currval", f"{PREFIX}lastval"


def drawing(pid: str, sequence: str) -> str:
    """DuckDB's SQL of the next number of a sequence, noted for the session with a process ID."""
    if not sequence.isdigit():
        raise not_supported("nextval() of a sequence that is not a constant is not supported")
    return f"{_DRAWN}(CAST({pid} AS INTEGER), {sequence}, nextval('s{sequence}'))"


#: nextval(); and the same where an identity column calls it, which takes no privilege. `drawing` is how it is written.
NEXTVAL = function("nextval", "regclass", "int8", COUNTING, volatile=True)
NEXT_IDENTITY = function("nextval", "regclass", "int8", COUNTING, volatile=True)

FUNCTIONS: tuple[FunctionDef, ...] = (
    NEXTVAL,
    function("currval", "regclass", "int8", f"{_CURRVAL}({{0}}, {{1}})", volatile=True),
    function("lastval", "", "int8", f"{_LASTVAL}({{0}})", volatile=True),
)


def told_too_late(sql: str) -> bool:
    """Whether DuckDB's SQL draws numbers and tells the last: it draws for many rows at once, so for one row only."""
    if _DRAWN not in sql:
        return False
    return _LASTVAL in sql or (_CURRVAL in sql and not _sequences(_DRAWN, sql).isdisjoint(_sequences(_CURRVAL, sql)))


def _sequences(name: str, sql: str) -> set[str]:
    """The OIDs that a function is called with."""
    return set(re.findall(rf"{name}\([^,]*, \D*(\d+)", sql))


def udfs(
    drawn_by: Callable[[int], DrawnNumbers], current: Callable[[int, int], int], last: Callable[[int], int]
) -> tuple[Udf, ...]:
    """The functions for DuckDB: what notes a session's numbers, and what tells them, by the backend's process ID."""

    def drawn(pid: int, oid: int, number: int) -> int:
        return drawn_by(pid).note(oid, number)

    return (
        Udf(_DRAWN, drawn, ("INTEGER", "BIGINT", "BIGINT"), "BIGINT", volatile=True),
        Udf(_CURRVAL, current, ("INTEGER", "BIGINT"), "BIGINT", volatile=True),
        Udf(_LASTVAL, last, ("INTEGER",), "BIGINT", volatile=True),
    )
