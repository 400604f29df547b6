"""PREPARE, EXECUTE, DEALLOCATE. Named statements are the session's, shared with the extended protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, plans, widening
from ruvector_engine.executor.bindings import evaluate
from ruvector_engine.planner.plan import UtilityPlan
from ruvector_engine.results import Result
from ruvector_engine.sql.analyze import analyze_expression
from ruvector_engine.sql.needs import counted_in
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.parser import inner_statement
from ruvector_engine.sql.typenames import resolve_type
from ruvector_engine.types.registry import TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Prepared, Session


def run_prepare(session: Session, statement: Utility) -> Result:
    """PREPARE name [(types)] AS statement."""
    node = statement.node
    if node.name in session.statements:
        raise SqlError("42P05", f'prepared statement "{node.name}" already exists')
    if session.raw is None:
        raise SqlError("XX000", "PREPARE has no text")
    oids = [resolve_type(t.type_name, session.catalog, session.search_path).oid for t in node.argtypes]
    session.statements[node.name] = session.prepare(inner_statement(session.raw, node.query), oids)
    return Result("PREPARE")


def find(session: Session, name: str) -> Prepared:
    """The named statement; 26000 when there is none."""
    prepared = session.statements.get(name)
    if prepared is None:
        raise SqlError("26000", f'prepared statement "{name}" does not exist')
    return prepared


def run_execute(session: Session, statement: Utility) -> Result:
    """EXECUTE name [(values)]."""
    prepared, values = bound(session, statement.node)
    if isinstance(prepared.plan, UtilityPlan):
        raise not_supported("EXECUTE of this statement is not supported", hint="Send it directly.")
    return plans.run(session, prepared.plan, values)


def bound(session: Session, node: Any) -> tuple[Prepared, list[Value]]:
    """The statement that an EXECUTE names, and the values it gives to the parameters."""
    prepared = session.current_plan(find(session, node.name))
    wanted = prepared.description.parameters
    if len(node.params) != len(wanted):
        raise SqlError(
            "42601",
            f'wrong number of parameters for prepared statement "{node.name}"',
            detail=f"Expected {len(wanted)} parameters but got {len(node.params)}.",
        )
    context = session.analysis_context()
    values = []
    for given, oid in zip(node.params, wanted, strict=True):
        target = TypeRef(oid)
        if target.is_array:
            target = replace(target, shaped=True)
        expr = analyze_expression(given, context, target=target, column="parameter", clause="EXECUTE")
        access.require_counted(session, counted_in([expr]))
        values.append(evaluate(session, session.connection, expr, ()))
    return widening.fitting(session, prepared, values), values


def run_deallocate(session: Session, statement: Utility) -> Result:
    """DEALLOCATE name | ALL."""
    node = statement.node
    if node.isall or not node.name:
        session.statements.clear()
        return Result("DEALLOCATE ALL")
    find(session, node.name)
    del session.statements[node.name]
    return Result("DEALLOCATE")
