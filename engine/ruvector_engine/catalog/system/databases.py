"""Databases, schemas, tablespaces and settings. There is one database, under the name it was asked for."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.lookup import system_schemas
from ruvector_engine.catalog.system.oids import (
    DATABASE,
    DEFAULT_TABLESPACE,
    GLOBAL_TABLESPACE,
    OWNER,
    namespace_oid,
)
from ruvector_engine.catalog.system.relations import pg_catalog
from ruvector_engine.settings import SETTINGS, UNLISTED, Setting

Rows = list[tuple[Any, ...]]
_UTF8 = 6


def database_rows(context: SystemContext) -> Rows:
    """pg_database."""
    return [
        pg_catalog("pg_database").row(
            oid=DATABASE, datname=context.database, datdba=OWNER, encoding=_UTF8, datlocprovider="c",
            datallowconn=True, datconnlimit=-1, dattablespace=DEFAULT_TABLESPACE, datcollate="C", datctype="C",
        )
    ]  # fmt: skip


def namespace_rows(context: SystemContext) -> Rows:
    """pg_namespace."""
    row = pg_catalog("pg_namespace").row
    names = [*system_schemas(), *sorted(context.catalog.schemas)]
    return [row(oid=namespace_oid(name), nspname=name, nspowner=OWNER) for name in names]


def tablespace_rows(_context: SystemContext) -> Rows:
    """pg_tablespace."""
    row = pg_catalog("pg_tablespace").row
    spaces = ((DEFAULT_TABLESPACE, "pg_default"), (GLOBAL_TABLESPACE, "pg_global"))
    return [row(oid=oid, spcname=name, spcowner=OWNER) for oid, name in spaces]


def settings_rows(context: SystemContext) -> Rows:
    """pg_settings: what can be set or shown, and what the user's own settings hold."""
    known = {setting.name: setting for setting in SETTINGS}
    shown = [item for item in context.settings.items() if item[0] not in UNLISTED]
    return [_setting_row(name, value, known.get(name)) for name, value in sorted(shown, key=_folded)]


def _folded(item: tuple[str, str]) -> str:
    return item[0].lower()


_CONTEXTS = {"nothing": "internal", "reload": "sighup", "restart": "postmaster"}


def _setting_row(name: str, value: str, setting: Setting | None) -> tuple[Any, ...]:
    row = pg_catalog("pg_settings").row
    if setting is None:
        return row(
            name=name,
            setting=value,
            category="Customized Options",
            context="user",
            vartype="string",
            source="session",
            pending_restart=False,
        )
    numeric = setting.kind in ("integer", "real")
    return row(
        name=name,
        setting=value,
        unit=setting.unit or None,
        category="Preset Options"
        if setting.read_only and setting.changed_by == "nothing"
        else "Customized Options"
        if "." in name
        else "Options",
        short_desc=setting.description,
        context=_CONTEXTS[setting.changed_by] if setting.read_only else "user",
        vartype=setting.kind,
        source="default" if value == setting.default else "session",
        min_val=f"{setting.minimum:.15g}" if numeric else None,
        max_val=f"{setting.maximum:.15g}" if numeric else None,
        enumvals=list(setting.values) or None,
        boot_val=setting.default,
        reset_val=setting.default,
        pending_restart=False,
    )


ROWS = {
    "pg_database": database_rows,
    "pg_namespace": namespace_rows,
    "pg_tablespace": tablespace_rows,
    "pg_settings": settings_rows,
}
EMPTY = ("pg_shdescription",)
