"""Recognises a k-NN search: ORDER BY vector_column <op> query LIMIT k, at any level of a query."""

from __future__ import annotations

from dataclasses import dataclass

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.planner.operator_classes import OPERATORS
from ruvector_engine.planner.walk import conjuncts, cte_references, entries, is_volatile, outside_references, tables
from ruvector_engine.sql.nodes import Call, ColumnRef, Expr, FromItem, Join, Query, RangeEntry
from ruvector_simd import Metric


@dataclass(frozen=True, slots=True)
class KnnMatch:
    """One k-NN search within a query.

    `filter` are the WHERE parts that read only this table: they are evaluated before the search. `residual`: other
    parts or joins may drop candidates after it, so the search is widened until enough rows come out. `filter_tables`:
    what the filter's answer hangs on, the table itself first; None where it hangs on a system view too.
    """

    query: Query
    entry: RangeEntry
    table: TableDef
    column: str
    dimensions: int
    metric: Metric
    distance: Call
    operand: Expr
    filter: tuple[Expr, ...]
    residual: bool
    filter_tables: tuple[int, ...] | None


def match_query(query: Query) -> KnnMatch | None:
    """The k-NN search that answers this level of the query, or None."""
    if query.limit is None or not query.order_by or not query.from_items:
        return None
    if (
        query.group_by
        or query.having is not None
        or query.distinct
        or query.distinct_on
        or query.set_op
        or query.has_aggregates
        or query.has_windows
        or query.for_update
        or query.with_ties
    ):
        return None
    found = _distance(query)
    if found is None:
        return None
    distance, column, operand = found
    table = column.range.source
    if not isinstance(table, TableDef) or table.virtual or column.type.typmod < 1:
        return None
    if column.range not in preserved(query.from_items) or outside_references(query):
        return None
    if cte_references((query.limit, query.offset)) or not _evaluable(operand, query):
        return None
    if is_volatile(operand) or any(isinstance(t.expr, Call) and t.expr.function.volatile for t in query.targets):
        return None
    parts = conjuncts(query.where)
    own = [part for part in parts if _reads_only(part, column.range) and not is_volatile(part)]
    read = list(tables(own))
    joined = sum(1 for _ in entries(query.from_items)) > 1
    return KnnMatch(
        query,
        column.range,
        table,
        column.name,
        column.type.typmod,
        OPERATORS[distance.function.name],
        distance,
        operand,
        tuple(own),
        residual=joined or len(own) < len(parts),
        filter_tables=None if any(t.virtual for t in read) else (table.oid, *sorted({t.oid for t in read})),
    )


def _distance(query: Query) -> tuple[Call, ColumnRef, Expr] | None:
    """The first sort key as (call, column, operand), when it is an ascending distance and the only key."""
    if len(query.order_by) != 1:
        return None
    key = query.order_by[0]
    call = key.expr
    if key.descending or key.nulls_first or not isinstance(call, Call) or call.function.name not in OPERATORS:
        return None
    for column, operand in (call.args, call.args[::-1]):
        if isinstance(column, ColumnRef) and column.type.is_vector and not outside_references(operand):
            return call, column, operand
    return None


def _reads_only(part: Expr, entry: RangeEntry) -> bool:
    """Whether it can be evaluated apart, over the table alone; subqueries may read others, but no WITH query."""
    return all(ref.range is entry for ref in outside_references(part)) and not cte_references(part)


def _evaluable(operand: Expr, query: Query) -> bool:
    """Whether the query vector can be evaluated before the query: with the WITH queries of this level at most."""
    if not cte_references(operand):
        return True
    own = {id(cte.query) for cte in query.ctes}
    known = all(ref.query is None or id(ref.query) in own for ref in cte_references((operand, query.ctes)))
    return known and not is_volatile(query.ctes)


def preserved(items: tuple[FromItem, ...]) -> list[RangeEntry]:
    """The entries that no outer join fills with NULLs: narrowing them to candidates drops no other row."""
    found: list[RangeEntry] = []
    for item in items:
        if isinstance(item, RangeEntry):
            found.append(item)
        elif isinstance(item, Join):
            if item.kind in ("INNER", "CROSS", "LEFT"):
                found += preserved((item.left,))
            if item.kind in ("INNER", "CROSS", "RIGHT"):
                found += preserved((item.right,))
    return found
