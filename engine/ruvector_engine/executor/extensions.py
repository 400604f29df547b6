"""CREATE, ALTER and DROP EXTENSION: types, operators and access methods that are there once they were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog import store
from ruvector_engine.catalog.system.extensions import EXTENSION_VERSIONS
from ruvector_engine.catalog.system.oids import PG_EXTENSION, extension_oid
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, dependents, ownership, table_access
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_VERSIONS = EXTENSION_VERSIONS


def run_create_extension(session: Session, statement: Utility) -> Result:
    """CREATE EXTENSION [IF NOT EXISTS] name [SCHEMA public] [VERSION version] [CASCADE]."""
    node = statement.node
    name = node.extname
    if name not in _VERSIONS:
        raise SqlError(
            "0A000",
            f'extension "{name}" is not available',
            hint="The extension must first be installed on the system where PostgreSQL is running.",
        )
    if name not in session.catalog.extensions:
        if not session.rights.superuser:
            hint = "Must be superuser to create this extension."
            raise SqlError("42501", f'permission denied to create extension "{name}"', hint=hint)
        table_access.change_catalog(session)
    catalog = session.catalog  # as it is once the lock was awaited
    if name in catalog.extensions:
        text = f'extension "{name}" already exists'
        if not node.if_not_exists:
            raise SqlError("42710", text)
        session.notice("42710", f"{text}, skipping")
        return Result("CREATE EXTENSION")
    _check_options(session, name, {item.def_elem.defname: item.def_elem.arg for item in node.options})
    session.transaction.catalog = store.changed(
        session.connection,
        catalog,
        extensions=catalog.extensions | {name},
        authority=ownership.owned(catalog.authority, [(PG_EXTENSION, extension_oid(name))], session.rights.role),
    )
    return Result("CREATE EXTENSION")


def _check_options(session: Session, name: str, options: dict[str, object]) -> None:
    if "new_version" in options and (version := constant_text(options["new_version"])) != _VERSIONS[name]:
        text = f'extension "{name}" has no installation script nor update path for version "{version}"'
        raise SqlError("22023", text)
    if "schema" in options and (schema := constant_text(options["schema"])) != "public":
        if schema not in session.catalog.schemas:
            raise SqlError("3F000", f'schema "{schema}" does not exist')
        raise not_supported("an extension in another schema is not supported", hint="Leave out SCHEMA, or say public.")


def run_alter_extension(session: Session, statement: Utility) -> Result:
    """ALTER EXTENSION name UPDATE [TO version]: there is one version of each."""
    node = statement.node
    name = node.extname
    if name not in session.catalog.extensions:
        raise SqlError("42704", f'extension "{name}" does not exist')
    access.require_extension_owner(session, name)
    installed = _VERSIONS[name]
    wanted = next((constant_text(option.def_elem.arg) for option in node.options), installed)
    if wanted != installed:
        text = f'extension "{name}" has no update path from version "{installed}" to version "{wanted}"'
        raise SqlError("22023", text)
    session.notice("00000", f'version "{installed}" of extension "{name}" is already installed')
    return Result("ALTER EXTENSION")


def run_drop(session: Session, statement: Utility) -> Result:
    """DROP EXTENSION [IF EXISTS] name, ... [CASCADE]: columns of its types go with it."""
    node = statement.node
    table_access.change_catalog(session)
    names = [item.string.sval for item in node.objects]
    for name in names:
        if name in session.catalog.extensions:
            access.require_extension_owner(session, name)
        elif node.missing_ok:
            session.notice("00000", f'extension "{name}" does not exist, skipping')
        else:
            raise SqlError("42704", f'extension "{name}" does not exist')
    for name in names:
        if name in session.catalog.extensions:
            _drop_extension(session, name, cascade=enum_name(node, "behavior") == "DROP_CASCADE")
    return Result("DROP EXTENSION")


def _drop_extension(session: Session, name: str, *, cascade: bool) -> None:
    dependents.release(session, [dependents.Extension(name)], cascade=cascade)
    catalog = session.catalog
    session.transaction.catalog = store.changed(
        session.connection,
        catalog,
        extensions=catalog.extensions - {name},
        authority=ownership.forgotten(catalog.authority, (PG_EXTENSION, extension_oid(name))),
    )
