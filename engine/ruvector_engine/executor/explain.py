"""EXPLAIN [ANALYZE]: the plan in PostgreSQL's shape.

What ANALYZE tells was measured: rows of the whole, and the time until the first and the last of them. A node that
passes its input's rows on shares these figures with it; one whose rows are not known has none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import plans, prepared, text_scans
from ruvector_engine.executor.candidates import choose_index
from ruvector_engine.executor.explain_format import Shown, as_json, as_yaml, report, text_lines
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.executor.streams import BATCH
from ruvector_engine.index import VectorIndex
from ruvector_engine.planner.join_tree import Surroundings, TextScan
from ruvector_engine.planner.plan import KnnPlan, QueryPlan, UtilityPlan, WithWritesPlan, WritePlan, make_plan
from ruvector_engine.planner.plan_node import Actual, PlanNode
from ruvector_engine.planner.plan_tree import plan_tree
from ruvector_engine.results import Column, Result
from ruvector_engine.sql.analyze import Analyzed
from ruvector_engine.sql.nodes import RangeEntry, Utility
from ruvector_engine.types.registry import JSON, TEXT, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_BOOLEANS = frozenset(
    {"analyze", "verbose", "costs", "buffers", "timing", "summary", "settings", "wal", "memory", "generic_plan"}
)
_FORMATS = ("text", "json", "yaml")
_TRUE, _FALSE = ("true", "on", "1"), ("false", "off", "0")

TouchesRows = KnnPlan | QueryPlan | WritePlan | WithWritesPlan


@dataclass(slots=True)
class Options:
    """EXPLAIN's options; `given` are those that the statement has."""

    given: dict[str, bool] = field(default_factory=dict)
    format: str = "text"

    def on(self, name: str, default: bool = False) -> bool:
        """Whether an option is on."""
        return self.given.get(name, default)


def columns(node: Any) -> tuple[Column, ...]:
    """EXPLAIN's one column, whose type goes by the format."""
    return (Column("QUERY PLAN", TypeRef(JSON if read_options(node).format == "json" else TEXT)),)


def run(session: Session, statement: Utility, params: Sequence[Value]) -> Result:
    """EXPLAIN, and with ANALYZE run the statement too."""
    options, outputs = read_options(statement.node), columns(statement.node)
    if options.on("buffers"):
        session.notice("00000", "EXPLAIN shows no buffers: rows are not kept in PostgreSQL's shared buffers")
    started = time.perf_counter()
    plan, values = _explained(session, statement.inner, params)
    if plan is None:
        return Result("EXPLAIN", outputs, [("Utility Statement",)])
    shown_values = None if options.on("generic_plan") else values
    codes = options.on("verbose") or options.on("analyze")
    around = _surroundings(session, plan, shown_values or (), codes=codes)
    tree = plan_tree(plan, around, shown_values, verbose=options.on("verbose"))
    _mark_disabled(session, tree)
    times = [("Planning Time", (time.perf_counter() - started) * 1000)]
    if options.on("analyze"):
        times.append(("Execution Time", _analyze(session, plan, tree, values)))
    if not options.on("summary", options.on("analyze")):
        times = []
    shown = Shown(options.on("costs", True), options.on("timing", True), options.on("verbose"))
    if options.format == "json":
        return Result("EXPLAIN", outputs, [(as_json([report(tree, shown, times)]),)])
    if options.format == "yaml":
        return Result("EXPLAIN", outputs, [(as_yaml(report(tree, shown, times)),)])
    lines = [*text_lines(tree, shown), *(f"{label}: {value:.3f} ms" for label, value in times)]
    return Result("EXPLAIN", outputs, [(line,) for line in lines])


def read_options(node: Any) -> Options:
    """The options, checked as ParseExplainOptionList does."""
    options = Options()
    for wrapped in node.options:
        element = wrapped.def_elem
        name, place = element.defname, element.location + 1
        if name == "format":
            options.format = _format(constant_text(element.arg), place)
        elif name == "serialize":
            raise not_supported("EXPLAIN option SERIALIZE is not supported")
        elif name not in _BOOLEANS:
            raise SqlError("42601", f'unrecognized EXPLAIN option "{name}"', position=place)
        else:
            value = constant_text(element.arg).lower() if element.HasField("arg") else "true"
            if value not in _TRUE + _FALSE:
                raise SqlError("42601", f"{name} requires a Boolean value")
            options.given[name] = value in _TRUE
    if not options.on("analyze"):
        for name in ("wal", "timing"):
            if options.on(name):
                raise SqlError("22023", f"EXPLAIN option {name.upper()} requires ANALYZE")
    elif options.on("generic_plan"):
        raise SqlError("22023", "EXPLAIN options ANALYZE and GENERIC_PLAN cannot be used together")
    return options


def _format(value: str, place: int) -> str:
    if value == "xml":
        raise not_supported("EXPLAIN FORMAT XML is not supported", hint="Use TEXT, JSON or YAML.")
    if value not in _FORMATS:
        raise SqlError("22023", f'unrecognized value for EXPLAIN option "format": "{value}"', position=place)
    return value


