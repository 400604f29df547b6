"""Building an index in a transaction: for CREATE INDEX, REINDEX, and ALTER TABLE that changes its values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import Catalog, IndexDef, TableDef
from ruvector_engine.catalog.system import IndexBuild
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import snapshots, table_access
from ruvector_engine.index import BuildCancelled

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def build_index(
    session: Session,
    definition: IndexDef,
    table: TableDef,
    command: str = "CREATE INDEX",
    catalog: Catalog | None = None,
) -> IndexDef:
    """Build an index of what the transaction sees; it is installed when the transaction commits.

    A definition without an OID is given one. `command`: what pg_stat_progress_create_index calls it. `catalog`: of the
    database that the table is in, if that is not the session's own.
    """
    with session.database.indexes.builds.announced(definition):
        if definition.reads or not definition.is_vector:
            # An UPDATE that has not heard of the index changes what it reads without giving the row another id.
            session.lock(table.oid, "update", keep=False)
            snapshots.catch_up(session, (table,))
        if not definition.oid:
            definition = replace(definition, oid=store.new_oid(session.connection))
        session.transaction.new_indexes[definition.oid] = definition
        session.transaction.writes += 1
        session.building = IndexBuild(
            session.pid, table.oid, definition.oid, command, "initializing", 0, 0, session.published.oid
        )
        try:
            _build(session, definition, table, catalog or session.catalog, session.building)
        except BuildCancelled:
            raise SqlError("57014", session.cancel_reason) from None
        finally:
            session.building = None
    return definition


def _build(session: Session, definition: IndexDef, table: TableDef, catalog: Catalog, build: IndexBuild) -> None:
    def progress(phase: str, done: int, total: int) -> None:
        session.building = replace(build, phase=f"building index: {phase}", tuples_done=done, tuples_total=total)

    def snapshot() -> bool:
        session.transaction.begin_snapshot()
        session.connection.run(f"SELECT 1 FROM {table.storage_name} LIMIT 1")
        if definition.reads or not definition.is_vector:
            table_access.require_current(session, table)
        return not table_access.outdated(session, table)

    def cancelled() -> bool:
        return bool(session.cancel_reason)

    database, what = session.database, (session.connection, catalog, definition, table)
    lock = database.commit_lock
    if definition.is_vector:
        database.indexes.build(*what, snapshot=snapshot, commit_lock=lock, progress=progress, cancelled=cancelled)
    else:
        database.text_indexes.build(*what, snapshot=snapshot, commit_lock=lock, cancelled=cancelled)
