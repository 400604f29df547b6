"""Names of catalog objects in literals: 'items'::regclass, 'integer'::regtype."""

from __future__ import annotations

from ruvector_engine.catalog.system.functions import REG_TYPES
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.sql.context import Context
from ruvector_engine.types.registry import BY_OID

__all__ = ["lookup_of", "name_to_oid", "quote_identifier"]


#: The last one made, for contexts that bring none: making one goes through the whole catalog.
_recent: dict[tuple[int, tuple[str, ...]], Lookup] = {}


def lookup_of(context: Context) -> Lookup:
    """The catalog by name and OID, as the statement's session sees it."""
    if context.lookup is not None:
        return context.lookup
    key = (id(context.catalog), context.search_path)
    found = _recent.get(key)
    if found is None or found.catalog is not context.catalog:
        _recent.clear()
        found = _recent[key] = Lookup.of(context.catalog, context.search_path, user="")
    return found


def name_to_oid(lookup: Lookup, text: str, type_oid: int) -> int:
    """The OID that a reg* literal names; 42P01, 42704 and so on when there is nothing of that name."""
    if text.isdigit():
        return int(text)
    read, _ = REG_TYPES[BY_OID[type_oid].name]
    return read(lookup, text)
