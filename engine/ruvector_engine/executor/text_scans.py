"""Tables narrowed to the documents that inverted indexes find, as the transaction sees them.

Outside a DuckDB transaction an index answers for the newest committed rows; whoever asks makes sure that no commit came
between (`rows.version`). Inside one, rows that the index does not know, written here or deleted elsewhere since, are
looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ruvector_engine.catalog.model import ROW_ID, IndexDef, TableDef
from ruvector_engine.executor.bindings import evaluate
from ruvector_engine.inverted import TextIndex
from ruvector_engine.planner.index_keys import index_key
from ruvector_engine.planner.operator_classes import is_text
from ruvector_engine.planner.text_match import TextMatch
from ruvector_engine.sql.nodes import Expr, RangeEntry
from ruvector_engine.text_indexes import among
from ruvector_engine.text_search import queries
from ruvector_engine.transactions import Ids
from ruvector_engine.types.registry import Value

if TYPE_CHECKING:
    from ruvector_engine.session import Session


@dataclass(frozen=True, slots=True)
class Chosen:
    """The index that answers a search; `implied` are the conditions of the query that its predicate is."""

    definition: IndexDef
    index: TextIndex
    ids_sql: str  # of the rows that it is over
    implied: tuple[Expr, ...]


@dataclass(slots=True)
class Narrowed:
    """Which rows of some tables can match; `settled`: id() of conditions that hold of all of these."""

    ids: dict[RangeEntry, Ids] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)

    def scans(self) -> dict[RangeEntry, str]:
        """DuckDB's SQL for the tables narrowed."""
        return {entry: narrowed_table(entry.source, ids) for entry, ids in self.ids.items()}


def narrowed_table(table: object, ids: Ids) -> str:
    """DuckDB's SQL for a table narrowed to some ids."""
    assert isinstance(table, TableDef)
    return f'(SELECT * FROM {table.storage_name} WHERE "{ROW_ID}" {among(ids)})'


def choose(session: Session, match: TextMatch, params: Sequence[Value]) -> Chosen | None:
    """The index that answers a text search; None where there is none, or the settings speak against it."""
    if session.settings["enable_bitmapscan"] == "off":
        return None
    transaction, database = session.transaction, session.database
    for definition in session.catalog.indexes_of(match.table.oid):
        if not is_text(definition, match.table):
            continue
        index = database.text_indexes.get(definition.oid)
        if index is None or definition.oid in transaction.new_indexes:
            continue
        if transaction.open and database.defined_at.get(definition.oid, 0) > transaction.snapshot:
            continue  # it is over rows that this transaction may see as they were before
        key = index_key(definition, match.table, session.catalog)
        left = key.serves(match.key, match.entry, match.conditions, params)
        if left is not None:
            return Chosen(definition, index, key.ids_sql, tuple(part for part in match.conditions if part not in left))
    return None


def narrow(session: Session, matches: Iterable[TextMatch], params: Sequence[Value]) -> Narrowed:
    """What the indexes say of these searches; those that no index answers are left to DuckDB."""
    narrowed = Narrowed()
    for match in matches:
        chosen = choose(session, match, params)
        if chosen is None:
            continue
        query = evaluate(session, session.connection, match.operand, params)
        ids, exact = _documents(session, chosen, query)
        before = narrowed.ids.get(match.entry)
        narrowed.ids[match.entry] = ids if before is None else np.intersect1d(before, ids, assume_unique=True)
        if exact:
            narrowed.settled.add(id(match.condition))
    return narrowed


def _documents(session: Session, chosen: Chosen, query: Value) -> tuple[Ids, bool]:
    """The ids of documents that may match, ascending, and whether they all do."""
    if query is None:
        return np.empty(0, np.int64), True
    state = chosen.index.current()
    found = state.search(queries.read(str(query)))
    if not session.transaction.open:
        return (np.union1d(found, state.pending), False) if len(state.pending) else (found, True)
    visible = np.sort(session.connection.ids(chosen.ids_sql))
    unknown = visible[~state.contains(visible)]
    found = np.intersect1d(found, visible, assume_unique=True)
    return (np.union1d(found, unknown), False) if len(unknown) else (found, True)
