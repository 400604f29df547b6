"""The databases of a directory as everybody sees them: which there are, and the committed catalog of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ruvector_engine.catalog.cluster import agree, following
from ruvector_engine.catalog.model import Catalog
from ruvector_engine.catalog.roles import Authority


@dataclass(slots=True)
class Published:
    """One database. Its catalog is never changed but replaced, by commits; sessions keep this object, and read it."""

    oid: int
    catalog: Catalog

    @property
    def name(self) -> str:
        """What it is called now."""
        return self.catalog.authority.database_name


class PublishedDatabases:
    """All of them. Changed under the commit lock; read from any thread."""

    def __init__(self, catalogs: Iterable[Catalog]) -> None:
        self._by_oid = {catalog.database: Published(catalog.database, catalog) for catalog in catalogs}

    def __iter__(self) -> Iterator[Published]:
        return iter(list(self._by_oid.values()))

    @property
    def authority(self) -> Authority:
        """Whom there is and what belongs to no database; which database's it is otherwise is not said."""
        return next(iter(self)).catalog.authority

    def find(self, name: str) -> Published | None:
        """The database of that name."""
        definition = self.authority.databases.get(name)
        return None if definition is None else self._by_oid.get(definition.oid)

    def of(self, oid: int) -> Published:
        """The database with that OID, which must exist."""
        return self._by_oid[oid]

    def add(self, catalog: Catalog) -> None:
        """A database was created."""
        self._by_oid[catalog.database] = Published(catalog.database, catalog)

    def remove(self, oid: int) -> None:
        """A database was dropped."""
        del self._by_oid[oid]

    def replace(self, catalog: Catalog) -> Catalog:
        """Give a database another catalog, and the others what this says of the cluster. The former one."""
        here = self._by_oid[catalog.database]
        former, here.catalog = here.catalog, catalog
        if not agree(former, catalog):
            for other in self:
                if other is not here:
                    other.catalog = following(other.catalog, catalog)
        return former
