"""PostgreSQL's predefined roles, with its own OIDs: they exist in every database, to be granted to others."""

from __future__ import annotations

from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, Membership, RoleDef

PG_MONITOR = 3373
PG_READ_ALL_SETTINGS = 3374
PG_READ_ALL_STATS = 3375
PG_STAT_SCAN_TABLES = 3377
PG_SIGNAL_BACKEND = 4200
PG_CHECKPOINT = 4544
PG_USE_RESERVED_CONNECTIONS = 4550
PG_READ_SERVER_FILES = 4569
PG_WRITE_SERVER_FILES = 4570
PG_EXECUTE_SERVER_PROGRAM = 4571
#: Its one member is whoever owns the database, which is never written down.
PG_DATABASE_OWNER = 6171
PG_READ_ALL_DATA = 6181
PG_WRITE_ALL_DATA = 6182
PG_CREATE_SUBSCRIPTION = 6304
PG_MAINTAIN = 6337
PG_SIGNAL_AUTOVACUUM_WORKER = 6392

PREDEFINED_ROLES: tuple[RoleDef, ...] = tuple(
    RoleDef(oid, name)
    for oid, name in (
        (PG_MONITOR, "pg_monitor"),
        (PG_READ_ALL_SETTINGS, "pg_read_all_settings"),
        (PG_READ_ALL_STATS, "pg_read_all_stats"),
        (PG_STAT_SCAN_TABLES, "pg_stat_scan_tables"),
        (PG_SIGNAL_BACKEND, "pg_signal_backend"),
        (PG_CHECKPOINT, "pg_checkpoint"),
        (PG_USE_RESERVED_CONNECTIONS, "pg_use_reserved_connections"),
        (PG_READ_SERVER_FILES, "pg_read_server_files"),
        (PG_WRITE_SERVER_FILES, "pg_write_server_files"),
        (PG_EXECUTE_SERVER_PROGRAM, "pg_execute_server_program"),
        (PG_DATABASE_OWNER, "pg_database_owner"),
        (PG_READ_ALL_DATA, "pg_read_all_data"),
        (PG_WRITE_ALL_DATA, "pg_write_all_data"),
        (PG_CREATE_SUBSCRIPTION, "pg_create_subscription"),
        (PG_MAINTAIN, "pg_maintain"),
        (PG_SIGNAL_AUTOVACUUM_WORKER, "pg_signal_autovacuum_worker"),
    )
)
PREDEFINED_MEMBERSHIPS: tuple[Membership, ...] = tuple(
    Membership(role, PG_MONITOR, BOOTSTRAP_ROLE)
    for role in (PG_READ_ALL_SETTINGS, PG_READ_ALL_STATS, PG_STAT_SCAN_TABLES)
)
#: OIDs below are the system's: what bears one cannot be dropped.
FIRST_OWN_OID = 16384
