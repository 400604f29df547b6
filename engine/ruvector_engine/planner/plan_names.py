"""The names that EXPLAIN gives to the parts of one plan: aliases, each once, and numbered subplans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ruvector_engine.planner.expression_text import Printer
from ruvector_engine.planner.walk import entries, nodes, outside_references
from ruvector_engine.sql.nodes import Query, RangeEntry, SubLink, WindowSpec
from ruvector_engine.types.registry import Value


class PlanNames:
    """Aliases and subplans of a statement, outermost queries first; a second "t" is "t_1"."""

    def __init__(self, root: Query | None, entry: RangeEntry | None, values: Sequence[Value] | None) -> None:
        self.aliases: dict[RangeEntry, str] = {}
        self._subplans: dict[int, str] = {}
        self._windows: list[WindowSpec] = []
        self._pending: list[SubLink] = []
        self.printer = Printer(self.aliases, values, self.subplan, self.window)
        found = [*([entry] if entry is not None else []), *(_in_order(root) if root is not None else ())]
        taken: set[str] = set()
        for each in dict.fromkeys(found):
            self.aliases[each] = _unique(each.alias, taken)

    @property
    def qualified(self) -> bool:
        """Whether names of columns need their table's: the plan reads several."""
        return len(self.aliases) > 1

    def take_pending(self) -> list[SubLink]:
        """The subqueries whose names were printed since the last call: their plans have not been shown."""
        pending, self._pending = self._pending, []
        return pending

    def put_back(self, sublinks: list[SubLink]) -> None:
        """These are still to be shown."""
        self._pending = sublinks + self._pending

    def subplan(self, sublink: SubLink) -> str:
        """The name of a subquery's plan; those of one value for the whole query are initial plans."""
        name = self._subplans.get(id(sublink))
        if name is None:
            each_row = sublink.test is not None or bool(outside_references(sublink.query))
            name = f"{'SubPlan' if each_row else 'InitPlan'} {len(self._subplans) + 1}"
            self._subplans[id(sublink)] = name
            self._pending.append(sublink)
        return name

    def window(self, spec: WindowSpec) -> str:
        """A window's name."""
        if spec not in self._windows:
            self._windows.append(spec)
        return f"w{self._windows.index(spec) + 1}"


def _in_order(query: Query) -> Iterator[RangeEntry]:
    """The range entries of a query: its own, those of subqueries in FROM, then all others."""
    for branch in (query.left, query.right):
        if branch is not None:
            yield from _in_order(branch)
    if not query.set_op:
        own = list(entries(query.from_items))
        yield from own
        for entry in own:
            if isinstance(entry.source, Query):
                yield from _in_order(entry.source)
    yield from (node for node in nodes(query) if isinstance(node, RangeEntry) and node.alias)


def _unique(alias: str, taken: set[str]) -> str:
    name, number = alias, 0
    while name in taken and name:
        number += 1
        name = f"{alias}_{number}"
    taken.add(name)
    return name
