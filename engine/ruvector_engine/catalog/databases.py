"""The databases of a data directory: their names and options. Each has a `Catalog` of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: pg_database's OID, as pg_depend's classoid.
PG_DATABASE = 1262
#: The OIDs of the databases that every directory begins with.
TEMPLATE1, TEMPLATE0, POSTGRES = 1, 4, 5


@dataclass(frozen=True, slots=True)
class DatabaseDef:
    """A database. Its owner and its privileges stand with those of other objects, under `PG_DATABASE`."""

    oid: int
    name: str
    is_template: bool = False
    allows_connections: bool = True
    connection_limit: int = -1  # -1: none


#: What a new directory has, by name.
INITIAL: Mapping[str, DatabaseDef] = MappingProxyType(
    {
        d.name: d
        for d in (
            DatabaseDef(POSTGRES, "postgres"),
            DatabaseDef(TEMPLATE1, "template1", is_template=True),
            DatabaseDef(TEMPLATE0, "template0", is_template=True, allows_connections=False),
        )
    }
)
#: What is said of them.
INITIAL_COMMENTS: Mapping[int, str] = MappingProxyType(
    {
        POSTGRES: "default administrative connection database",
        TEMPLATE1: "default template for new databases",
        TEMPLATE0: "unmodifiable empty database",
    }
)
