"""Chooses how a statement runs. Looks at the tree and the catalog; runs nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

from ruvector_engine.errors import not_supported
from ruvector_engine.planner.match import KnnMatch, match_query
from ruvector_engine.planner.pull_up import pull_up
from ruvector_engine.planner.text_match import TextMatch, text_matches
from ruvector_engine.planner.walk import is_volatile, queries, tables
from ruvector_engine.results import Column
from ruvector_engine.sql.analyze import Analyzed
from ruvector_engine.sql.nodes import ColumnRef, Const, Cte, Delete, Insert, Param, Query, Update, Utility
from ruvector_engine.types.registry import BOOL, FLOAT8, INT2, INT4, INT8, TEXT, TypeRef


@dataclass(eq=False, slots=True)
class KnnPlan:
    """A top-level k-NN query over one table whose output is plain columns and the distance.

    `cached_columns` are the distinct columns, in the order in which the row cache keeps them; `order` has an item a
    target: the position in `cached_columns`, or -1 for the distance. `route` is the executor's: what it found out
    the last time, good while nothing has changed.
    """

    query: Query
    match: KnnMatch
    columns: tuple[Column, ...]
    cached_columns: tuple[str, ...]
    order: tuple[int, ...]
    route: Any = None


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """A query that DuckDB answers, with some tables narrowed first: to the candidates of k-NN searches, or by `texts`.

    `constants`: what the one row of a query such as SELECT 1 or SELECT $1 holds, which needs nobody to answer it.
    """

    query: Query
    columns: tuple[Column, ...]
    searches: tuple[KnnMatch, ...]
    texts: tuple[TextMatch, ...] = ()
    constants: tuple[Const | Param, ...] | None = None


@dataclass(frozen=True, slots=True)
class WritePlan:
    """INSERT, UPDATE or DELETE."""

    statement: Insert | Update | Delete
    columns: tuple[Column, ...] | None


@dataclass(frozen=True, slots=True)
class UtilityPlan:
    """Everything else."""

    statement: Utility
    columns: tuple[Column, ...] | None


#: Types whose values DuckDB would only hand back.
_AS_THEY_CAME = frozenset(map(TypeRef, (BOOL, INT2, INT4, INT8, FLOAT8, TEXT)))


@dataclass(frozen=True, slots=True)
class WithWritesPlan:
    """A statement whose WITH has INSERTs, UPDATEs or DELETEs: they run first, in their order.

    `writes` has for each the query that stands for its RETURNING's rows in what follows. `ctes` is the WITH as it is
    written, for EXPLAIN.
    """

    writes: tuple[tuple[Query, WritePlan], ...]
    main: KnnPlan | QueryPlan | WritePlan
    ctes: tuple[Cte, ...]


Plan: TypeAlias = KnnPlan | QueryPlan | WritePlan | WithWritesPlan | UtilityPlan


def make_plan(analyzed: Analyzed) -> Plan:
    """The plan for an analyzed statement."""
    statement = analyzed.statement
    if isinstance(statement, Utility):
        return UtilityPlan(statement, analyzed.columns)
    if any(cte.statement is not None for cte in statement.ctes):
        return _with_writes(statement, analyzed.columns)
    return _plan(statement, analyzed.columns)


def _plan(
    statement: Query | Insert | Update | Delete, columns: tuple[Column, ...] | None
) -> KnnPlan | QueryPlan | WritePlan:
    if isinstance(statement, Query):
        pull_up(statement)
        return plan_query(statement, columns or ())
    return WritePlan(statement, columns)


def _with_writes(statement: Query | Insert | Update | Delete, columns: tuple[Column, ...] | None) -> WithWritesPlan:
    """PostgreSQL runs all parts on one snapshot: what would see another part's changes here is refused."""
    writes: list[tuple[Query, WritePlan]] = []
    before: list[Cte] = []
    parts: list[object] = []
    for cte in statement.ctes:
        if cte.statement is not None:
            parts.append(cte.statement)
            inner = replace(cte.statement, ctes=(*before, *cte.statement.ctes))
            outputs = tuple(Column(target.name, target.expr.type) for target in inner.returning)
            writes.append((cte.query, WritePlan(inner, outputs or None)))
        elif is_volatile(cte.query):
            raise not_supported("a volatile WITH query beside a data-modifying one is not supported")
        else:
            parts.append(cte.query)
        if cte.query.targets:  # without RETURNING nobody reads it
            before.append(replace(cte, statement=None))
    main = replace(statement, ctes=tuple(before))
    parts.append(replace(main, ctes=()))
    for _, plan in writes:
        table = plan.statement.table
        if sum(table.oid in {read.oid for read in tables(part)} for part in parts) > 1:
            raise not_supported(
                f'table "{table.name}" in several parts of a statement whose WITH changes it is not supported',
                hint="Use several statements in a transaction.",
            )
    return WithWritesPlan(tuple(writes), _plan(main, columns), statement.ctes)


def plan_query(query: Query, columns: tuple[Column, ...]) -> KnnPlan | QueryPlan:
    """The plan for a query: the hot path where it fits, else DuckDB behind k-NN searches."""
    top = match_query(query)
    if top is not None and not top.residual:
        outputs = _outputs(query, top)
        if outputs is not None:
            return _knn_plan(query, top, columns, outputs)
    matches = [match_query(inner) for inner in queries(query) if inner is not query]
    searches = [m for m in matches if m is not None and not m.residual]
    if top is not None:
        searches.insert(0, top)
    texts = tuple(text for inner in queries(query) for text in text_matches(inner))
    return QueryPlan(query, columns, tuple(searches), texts, _constants(query))


def _constants(query: Query) -> tuple[Const | Param, ...] | None:
    """The targets of a query that has nothing else, and whose values are sent as they came; None for any other."""
    bare = Query(query.targets)
    if any(getattr(query, f.name) != getattr(bare, f.name) for f in fields(Query)):
        return None
    constants = tuple(
        target.expr
        for target in query.targets
        if isinstance(target.expr, (Const, Param)) and target.expr.type in _AS_THEY_CAME and not target.hidden
    )
    return constants if 0 < len(constants) == len(query.targets) else None


def _outputs(query: Query, match: KnnMatch) -> list[str | None] | None:
    """What each visible target is: a column's name, None for the distance; None altogether when one is neither."""
    outputs: list[str | None] = []
    for target in query.targets:
        if target.hidden:
            continue
        if isinstance(target.expr, ColumnRef) and target.expr.range is match.entry:
            outputs.append(target.expr.name)
        elif target.expr == match.distance:
            outputs.append(None)
        else:
            return None
    return outputs


def _knn_plan(query: Query, match: KnnMatch, columns: tuple[Column, ...], outputs: list[str | None]) -> KnnPlan:
    distinct = tuple(dict.fromkeys(name for name in outputs if name is not None))
    order = tuple(-1 if name is None else distinct.index(name) for name in outputs)
    return KnnPlan(query, match, columns, distinct, order)
