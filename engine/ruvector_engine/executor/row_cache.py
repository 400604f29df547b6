"""Rows by row id, kept in memory so that a k-NN query on the hot path never asks DuckDB.

A projection is one list of columns of one table, kept column by column in arrays that the row id indexes: 8 bytes a
value for numbers and times, an object for the rest. Commits take out what they changed. A row read while a commit
was under way is not kept (`version`), so a stale one never is.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ruvector_engine.results import Row
from ruvector_engine.types.registry import TypeRef

Ids = npt.NDArray[np.int64]

#: Memory for cached rows, in bytes.
DEFAULT_BUDGET = 256 * 1024 * 1024
#: Room for row ids that are yet to come, as a share of the range of those there are.
_HEADROOM = 0.25
#: Below this, ids count from 0, so that a look-up need not subtract; untouched pages of an array cost nothing.
_BASE_FROM = 1_000_000
_INTEGERS = frozenset({"int2", "int4", "int8", "oid", "date", "time", "timestamp", "timestamptz"})
_FLOATS = frozenset({"float4", "float8"})


class _Arrays(NamedTuple):
    """One generation of a projection's arrays; replaced as a whole, so that a reader needs no lock.

    Row id i is at place i - `base`. `nulls` has an item a column: None while no value of it is NULL.
    """

    base: int
    known: npt.NDArray[np.bool_]
    columns: tuple[npt.NDArray[Any], ...]
    nulls: tuple[npt.NDArray[np.bool_] | None, ...]


class Projection:
    """Cached rows of some columns of a table. `take` and `known` may be called without a lock."""

    def __init__(self, table_oid: int, types: Sequence[TypeRef]) -> None:
        self.table_oid = table_oid
        self.bytes = 0
        self.warmed = False
        self._dtypes = [_dtype(t) for t in types]
        self._arrays = self._no_arrays()

    def take(self, ids: Ids) -> list[Row] | None:
        """The rows of these ids, in their order; None when one is not here."""
        base, known, columns, all_nulls = self._arrays
        at = ids - base if base else ids
        if base and len(at) and at.min() < 0:
            return None
        try:
            values = [column.take(at).tolist() for column in columns]
            for place, nulls in enumerate(all_nulls):
                if nulls is not None and (missing := nulls.take(at)).any():
                    values[place] = [None if m else v for v, m in zip(values[place], missing.tolist(), strict=True)]
            # Last: a row that a commit has taken out meanwhile must not be answered.
            if False in known.take(at).tolist():
                return None
        except IndexError:
            return None
        return list(zip(*values, strict=True)) if values else [()] * len(at)

    def known(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Which of these ids are here."""
        arrays = self._arrays
        at = ids - arrays.base
        inside: npt.NDArray[np.bool_] = (at >= 0) & (at < len(arrays.known))
        inside[inside] = arrays.known[at[inside]]
        return inside

    # The rest is called by RowCache, under its lock.

    def put(self, ids: Ids, rows: Sequence[Row]) -> None:
        """Keep rows."""
        arrays = self._with_room(int(ids.min()), int(ids.max()))
        at = ids - arrays.base
        all_nulls = list(arrays.nulls)
        for place, (column, values) in enumerate(zip(arrays.columns, zip(*rows, strict=True), strict=True)):
            if column.dtype == object:
                column[at] = np.fromiter(values, object, len(values))
                self.bytes += sum(map(sys.getsizeof, values))
                continue
            nulls = [value is None for value in values]
            if any(nulls) and all_nulls[place] is None:
                all_nulls[place] = np.zeros(len(arrays.known), np.bool_)
            if (mask := all_nulls[place]) is not None:
                mask[at] = nulls
            column[at] = [0 if value is None else value for value in values]
        self.bytes += len(ids) * (1 + 8 * len(arrays.columns))
        self._arrays = arrays._replace(nulls=tuple(all_nulls))
        arrays.known[at] = True

    def drop(self, ids: Ids) -> None:
        """Take rows out."""
        at = ids - self._arrays.base
        self._arrays.known[at[(at >= 0) & (at < len(self._arrays.known))]] = False

    def empty(self) -> None:
        """Take everything out."""
        self._arrays.known[:] = False
        self._arrays = self._no_arrays()
        self.bytes = 0
        self.warmed = False

    def _no_arrays(self) -> _Arrays:
        columns = tuple(np.zeros(0, dtype) for dtype in self._dtypes)
        return _Arrays(0, np.zeros(0, np.bool_), columns, (None,) * len(columns))

    def _with_room(self, low: int, high: int) -> _Arrays:
        """The arrays, made anew where they do not reach from `low` to `high`."""
        old = self._arrays
        size = len(old.known)
        if size and low >= old.base and high < old.base + size:
            return old
        base = min(low, old.base) if size else low if low > _BASE_FROM else 0
        reach = max(high + 1, old.base + size if size else 0) - base
        wanted = reach + int(reach * _HEADROOM) + 1024
        start = old.base - base if size else 0

        def moved(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            new = np.zeros(wanted, array.dtype)
            new[start : start + size] = array
            return new

        nulls = tuple(None if n is None else moved(n) for n in old.nulls)
        return _Arrays(base, moved(old.known), tuple(moved(c) for c in old.columns), nulls)


class RowCache:
    """All projections, within one memory budget; the first made go first when it is spent."""

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self.budget = budget
        self._lock = threading.Lock()
        self._projections: OrderedDict[tuple[int, tuple[str, ...], tuple[TypeRef, ...]], Projection] = OrderedDict()
        self._versions: dict[int, int] = {}
        self._changing: set[int] = set()

    def version(self, table_oid: int) -> int:
        """Another number whenever a commit that changes the table begins or has become visible."""
        return self._versions.get(table_oid, 0)

    def changing(self, table_oid: int) -> bool:
        """Whether a commit is under way: DuckDB may show its rows already, the indexes not yet."""
        return table_oid in self._changing

    def begin_change(self, table_oids: Iterable[int]) -> None:
        """A commit that changes these tables begins; `end_change` ends it, `changed` says what it did."""
        with self._lock:
            for oid in table_oids:
                self._versions[oid] = self._versions.get(oid, 0) + 1
                self._changing.add(oid)

    def end_change(self, table_oids: Iterable[int]) -> None:
        """The commit is visible, or has failed."""
        with self._lock:
            self._changing.difference_update(table_oids)

    def projection(self, table_oid: int, columns: Sequence[tuple[str, TypeRef]]) -> Projection:
        """The projection for these columns, made empty on first use."""
        key = (table_oid, tuple(name for name, _ in columns), tuple(type_ for _, type_ in columns))
        with self._lock:
            found = self._projections.get(key)
            if found is None:
                found = self._projections[key] = Projection(table_oid, key[2])
            return found

    def keep(self, projection: Projection, ids: Ids, rows: Sequence[Row], version: int) -> None:
        """Keep rows that were read while the table was at `version`; drops them if it has moved on."""
        if not len(ids):
            return
        with self._lock:
            if self._versions.get(projection.table_oid, 0) == version:
                projection.put(ids, rows)
                self._shrink(projection)

    def room_for(self, rows: int, row_bytes: int) -> bool:
        """Whether so many rows would fit beside what is cached."""
        return self.memory_bytes() + rows * row_bytes <= self.budget

    def changed(self, table_oid: int, ids: Iterable[Ids]) -> None:
        """A commit changed these rows of the table."""
        with self._lock:
            self._versions[table_oid] = self._versions.get(table_oid, 0) + 1
            for projection in self._of(table_oid):
                for part in ids:
                    projection.drop(part)

    def forget(self, table_oid: int) -> None:
        """The table was dropped, truncated or altered: nothing known of it holds."""
        with self._lock:
            self._versions[table_oid] = self._versions.get(table_oid, 0) + 1
            for projection in self._of(table_oid):
                projection.empty()

    def memory_bytes(self) -> int:
        """What the cache holds."""
        return sum(p.bytes for p in list(self._projections.values()))

    def _of(self, table_oid: int) -> list[Projection]:
        return [p for p in self._projections.values() if p.table_oid == table_oid]

    def _shrink(self, newest: Projection) -> None:
        """Back under the budget; the newest projection goes last."""
        while self.memory_bytes() > self.budget:
            victim = next((p for p in self._projections.values() if p is not newest and p.bytes), newest)
            victim.empty()
            if victim is newest:
                return


def _dtype(type_ref: TypeRef) -> npt.DTypeLike:
    name = type_ref.pg.name
    return np.int64 if name in _INTEGERS else np.float64 if name in _FLOATS else object
