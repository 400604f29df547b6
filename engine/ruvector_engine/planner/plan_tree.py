"""The plan as a tree of PostgreSQL's plan nodes, for EXPLAIN. It shows what will run; nothing runs from it.

Row counts are the tables' sizes narrowed by PostgreSQL's default selectivities; costs follow from them in arbitrary
units, as PostgreSQL's do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ruvector_engine.catalog.model import ROW_ID
from ruvector_engine.planner.expression_text import is_folded_query
from ruvector_engine.planner.join_tree import ROW_COST, JoinTree, Surroundings, filtered
from ruvector_engine.planner.match import KnnMatch
from ruvector_engine.planner.plan import KnnPlan, QueryPlan, WithWritesPlan, WritePlan
from ruvector_engine.planner.plan_names import PlanNames
from ruvector_engine.planner.plan_node import PlanNode, Scanned
from ruvector_engine.planner.pull_up import constant_functions, merged, subquery_of, substituted, without_functions
from ruvector_engine.planner.walk import conjuncts, is_volatile, nodes
from ruvector_engine.sql.nodes import (
    Aggregate,
    BoolOp,
    Call,
    ColumnRef,
    Const,
    Cte,
    CteRef,
    Delete,
    Expr,
    Insert,
    Query,
    RangeEntry,
    SortKey,
    SubLink,
    Target,
    WindowSpec,
)
from ruvector_engine.types.registry import INT8, TypeRef, Value

#: Window functions that look at no frame: PostgreSQL gives them the cheapest one.
_FRAMELESS = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"})


def plan_tree(
    plan: KnnPlan | QueryPlan | WritePlan | WithWritesPlan,
    around: Surroundings,
    values: Sequence[Value] | None = None,
    *,
    verbose: bool = False,
) -> PlanNode:
    """The tree of a plan; without `values` parameters are shown as $1."""
    if isinstance(plan, WithWritesPlan):
        plan = _as_written(plan)
    if isinstance(plan, WritePlan):
        return _Maker((), around, values, verbose).write(plan)
    searches = [plan.match] if isinstance(plan, KnnPlan) else plan.searches
    maker = _Maker(searches, around, values, verbose)
    maker.look_at_ctes(plan.query)
    query = maker.shown(plan.query)
    maker.names = PlanNames(query, None, values)
    return maker.query(query)


def _as_written(plan: WithWritesPlan) -> QueryPlan | WritePlan:
    """The main statement of a plan with the WITH that it came with."""
    if isinstance(plan.main, WritePlan):
        return WritePlan(replace(plan.main.statement, ctes=plan.ctes), plan.main.columns)
    searches = (plan.main.match,) if isinstance(plan.main, KnnPlan) else plan.main.searches
    return QueryPlan(replace(plan.main.query, ctes=plan.ctes), plan.main.columns, searches)


class _Maker:
    """Makes the nodes of one plan, queries from the outside in."""

    def __init__(
        self, searches: Sequence[KnnMatch], around: Surroundings, values: Sequence[Value] | None, verbose: bool
    ) -> None:
        self._searches = searches
        self._around = around
        self._values = values
        self._verbose = verbose
        self._inline: set[int] = set()
        self.names = PlanNames(None, None, values)

    def look_at_ctes(self, root: Any) -> None:
        """Find the WITH queries that are planned where they are referred to: once, and nothing volatile in them."""
        found = list(nodes(root))
        read = [node.query for node in found if isinstance(node, CteRef)]
        for cte in (node for node in found if isinstance(node, Cte)):
            once = sum(1 for query in read if query is cte.query) == 1
            if (
                cte.statement is None
                and not cte.recursive
                and not is_volatile(cte.query)
                and (cte.materialized is False or (once and cte.materialized is None))
            ):
                self._inline.add(id(cte.query))

    def shown(self, query: Query) -> Query:
        """The query with simple subqueries merged, as PostgreSQL plans it; a k-NN search stays what it is."""
        if any(match.query is query for match in self._searches):
            return query
        return merged(query, self._inlined) or query

    def _inlined(self, query: Query) -> bool:
        return id(query) in self._inline

    # ---------------------------------------------------------------- statements

    def write(self, plan: WritePlan) -> PlanNode:
        """INSERT, UPDATE, DELETE."""
        statement = plan.statement
        self.look_at_ctes(statement)
        inner = statement.query if isinstance(statement, Insert) else self._rows_of(plan)
        if inner is not None and isinstance(statement, Insert):
            inner = self.shown(inner)
        self.names = PlanNames(inner, statement.entry, self._values)
        if inner is None or (inner.values is not None and len(inner.values.rows) == 1):
            source = PlanNode("Result", 1, ROW_COST)
        else:
            source = self.query(inner, top=False)
        operation = type(statement).__name__
        table = statement.table
        node = PlanNode(f"{operation}", 0, source.cost, [source], kind="ModifyTable")
        node.properties["Operation"] = operation
        node.scanned = Scanned("Relation Name", table.name, self.names.aliases[statement.entry], table.schema)
        self._subplans(node, statement.ctes)
        return node

    @staticmethod
    def _rows_of(plan: WritePlan) -> Query:
        """The rows that UPDATE and DELETE go over, as a query."""
        statement = plan.statement
        assert not isinstance(statement, Insert)
        others = statement.using if isinstance(statement, Delete) else statement.from_items
        row = Target(ColumnRef(statement.entry, -1, ROW_ID, TypeRef(INT8)), ROW_ID, hidden=True)
        return Query((row,), from_items=(statement.entry, *others), where=statement.where)

    def query(self, query: Query, *, top: bool = True) -> PlanNode:
        """One level; the subplans of what is not the `top` of a statement belong to the node above."""
        outside = self.names.take_pending()
        node = self._level(query)
        self._output(query, node)
        if top:
            self._subplans(node, query.ctes)
        self.names.put_back(outside)
        return node

    def _level(self, query: Query) -> PlanNode:
        if query.set_op and query.left is not None and query.right is not None:
            return self._limited(query, self._sorted(query.order_by, self._set_operation(query)))
        if query.values is not None:
            rows = len(query.values.rows)
            return self._limited(
                query, PlanNode('Values Scan on "*VALUES*"', rows, rows * ROW_COST, kind="Values Scan")
            )
        match = next((m for m in self._searches if m.query is query), None)
        around = self._around
        functions = constant_functions(query, lambda call: is_folded_query(call, self._values))
        if match is None and functions:
            query = without_functions(query, functions)
            texts = {e: scan.with_expressions(lambda x: substituted(x, functions)) for e, scan in around.texts.items()}
            around = replace(around, texts=texts)
        joins = JoinTree(around, self.names, self._derived, self._verbose)
        node = joins.tree(query, match)
        if match is not None and self._around.indexes.get(id(match.entry)) is not None and not match.residual:
            return self._limited(query, self._windows(query, node, sorted_already=True))
        node = self._windows(query, self._grouped(query, node))
        if any(isinstance(n, Call) and n.function.returns_set for n in nodes([t.expr for t in query.targets])):
            node = PlanNode("ProjectSet", node.rows * 1000, node.cost * 1.1, [node])
        node = self._distinct(query, node)
        return self._limited(query, node if query.distinct_on else self._sorted(query.order_by, node))

    def _derived(self, entry: RangeEntry, parts: Sequence[Expr]) -> PlanNode:
        """A subquery or WITH query in FROM, and the conditions on it."""
        alias = self.names.aliases.get(entry, entry.alias)
        source = subquery_of(entry, self._inlined)
        if source is None:
            assert isinstance(entry.source, CteRef)
            title = "CTE Scan" if entry.source.query is not None else "WorkTable Scan"
            node = PlanNode(title, 100, 1.0, scanned=Scanned("CTE Name", entry.source.name, alias))
            return filtered(node, self.names, parts, own=entry, qualify=self._verbose)
        if source.values is not None and source.limit is None and source.offset is None:
            rows = len(source.values.rows)
            node = PlanNode("Values Scan", rows, rows * ROW_COST, scanned=Scanned("Alias", "", "*VALUES*"))
            return filtered(node, self.names, parts, own=entry, qualify=self._verbose)
        if source.group_by and source.limit is None and not source.has_windows and not source.distinct_on:
            having = [substituted(part, {entry: source}) for part in parts]
            conditions = (*conjuncts(source.having), *having)
            return self.query(self.shown(replace(source, having=BoolOp("AND", conditions) if conditions else None)))
        inner = self.query(self.shown(source))
        if not parts:
            return inner
        inner.relationship = "Subquery"
        node = PlanNode("Subquery Scan", inner.rows, inner.cost, [inner], scanned=Scanned("Alias", "", alias))
        return filtered(node, self.names, parts, qualify=True)

    # ---------------------------------------------------------------- the steps of a query

    def _set_operation(self, query: Query) -> PlanNode:
        assert query.left is not None
        assert query.right is not None
        inputs = []
        for branch in _branches(query):
            inputs.append(self.query(self.shown(branch)))
            inputs[-1].relationship = "Member"
        rows, cost = sum(n.rows for n in inputs), sum(n.cost for n in inputs)
        if query.set_op != "UNION":
            command = query.set_op.capitalize() + (" All" if query.set_all else "")
            node = PlanNode(f"HashSetOp {command}", rows, cost, inputs, kind="SetOp")
            node.properties = {"Strategy": "Hashed", "Command": command}
            return node
        node = PlanNode("Append", rows, cost, inputs)
        if query.set_all:
            return node
        first = query
        while first.set_op and first.left is not None:
            first = first.left
        return self._hashed(node, [t.expr for t in first.targets], cost * 1.1)

    def _hashed(self, node: PlanNode, keys: Sequence[Expr], cost: float) -> PlanNode:
        made = PlanNode("HashAggregate", node.rows, cost, [node], kind="Aggregate")
        made.properties = {"Strategy": "Hashed", "Partial Mode": "Simple"}
        made.details.append(("Group Key", [self._upper(key) for key in keys]))
        return made

    def _upper(self, expr: Expr) -> str:
        """An expression above the scans."""
        return self.names.printer.text(expr, qualify=self.names.qualified or self._verbose)

    def _grouped(self, query: Query, node: PlanNode) -> PlanNode:
        cost = node.cost + node.rows * ROW_COST
        if query.group_by:
            node = self._hashed(node, query.group_by, cost)
            node.rows = max(1.0, node.rows / 10)
        elif query.has_aggregates:
            calls = [n for n in nodes((query.targets, query.having)) if isinstance(n, Aggregate) and n.order_by]
            node = self._sorted(calls[0].order_by, node) if calls else node
            node = PlanNode("Aggregate", 1, cost, [node])
            node.properties = {"Strategy": "Plain", "Partial Mode": "Simple"}
        return filtered(node, self.names, conjuncts(query.having), qualify=self.names.qualified or self._verbose)

    def _windows(self, query: Query, node: PlanNode, *, sorted_already: bool = False) -> PlanNode:
        """A sort and a WindowAgg for each window."""
        calls = [n for n in nodes((query.targets, query.order_by)) if isinstance(n, Aggregate) and n.over is not None]
        specs: list[WindowSpec] = []
        for call in calls:
            if call.over is not None and call.over not in specs:
                specs.append(call.over)
        for spec in specs:
            keys = tuple(SortKey(e, False, False) for e in spec.partition_by) + spec.order_by
            node = node if sorted_already else self._sorted(keys, node)
            names = {call.function.name for call in calls if call.over == spec}
            frame = spec.frame or ("ROWS UNBOUNDED PRECEDING" if names <= _FRAMELESS else "")
            qualify = self.names.qualified or self._verbose
            definition = self.names.printer.window(spec, frame, qualify=qualify)
            node = PlanNode("WindowAgg", node.rows, node.cost + node.rows * ROW_COST, [node])
            node.details.append(("Window", f"{self.names.window(spec)} AS {definition}"))
        return node

    def _distinct(self, query: Query, node: PlanNode) -> PlanNode:
        if query.distinct:
            return self._hashed(node, [t.expr for t in query.targets if not t.hidden], node.cost * 1.1)
        if query.distinct_on:
            keys = query.order_by or tuple(SortKey(e, False, False) for e in query.distinct_on)
            return PlanNode("Unique", node.rows, node.cost * 1.1, [self._sorted(keys, node)])
        return node

    def _sorted(self, keys: tuple[SortKey, ...], node: PlanNode) -> PlanNode:
        if not keys:
            return node
        done = PlanNode("Sort", node.rows, node.cost + node.rows * ROW_COST, [node], startup=node.cost, passes=True)
        qualify = self.names.qualified or self._verbose
        done.details.append(
            ("Sort Key", [self.names.printer.sort_key(k, qualify=qualify, computed=True) for k in keys])
        )
        return done

    def _limited(self, query: Query, node: PlanNode) -> PlanNode:
        if query.limit is None and query.offset is None:
            return node
        rows = node.rows
        if isinstance(query.limit, Const) and isinstance(query.limit.value, int):
            rows = min(rows, query.limit.value)
        share = rows / node.rows if node.rows else 1.0
        cost = node.startup + (node.cost - node.startup) * share
        return PlanNode("Limit", rows, cost, [node], startup=node.startup, passes=query.offset is None)

    # ---------------------------------------------------------------- subplans and VERBOSE

    def _output(self, query: Query, node: PlanNode) -> None:
        """VERBOSE's Output, which prints the subqueries of the select list too."""
        outputs = [t.expr for t in query.targets if not t.hidden]
        if not self._verbose:  # printed all the same, so that the subqueries among them are known
            outputs = [e for e in outputs if any(isinstance(n, SubLink) for n in nodes(e))]
        texts = [self.names.printer.text(e, qualify=self.names.qualified) for e in outputs]
        current: PlanNode | None = node
        while current is not None and self._verbose and texts and current.detail("Output") is None:
            current.details.insert(0, ("Output", texts))
            inputs = current.inputs()
            current = inputs[0] if current.title in ("Limit", "Sort") and inputs else None

    def _subplans(self, node: PlanNode, ctes: Sequence[Cte]) -> None:
        """Put in the plans of WITH queries and subqueries: those for the whole query first, those for each row last."""
        before = [self._cte(cte) for cte in ctes if not self._inlined(cte.query)]
        each_row = node
        while each_row.title in ("Limit", "Sort") and each_row.inputs():
            each_row = each_row.inputs()[0]
        while pending := self.names.take_pending():
            for sublink in pending:
                made = self.query(self.shown(sublink.query))
                made.subplan = self.names.subplan(sublink)
                made.relationship = made.subplan.split()[0]
                if made.relationship == "InitPlan":
                    before.append(made)
                else:
                    _reader(each_row, made.subplan).children.append(made)
        node.children = [*before, *node.children]

    def _cte(self, cte: Cte) -> PlanNode:
        query = cte.query
        if cte.statement is not None:
            made = _Maker((), self._around, self._values, self._verbose).write(WritePlan(cte.statement, None))
        elif cte.recursive and query.left is not None and query.right is not None:
            inputs = [self.query(self.shown(branch)) for branch in (query.left, query.right)]
            inputs[1].relationship = "Inner"
            made = PlanNode("Recursive Union", sum(n.rows for n in inputs), sum(n.cost for n in inputs), inputs)
        else:
            made = self.query(self.shown(query))
        made.subplan, made.relationship = f"CTE {cte.name}", "InitPlan"
        return made


def _branches(query: Query) -> list[Query]:
    """The branches of a set operation, those of a nested one of the same kind among them."""
    found: list[Query] = []
    for branch in (query.left, query.right):
        if branch is None:
            continue
        same = branch.set_op == query.set_op == "UNION" and branch.set_all == query.set_all and not branch.order_by
        found += _branches(branch) if same and branch.limit is None else [branch]
    return found


def _reader(node: PlanNode, subplan: str) -> PlanNode:
    """The node below whose details name the subplan; the given one when none does."""
    for child in node.inputs():
        found = _reader(child, subplan)
        if found is not child or _names(child, subplan):
            return found
    return node


def _names(node: PlanNode, subplan: str) -> bool:
    return any(subplan in text for label, text in node.details if label != "Output" and isinstance(text, str))
