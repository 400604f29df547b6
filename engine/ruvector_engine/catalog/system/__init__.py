"""pg_catalog and information_schema, made by Python from the immutable catalog whenever a query names one of them.

A view's rows are values in the registry's Python forms. Whoever runs the query puts them into a table named
`view.table.storage_name`; `view.changes` says how long they stay right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.catalog.system import (
    access,
    activity,
    callables,
    classes,
    databases,
    dependencies,
    empties,
    extensions,
    information_schema,
    listings,
    privilege_views,
    roles,
    text_search,
    types,
)
from ruvector_engine.catalog.system.context import (
    AccessRule,
    Activity,
    HeldLock,
    IndexBuild,
    NameMapping,
    OpenCursor,
    RelationStatistics,
    SystemContext,
)
from ruvector_engine.catalog.system.relations import RELATIONS

__all__ = [
    "SYSTEM_VIEWS",
    "AccessRule",
    "Activity",
    "HeldLock",
    "IndexBuild",
    "NameMapping",
    "OpenCursor",
    "RelationStatistics",
    "SystemContext",
    "SystemView",
]

RowSource = Callable[[SystemContext], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class SystemView:
    """A system relation. Its rows change never, with the catalog (and the session's user, database and search path),
    or at any time."""

    table: TableDef
    rows: RowSource
    changes: Literal["never", "catalog", "always"]


def _no_rows(_context: SystemContext) -> list[tuple[Any, ...]]:
    return []


_VOLATILE = frozenset({"pg_class", "pg_sequences", "pg_settings", *activity.ROWS})
_PG_CATALOG = (
    access,
    activity,
    callables,
    classes,
    databases,
    dependencies,
    empties,
    extensions,
    listings,
    roles,
    text_search,
    types,
)


def _sources(schema: str) -> tuple[dict[str, RowSource], set[str]]:
    modules = (information_schema, privilege_views) if schema == "information_schema" else _PG_CATALOG
    rows: dict[str, RowSource] = {}
    empty: set[str] = set()
    for module in modules:
        rows |= getattr(module, "ROWS", {})
        empty |= set(getattr(module, "EMPTY", ()))
    return rows, empty


def _views() -> dict[tuple[str, str], SystemView]:
    views = {}
    for schema in ("pg_catalog", "information_schema"):
        rows, empty = _sources(schema)
        for name in rows:
            changes: Literal["catalog", "always"] = "always" if name in _VOLATILE else "catalog"
            views[schema, name] = SystemView(RELATIONS[schema, name].table, rows[name], changes)
        for name in empty:
            views[schema, name] = SystemView(RELATIONS[schema, name].table, _no_rows, "never")
    if views.keys() != RELATIONS.keys():
        raise RuntimeError(f"relations without rows: {sorted(RELATIONS.keys() - views.keys())}")
    return views


#: Every system relation by (schema, name).
SYSTEM_VIEWS: Mapping[tuple[str, str], SystemView] = MappingProxyType(_views())
