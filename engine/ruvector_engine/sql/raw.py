"""Reading PostgreSQL's raw parse nodes (libpg_query's protobuf messages).

The one rule: a field that is set and that nobody reads is never dropped; `guard` refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from postgast import pg_query_pb2 as _pb

from ruvector_engine.errors import SqlError, not_supported

#: libpg_query's enums and message classes. Typed Any: the generated module has names no checker knows.
pb: Any = _pb

_LABELS = {
    "SelectStmt": "SELECT",
    "InsertStmt": "INSERT",
    "UpdateStmt": "UPDATE",
    "DeleteStmt": "DELETE",
    "FuncCall": "a function call",
    "RangeFunction": "a function in FROM",
}


def kind_of(node: Any) -> tuple[str, Any]:
    """The field name of a Node's alternative, and the message in it."""
    kind = node.WhichOneof("node")
    return kind, getattr(node, kind)


def guard(message: Any, handled: frozenset[str]) -> None:
    """Refuse (0A000) a message that has a field set which the caller does not read."""
    for descriptor, _ in message.ListFields():
        if descriptor.name not in handled:
            name = message.DESCRIPTOR.name
            clause = descriptor.name.replace("_", " ")
            raise not_supported(f"{clause} of {_LABELS.get(name, name)} is not supported")


def refuse(message: Any, kind: str) -> SqlError:
    """The error for a node kind that is not served."""
    name = kind.replace("_", " ").strip()
    return not_supported(f"{name} is not supported", position=position(getattr(message, "location", -1)))


def position(location: int) -> int | None:
    """A node's byte offset as a 1-based position; None when the node has none."""
    return location + 1 if location >= 0 else None


def strings(nodes: Iterable[Any]) -> list[str]:
    """The texts of a list of String nodes."""
    return [node.string.sval for node in nodes]


def location_of(node: Any) -> int:
    """The leftmost byte offset of an expression, as exprLocation() gives it; -1 when it has none."""
    kind, message = kind_of(node)
    if kind in ("a_expr", "type_cast", "a_indirection", "sub_link", "bool_expr", "null_test", "boolean_test"):
        places = [message.location] if hasattr(message, "location") else []
        for field in ("lexpr", "arg", "testexpr"):
            if field in message.DESCRIPTOR.fields_by_name and message.HasField(field):
                places.append(location_of(getattr(message, field)))
        if kind == "bool_expr" and message.args:
            places.append(location_of(message.args[0]))
        known = [p for p in places if p >= 0]
        return min(known) if known else -1
    return int(getattr(message, "location", -1))
