"""A statement after analysis and planning."""

from __future__ import annotations

from dataclasses import dataclass, field

from ruvector_engine.catalog.model import Catalog
from ruvector_engine.planner.plan import Plan
from ruvector_engine.results import StatementDescription
from ruvector_engine.sql.analyze import Analyzed
from ruvector_engine.sql.needs import Needs
from ruvector_engine.sql.parser import RawStatement


@dataclass(slots=True)
class Prepared:
    """A statement after analysis and planning; made anew when the catalog has moved on (`Session.current_plan`)."""

    raw: RawStatement
    parameter_oids: tuple[int, ...] | None
    analyzed: Analyzed
    plan: Plan
    catalog: Catalog
    search_path: tuple[str, ...]
    description: StatementDescription
    needs: Needs | None = None  # None: not looked at
    #: The settings' generation, the current user among them, under which all that it needs was granted; -1: none.
    allowed_at: int = -1
    #: The parameters of array types, and which of these this plan takes with their shape.
    arrays: tuple[int, ...] = ()
    shaped: frozenset[int] = frozenset()
    #: The same statement for other choices of `shaped`.
    variants: dict[frozenset[int], Prepared] = field(default_factory=dict)
