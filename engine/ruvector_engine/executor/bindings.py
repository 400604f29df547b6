"""From a statement's parameters to the values DuckDB gets, and small evaluations on the way to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import session_functions
from ruvector_engine.planner.walk import constants
from ruvector_engine.relational.duck import Connection
from ruvector_engine.results import Row
from ruvector_engine.sql.emit import DuckSql, SessionValue, emit_query
from ruvector_engine.sql.emit_binding import text_query, written_out
from ruvector_engine.sql.functions.sequences import told_too_late
from ruvector_engine.sql.nodes import Cast, Const, Cte, Expr, Param, Query, Target
from ruvector_engine.sql.storage import bindable
from ruvector_engine.types.registry import HALFVEC, RUVECTOR, VECTOR, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def values(session: Session, statement: DuckSql, params: Sequence[Value]) -> list[Any]:
    """The values for $1, $2, ... of the DuckDB statement."""
    return [_value(session, binding, params) for binding in statement.bindings]


def _value(session: Session, binding: Expr | SessionValue, params: Sequence[Value]) -> Value:
    if isinstance(binding, SessionValue):
        return session_functions.call(session, binding.name, [_value(session, arg, params) for arg in binding.args])
    return bindable(binding.type, evaluate(session, session.connection, binding, params))


def inlined(session: Session, statement: DuckSql, params: Sequence[Value] = ()) -> str:
    """The text with its bindings written out: for statements in which DuckDB takes no parameters."""
    return written_out(statement.text, values(session, statement, params))


def converted(rows: list[Row], statement: DuckSql) -> list[Row]:
    """Rows with the values that DuckDB cannot give in the registry's form converted."""
    if not statement.converters:
        return rows
    result = []
    for row in rows:
        values_ = list(row)
        for place, convert in statement.converters:
            values_[place] = convert(values_[place])
        result.append(tuple(values_))
    return result


def run(session: Session, connection: Connection, statement: DuckSql, params: Sequence[Value]) -> list[Row]:
    """All rows of a statement."""
    if statement.inline:
        rows = connection.run(inlined(session, statement, params))
    else:
        rows = connection.run(statement.text, values(session, statement, params))
    check_numbers(statement, rows)
    return converted(rows, statement)


def check_numbers(statement: DuckSql, rows: Sequence[Row]) -> None:
    """0A000 when nextval() and currval() or lastval() stand in a statement that gives several rows."""
    if len(rows) > 1 and told_too_late(statement.text):
        raise not_supported(
            "currval() and lastval() beside nextval() in a statement of several rows are not supported",
            hint="Use the number that nextval() gives.",
        )


def evaluate(
    session: Session, connection: Connection, expr: Expr, params: Sequence[Value], ctes: tuple[Cte, ...] = ()
) -> Value:
    """The value of an expression that reads no table of its query; `ctes`: the WITH queries that it may read."""
    if isinstance(expr, Const):
        return expr.value
    if isinstance(expr, Param):
        return params[expr.number - 1]
    text_search = text_query(expr)
    if text_search is not None:
        return _value(session, text_search, params)
    emitted = emit_query(Query((Target(expr, "value"),), ctes=ctes))
    return run(session, connection, emitted, params)[0][0]


#: Bytes a dimension of the types whose length tells their dimensions.
_ELEMENT_WIDTHS = {VECTOR: 4, RUVECTOR: 4, HALFVEC: 2}


def quick_value(expr: Expr, params: Sequence[Value]) -> tuple[bool, Value]:
    """(True, value) when it takes no evaluation: a constant, a parameter, or one cast to its own type."""
    if isinstance(expr, Const):
        return True, expr.value
    if isinstance(expr, Param):
        return True, params[expr.number - 1]
    if isinstance(expr, Cast) and isinstance(expr.arg, Param) and expr.arg.type.oid == expr.type.oid:
        value = params[expr.arg.number - 1]
        width = _ELEMENT_WIDTHS.get(expr.type.oid, 0)
        if width and isinstance(value, bytes) and expr.type.typmod not in (-1, len(value) // width):
            raise SqlError("22000", f"expected {expr.type.typmod} dimensions, not {len(value) // width}")
        return bool(width) or expr.type.typmod == -1, value
    numbers = constants(expr)
    return numbers is not None, numbers


def row_count(
    session: Session, connection: Connection, expr: Expr | None, params: Sequence[Value], what: str
) -> int | None:
    """The value of LIMIT or OFFSET: None when absent or NULL; 2201W / 2201X when negative."""
    if expr is None:
        return None
    known, value = quick_value(expr, params)
    if not known:
        value = evaluate(session, connection, expr, params)
    return check_row_count(value, what)


def check_row_count(value: Value, what: str) -> int | None:
    """LIMIT's or OFFSET's value as a number of rows."""
    if value is None:
        return None
    count = int(value)  # type: ignore[call-overload]
    if count < 0:
        raise SqlError("2201W" if what == "LIMIT" else "2201X", f"{what} must not be negative")
    return int(count)
