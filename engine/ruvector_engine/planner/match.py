"""Recognises a k-NN search: ORDER BY column or expression <op> query LIMIT k, at any level of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.index.elements import SINGLE, Element
from ruvector_engine.planner.operator_classes import ARRAY, ELEMENTS, OPERATORS
from ruvector_engine.planner.text_match import TextMatch, text_matches
from ruvector_engine.planner.walk import (
    conjuncts,
    cte_references,
    entries,
    is_volatile,
    nodes,
    outside_references,
    tables,
)
from ruvector_engine.sql.nodes import (
    Aggregate,
    Call,
    Cast,
    ColumnRef,
    Expr,
    FromItem,
    Join,
    Param,
    Query,
    RangeEntry,
    Special,
)
from ruvector_engine.sql.tree import is_counted
from ruvector_engine.sql.volatility import hangs_on_settings
from ruvector_simd import AnyMetric


@dataclass(frozen=True, slots=True)
class KnnMatch:
    """One k-NN search within a query.

    `key` is what is compared with the query vector, `operand`: a column of the table or an expression over it. Those
    of real[] have `dimensions` 0: the index says how many.
    `filter` are the WHERE parts that read only this table: they are evaluated before the search; `texts` those of them
    that are full-text searches. `residual`: other
    parts or joins may drop candidates after it, so the search is widened until enough rows come out. `filter_tables`:
    what the filter's answer hangs on, the table itself first; None where it hangs on more: the catalogs, the time.
    """

    query: Query
    entry: RangeEntry
    table: TableDef
    key: Expr
    element: Element
    dimensions: int
    metric: AnyMetric
    distance: Call
    operand: Expr
    filter: tuple[Expr, ...]
    texts: tuple[TextMatch, ...]
    residual: bool
    filter_tables: tuple[int, ...] | None


def match_query(query: Query) -> KnnMatch | None:
    """The k-NN search that answers this level of the query, or None."""
    if query.limit is None or not query.order_by or not query.from_items or is_counted(query):
        return None
    if (
        query.group_by
        or query.having is not None
        or query.distinct
        or query.distinct_on
        or query.set_op
        or query.has_aggregates
        or query.for_update
        or query.with_ties
    ):
        return None
    found = _distance(query)
    if found is None:
        return None
    distance, key, entry, operand = found
    if query.has_windows and not all(
        _numbers_rows(node, distance) for node in nodes(query.targets) if _is_window(node)
    ):
        return None
    table = entry.source
    if not isinstance(table, TableDef) or table.virtual or not table.has_row_id:
        return None
    if entry not in preserved(query.from_items) or outside_references(query):
        return None
    if cte_references((query.limit, query.offset)) or not _evaluable(operand, query):
        return None
    if is_volatile(operand) or any(isinstance(t.expr, Call) and t.expr.function.volatile for t in query.targets):
        return None
    parts = conjuncts(query.where)
    own = [part for part in parts if _reads_only(part, entry) and not is_volatile(part)]
    read = list(tables(own))
    joined = sum(1 for _ in entries(query.from_items)) > 1
    return KnnMatch(
        query,
        entry,
        table,
        key,
        ELEMENTS.get(key.type.oid, SINGLE),
        max(key.type.typmod, 0),
        OPERATORS[distance.function.name],
        distance,
        operand,
        tuple(own),
        tuple(text for text in text_matches(query) if text.entry is entry and text.condition in own),
        residual=joined or len(own) < len(parts),
        filter_tables=(table.oid, *sorted({t.oid for t in read})) if _can_be_kept(own, read) else None,
    )


def _can_be_kept(parts: Sequence[Expr], read: Sequence[TableDef]) -> bool:
    """Whether what the parts of a filter let through stays the same while the tables, values and settings do."""
    return not any(table.virtual for table in read) and all(map(hangs_on_settings, parts))


def _distance(query: Query) -> tuple[Call, Expr, RangeEntry, Expr] | None:
    """The first sort key as (call, key, its table, operand), when it is an ascending distance and the only one."""
    if len(query.order_by) != 1:
        return None
    order = query.order_by[0]
    call = order.expr
    if order.descending or order.nulls_first or not isinstance(call, Call) or call.function.name not in OPERATORS:
        return None
    for given, operand in (call.args, call.args[::-1]):
        key = _without_array(given)
        if _is_searchable(key) and not outside_references(operand):
            entry = _entry_of(key)
            if entry is not None:
                return call, key, entry, operand
    return None


def _without_array(key: Expr) -> Expr:
    """A vector that became an array, to be compared with one, itself; an array as the table has it."""
    if isinstance(key, Special) and key.kind == "plain" and key.args[0] is not None:
        return key.args[0]
    vector = isinstance(key, Cast) and key.type.oid == ARRAY and not key.explicit and key.arg.type.is_vector
    return key.arg if vector else key  # type: ignore[union-attr]


def _is_searchable(key: Expr) -> bool:
    """Whether there may be an index on it: vectors of known dimensions, or a column of arrays."""
    if key.type.oid == ARRAY:
        return isinstance(key, ColumnRef)
    return key.type.oid in ELEMENTS and key.type.typmod > 0


#: Window functions of which the nearest rows have the same values without the others.
_ROW_NUMBERS = frozenset({"row_number", "rank", "dense_rank"})


def _is_window(node: object) -> bool:
    return isinstance(node, Aggregate) and node.over is not None


def _numbers_rows(call: Aggregate, distance: Call) -> bool:
    """Whether it only tells how many rows are nearer."""
    over = call.over
    if call.function.name not in _ROW_NUMBERS or over is None or over.partition_by or len(over.order_by) != 1:
        return False
    key = over.order_by[0]
    return key.expr == distance and not key.descending and not key.nulls_first


def _entry_of(key: Expr) -> RangeEntry | None:
    """The one table that a key is a column of, or an expression over."""
    if isinstance(key, ColumnRef):
        return key.range
    inside = list(nodes(key))
    read = {node.range for node in inside if isinstance(node, ColumnRef)}
    changing = any(isinstance(node, (Query, Aggregate, Param)) or _is_session_value(node) for node in inside)
    return read.pop() if len(read) == 1 and not changing and not is_volatile(key) else None


def _is_session_value(node: object) -> bool:
    return isinstance(node, Special) and node.kind == "session"


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
