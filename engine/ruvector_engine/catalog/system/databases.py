"""Databases, schemas, tablespaces and settings."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog.membership import has_privileges_of
from ruvector_engine.catalog.predefined_roles import PG_READ_ALL_SETTINGS
from ruvector_engine.catalog.privileges import items_text
from ruvector_engine.catalog.rights import initial_items, owner_of
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.lookup import system_schemas
from ruvector_engine.catalog.system.objects import relation_key, schema_key, shown_acl
from ruvector_engine.catalog.system.oids import (
    DEFAULT_TABLESPACE,
    OWNER,
    PG_DATABASE,
    TABLESPACES,
    derived,
    namespace_oid,
)
from ruvector_engine.catalog.system.relations import RELATIONS, pg_catalog
from ruvector_engine.setting_definitions import SETTINGS, UNLISTED, Setting

Rows = list[tuple[Any, ...]]
_UTF8 = 6


def database_rows(context: SystemContext) -> Rows:
    """pg_database."""
    row, authority = pg_catalog("pg_database").row, context.catalog.authority
    return [
        row(
            oid=d.oid, datname=d.name, datdba=owner_of(authority, (PG_DATABASE, d.oid, 0)), encoding=_UTF8,
            datlocprovider="c", datistemplate=d.is_template, datallowconn=d.allows_connections,
            datconnlimit=d.connection_limit, dattablespace=DEFAULT_TABLESPACE, datcollate="C", datctype="C",
            datacl=shown_acl(authority, (PG_DATABASE, d.oid, 0)),
        )
        for d in sorted(authority.databases.values(), key=lambda d: d.oid)
    ]  # fmt: skip


def namespace_rows(context: SystemContext) -> Rows:
    """pg_namespace."""
    row = pg_catalog("pg_namespace").row
    names = [*system_schemas(), *sorted(context.catalog.schemas)]
    authority = context.catalog.authority
    return [
        row(
            oid=namespace_oid(name),
            nspname=name,
            nspowner=owner_of(authority, schema_key(name)),
            nspacl=shown_acl(authority, schema_key(name)),
        )
        for name in names
    ]


def default_acl_rows(context: SystemContext) -> Rows:
    """pg_default_acl."""
    row, authority = pg_catalog("pg_default_acl").row, context.catalog.authority
    return [
        row(
            oid=derived("default acl", role, namespace, letter),
            defaclrole=role,
            defaclnamespace=namespace,
            defaclobjtype=letter,
            defaclacl=items_text(authority, items),
        )
        for (role, namespace, letter), items in authority.defaults.items()
    ]


def init_privileges_rows(context: SystemContext) -> Rows:
    """pg_init_privs: what privileges the system's own schemas and relations begin with, which a dump leaves out."""
    row, authority = pg_catalog("pg_init_privs").row, context.catalog.authority
    names = [*system_schemas(), *context.catalog.schemas]
    keys = [*map(schema_key, names), *(relation_key(r.table) for r in RELATIONS.values())]
    initial = ((key, initial_items(authority, key)) for key in keys)
    return [
        row(classoid=key[0], objoid=key[1], objsubid=key[2], privtype="i", initprivs=items_text(authority, items))
        for key, items in initial
        if items is not None
    ]


def tablespace_rows(_context: SystemContext) -> Rows:
    """pg_tablespace."""
    row = pg_catalog("pg_tablespace").row
    return [row(oid=oid, spcname=name, spcowner=OWNER) for name, oid in TABLESPACES.items()]


def settings_rows(context: SystemContext) -> Rows:
    """pg_settings: what can be set or shown. What the users made up has no row, as in PostgreSQL."""
    all_shown = has_privileges_of(context.catalog.authority, context.user_oid, PG_READ_ALL_SETTINGS)
    hidden = UNLISTED | {s.name for s in SETTINGS if s.guarded and not all_shown}
    shown = [s for s in SETTINGS if s.name in context.settings and s.name not in hidden]
    return [_setting_row(context, setting) for setting in sorted(shown, key=lambda s: s.name.lower())]


_CONTEXTS = {"nothing": "internal", "reload": "sighup", "restart": "postmaster"}


def _setting_row(context: SystemContext, setting: Setting) -> tuple[Any, ...]:
    numeric = setting.kind in ("integer", "real")
    origin = context.origin(setting.name)
    return pg_catalog("pg_settings").row(
        name=setting.name,
        setting=context.settings[setting.name],
        unit=setting.unit or None,
        category=_category(setting),
        short_desc=setting.description,
        extra_desc=setting.more or None,
        context=_CONTEXTS[setting.changed_by] if setting.read_only else "user",
        vartype=setting.kind,
        source=origin.source,
        min_val=f"{setting.minimum:.15g}" if numeric else None,
        max_val=f"{setting.maximum:.15g}" if numeric else None,
        enumvals=list(setting.values) or None,
        boot_val=setting.default,
        reset_val=origin.reset_value,
        sourcefile=origin.file,
        sourceline=origin.line,
        pending_restart=origin.pending_restart,
    )


def _category(setting: Setting) -> str:
    if setting.read_only and setting.changed_by == "nothing":
        return "Preset Options"
    return "Customized Options" if "." in setting.name else "Options"


ROWS = {
    "pg_default_acl": default_acl_rows,
    "pg_database": database_rows,
    "pg_init_privs": init_privileges_rows,
    "pg_namespace": namespace_rows,
    "pg_tablespace": tablespace_rows,
    "pg_settings": settings_rows,
}
