"""Which privileges a statement needs: on which relations and columns, and in whose name (RTEPermissionInfo).

What a view reads is read in its owner's name; but functions such as nextval() are called by whoever runs the
statement, in a view too. Columns are attnums.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, cast

from ruvector_engine.catalog.model import TableDef, ViewDef
from ruvector_engine.sql.functions.sequences import NEXTVAL
from ruvector_engine.sql.nodes import (
    Call,
    ColumnRef,
    Const,
    CteRef,
    Delete,
    FunctionDef,
    Insert,
    OnConflict,
    RangeEntry,
    Statement,
    Update,
    Utility,
)
from ruvector_engine.types.registry import TypeRef

_LEAVES = (TypeRef, FunctionDef, TableDef, ViewDef, str, int, float, bytes, bool, type(None))


@dataclass(frozen=True, slots=True)
class Need:
    """What must be granted on a table or view. `view`: the OID of the view in whose owner's name; 0: the user's.

    Each of r, a and w is held for the whole relation, or for each column named here; for any column where none is.
    """

    relation: TableDef | ViewDef
    privileges: str
    selected: frozenset[int] = frozenset()
    inserted: frozenset[int] = frozenset()
    updated: frozenset[int] = frozenset()
    view: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that one statement needs; `counted` are the OIDs of sequences that nextval() is called for."""

    relations: tuple[Need, ...] = ()
    counted: tuple[int, ...] = ()


def needs_of(statement: Statement) -> Needs:
    """What running a statement needs: of EXPLAIN, DECLARE CURSOR and CREATE TABLE AS, what their query does."""
    if isinstance(statement, Utility):
        return needs_of(statement.inner.statement) if statement.inner is not None else Needs()
    gathered = _Gathered()
    gathered.look_through(statement, 0)
    return Needs(tuple(gathered.needs()), tuple(gathered.counted))


def counted_in(root: Any) -> tuple[int, ...]:
    """The OIDs of sequences that nextval() is called for below a node."""
    gathered = _Gathered()
    gathered.look_through(root, 0)
    return tuple(gathered.counted)


class _Gathered:
    """What was found so far."""

    def __init__(self) -> None:
        self._entries: list[tuple[RangeEntry, TableDef | ViewDef, int]] = []
        self._privileges: dict[RangeEntry, str] = {}
        self._selected: dict[RangeEntry, set[int]] = defaultdict(set)
        self._written: dict[RangeEntry, tuple[set[int], set[int]]] = {}
        self._excluded: dict[RangeEntry, RangeEntry] = {}
        self.counted: dict[int, None] = {}

    def look_through(self, root: Any, view: int) -> None:
        """Everything below a node; then the inside of views, in their owner's name."""
        views: list[tuple[RangeEntry, ViewDef]] = []
        for node in own_nodes(root):
            if isinstance(node, ColumnRef):
                if node.index >= 0:
                    self._selected[node.range].add(node.index)
            elif isinstance(node, RangeEntry):
                self._note_entry(node, view)
                if node.view is not None:
                    views.append((node, node.view))
            elif isinstance(node, (Insert, Update, Delete)):
                self._note_write(node)
            elif isinstance(node, Call) and node.function is NEXTVAL and isinstance(node.args[0], Const):
                self.counted[cast("int", node.args[0].value)] = None
        for entry, definition in views:
            self.look_through(entry.source, view if definition.security_invoker else definition.oid)

    def _note_entry(self, entry: RangeEntry, view: int) -> None:
        relation = entry.view or entry.source
        if isinstance(relation, (TableDef, ViewDef)):
            self._entries.append((entry, relation, view))

    def _note_write(self, statement: Insert | Update | Delete) -> None:
        entry = statement.entry
        if isinstance(statement, Delete):
            self._privileges[entry] = "d"
        elif isinstance(statement, Update):
            self._privileges[entry] = "w"
            self._written[entry] = set(), set(statement.named)
        else:
            self._privileges[entry] = "a"
            self._written[entry] = set(statement.named), set()
            if statement.on_conflict is not None:
                self._note_conflict(statement, statement.on_conflict)

    def _note_conflict(self, statement: Insert, conflict: OnConflict) -> None:
        entry, places = statement.entry, {c.name: i for i, c in enumerate(statement.table.columns)}
        self._selected[entry] |= {places[name] for name in conflict.target}
        if conflict.excluded is not None:
            self._privileges[entry] = "aw"
            self._written[entry] = set(statement.named), set(conflict.named)
            self._excluded[conflict.excluded] = entry

    def needs(self) -> Iterator[Need]:
        """What it comes to, one item for each relation in each place."""
        for excluded, entry in self._excluded.items():
            self._selected[entry] |= self._selected[excluded]
        for entry, relation, view in self._entries:
            if entry in self._excluded:
                continue
            selected = self._selected[entry]
            letters = self._privileges.get(entry, "r")
            if selected and "r" not in letters:
                letters += "r"
            if entry.locked and "w" not in letters:
                letters += "w"
            inserted, updated = self._written.get(entry, (set(), set()))
            columns = [_attnums(relation, places) for places in (selected, inserted, updated)]
            yield Need(relation, letters, columns[0], columns[1], columns[2], view)


def _attnums(relation: TableDef | ViewDef, places: set[int]) -> frozenset[int]:
    return frozenset(relation.columns[place].attnum for place in places)


def own_nodes(root: Any) -> Iterator[Any]:
    """Every node below and including `root`, outer ones first; not the inside of views."""
    seen: set[int] = set()
    queue = deque([root])
    while queue:
        node = queue.popleft()
        if isinstance(node, (tuple, list)):
            queue.extendleft(reversed(node))
        elif not isinstance(node, _LEAVES) and is_dataclass(node) and id(node) not in seen:
            seen.add(id(node))
            yield node
            if isinstance(node, (ColumnRef, CteRef)) or (isinstance(node, RangeEntry) and node.view is not None):
                continue  # what they refer to is walked where it stands, or by itself
            queue.extend(_own_sets(node) if f.name == "sets" else getattr(node, f.name) for f in fields(node))


def _own_sets(node: Any) -> Any:
    """Assignments, without those to generated columns: what these are made of, nobody has asked to see."""
    table = node.table if isinstance(node, Update) else node.excluded.source if node.excluded is not None else None
    return [s for s in node.sets if table is None or table.columns[s[0]].generation is None]
