"""What DuckDB would write in another form than the session's DateStyle wants: refused before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import not_supported
from ruvector_engine.planner.walk import nodes
from ruvector_engine.sql.nodes import Cast, Special
from ruvector_engine.types.registry import BY_OID, DATE, TIMESTAMP, TIMESTAMPTZ

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_DATED = frozenset({DATE, TIMESTAMP, TIMESTAMPTZ})


def refuse_date_texts(session: Session, root: Any) -> None:
    """0A000 for dates made texts inside a statement, unless DateStyle is ISO: the others are for results only."""
    style = session.settings["DateStyle"]
    if style.startswith("ISO"):
        return
    for node in nodes(root):
        if isinstance(node, Cast) and node.type.pg.category == "S":
            made = [node.arg]
        elif isinstance(node, Special) and node.kind in ("output", "row"):
            made = [arg for arg in node.args if arg is not None]
        else:
            continue
        if any(_dated(expr.type.oid) for expr in made):
            raise not_supported(
                f"dates as texts inside a statement are not supported when DateStyle is {style}",
                hint="SET DateStyle TO ISO, or use to_char().",
            )


def _dated(oid: int) -> bool:
    return oid in _DATED or BY_OID[oid].element_oid in _DATED
