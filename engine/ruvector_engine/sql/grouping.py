"""GROUP BY: its items, grouping sets, and which columns may stand ungrouped (parse_agg.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.sql import query as queries
from ruvector_engine.sql.coerce import known
from ruvector_engine.sql.expressions.dispatch import expression
from ruvector_engine.sql.expressions.sorting import check_equality
from ruvector_engine.sql.nodes import (
    Aggregate,
    ColumnRef,
    Const,
    Expr,
    Param,
    Query,
    RangeEntry,
    Special,
    SubLink,
    Target,
)
from ruvector_engine.sql.raw import kind_of, pb, position
from ruvector_engine.sql.scope import Scope
from ruvector_engine.sql.tree import children, entries, references

_SETS = {
    pb.GROUPING_SET_ROLLUP: "ROLLUP ({})",
    pb.GROUPING_SET_CUBE: "CUBE ({})",
    pb.GROUPING_SET_SETS: "GROUPING SETS ({})",
}


def group_clause(scope: Scope, nodes: Sequence[Any], targets: Sequence[Target]) -> tuple[tuple[Expr, ...], str]:
    """The grouping expressions, and for grouping sets the clause with {0}, {1}, ... in their places."""
    exprs: list[Expr] = []

    def add(node: Any) -> str:
        expr = _item(scope, node, targets)
        if expr not in exprs:
            exprs.append(expr)
        return f"{{{exprs.index(expr)}}}"

    texts = [_clause(node, add) for node in _flat(nodes)]
    plain = all(node.WhichOneof("node") != "grouping_set" for node in nodes)
    return tuple(exprs), "" if plain else ", ".join(texts)


def _flat(nodes: Sequence[Any]) -> Iterator[Any]:
    """The items with (a, b) as a, b; but ROW(a, b) is one value."""
    for node in nodes:
        if _is_list(node):
            yield from _flat(node.row_expr.args)
        else:
            yield node


def _is_list(node: Any) -> bool:
    return bool(node.WhichOneof("node") == "row_expr" and node.row_expr.row_format == pb.COERCE_IMPLICIT_CAST)


def _clause(node: Any, add: Callable[[Any], str]) -> str:
    kind, message = kind_of(node)
    if _is_list(node):
        return f"({', '.join(add(a) for a in message.args)})"
    if kind != "grouping_set":
        return add(node)
    if message.kind == pb.GROUPING_SET_EMPTY:
        return "()"
    return _SETS[message.kind].format(", ".join(_clause(c, add) for c in message.content))


def _item(scope: Scope, node: Any, targets: Sequence[Target]) -> Expr:
    """An input column comes before an output of that name (unlike ORDER BY); then a position; then an expression."""
    kind, message = kind_of(node)
    found: Expr | None = None
    if kind == "column_ref" and len(message.fields) == 1:
        name = message.fields[0].string.sval
        if not any(n == name for n, _ in scope.names.columns):
            found = queries.output_named(scope, node, targets, "GROUP BY")
    elif kind == "a_const":
        found = queries.output_reference(scope, node, targets, "GROUP BY")
    expr = known(scope.state, found if found is not None else expression(scope, node))
    if any(isinstance(e, Aggregate) and e.over is None for e in _all(expr)):
        raise SqlError("42803", "aggregate functions are not allowed in GROUP BY", position=position(expr.location))
    if any(isinstance(e, Aggregate) and e.over is not None for e in _all(expr)):
        raise SqlError("42P20", "window functions are not allowed in GROUP BY", position=position(expr.location))
    check_equality(expr)
    return expr


def _all(expr: Expr) -> list[Expr]:
    return [expr, *(e for child in children(expr) for e in _all(child))]


def check_grouping(query: Query) -> None:
    """42803 for a column that is neither grouped nor aggregated.

    Columns that depend on a grouped primary key are added to the grouping: the groups stay the same.
    """
    own = {entry for item in query.from_items for entry in entries(item)}
    grouped = list(query.group_by)
    checker = _Checker(own, grouped, extend=not query.grouping)
    for target in query.targets:
        checker.check(target.expr)
    if query.having is not None:
        checker.check(query.having)
    for expr in (*(key.expr for key in query.order_by), *query.distinct_on):
        checker.check(expr)
    if not query.grouping:
        query.group_by = tuple(checker.grouped)


class _Checker:
    def __init__(self, own: set[RangeEntry], grouped: list[Expr], *, extend: bool) -> None:
        self._own = own
        self._keyed = {e for e in own if extend and _key_is_grouped(e, grouped)}
        self.grouped = grouped

    def check(self, expr: Expr) -> None:
        """Walk down to grouped expressions and aggregates."""
        if expr in self.grouped or isinstance(expr, (Const, Param)):
            return
        if isinstance(expr, Aggregate) and expr.over is None:
            return
        if isinstance(expr, Special) and expr.kind == "grouping":
            self._check_grouping_call(expr)
            return
        if isinstance(expr, ColumnRef):
            self._column(expr, "column", "must appear in the GROUP BY clause or be used in an aggregate function")
            return
        if isinstance(expr, SubLink):
            for reference, inside in references(expr):
                if inside and reference not in self.grouped:
                    self._column(reference, "subquery uses ungrouped column", "from outer query")
        for child in children(expr):
            self.check(child)

    def _column(self, column: ColumnRef, before: str, after: str) -> None:
        if column.range not in self._own:
            return
        if column.range in self._keyed:
            self.grouped.append(column)
            return
        name = f"{column.range.alias}.{column.name}" if column.range.alias else column.name
        raise SqlError("42803", f'{before} "{name}" {after}', position=position(column.location))

    def _check_grouping_call(self, expr: Special) -> None:
        for arg in expr.args:
            if arg not in self.grouped:
                raise SqlError(
                    "42803",
                    "arguments to GROUPING must be grouping expressions of the associated query level",
                    position=position(expr.location),
                )


def _key_is_grouped(entry: RangeEntry, grouped: Sequence[Expr]) -> bool:
    if not isinstance(entry.source, TableDef):
        return False
    key = next((c for c in entry.source.constraints if c.kind == "p"), None)
    names = {e.name for e in grouped if isinstance(e, ColumnRef) and e.range is entry}
    return key is not None and set(key.columns) <= names
