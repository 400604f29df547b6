"""Runs a block's tree in a session (after pl_exec.c): blocks, conditions, simple statements. Loops are in `loops`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ruvector_engine.errors import SqlError
from ruvector_engine.executor import savepoints
from ruvector_engine.plpgsql.conditions import matches
from ruvector_engine.plpgsql.names import Variable
from ruvector_engine.plpgsql.nodes import (
    Assert,
    Assign,
    Block,
    Body,
    Case,
    EndTransaction,
    Execute,
    Exit,
    ForEach,
    ForExecute,
    ForInteger,
    ForQuery,
    GetDiagnostics,
    Handler,
    If,
    Loop,
    Perform,
    Raise,
    Return,
    Run,
    Sql,
    Statement,
    While,
)
from ruvector_engine.plpgsql.parse.parser import OUTERMOST, Parser
from ruvector_engine.plpgsql.run import assignment, diagnostics, loops, raising, sql
from ruvector_engine.plpgsql.run.statements import Statements, add_context
from ruvector_engine.plpgsql.run.values import Datum, Values
from ruvector_engine.transactions import Savepoint
from ruvector_engine.types.registry import BOOL, TEXT, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_UNDOING = savepoints.Undoing(
    "undoing what a block with EXCEPTION has done", "the block", "Commit before it, or give it a DO of its own."
)


@dataclass(frozen=True, slots=True)
class Leave:
    """What a statement asks those around it to do; None is "go on"."""

    kind: Literal["exit", "continue", "return"]
    label: str | None = None


class CannotUndo(SqlError):
    """What a block with EXCEPTION did is still there. No handler catches this."""


class Interpreter:
    """One run of one block. `handled` are the errors whose handlers run, `row_count` is what GET DIAGNOSTICS tells."""

    def __init__(self, session: Session, parser: Parser, *, may_commit: bool) -> None:
        self.session = session
        self.values = Values(session)
        conflict = parser.variable_conflict or session.settings["plpgsql.variable_conflict"]
        self.statements = Statements(session, self.values, conflict)
        self.handled: list[SqlError] = []
        self.row_count = 0
        self._found = parser.found
        self._may_commit = may_commit
        self._guarded = 0  # blocks with handlers around
        self._current: Statement | None = None
        self._declaring: Variable | None = None
        self._located: SqlError | None = None

    def run(self, block: Block) -> None:
        """Run the whole block."""
        self.set_found(False)
        try:
            self._statement(block)
        except SqlError as error:
            self.locate(error)
            raise

    # ------------------------------------------------------------ where we are

    @property
    def location(self) -> str:
        """The line of an error's context that says where in the block it came up."""
        text = f"PL/pgSQL function {OUTERMOST}"
        if self._declaring is not None:
            return f"{text} line {self._declaring.line} during statement block local variable initialization"
        if self._current is not None:
            return f"{text} line {self._current.line} at {self._current.shown}"
        return text

    def locate(self, error: SqlError) -> None:
        """Say in an error where in the block it came up, once."""
        if error is not self._located:
            add_context(error, self.location)
            self._located = error

    # ------------------------------------------------------------ for the statements

    def evaluate(self, sql: Sql) -> Datum:
        """The value of an expression."""
        return self.statements.evaluate(sql)

    def is_true(self, sql: Sql) -> bool:
        """The value of a condition."""
        return self.values.is_true(self.evaluate(sql))

    def set_found(self, found: bool) -> None:
        """FOUND := found."""
        self.values.assign(self._found, Datum(found, TypeRef(BOOL)))

    def body(self, body: Body) -> Leave | None:
        """Run statements, until one wants to leave."""
        for statement in body:
            leave = self._statement(statement)
            if leave is not None:
                return leave
        return None

    def _statement(self, statement: Statement) -> Leave | None:
        """Run a statement. When it fails, `_current` stays, to tell where that was."""
        session = self.session
        session.check_cancelled()
        outer, self._current = self._current, statement
        before = len(session.notices)
        try:
            leave = _RUNNERS[type(statement)](self, statement)
        finally:
            if not isinstance(statement, (Block, If, Case, Loop)):  # what stands in these has told of its own
                for notice in session.notices[before:]:
                    add_context(notice, self.location)
        self._current = outer
        return leave

    # ------------------------------------------------------------ blocks

    def _block(self, block: Block) -> Leave | None:
        for variable in block.variables:
            self._declaring = variable
            self.values.start(variable)
            if variable.default is not None:
                self.values.assign(variable, self.evaluate(variable.default))
        self._declaring = None
        leave = self._guarded_body(block) if block.handlers else self.body(block.body)
        if leave is not None and leave.kind == "exit" and leave.label is not None and leave.label == block.label:
            return None
        return leave

    def _guarded_body(self, block: Block) -> Leave | None:
        session = self.session
        if session.stream is not None:
            session.stream.detach()
            session.stream = None
        savepoint = savepoints.mark(session, "", _UNDOING)
        self._guarded += 1
        try:
            return self.body(block.body)
        except SqlError as error:
            self.locate(error)
            handler = next((h for h in block.handlers if any(matches(c, error.sqlstate) for c in h.conditions)), None)
            if handler is None or isinstance(error, CannotUndo):
                raise
            caught = error
        finally:
            self._guarded -= 1
        if caught.sqlstate == "57014":
            session.forget_cancel()
        self._current, self._declaring = block, None
        self._undo(savepoint)
        return self._handle(block, handler, caught)

    def _undo(self, savepoint: Savepoint) -> None:
        """Undo what the block did."""
        if self.session.stream is not None:
            self.session.stream.close()
            self.session.stream = None
        try:
            savepoints.go_back(self.session, savepoint)
        except SqlError as error:
            raise CannotUndo(error.sqlstate, error.message, hint=error.hint) from error

    def _handle(self, block: Block, handler: Handler, error: SqlError) -> Leave | None:
        for variable, text in ((block.sqlstate, error.sqlstate), (block.sqlerrm, error.message)):
            assert variable is not None
            self.values.assign(variable, Datum(text, TypeRef(TEXT)))
        self.handled.append(error)
        try:
            return self.body(handler.body)
        finally:
            self.handled.pop()

    # ------------------------------------------------------------ conditions

    def _if(self, statement: If) -> Leave | None:
        for condition, body in statement.branches:
            if self.is_true(condition):
                return self.body(body)
        return self.body(statement.otherwise)

    def _case(self, statement: Case) -> Leave | None:
        if statement.value is not None and statement.tested is not None:
            datum = self.evaluate(statement.value)
            statement.tested.type = datum.type
            self.values.assign(statement.tested, datum)
        for condition, body in statement.branches:
            if self.is_true(condition):
                return self.body(body)
        if statement.otherwise is None:
            raise SqlError("20000", "case not found", hint="CASE statement is missing ELSE part.")
        return self.body(statement.otherwise)

    def _exit(self, statement: Exit) -> Leave | None:
        if statement.condition is not None and not self.is_true(statement.condition):
            return None
        return Leave("exit" if statement.is_exit else "continue", statement.label)

    def _return(self, _statement: Return) -> Leave | None:
        return Leave("return")

    # ------------------------------------------------------------ transactions

    def _end_transaction(self, statement: EndTransaction) -> None:
        """COMMIT, ROLLBACK: another transaction begins at once."""
        session = self.session
        if not self._may_commit:
            raise SqlError("2D000", "invalid transaction termination")
        if self._guarded:
            verb = "commit" if statement.command == "COMMIT" else "roll back"
            raise SqlError("2D000", f"cannot {verb} while a subtransaction is active")
        if session.stream is not None:  # of a loop around
            session.stream.detach()
            session.stream = None
        if statement.command == "COMMIT":
            session.commit()
        else:
            session.rollback()
        session.begin("implicit")
        session.transaction_time = time.time()


_RUNNERS: dict[type[Statement], Callable[[Interpreter, Any], Leave | None]] = {
    Block: Interpreter._block,
    Assign: assignment.assign,
    If: Interpreter._if,
    Case: Interpreter._case,
    Loop: loops.loop,
    While: loops.while_,
    ForInteger: loops.for_integer,
    ForQuery: loops.for_query,
    ForExecute: loops.for_execute,
    ForEach: loops.for_each,
    Exit: Interpreter._exit,
    Return: Interpreter._return,
    Raise: raising.raise_,
    Assert: raising.assert_,
    Run: sql.run,
    Perform: sql.perform,
    Execute: sql.execute,
    GetDiagnostics: diagnostics.get_diagnostics,
    EndTransaction: Interpreter._end_transaction,
}
