"""What runs SQL: statements with and without INTO, PERFORM, EXECUTE (after exec_stmt_execsql and its kin)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.nodes import Execute, Perform, Run, Sql, Target
from ruvector_engine.plpgsql.run import assignment
from ruvector_engine.plpgsql.run.statements import Outcome
from ruvector_engine.plpgsql.run.values import Datum
from ruvector_engine.results import Row

if TYPE_CHECKING:
    from ruvector_engine.plpgsql.run.interpreter import Interpreter

_CHANGES = ("INSERT", "UPDATE", "DELETE", "MERGE")
_TOO_MANY = "Make sure the query returns a single row, or use LIMIT 1."


def run(interpreter: Interpreter, statement: Run) -> None:
    """A SQL statement: its rows go into the targets, and without any there must be none."""
    outcome = interpreter.statements.run(statement.sql)
    rows = _take(interpreter, statement.sql, outcome, statement.targets is None or outcome.kind in _CHANGES)
    if statement.targets is None and outcome.returns_rows:
        hint = "If you want to discard the results of a SELECT, use PERFORM instead."
        raise SqlError(
            "42601", "query has no destination for result data", hint=hint if outcome.kind == "SELECT" else None
        )
    interpreter.row_count = outcome.count
    if outcome.kind in _CHANGES or (outcome.kind == "SELECT" and outcome.returns_rows):
        interpreter.set_found(outcome.count > 0)
    if statement.targets is None:
        return
    strict = statement.strict or outcome.kind in _CHANGES
    _into(interpreter, statement.targets, outcome, rows, missing=statement.strict, several=strict, hint=_TOO_MANY)


def _take(interpreter: Interpreter, sql: Sql, outcome: Outcome, whole: bool) -> list[Row]:
    """The first two rows; the rest are read only if the `whole` is wanted. Only one is counted then."""
    rows: list[Row] = []
    for row in interpreter.statements.rows_of(sql, outcome):
        if len(rows) < 2:
            rows.append(row)
        if len(rows) == 2 and not whole:
            outcome.close()
            outcome.count = 1
            break
    return rows


def _into(
    interpreter: Interpreter,
    targets: Sequence[Target],
    outcome: Outcome,
    rows: Sequence[Row],
    *,
    missing: bool,
    several: bool,
    hint: str | None = None,
) -> None:
    """Put the first row into the targets. `missing`: P0002 when there is none; `several`: P0003 when there are more."""
    if outcome.fields is None:
        raise SqlError("42601", "INTO used with a command that cannot return data")
    if not rows and missing:
        raise SqlError("P0002", "query returned no rows")
    if len(rows) > 1 and several:
        raise SqlError("P0003", "query returned more than one row", hint=hint)
    assignment.assign_row(interpreter, targets, outcome.fields, rows[0] if rows else None)


def perform(interpreter: Interpreter, statement: Perform) -> None:
    """PERFORM: a query whose rows nobody sees."""
    outcome = interpreter.statements.run(statement.sql)
    for _ in interpreter.statements.rows_of(statement.sql, outcome):
        pass
    interpreter.row_count = outcome.count
    interpreter.set_found(outcome.count > 0)


def execute(interpreter: Interpreter, statement: Execute) -> None:
    """EXECUTE: the statements of a text; the last one's rows go into the targets. FOUND stays as it is."""
    text, using = dynamic(interpreter, statement.text, statement.using)
    last: tuple[Outcome, list[Row]] | None = None
    for sql, outcome in interpreter.statements.run_text(text, using):
        rows = _take(interpreter, sql, outcome, statement.targets is None or outcome.kind in _CHANGES)
        last = outcome, rows
        interpreter.row_count = outcome.count
    if statement.targets is not None:
        if last is None:
            raise SqlError("42601", "INTO used with a command that cannot return data")
        _into(interpreter, statement.targets, *last, missing=statement.strict, several=statement.strict)


def dynamic(interpreter: Interpreter, text: Sql, using: Sequence[Sql]) -> tuple[str, list[Datum]]:
    """The text of an EXECUTE, and the values for its parameters."""
    datum = interpreter.evaluate(text)
    if datum.value is None:
        raise SqlError("22004", "query string argument of EXECUTE is null")
    return interpreter.values.text(datum), [interpreter.evaluate(sql) for sql in using]
