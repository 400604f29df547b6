"""The WHERE beside a k-NN search: the ids of the rows that match, from DuckDB, cached until the table changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ruvector_engine.catalog.model import ROW_ID
from ruvector_engine.executor.bindings import values
from ruvector_engine.executor.text_scans import Narrowed, narrow
from ruvector_engine.planner.match import KnnMatch
from ruvector_engine.relational.duck import Connection
from ruvector_engine.sql.emit import DuckSql, emit_query
from ruvector_engine.sql.nodes import BoolOp, ColumnRef, Expr, Query, Special, Target
from ruvector_engine.transactions import Ids
from ruvector_engine.types.registry import BOOL, INT8, TypeRef, Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Memory for cached id sets, in bytes.
DEFAULT_BUDGET = 64 * 1024 * 1024
#: What an entry takes beside ids and key.
_ENTRY_BYTES = 500


class FilterCache:
    """Sorted id arrays by (tables, their versions, predicate with its values); least recently used go first."""

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self._budget = budget
        self._used = 0
        self._lock = threading.Lock()
        self._entries: OrderedDict[Any, Ids] = OrderedDict()

    def get(self, key: Any) -> Ids | None:
        """The ids cached under a key."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: Any, ids: Ids) -> None:
        """Keep ids, dropping what was not used for longest."""
        if _size(key, ids) > self._budget:
            return
        with self._lock:
            old = self._entries.pop(key, None)
            self._used += _size(key, ids) - (_size(key, old) if old is not None else 0)
            self._entries[key] = ids
            while self._used > self._budget:
                old_key, dropped = self._entries.popitem(last=False)
                self._used -= _size(old_key, dropped)


#: The settings by which a condition's texts and moments are read and written.
_TEXT_SETTINGS = ("TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output")


def _size(key: Any, ids: Ids) -> int:
    """Bytes of an entry, its key included: predicates that let nothing through take room too."""
    return ids.nbytes + len(repr(key)) + _ENTRY_BYTES


_NOTHING = Narrowed()


def rows_query(match: KnnMatch, *, key: Expr | None = None, narrowed: Narrowed = _NOTHING) -> DuckSql:
    """SELECT hidden id [, `key`] of the rows that match the filter and have a key."""
    entry = match.entry
    targets = [Target(ColumnRef(entry, -1, ROW_ID, TypeRef(INT8)), ROW_ID)]
    if key is not None:
        targets.append(Target(key, "key"))
    present: Expr = Special("isnotnull", (match.key,), TypeRef(BOOL))
    where = BoolOp("AND", (*match.filter, present)) if match.filter else present
    query = Query(tuple(targets), from_items=(entry,), where=where)
    return emit_query(query, scans=narrowed.scans(), settled=narrowed.settled, transport=False)


def matching_ids(session: Session, connection: Connection, match: KnnMatch, params: Sequence[Value]) -> Ids:
    """Sorted ids of the rows that match the filter, as `connection`'s transaction sees them."""
    if session.transaction.open or match.filter_tables is None:
        return _evaluated(session, connection, match, params)
    statement = rows_query(match)
    bound = values(session, statement, params)
    cache = session.database.filters
    key = _key(session, match.filter_tables, statement, bound)
    ids = cache.get(key)
    if ids is None:
        ids = _evaluated(session, connection, match, params)
        if _key(session, match.filter_tables, statement, bound) == key:
            cache.put(key, ids)
    return ids


def _evaluated(session: Session, connection: Connection, match: KnnMatch, params: Sequence[Value]) -> Ids:
    """The sorted ids, text searches by their indexes."""
    narrowed = narrow(session, match.texts, params)
    if not session.transaction.open and all(id(part) in narrowed.settled for part in match.filter):
        return narrowed.ids[match.entry]  # rows without a vector among them are in no vector index
    statement = rows_query(match, narrowed=narrowed)
    return np.sort(connection.ids(statement.text, values(session, statement, params)))


def cached_ids(session: Session, match: KnnMatch, statement: DuckSql, params: Sequence[Value]) -> Ids | None:
    """What `matching_ids` would return, if it is cached; `statement` is the search's `rows_query`."""
    if match.filter_tables is None or session.database.rows.changing(match.table.oid):
        return None
    return session.database.filters.get(
        _key(session, match.filter_tables, statement, values(session, statement, params))
    )


def _key(session: Session, tables: tuple[int, ...], statement: DuckSql, bound: Sequence[Any]) -> tuple[Any, ...]:
    """What the ids hang on: the text, its values and settings, and the tables that it reads with their versions."""
    version = session.database.rows.version
    settings = tuple(session.settings[name] for name in _TEXT_SETTINGS)
    return (tables, tuple(map(version, tables)), statement.text, _hashable(bound), settings)


def _hashable(bound: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(repr(v) if isinstance(v, (list, dict)) else (type(v), v) for v in bound)
