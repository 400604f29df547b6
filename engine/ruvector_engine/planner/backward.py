"""Whether PostgreSQL could run a query backwards: a cursor over it scrolls even when it was not declared SCROLL."""

from __future__ import annotations

from collections.abc import Collection

from ruvector_engine.planner.walk import nodes
from ruvector_engine.sql.nodes import Call, Query, RangeEntry


def scans_backward(query: Query, by_index: Collection[int]) -> bool:
    """After ExecSupportsBackwardScan: scans and sorts can, joins and whatever computes groups or sets cannot.

    `by_index`: the ids of queries in an index's order of distance, which runs one way.
    """
    if query.for_update or id(query) in by_index:
        return False
    if query.order_by:  # a sort on top
        return True
    if query.group_by or query.having is not None or query.has_aggregates or query.has_windows:
        return False
    if query.distinct or query.distinct_on or _makes_sets(query):
        return False
    if query.set_op:
        branches = [branch for branch in (query.left, query.right) if branch is not None]
        return query.set_op == "UNION" and query.set_all and all(scans_backward(b, by_index) for b in branches)
    if query.values is not None:
        return True
    if len(query.from_items) != 1 or not isinstance(query.from_items[0], RangeEntry):
        return False
    source = query.from_items[0].source
    return scans_backward(source, by_index) if isinstance(source, Query) else True


def _makes_sets(query: Query) -> bool:
    return any(isinstance(node, Call) and node.function.returns_set for node in nodes(query.targets))
