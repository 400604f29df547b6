"""What runs now and how big things are: backends, progress of index builds, statistics of tables and indexes."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog.membership import has_privileges_of
from ruvector_engine.catalog.model import IndexDef, TableDef
from ruvector_engine.catalog.predefined_roles import PG_READ_ALL_STATS
from ruvector_engine.catalog.system.context import Activity, SystemContext
from ruvector_engine.catalog.system.objects import database_name
from ruvector_engine.catalog.system.relations import pg_catalog
from ruvector_engine.types.networks import parse_inet

Rows = list[tuple[Any, ...]]
_BLOCK_BYTES = 8192


def activity_rows(context: SystemContext) -> Rows:
    """pg_stat_activity: one row a backend; of others' who their clients are and what they do does not show."""
    return [_activity_row(context, activity) for activity in context.activity]


def _activity_row(context: SystemContext, a: Activity) -> tuple[Any, ...]:
    authority, user = context.catalog.authority, context.user_oid
    told: dict[str, Any] = {"query": "<insufficient privilege>"}
    if any(has_privileges_of(authority, user, role) for role in (a.user_oid, PG_READ_ALL_STATS)):
        told = {
            "client_addr": None if a.client_addr is None else parse_inet(a.client_addr),
            "client_port": a.client_port, "backend_start": a.backend_start,
            "xact_start": a.xact_start, "query_start": a.query_start, "state_change": a.state_change,
            "state": a.state, "query": a.query, "backend_type": "client backend",
        }  # fmt: skip
    return pg_catalog("pg_stat_activity").row(
        datid=a.database_oid,
        datname=a.database,
        pid=a.pid,
        usesysid=a.user_oid,
        usename=a.user,
        application_name=a.application_name,
        **told,
    )


def progress_rows(context: SystemContext) -> Rows:
    """pg_stat_progress_create_index: one row an index that is being built.

    Rows are not read block by block: as many of the table's blocks are done as of its tuples.
    """
    row = pg_catalog("pg_stat_progress_create_index").row
    rows = []
    for b in context.progress:
        blocks = -(-context.statistics(b.table_oid).bytes // _BLOCK_BYTES) if b.tuples_total else 0
        rows.append(
            row(
                pid=b.pid,
                datid=b.database_oid,
                datname=database_name(context.catalog.authority, b.database_oid),
                relid=b.table_oid,
                index_relid=b.index_oid,
                command=b.command,
                phase=b.phase,
                lockers_total=0,
                lockers_done=0,
                current_locker_pid=0,
                blocks_total=blocks,
                blocks_done=blocks * b.tuples_done // b.tuples_total if b.tuples_total else 0,
                tuples_total=b.tuples_total,
                tuples_done=b.tuples_done,
                partitions_total=0,
                partitions_done=0,
            )
        )
    return rows


def table_rows(view: str, context: SystemContext) -> Rows:
    """pg_stat_user_tables and pg_stat_all_tables: the counters that are not kept are NULL."""
    row = pg_catalog(view).row
    return [
        row(
            relid=t.oid, schemaname=t.schema, relname=t.name, n_live_tup=max(0, context.statistics(t.oid).rows)
        )
        for t in context.catalog.relations.values()
        if isinstance(t, TableDef)
    ]  # fmt: skip


def index_rows(view: str, context: SystemContext) -> Rows:
    """pg_stat_user_indexes and pg_stat_all_indexes: the counters that are not kept are NULL."""
    row, tables = pg_catalog(view).row, {t.oid: t for t in context.catalog.relations.values()}
    return [
        row(
            relid=i.table_oid,
            indexrelid=i.oid,
            schemaname=i.schema,
            relname=tables[i.table_oid].name,
            indexrelname=i.name,
        )
        for i in context.catalog.relations.values()
        if isinstance(i, IndexDef)
    ]


def cursor_rows(context: SystemContext) -> Rows:
    """pg_cursors: the session's own, and no portals of the protocol."""
    row = pg_catalog("pg_cursors").row
    return [
        row(
            name=c.name,
            statement=c.statement,
            is_holdable=c.holdable,
            is_binary=False,
            is_scrollable=c.scrollable,
            creation_time=c.created,
        )
        for c in context.cursors
    ]


def lock_rows(context: SystemContext) -> Rows:
    """pg_locks: locks on tables, and advisory ones."""
    row = pg_catalog("pg_locks").row
    rows = []
    for lock in context.locks:
        classid, objid, subid = lock.advisory or (None, None, None)
        rows.append(
            row(
                locktype="relation" if lock.advisory is None else "advisory",
                database=lock.database_oid,
                relation=lock.relation,
                classid=classid,
                objid=objid,
                objsubid=subid,
                pid=lock.pid,
                mode=lock.mode,
                granted=lock.granted,
                fastpath=False,
            )
        )
    return rows


def access_rule_rows(context: SystemContext) -> Rows:
    """pg_hba_file_rules: who may connect, as the file says now."""
    row = pg_catalog("pg_hba_file_rules").row
    return [
        row(
            rule_number=rule.number,
            file_name=rule.file,
            line_number=rule.line,
            type=rule.type,
            database=rule.databases,
            user_name=rule.users,
            address=rule.address,
            netmask=rule.netmask,
            auth_method=rule.method,
            options=rule.options,
            error=rule.error,
        )
        for rule in context.access_rules()
    ]


def name_mapping_rows(context: SystemContext) -> Rows:
    """pg_ident_file_mappings: who may be which role, as the file says now."""
    row = pg_catalog("pg_ident_file_mappings").row
    return [
        row(
            map_number=mapping.number,
            file_name=mapping.file,
            line_number=mapping.line,
            map_name=mapping.map_name,
            sys_name=mapping.system_name,
            pg_username=mapping.role,
            error=mapping.error,
        )
        for mapping in context.name_mappings()
    ]


ROWS = {
    "pg_hba_file_rules": access_rule_rows,
    "pg_ident_file_mappings": name_mapping_rows,
    "pg_locks": lock_rows,
    "pg_cursors": cursor_rows,
    "pg_stat_activity": activity_rows,
    "pg_stat_progress_create_index": progress_rows,
    "pg_stat_user_tables": lambda context: table_rows("pg_stat_user_tables", context),
    "pg_stat_all_tables": lambda context: table_rows("pg_stat_all_tables", context),
    "pg_stat_user_indexes": lambda context: index_rows("pg_stat_user_indexes", context),
    "pg_stat_all_indexes": lambda context: index_rows("pg_stat_all_indexes", context),
}
EMPTY = ("pg_prepared_xacts",)