def _explained(
    session: Session, inner: Analyzed | None, params: Sequence[Value]
) -> tuple[TouchesRows | None, Sequence[Value]]:
    """The plan to show, and its parameters' values; for DECLARE, CREATE TABLE AS and EXECUTE that of what they run."""
    if inner is None:
        return None, params
    plan = make_plan(inner)
    if not isinstance(plan, UtilityPlan):
        return plan, params
    if plan.statement.kind == "execute_stmt":
        executed, values = prepared.bound(session, plan.statement.node)
        return (None if isinstance(executed.plan, UtilityPlan) else executed.plan), values
    return _explained(session, plan.statement.inner, params)


def _surroundings(session: Session, plan: TouchesRows, params: Sequence[Value], *, codes: bool) -> Surroundings:
    def rows(oid: int) -> int:
        table = session.catalog.table_by_oid(oid)
        if table is None or table.virtual:
            return 100
        return int(session.connection.run(f"SELECT count(*) FROM {table.storage_name}")[0][0])

    plan = plan.main if isinstance(plan, WithWritesPlan) else plan
    matches = [plan.match] if isinstance(plan, KnnPlan) else plan.searches if isinstance(plan, QueryPlan) else ()
    chosen = {id(m.entry): choose_index(session, m, params) for m in matches}
    return Surroundings(
        rows,
        lambda oid: [index for index in session.catalog.indexes_of(oid) if index.unique],
        {key: found.definition.name if found else None for key, found in chosen.items()},
        {key: found.conditions for key, found in chosen.items() if found is not None},
        {key: text for key, found in chosen.items() if codes and found and (text := _codes(found.index))},
        _text_scans(session, plan, params),
    )


def _text_scans(session: Session, plan: TouchesRows, params: Sequence[Value]) -> dict[RangeEntry, TextScan]:
    """The full-text searches that indexes answer, by table: those of one index for each."""
    matches = plan.match.texts if isinstance(plan, KnnPlan) else plan.texts if isinstance(plan, QueryPlan) else ()
    scans: dict[RangeEntry, TextScan] = {}
    for match in matches:
        chosen = text_scans.choose(session, match, params)
        if chosen is None:
            continue
        known = scans.get(match.entry)
        if known is None:
            scans[match.entry] = TextScan(chosen.definition.name, (match,), chosen.implied)
        elif known.index == chosen.definition.name:
            scans[match.entry] = TextScan(known.index, (*known.searches, match), known.implied)
    return scans


def _codes(index: VectorIndex) -> str:
    """In which codes an index looks for candidates, and of how many of its rows; nothing for one of whole vectors."""
    spec, segments = index.spec, index.segments()
    if spec.quantization == "none":
        return ""
    shape = f" {spec.parts} x {spec.centroids}" if spec.parts else ""
    rows, coded = sum(s.rows for s in segments), sum(s.rows for s in segments if s.has_codes)
    return f"{spec.quantization}{shape}, {coded} of {rows} rows, rescored exactly"


# -------------------------------------------------------------------- ANALYZE


#: Settings that speak against a kind of node.
_ENABLED_BY = {
    "Seq Scan": "enable_seqscan",
    "Bitmap Heap Scan": "enable_bitmapscan",
    "Index Scan": "enable_indexscan",
    "Index Only Scan": "enable_indexonlyscan",
    "Sort": "enable_sort",
}


def _mark_disabled(session: Session, node: PlanNode) -> None:
    setting = _ENABLED_BY.get(node.kind or node.title)
    node.disabled = setting is not None and session.settings[setting] == "off"
    for child in node.children:
        _mark_disabled(session, child)


def _analyze(session: Session, plan: TouchesRows, tree: PlanNode, params: Sequence[Value]) -> float:
    """Run the plan and note what was measured; the milliseconds it took."""
    started = time.perf_counter()
    result = plans.run(session, plan, params)
    first = (time.perf_counter() - started) * 1000
    count = len(result.rows)
    while result.more is not None and (batch := result.more(BATCH)):
        count += len(batch)
    elapsed = (time.perf_counter() - started) * 1000
    if isinstance(plan.main if isinstance(plan, WithWritesPlan) else plan, WritePlan):
        written = int(result.tag.split()[-1])
        tree.actual = Actual(count, first if count else elapsed, elapsed)
        _pass_down(tree.inputs(), Actual(written, first, elapsed), limited=False)
    else:
        _pass_down([tree], Actual(count, first, elapsed), limited=False)
    return elapsed


def _pass_down(nodes: Sequence[PlanNode], actual: Actual, *, limited: bool) -> None:
    """Give the figures to a node, and on to its input for as long as it has as many rows."""
    if len(nodes) != 1:
        return
    node = nodes[0]
    node.actual = actual
    if node.passes and not (limited and node.title == "Sort"):  # of which a Limit above takes the first rows only
        _pass_down(node.inputs(), actual, limited=limited or node.title == "Limit")
    elif node.title == "Seq Scan" and not limited and node.detail("Filter") is not None:
        node.actual = Actual(actual.rows, actual.first_ms, actual.total_ms, node.table_rows - actual.rows)
