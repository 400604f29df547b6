"""Names with a database before the schema: no other than the one connected to may stand there, as in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ruvector_engine.catalog.model import Catalog
from ruvector_engine.errors import SqlError
from ruvector_engine.sql.raw import pb, position, strings

#: Places of utilities that list names of relations, as lists of strings.
_NAMES_DROPPED = frozenset({"OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_SEQUENCE", "OBJECT_VIEW"})
#: Utilities whose errors tell where the name stands.
_WITH_POSITION = frozenset({"create_stmt"})


def require_own(catalog: Catalog, parts: Sequence[str], location: int = -1, *, relation: bool = True) -> None:
    """0A000 when a name's first part is another database's than the catalog's. Relations are named in quotes."""
    if parts[0] != catalog.authority.database_name:
        shown = ".".join(parts)
        shown = f'"{shown}"' if relation else shown
        text = f"cross-database references are not implemented: {shown}"
        raise SqlError("0A000", text, position=position(location))


def require_own_relation(catalog: Catalog, node: Any, *, tell: bool = True) -> None:
    """The same of a RangeVar, which may have no database in it. `tell`: where it stands."""
    if node.catalogname:
        parts = (node.catalogname, node.schemaname, node.relname)
        require_own(catalog, parts, node.location if tell else -1)


def check_utility(catalog: Catalog, kind: str, node: Any) -> None:
    """The same of every relation that a utility names."""
    for named in _relations(node):
        require_own_relation(catalog, named, tell=kind in _WITH_POSITION)
    if kind == "drop_stmt" and pb.ObjectType.Name(node.remove_type) in _NAMES_DROPPED:
        for item in node.objects:
            names = strings(item.list.items)
            if len(names) > 2:
                require_own(catalog, names)


def _relations(message: Any) -> Iterator[Any]:
    """Every RangeVar in a parse tree."""
    if message.DESCRIPTOR.name == "RangeVar":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                yield from _relations(part)
