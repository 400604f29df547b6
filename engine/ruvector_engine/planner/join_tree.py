"""The part of a plan that reads and joins what stands in FROM, each condition where PostgreSQL would test it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ruvector_engine.catalog.model import IndexDef, TableDef
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.planner.match import KnnMatch
from ruvector_engine.planner.plan_names import PlanNames
from ruvector_engine.planner.plan_node import PlanNode, Scanned
from ruvector_engine.planner.text_match import TextMatch
from ruvector_engine.planner.walk import conjuncts, entries, is_volatile, nodes
from ruvector_engine.sql.nodes import (
    BoolOp,
    Call,
    ColumnRef,
    CteRef,
    Expr,
    FromItem,
    FunctionScan,
    Join,
    Query,
    RangeEntry,
    ValuesList,
)

#: The share of rows that a condition lets through (PostgreSQL's DEFAULT_INEQ_SEL, rounded).
SELECTIVITY = 1 / 3
ROW_COST = 0.01
#: The share that a full-text search does (DEFAULT_TS_MATCH_SEL).
TEXT_SELECTIVITY = 0.001


@dataclass(frozen=True, slots=True)
class TextScan:
    """The inverted index that finds a table's rows, the conditions that it answers, and those that its predicate is."""

    index: str
    searches: tuple[TextMatch, ...]
    implied: tuple[Expr, ...]

    def with_expressions(self, change: Callable[[Expr], Expr]) -> TextScan:
        """The same over changed expressions."""
        searches = tuple(replace(search, condition=change(search.condition)) for search in self.searches)
        return replace(self, searches=searches, implied=tuple(map(change, self.implied)))

    @property
    def settled(self) -> tuple[Expr, ...]:
        """Conditions that hold of all rows found."""
        return (*(search.condition for search in self.searches), *self.implied)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the tree is made with: table sizes by OID, their unique indexes, the index chosen for each k-NN search.

    `conditions`: those of the search's own conditions that are tested beside the index. `codes`: what is to be said of
    those in which the index looks for candidates. `texts`: full-text searches that indexes answer.
    """

    rows: Callable[[int], int]
    unique: Callable[[int], Sequence[IndexDef]]
    indexes: Mapping[int, str | None]  # id(range entry) -> index name
    conditions: Mapping[int, Sequence[Expr]]  # id(range entry) -> conditions
    codes: Mapping[int, str]  # id(range entry) -> text
    texts: Mapping[RangeEntry, TextScan]


def filtered(
    node: PlanNode,
    names: PlanNames,
    parts: Sequence[Expr],
    *,
    label: str = "Filter",
    own: RangeEntry | None = None,
    qualify: bool = False,
) -> PlanNode:
    """The node with conditions put on its rows."""
    if parts:
        node.details.append((label, _text(names, parts, own, qualify)))
        node.rows = max(1.0, node.rows * SELECTIVITY ** len(parts))
    return node


def _text(names: PlanNames, parts: Sequence[Expr], own: RangeEntry | None, qualify: bool) -> str:
    expr = parts[0] if len(parts) == 1 else BoolOp("AND", tuple(parts))
    return names.printer.text(expr, own, qualify=qualify)


class JoinTree:
    """Joins one query's FROM items left to right; the right side of an equality is hashed."""

    def __init__(
        self,
        around: Surroundings,
        names: PlanNames,
        derived: Callable[[RangeEntry, Sequence[Expr]], PlanNode],
        verbose: bool,
    ) -> None:
        self._around = around
        self._names = names
        self._derived = derived
        self._verbose = verbose
        self._used: Query | None = None
        self._match: KnnMatch | None = None

    def tree(self, query: Query, match: KnnMatch | None) -> PlanNode:
        """The node that gives the rows of FROM and WHERE; `match`: the k-NN search that leads it."""
        self._used, self._match = query, match
        items, parts = _flattened(query.from_items)
        parts += conjuncts(query.where)
        if not items:
            return self._result(parts)
        level, seen = set(entries(tuple(items))), set[RangeEntry]()
        found = [scan for entry in level if (scan := self._text_scan(entry)) is not None]
        parts = [part for part in parts if not any(part in scan.settled for scan in found)]
        once = [part for part in parts if not _reads(part) & level and not is_volatile(part)]
        parts = [part for part in parts if part not in once]
        node: PlanNode | None = None
        for item in items:
            inside = set(entries((item,)))
            own = [part for part in parts if _reads_only(part, inside, level)]
            parts = [part for part in parts if part not in own]
            made = self._item(item, own)
            seen |= inside
            if node is None:
                node = made
                continue
            on = [part for part in parts if _reads_only(part, seen, level)]
            parts = [part for part in parts if part not in on]
            node = self._joined("INNER", node, made, on, inside)
        assert node is not None
        node = filtered(node, self._names, parts, qualify=True)
        return self._result(once, node) if once else node

    def _result(self, parts: Sequence[Expr], rows: PlanNode | None = None) -> PlanNode:
        """One row, for a query without FROM, or all or none of the given ones."""
        node = PlanNode("Result", 1, ROW_COST) if rows is None else PlanNode("Result", rows.rows, rows.cost, [rows])
        if parts:
            node.details.append(("One-Time Filter", _text(self._names, parts, None, False)))
        return node

    def _item(self, item: FromItem, parts: Sequence[Expr]) -> PlanNode:
        if isinstance(item, RangeEntry):
            return self._scan(item, parts)
        left, right = (set(entries((side,))) for side in (item.left, item.right))
        below = {"LEFT": left, "RIGHT": right}.get(item.kind, set())  # what the join adds no NULLs to
        pushed = [part for part in parts if _reads_only(part, below, left | right)]
        left_node = self._item(item.left, pushed if item.kind == "LEFT" else ())
        right_node = self._item(item.right, pushed if item.kind == "RIGHT" else ())
        node = self._joined(item.kind, left_node, right_node, conjuncts(item.on), right)
        return filtered(node, self._names, [p for p in parts if p not in pushed], qualify=True)

    def _joined(
        self, kind: str, left: PlanNode, right: PlanNode, on: Sequence[Expr], inside: set[RangeEntry]
    ) -> PlanNode:
        """Two inputs joined: by hash where an equality has one of its sides on each."""
        hashed = [part for part in on if _hashable(part, inside)]
        rest = [part for part in on if part not in hashed]
        word = "" if kind in ("INNER", "CROSS") else f" {kind.capitalize()}"
        rows = max(left.rows, right.rows) if hashed else left.rows * right.rows
        cost = left.cost + right.cost + rows * ROW_COST
        if hashed:
            right = PlanNode("Hash", right.rows, right.cost, [right])
            node = PlanNode(f"Hash{word} Join", rows, cost, [left, right], kind="Hash Join")
            turned = [_outer_first(part, inside) for part in hashed]
            node.details.append(("Hash Cond", _text(self._names, turned, None, True)))
        else:
            title = f"Nested Loop{word} Join" if word else "Nested Loop"
            node = PlanNode(title, rows, cost, [left, right], kind="Nested Loop")
        right.relationship = "Inner"
        node.properties["Join Type"] = word.strip() or "Inner"
        node.inner_unique = self._unique_side(hashed, inside)
        return filtered(node, self._names, rest, label="Join Filter", qualify=True)

    def _unique_side(self, hashed: Sequence[Expr], inside: set[RangeEntry]) -> bool:
        """Whether a row of the left side meets one row of the right side at most."""
        if len(inside) != 1 or not isinstance(entry := next(iter(inside)), RangeEntry):
            return False
        if not isinstance(entry.source, TableDef):
            return False
        columns = {n.name for p in hashed for n in nodes(p) if isinstance(n, ColumnRef) and n.range is entry}
        return any(set(index.columns) <= columns for index in self._around.unique(entry.source.oid))

    # ---------------------------------------------------------------- scans

    def _scan(self, entry: RangeEntry, parts: Sequence[Expr]) -> PlanNode:
        source = entry.source
        alias = self._names.aliases.get(entry, entry.alias)
        if isinstance(source, TableDef):
            return self._table(entry, source, Scanned("Relation Name", source.name, alias, source.schema), parts)
        if isinstance(source, (Query, CteRef)):
            return self._derived(entry, parts)
        if isinstance(source, FunctionScan):
            call = source.call
            name = call.function.name if isinstance(call, Call) else entry.alias
            node = PlanNode("Function Scan", 1000, 10.0, scanned=Scanned("Function Name", name, alias, "pg_catalog"))
        elif isinstance(source, ValuesList):
            node = PlanNode("Values Scan", len(source.rows), len(source.rows) * ROW_COST)
            node.scanned = Scanned("Alias", "", alias or "*VALUES*")
        else:
            node = PlanNode("Result", 1, ROW_COST)
        return filtered(node, self._names, parts, own=entry, qualify=self._verbose)

    def _table(self, entry: RangeEntry, table: TableDef, scanned: Scanned, parts: Sequence[Expr]) -> PlanNode:
        rows = self._around.rows(table.oid)
        match = self._match if self._match is not None and self._match.entry is entry else None
        name = None if match is None else self._around.indexes.get(id(entry))
        if match is not None and name is not None:
            node = PlanNode("Index Scan", rows, rows * ROW_COST, index=name, scanned=scanned)
            node.properties["Scan Direction"] = "Forward"
            node.details.append(("Order By", self._names.printer.text(match.distance, entry, qualify=self._verbose)))
            tested = self._around.conditions.get(id(entry), match.filter)
            left = [part for part in parts if part in tested or part not in match.filter]
            node = filtered(node, self._names, left, own=entry, qualify=self._verbose)
            if id(entry) in self._around.codes:
                node.details.append(("Quantization", self._around.codes[id(entry)]))
            return node
        text = self._text_scan(entry)
        if text is not None:
            return filtered(
                self._bitmap(entry, rows, text, scanned), self._names, parts, own=entry, qualify=self._verbose
            )
        index, keys = self._lookup(entry, table, parts)
        if index is None:
            node = PlanNode("Seq Scan", rows, rows * ROW_COST, scanned=scanned, table_rows=rows)
            return filtered(node, self._names, parts, own=entry, qualify=self._verbose)
        title = "Index Only Scan" if self._columns(entry) <= set(index.columns) else "Index Scan"
        node = PlanNode(title, 1, ROW_COST, index=index.name, scanned=scanned)
        node.properties["Scan Direction"] = "Forward"
        turned = [_column_first(part, entry) for part in keys]
        node.details.append(("Index Cond", _text(self._names, turned, entry, self._verbose)))
        rest = [part for part in parts if part not in keys]
        return filtered(node, self._names, rest, own=entry, qualify=self._verbose)

    def _text_scan(self, entry: RangeEntry) -> TextScan | None:
        """The full-text search that finds the entry's rows, unless a k-NN search leads them."""
        led = self._match is not None and self._match.entry is entry and self._around.indexes.get(id(entry)) is not None
        return None if led else self._around.texts.get(entry)

    def _bitmap(self, entry: RangeEntry, rows: int, scan: TextScan, scanned: Scanned) -> PlanNode:
        """The rows whose places an inverted index gives."""
        share = rows * TEXT_SELECTIVITY ** len(scan.searches)
        inner = PlanNode(f"Bitmap Index Scan on {quote_identifier(scan.index)}", max(1.0, share), share * ROW_COST)
        inner.kind, inner.properties["Index Name"] = "Bitmap Index Scan", scan.index
        searches = [_document_first(search.condition, search.key) for search in scan.searches]
        inner.details.append(("Index Cond", _text(self._names, searches, entry, self._verbose)))
        node = PlanNode("Bitmap Heap Scan", inner.rows, inner.cost + share * ROW_COST, [inner], scanned=scanned)
        node.details.append(("Recheck Cond", _text(self._names, scan.settled, entry, self._verbose)))
        return node

    def _lookup(
        self, entry: RangeEntry, table: TableDef, parts: Sequence[Expr]
    ) -> tuple[IndexDef | None, Sequence[Expr]]:
        """The unique index whose columns are all compared with a value, and these comparisons."""
        for index in self._around.unique(table.oid):
            keys = [p for p in parts if any(_compares(p, entry, name) for name in index.columns)]
            if all(any(_compares(p, entry, name) for p in keys) for name in index.columns):
                return index, keys
        return None, ()

    def _columns(self, entry: RangeEntry) -> set[str]:
        """The entry's columns that the query reads."""
        return {n.name for n in nodes(self._used) if isinstance(n, ColumnRef) and n.range is entry}


