"""Statements made ready to run: analyzed, planned, described."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ruvector_engine.catalog.system.callables import existing_procedures
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import clearance, dispatch
from ruvector_engine.planner.plan import make_plan
from ruvector_engine.results import StatementDescription
from ruvector_engine.session.prepared import Prepared
from ruvector_engine.sql.analyze import analyze
from ruvector_engine.sql.parser import RawStatement

if TYPE_CHECKING:
    from ruvector_engine.session.session import Session


def prepare(
    session: Session, raw: RawStatement, parameter_oids: Sequence[int] | None, shaped: frozenset[int]
) -> Prepared:
    """Analyze and plan: see `Session.prepare`."""
    catalog, search_path = session.catalog, session.search_path
    try:
        analyzed = analyze(raw, session.analysis_context(), parameter_oids, shaped)
        needs = clearance.needs_for(session, analyzed)
        plan = make_plan(analyzed)
    except RecursionError:
        raise too_deep() from None
    description = StatementDescription(tuple(t.oid for t in analyzed.parameters), analyzed.columns)
    oids = None if parameter_oids is None else tuple(parameter_oids)
    arrays = tuple(n for n, t in enumerate(analyzed.parameters, 1) if t.is_array)
    prepared = Prepared(raw, oids, analyzed, plan, catalog, search_path, description, needs)
    prepared.arrays, prepared.shaped = arrays, shaped
    dispatch.describe(session, prepared)
    return prepared


def prepare_call(session: Session, oid: int, given: int) -> tuple[Prepared, bool]:
    """A function's call as a query: see `Session.prepare_call`."""
    found = next((p for p in existing_procedures(session.catalog) if p.oid == oid), None)
    if found is None or found.kind != "f" or found.returns_set:
        raise SqlError("42883", f"function with OID {oid} does not exist")
    if given != len(found.arguments):
        raise SqlError(
            "08P01",
            f"function call message contains {given} arguments but function requires {len(found.arguments)}",
        )
    arguments = ", ".join(f"${number}" for number in range(1, given + 1))
    name = found.name.replace('"', '""')
    (raw,) = session.parse(f'SELECT {found.schema}."{name}"({arguments})')
    return session.prepare(raw, found.arguments), found.strict


def too_deep() -> SqlError:
    """54001 for a statement that is nested too deeply."""
    return SqlError("54001", "stack depth limit exceeded", hint="Write the statement with less nesting.")
