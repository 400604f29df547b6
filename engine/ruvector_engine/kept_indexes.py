"""Indexes that are derived from tables and kept in a directory: what vector and inverted indexes have in common."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

from ruvector_engine.catalog.model import Catalog
from ruvector_engine.index import IndexMaintenance
from ruvector_engine.index.maintenance import Maintained

Index = TypeVar("Index", bound=Maintained)


class KeptIndexes(ABC, Generic[Index]):
    """Indexes by OID, looked after in the background, saved under their OIDs. `get` may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._indexes: dict[int, Index] = {}
        self._maintenance = IndexMaintenance()
        self._maintenance.start()

    def get(self, oid: int) -> Index | None:
        """The index; None while there is none to search: queries then read the table."""
        return self._indexes.get(oid)

    def open_all(self, catalogs: Sequence[Catalog]) -> None:
        """Load every index of these databases, or build it from its table; files of no index are removed."""
        self._directory.mkdir(exist_ok=True)
        known = set().union(*map(self._open_of, catalogs))
        for path in self._directory.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    @abstractmethod
    def _open_of(self, catalog: Catalog) -> set[str]:
        """Open those of one database; the names of their files."""

    def _install(self, oid: int, index: Index) -> None:
        former = self._indexes.get(oid)
        if former is not None:
            self._maintenance.forget(former)
        self._indexes[oid] = index
        self._maintenance.watch(index, self._directory / str(oid))

    def _remove(self, oid: int) -> None:
        index = self._indexes.pop(oid, None)
        if index is not None:
            self._maintenance.forget(index)
            shutil.rmtree(self._directory / str(oid), ignore_errors=True)

    def close(self) -> None:
        """Stop maintenance and save every index."""
        self._maintenance.stop()
        for oid, index in self._indexes.items():
            index.save(self._directory / str(oid))
