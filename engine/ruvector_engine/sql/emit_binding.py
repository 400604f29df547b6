"""What emitted SQL is bound to, and how it names things."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ruvector_engine.errors import not_supported
from ruvector_engine.sql.functions.text_search import TO_QUERY_TEMPLATES
from ruvector_engine.sql.nodes import Aggregate, Call, ColumnRef, Const, Expr, Param, Special, SubLink
from ruvector_engine.sql.raw import position
from ruvector_engine.sql.tree import walk
from ruvector_engine.types.registry import TypeRef, Value


@dataclass(frozen=True, slots=True)
class SessionValue:
    """A value that the executor provides when the statement runs: "now", "setval" with its arguments, ..."""

    name: str
    args: tuple[Expr | SessionValue, ...]
    type: TypeRef


Binding = Const | Param | SessionValue


_QUOTED_OR_PLACE = re.compile(r"'(?:[^']|'')*'|\$(\d+)")


def written_out(text: str, values: Sequence[Value]) -> str:
    """DuckDB's SQL with the values of its parameters in their places."""
    literals = [_literal(value) for value in values]
    if not literals:
        return text
    return _QUOTED_OR_PLACE.sub(lambda m: literals[int(m[1]) - 1] if m[1] else m[0], text)


def _literal(value: Value) -> str:
    """The value in DuckDB's SQL; what surrounds it casts it to its type."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(value)
    if isinstance(value, bytes):
        return f"from_hex('{value.hex()}')"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_literal(key)}: {_literal(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_literal(v) for v in value)}]"
    text = format(value, "f") if isinstance(value, Decimal) and value.is_finite() else str(value)
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def quote(identifier: str) -> str:
    """The identifier in double quotes."""
    escaped = identifier.replace('"', '""')
    return f'"{escaped}"'


def is_known_before(expr: Expr) -> bool:
    """Whether the arguments of a session function are known before any row is read."""
    return not any(isinstance(part, (ColumnRef, SubLink, Aggregate)) for part in walk(expr))


def text_query(expr: Expr) -> SessionValue | None:
    """The binding of a tsquery made of a text known before any row is read: the session tells if it is empty."""
    if not (isinstance(expr, Call) and expr.function.template in TO_QUERY_TEMPLATES and is_known_before(expr)):
        return None
    args = tuple(session_value(a) if isinstance(a, Special) and a.kind == "session" else a for a in expr.args)
    return SessionValue(expr.function.name, args, expr.type)


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
