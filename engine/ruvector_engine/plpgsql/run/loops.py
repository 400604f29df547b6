"""Loops at run time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.nodes import ForEach, ForExecute, ForInteger, ForQuery, Loop, Sql, Target, While
from ruvector_engine.plpgsql.run import assignment, sql
from ruvector_engine.plpgsql.run.statements import Outcome
from ruvector_engine.plpgsql.run.values import Datum
from ruvector_engine.types.array_values import BoundedArray, flat, lengths_of
from ruvector_engine.types.registry import INT4, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.run.interpreter import Interpreter, Leave


def _rounds(interpreter: Interpreter, statement: Loop, rounds: Iterable[object]) -> Leave | None:
    """Run the body once for each of `rounds`; what to tell those around."""
    for _ in rounds:
        interpreter.session.check_cancelled()
        leave = interpreter.body(statement.body)
        if leave is None:
            continue
        mine = leave.label is None or leave.label == statement.label
        if leave.kind == "return" or not mine:
            return leave
        if leave.kind == "exit":
            return None
    return None


def loop(interpreter: Interpreter, statement: Loop) -> Leave | None:
    """LOOP."""

    def forever() -> Iterator[None]:
        while True:
            yield None

    return _rounds(interpreter, statement, forever())


def while_(interpreter: Interpreter, statement: While) -> Leave | None:
    """WHILE."""

    def while_true() -> Iterator[None]:
        while interpreter.is_true(statement.condition):
            yield None

    return _rounds(interpreter, statement, while_true())


def for_integer(interpreter: Interpreter, statement: ForInteger) -> Leave | None:
    """FOR over integers. FOUND tells afterwards whether there was any."""
    lower = _bound(interpreter, statement.lower, "lower bound of FOR loop")
    upper = _bound(interpreter, statement.upper, "upper bound of FOR loop")
    step = 1 if statement.step is None else _bound(interpreter, statement.step, "BY value of FOR loop")
    if step <= 0:
        raise SqlError("22023", "BY value of FOR loop must be greater than zero")
    counted = range(lower, upper - 1, -step) if statement.reverse else range(lower, upper + 1, step)

    def each() -> Iterator[None]:
        for number in counted:
            interpreter.values.assign(statement.variable, Datum(number, TypeRef(INT4)))
            yield None

    leave = _rounds(interpreter, statement, each())
    interpreter.set_found(bool(counted))
    return leave


def _bound(interpreter: Interpreter, sql: Sql, what: str) -> int:
    value = interpreter.values.converted(interpreter.evaluate(sql), TypeRef(INT4))
    if not isinstance(value, int):
        raise SqlError("22004", f"{what} cannot be null")
    return value


def for_query(interpreter: Interpreter, statement: ForQuery) -> Leave | None:
    """FOR over the rows of a query."""
    outcome = interpreter.statements.run(statement.query)
    return _over_rows(interpreter, statement, statement.targets, statement.query, outcome)


def for_execute(interpreter: Interpreter, statement: ForExecute) -> Leave | None:
    """FOR over the rows of a query whose text is made at run time."""
    text, using = sql.dynamic(interpreter, statement.query, statement.using)
    started = list(interpreter.statements.run_text(text, using))
    if len(started) != 1:
        raise SqlError(
            "42P11", "cannot open multi-query plan as cursor" if started else "cannot open empty query as cursor"
        )
    return _over_rows(interpreter, statement, statement.targets, *started[0])


def _over_rows(
    interpreter: Interpreter, statement: Loop, targets: Sequence[Target], sql: Sql, outcome: Outcome
) -> Leave | None:
    fields = outcome.fields
    if fields is None:
        raise SqlError("42P11", f"cannot open {outcome.kind} query as cursor")
    some = False

    def each() -> Iterator[None]:
        nonlocal some
        for row in interpreter.statements.rows_of(sql, outcome):
            some = True
            assignment.assign_row(interpreter, targets, fields, row)
            yield None

    leave = _rounds(interpreter, statement, each())
    outcome.close()
    if not some:
        assignment.assign_row(interpreter, targets, fields, None)
    interpreter.set_found(some)
    return leave


def for_each(interpreter: Interpreter, statement: ForEach) -> Leave | None:
    """FOREACH: over an array's elements, or slices of it."""
    datum = interpreter.evaluate(statement.array)
    if datum.value is None:
        raise SqlError("22004", "FOREACH expression must not be null")
    element = datum.type.pg.element_oid
    if not datum.type.is_array or not isinstance(datum.value, list):
        raise SqlError("42804", f"FOREACH expression must yield an array, not type {datum.type.pg.sql_name}")
    dimensions = len(lengths_of(datum.value))
    if not 0 <= statement.slice <= dimensions:
        problem = f"slice dimension ({statement.slice}) is out of the valid range 0..{dimensions}"
        raise SqlError("2202E", problem)
    target = statement.targets[0]
    if not target.steps and target.variable.type.is_array != bool(statement.slice):
        which = "must be of an array type" if statement.slice else "must not be of an array type"
        kind = "FOREACH ... SLICE" if statement.slice else "FOREACH"
        raise SqlError("42804", f"{kind} loop variable {which}")
    type_ = TypeRef(datum.type.oid if statement.slice else element)
    parts = _slices(datum.value, dimensions - statement.slice) if statement.slice else flat(datum.value)[0]

    def each() -> Iterator[None]:
        for part in parts:
            _assign_element(interpreter, statement.targets, Datum(part, type_))
            yield None

    leave = _rounds(interpreter, statement, each())
    interpreter.set_found(bool(parts))
    return leave


def _assign_element(interpreter: Interpreter, targets: Sequence[Target], datum: Datum) -> None:
    """Put an element into the loop's target; the fields of a row, into several."""
    composite = datum.type.composite
    if composite is None or (len(targets) == 1 and targets[0].variable.has_fields):
        assignment.assign_target(interpreter, targets[0], datum)
        return
    fields = tuple((a.name, a.type) for a in composite.attributes)
    assignment.assign_row(interpreter, targets, fields, datum.value if isinstance(datum.value, tuple) else None)


def _slices(array: list[Value], depth: int) -> list[Value]:
    """The sub-arrays that lie so deep, each with the bounds of its own dimensions."""
    lower = array.lower[depth:] if isinstance(array, BoundedArray) else ()
    parts: list[Value] = [array]
    for _ in range(depth):
        parts = [inner for part in parts if isinstance(part, list) for inner in part]
    if all(bound == 1 for bound in lower):
        return [list(part) if isinstance(part, list) else part for part in parts]
    return [BoundedArray(part, lower) for part in parts if isinstance(part, list)]
