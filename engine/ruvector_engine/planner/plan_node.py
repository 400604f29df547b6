"""A node of the plan that EXPLAIN shows."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a node reads or changes: a relation, a function, a WITH query, a subquery. `label` is JSON's key for it."""

    label: str
    name: str
    alias: str
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Actual:
    """What ANALYZE measured: rows, and milliseconds until the first of them and until the last."""

    rows: int
    first_ms: float
    total_ms: float
    removed: int | None = None  # rows that the filter took out


@dataclass(slots=True)
class PlanNode:
    """One node: its name as the text format has it ("Hash Left Join"), its details in order, and its inputs.

    `kind` and `properties` are its type and what else JSON says of it. A detail is a text, or a list of them.
    `subplan` is the name of a subplan ("InitPlan 1", "CTE x") whose top this is.
    """

    title: str
    rows: float
    cost: float
    children: list[PlanNode] = field(default_factory=list)
    details: list[tuple[str, str | list[str]]] = field(default_factory=list)
    kind: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    index: str = ""
    scanned: Scanned | None = None
    inner_unique: bool | None = None
    startup: float = 0.0
    passes: bool = False  # it gives all the rows that it gets
    table_rows: int = 0  # of a Seq Scan: how many it goes through
    relationship: str = "Outer"
    subplan: str = ""
    actual: Actual | None = None
    disabled: bool = False  # a setting speaks against it, and there was no other way

    def detail(self, label: str) -> str | list[str] | None:
        """The detail of that label."""
        return next((text for name, text in self.details if name == label), None)

    def inputs(self) -> list[PlanNode]:
        """The children that are no subplans."""
        return [child for child in self.children if not child.subplan]
