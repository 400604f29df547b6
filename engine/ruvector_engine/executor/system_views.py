"""Fills pg_catalog's and information_schema's views for a query, as temporary tables of the session's connection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ruvector_engine.catalog.model import TABLE_OID, TableDef
from ruvector_engine.catalog.system import SYSTEM_VIEWS, HeldLock, OpenCursor, RelationStatistics, SystemContext
from ruvector_engine.executor import sequence_values, table_access
from ruvector_engine.relational import arrow
from ruvector_engine.results import Row
from ruvector_engine.sql.storage import duck_type, from_transport

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: PostgreSQL's names of the modes in which tables are locked.
_LOCK_MODES = {"insert": "RowExclusiveLock", "update": "RowExclusiveLock", "ddl": "AccessExclusiveLock"}


def fill(session: Session, views: Iterable[TableDef]) -> None:
    """Make each view's rows as they are now."""
    wanted = {view.oid: view for view in views}
    if not wanted:
        return
    if session.stream is not None:
        session.stream.detach()
    context = system_context(session)
    for table in wanted.values():
        view = SYSTEM_VIEWS[(table.schema, table.name)]
        state = {"never": 0, "catalog": session.catalog.version, "always": -1}[view.changes]
        made_for = (state, session.identity.current.oid, session.search_path)
        if state < 0 or session.filled_views.get(table.oid) != made_for:
            _create(session, table, view.rows(context))
            session.filled_views[table.oid] = made_for


def system_context(session: Session) -> SystemContext:
    """What the system views describe."""
    return SystemContext(
        catalog=session.catalog,
        settings=session.settings,
        origin=session.settings.origin,
        user=session.user,
        database=session.database_name,
        search_path=session.search_path,
        statistics=lambda oid: _statistics(session, oid),
        activity=session.database.activity(),
        progress=session.database.index_progress(),
        cursors=[OpenCursor(c.name, c.statement, c.hold, c.scrolls, c.created) for c in session.cursors.values()],
        locks=_locks(session),
        access_rules=session.database.access_rules,
        name_mappings=session.database.name_mappings,
        sequence_value=lambda oid: sequence_values.last_value(session, oid),
    )


def _locks(session: Session) -> list[HeldLock]:
    """Everybody's locks; that on the catalog is on no relation."""
    database = session.database
    tables = [
        HeldLock(pid, _LOCK_MODES[mode], granted, relation=table, database_oid=holder.published.oid)
        for table, pid, mode, granted in database.locks.listed()
        if table != table_access.CATALOG_LOCK and (holder := database.sessions.get(pid)) is not None
    ]
    advisory = [
        HeldLock(
            lock.pid,
            "ShareLock" if lock.shared else "ExclusiveLock",
            lock.granted,
            advisory=(lock.key.classid, lock.key.objid, lock.key.subid),
            database_oid=lock.key.database,
        )
        for lock in database.advisory_locks.listed()
    ]
    return tables + advisory


def _statistics(session: Session, oid: int) -> RelationStatistics:
    table = session.catalog.table_by_oid(oid)
    if table is not None:
        rows = int(session.connection.run(f"SELECT count(*) FROM {table.storage_name}")[0][0])
        return RelationStatistics(rows, rows * 8 * len(table.columns))
    index = session.database.indexes.get(oid)
    if index is not None:
        return RelationStatistics(index.live_count, index.memory_bytes)
    text_index = session.database.text_indexes.get(oid)
    if text_index is not None:
        return RelationStatistics(len(text_index.state.ids()), text_index.nbytes)
    return RelationStatistics(0, 0)


def _create(session: Session, view: TableDef, rows: list[Row]) -> None:
    columns = ", ".join(f'"{c.name}" {duck_type(c.type)}' for c in view.columns)
    columns += f', "{TABLE_OID}" BIGINT DEFAULT {view.oid}'
    session.connection.run(f"CREATE OR REPLACE TEMPORARY TABLE {view.storage_name} ({columns})")
    if rows:
        values = zip(*rows, strict=True)
        arrays = {f"c{i}": arrow.array(c.type, v) for i, (c, v) in enumerate(zip(view.columns, values, strict=True))}
        names = ", ".join(f'"{c.name}"' for c in view.columns)
        selected = ", ".join(from_transport(c.type, f"c{i}") for i, c in enumerate(view.columns))
        session.connection.insert_arrow(
            f"INSERT INTO {view.storage_name} ({names}) SELECT {selected} FROM ruvector_batch", arrays
        )