def _flattened(items: Sequence[FromItem]) -> tuple[list[FromItem], list[Expr]]:
    """FROM without its inner joins: the items, and the conditions of those joins. Outer joins are items."""
    found: list[FromItem] = []
    conditions: list[Expr] = []
    for item in items:
        if isinstance(item, Join) and item.kind in ("INNER", "CROSS"):
            inner, parts = _flattened((item.left, item.right))
            found += inner
            conditions += [*parts, *conjuncts(item.on)]
        else:
            found.append(item)
    return found, conditions


def _reads_only(part: Expr, inside: set[RangeEntry], level: set[RangeEntry]) -> bool:
    """Whether, of the entries of this level, it reads some of these and no others."""
    read = _reads(part) & level
    return bool(read) and read <= inside


def _reads(part: Expr) -> set[RangeEntry]:
    return {n.range for n in nodes(part) if isinstance(n, ColumnRef)}


def _is_equality(part: Expr) -> bool:
    return isinstance(part, Call) and part.function.name == "=" and len(part.args) == 2


def _hashable(part: Expr, inside: set[RangeEntry]) -> bool:
    if not isinstance(part, Call) or not _is_equality(part):
        return False
    left, right = (_reads(arg) for arg in part.args)
    return bool(left and right) and ((left <= inside and not right & inside) or (right <= inside and not left & inside))


def _compares(part: Expr, entry: RangeEntry, name: str) -> bool:
    """Whether it is column = value."""
    if not isinstance(part, Call) or not _is_equality(part):
        return False
    for column, value in (part.args, part.args[::-1]):
        if isinstance(column, ColumnRef) and column.range is entry and column.name == name:
            return not any(isinstance(n, ColumnRef) and n.range is entry for n in nodes(value))
    return False


def _outer_first(part: Expr, inside: set[RangeEntry]) -> Expr:
    """An equality with the side that is hashed last."""
    assert isinstance(part, Call)
    return part if not _reads(part.args[0]) & inside else Call(part.function, part.args[::-1], part.type, part.location)


def _document_first(part: Expr, document: Expr) -> Expr:
    assert isinstance(part, Call)
    return part if part.args[0] == document else Call(part.function, part.args[::-1], part.type, part.location)


def _column_first(part: Expr, entry: RangeEntry) -> Expr:
    assert isinstance(part, Call)
    first = part.args[0]
    if isinstance(first, ColumnRef) and first.range is entry:
        return part
    return Call(part.function, part.args[::-1], part.type, part.location)
