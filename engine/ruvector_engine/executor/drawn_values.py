"""Rows of an INSERT made again, after the fact: what stands where a sequence or chance gave a value.

A sequence's numbers are left out, to be told from where it stands now. A value drawn at random is drawn again: nobody
has seen the first one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace

from ruvector_engine.planner.walk import nodes
from ruvector_engine.sql.functions.sequences import COUNTING
from ruvector_engine.sql.nodes import (
    Aggregate,
    Call,
    Cast,
    ColumnRef,
    Const,
    Expr,
    Insert,
    Query,
    RangeEntry,
    Target,
    ValuesList,
)

_RANDOM = frozenset({"gen_random_uuid", "random", "uuidv4", "uuidv7"})


@dataclass(slots=True)
class Remade:
    """`query`: the rows, all columns in order. Columns by place: `numbered` ones with their sequence's OID, of which
    `drawing` tells the rows that take a number when not all do; those that may be `random`.
    """

    query: Query
    numbered: dict[int, int] = field(default_factory=dict)
    drawing: dict[int, Sequence[bool]] = field(default_factory=dict)
    random: set[int] = field(default_factory=set)

    def is_volatile(self) -> bool:
        """Whether anything else in the rows may be another value now."""
        known = {id(call) for expr in _values(self.query) for call in _random_calls(expr)}
        calls = (n for n in nodes(self.query) if isinstance(n, (Call, Aggregate)) and n.function.volatile)
        return any(id(call) not in known for call in calls)


def sequence_of(expr: Expr) -> int | None:
    """The sequence's OID where the expression is nextval() of it."""
    while isinstance(expr, Cast):
        expr = expr.arg
    if isinstance(expr, Call) and expr.function.template == COUNTING and isinstance(expr.args[0], Const):
        return int(expr.args[0].value)  # type: ignore[call-overload, no-any-return]
    return None


def remade(statement: Insert) -> Remade:
    """The rows of an INSERT."""
    table, query = statement.table, statement.query
    exprs: list[Expr] = [Const(None, column.type) for column in table.columns]
    found = Remade(Query(()))
    for index, expr in statement.defaults:
        sequence = sequence_of(expr)
        if sequence is None:
            exprs[index] = expr
            found.random.update(index for _ in _random_calls(expr))
        else:
            found.numbered[index] = sequence
    items: tuple[RangeEntry, ...] = ()
    if query is not None:
        query = _without_numbers(query, statement.columns, found)
        entry = RangeEntry("", tuple((target.name, target.expr.type) for target in query.targets), query)
        items = (entry,)
        for place, index in enumerate(statement.columns):
            name, type_ref = entry.columns[place]
            exprs[index] = ColumnRef(entry, place, name, type_ref)
    found.query = Query(targets(exprs), from_items=items, ctes=statement.ctes)
    return found


def targets(exprs: Sequence[Expr]) -> tuple[Target, ...]:
    """The outputs of a query of such rows."""
    return tuple(Target(expr, f"c{place}") for place, expr in enumerate(exprs))


def _without_numbers(query: Query, columns: Sequence[int], found: Remade) -> Query:
    """VALUES or a SELECT of one row with NULL where DEFAULT, or the client, asks a sequence; noted in `found`."""
    rows = _rows(query)
    for place, index in enumerate(columns):
        sequences = [sequence_of(row[place]) for row in rows]
        asked = {sequence for sequence in sequences if sequence is not None}
        if len(asked) == 1:
            found.numbered[index] = asked.pop()
            if None in sequences:
                found.drawing[index] = [sequence is not None for sequence in sequences]
            for row in rows:
                if sequence_of(row[place]) is not None:
                    row[place] = Const(None, row[place].type)
        found.random.update(index for row in rows for _ in _random_calls(row[place]))
    if not rows:
        return query
    first = tuple(replace(target, expr=expr) for target, expr in zip(query.targets, rows[0], strict=True))
    values = None if query.values is None else ValuesList(tuple(map(tuple, rows)))
    return replace(query, targets=first, values=values)


def _rows(query: Query) -> list[list[Expr]]:
    """The expressions of VALUES, of one row too; none of another query."""
    if query.values is not None:
        return [list(row) for row in query.values.rows]
    bare = Query(query.targets)
    alone = all(getattr(query, f.name) == getattr(bare, f.name) for f in fields(Query) if f.name != "ctes")
    return [[target.expr for target in query.targets]] if alone else []


def _values(query: Query) -> Iterator[Expr]:
    """The expressions that stand for columns of the rows that `remade` makes."""
    yield from (target.expr for target in query.targets)
    for item in query.from_items:
        if isinstance(item, RangeEntry) and isinstance(item.source, Query):
            yield from (expr for row in _rows(item.source) for expr in row)
            if _rows(item.source):
                yield from (target.expr for target in item.source.targets)


def _random_calls(expr: Expr) -> Iterator[Call]:
    """The function that draws the value at random, where that is all that the expression is."""
    while isinstance(expr, Cast):
        expr = expr.arg
    if isinstance(expr, Call) and expr.function.name in _RANDOM and not expr.args:
        yield expr
