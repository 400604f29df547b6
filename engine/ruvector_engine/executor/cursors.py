"""Cursors: DECLARE, FETCH, MOVE, CLOSE.

A cursor is a running query whose rows are read as they are asked for. One that scrolls keeps the rows it has passed. It
closes with its transaction; declared WITH HOLD it keeps its rows beyond a commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import plans
from ruvector_engine.executor.candidates import choose_index
from ruvector_engine.executor.session_functions import micros
from ruvector_engine.executor.streams import BATCH, RowStream
from ruvector_engine.planner.backward import scans_backward
from ruvector_engine.planner.plan import KnnPlan, QueryPlan, make_plan
from ruvector_engine.results import Column, Result, Row
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: ALL, as libpg_query gives it.
_ALL = 2**63 - 1
_BINARY, _SCROLL, _NO_SCROLL, _HOLD = 0x01, 0x02, 0x04, 0x20


@dataclass(slots=True)
class Cursor:
    """An open cursor.

    `position` is 0 before the first row, n on the n-th, and one more than there are rows after the last. `rows` begins
    with row `dropped` + 1.
    """

    name: str
    statement: str
    columns: tuple[Column, ...]
    rows: list[Row]
    stream: RowStream | None
    scrolls: bool
    hold: bool
    created: int  # a timestamptz
    position: int = 0
    dropped: int = 0
    kept: bool = False  # it has outlived the transaction that declared it

    def forward(self, count: int) -> list[Row]:
        """The next rows, `count` at most."""
        start = self.position
        known = self._read(start + count)
        taken = self.rows[start - self.dropped : start + count - self.dropped] if count else []
        self.position = min(start + count, known + 1)
        self._drop_passed()
        return taken

    def backward(self, count: int) -> list[Row]:
        """The rows before the current one, `count` at most, the nearest first."""
        self._require_scroll()
        start = self.position
        self.position = max(start - count, 0)
        return self.rows[max(self.position - 1, 0) : max(start - 1, 0)][::-1]

    def absolute(self, place: int) -> list[Row]:
        """The row of that number; a negative one counts from the end; 0 is the place before the first row."""
        if place < 0:
            self.position = self._read(_ALL) + 1
            self.backward(-place - 1)
            return self.backward(1)
        if place <= self.position and self.position:
            self._require_scroll()
            self.position = max(place - 1, 0)
        if not place:
            return []
        self.forward(place - 1 - self.position)
        return self.forward(1)

    def relative(self, offset: int) -> list[Row]:
        """The row so far from the current one."""
        if offset < 0:
            self.backward(-offset - 1)
            return self.backward(1)
        if not offset:
            return self.again()
        self.forward(offset - 1)
        return self.forward(1)

    def again(self) -> list[Row]:
        """The current row once more."""
        if not self.on_row:
            return []
        self._require_scroll()
        return [self.rows[self.position - 1]]

    @property
    def on_row(self) -> bool:
        """Whether it stands on a row, not before the first or after the last."""
        return 0 < self.position <= self.dropped + len(self.rows)

    def keep(self) -> None:
        """Read the rest into memory: the transaction is about to commit."""
        self._read(_ALL)
        self.kept = True

    def close(self) -> None:
        """Drop the rest of the query."""
        if self.stream is not None:
            self.stream.close()

    def _read(self, place: int) -> int:
        """Read on as far as row `place`; the number of the last row read."""
        while self.stream is not None and (missing := place - self.dropped - len(self.rows)) > 0:
            more = self.stream(min(missing, BATCH))
            if not more:
                self.stream = None
            self.rows += more
        return self.dropped + len(self.rows)

    def _drop_passed(self) -> None:
        """Let go of rows that cannot be asked for again, when they are most of the list."""
        passed = self.position - 1 - self.dropped
        if not self.scrolls and passed > max(BATCH, len(self.rows) // 2):
            del self.rows[:passed]
            self.dropped += passed

    def _require_scroll(self) -> None:
        if not self.scrolls:
            raise SqlError(
                "55000", "cursor can only scan forward", hint="Declare it with SCROLL option to enable backward scan."
            )


def run_declare(session: Session, statement: Utility, params: Sequence[Value]) -> Result:
    """DECLARE name [[NO] SCROLL] CURSOR [WITH HOLD] FOR query."""
    name, options = statement.node.portalname, statement.node.options
    hold = bool(options & _HOLD)
    if not hold:
        session.require_block("DECLARE CURSOR")
    if options & _BINARY:
        raise not_supported(
            "BINARY cursors are not supported", hint="Ask for binary results in the extended protocol's Bind message."
        )
    plan = make_plan(statement.inner) if statement.inner is not None else None
    if not isinstance(plan, (KnnPlan, QueryPlan)):
        raise not_supported("DECLARE CURSOR takes a query")
    _check_locking(plan, options)
    if name in session.cursors:
        raise SqlError("42P03", f'cursor "{name}" already exists')
    scrolls = bool(options & _SCROLL) or (not (options & _NO_SCROLL) and _scrolls_anyway(session, plan, params))
    result = plans.run(session, plan, params)
    stream = session.stream if result.more is not None else None
    source = session.raw.source if session.raw is not None else ""
    session.cursors[name] = Cursor(
        name, source, plan.columns, result.rows, stream, scrolls, hold, micros(session.statement_time)
    )
    return Result("DECLARE CURSOR")


def _check_locking(plan: KnnPlan | QueryPlan, options: int) -> None:
    if not plan.query.for_update:
        return
    if options & _HOLD:
        raise SqlError(
            "0A000",
            "DECLARE CURSOR WITH HOLD ... FOR UPDATE is not supported",
            detail="Holdable cursors must be READ ONLY.",
        )
    if options & _SCROLL:
        raise SqlError(
            "0A000",
            "DECLARE SCROLL CURSOR ... FOR UPDATE is not supported",
            detail="Scrollable cursors must be READ ONLY.",
        )


def _scrolls_anyway(session: Session, plan: KnnPlan | QueryPlan, params: Sequence[Value]) -> bool:
    """Whether it scrolls without having been told to, as PostgreSQL's does when the plan can run backwards."""
    matches = [plan.match] if isinstance(plan, KnnPlan) else plan.searches
    by_index = {id(match.query) for match in matches if choose_index(session, match, params) is not None}
    return scans_backward(plan.query, by_index)


