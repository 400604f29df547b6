"""What emitted SQL is bound to, and how it names things."""

from __future__ import annotations

from dataclasses import dataclass

from ruvector_engine.errors import not_supported
from ruvector_engine.sql.nodes import Aggregate, ColumnRef, Const, Expr, Param, Special, SubLink
from ruvector_engine.sql.raw import position
from ruvector_engine.sql.tree import walk
from ruvector_engine.types.registry import TypeRef


@dataclass(frozen=True, slots=True)
class SessionValue:
    """A value that the executor provides when the statement runs: "now", "setval" with its arguments, ..."""

    name: str
    args: tuple[Expr | SessionValue, ...]
    type: TypeRef


Binding = Const | Param | SessionValue


def quote(identifier: str) -> str:
    """The identifier in double quotes."""
    escaped = identifier.replace('"', '""')
    return f'"{escaped}"'


def is_known_before(expr: Expr) -> bool:
    """Whether the arguments of a session function are known before any row is read."""
    return not any(isinstance(part, (ColumnRef, SubLink, Aggregate)) for part in walk(expr))


def session_value(expr: Expr) -> SessionValue:
    """The binding of a session function, its arguments evaluated by the executor too; 0A000 for other arguments."""
    assert isinstance(expr, Special)
    args: list[Expr | SessionValue] = []
    for arg in expr.args:
        assert arg is not None
        if isinstance(arg, Special) and arg.kind == "session":
            args.append(session_value(arg))
        elif not is_known_before(arg):
            raise not_supported(
                f"{expr.extra}() of a value that a table gives is not supported", position=position(expr.location)
            )
        else:
            args.append(arg)
    return SessionValue(expr.extra, tuple(args), expr.type)