def _cursor(session: Session, name: str) -> Cursor:
    found = session.cursors.get(name)
    if found is None:
        raise SqlError("34000", f'cursor "{name}" does not exist')
    return found


def fetch_columns(session: Session, node: Any) -> tuple[Column, ...] | None:
    """FETCH's columns, for Describe; MOVE has none."""
    return None if node.ismove else _cursor(session, node.portalname).columns


def run_fetch(session: Session, statement: Utility) -> Result:
    """FETCH and MOVE, in every direction."""
    node = statement.node
    cursor = _cursor(session, node.portalname)
    direction, count = enum_name(node, "direction"), int(node.how_many)
    if direction == "FETCH_ABSOLUTE":
        rows = cursor.absolute(count)
    elif direction == "FETCH_RELATIVE" and count:
        rows = cursor.relative(count)
    elif not count:
        if node.ismove:  # tells whether there is a row, and goes nowhere
            return Result(f"MOVE {int(cursor.on_row)}")
        rows = cursor.again()
    else:
        forwards = (direction == "FETCH_FORWARD") == (count > 0)
        rows = cursor.forward(abs(count)) if forwards else cursor.backward(abs(count))
    if node.ismove:
        return Result(f"MOVE {len(rows)}")
    return Result("FETCH", cursor.columns, rows, counted=True)


def fetch_on(session: Session, name: str, count: int) -> Result:
    """The next rows of a cursor, all if `count` is 0, as a portal gives them."""
    cursor = _cursor(session, name)
    return Result("SELECT", cursor.columns, cursor.forward(count or _ALL), counted=True)


def run_close(session: Session, statement: Utility) -> Result:
    """CLOSE name | ALL."""
    name = statement.node.portalname
    if not name:
        close_all(session)
        return Result("CLOSE CURSOR ALL")
    _cursor(session, name).close()
    del session.cursors[name]
    return Result("CLOSE CURSOR")


def close_all(session: Session) -> None:
    """Close every cursor."""
    for cursor in session.cursors.values():
        cursor.close()
    session.cursors.clear()
