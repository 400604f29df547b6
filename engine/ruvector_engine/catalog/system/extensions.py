"""pg_extension, the available extensions, and what pg_depend says belongs to one."""

from __future__ import annotations

from typing import Any

from ruvector_engine.catalog.cluster import is_shared
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.oids import EXTENSIONS, PG_EXTENSION, namespace_oid
from ruvector_engine.catalog.system.relations import pg_catalog

#: The versions whose SQL surface is served.
EXTENSION_VERSIONS = {"plpgsql": "1.0", "vector": "0.8.5", "ruvector": "0.3.0"}
#: What every database begins with.
BUILT_IN = "plpgsql"
EXTENSION_COMMENTS = {
    "plpgsql": "PL/pgSQL procedural language",
    "vector": "vector data type and ivfflat and hnsw access methods",
    "ruvector": "ruvector data type with its functions and operators",
}


def extension_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_extension: the extensions that were created."""
    row = pg_catalog("pg_extension").row
    return [
        row(
            oid=EXTENSIONS[name],
            extname=name,
            extowner=context.catalog.authority.owner_of(PG_EXTENSION, EXTENSIONS[name]),
            extnamespace=namespace_oid("pg_catalog" if name == BUILT_IN else "public"),
            extrelocatable=name != BUILT_IN,
            extversion=EXTENSION_VERSIONS[name],
        )
        for name in EXTENSIONS
        if name in context.catalog.extensions
    ]


def available_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_available_extensions."""
    row = pg_catalog("pg_available_extensions").row
    return [
        row(
            name=name,
            default_version=version,
            installed_version=version if name in context.catalog.extensions else None,
            comment=EXTENSION_COMMENTS[name],
        )
        for name, version in EXTENSION_VERSIONS.items()
    ]


def available_version_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_available_extension_versions: one version each."""
    row = pg_catalog("pg_available_extension_versions").row
    return [
        row(
            name=name,
            version=version,
            installed=name in context.catalog.extensions,
            superuser=True,
            trusted=name == BUILT_IN,
            relocatable=name != BUILT_IN,
            comment=EXTENSION_COMMENTS[name],
        )
        for name, version in EXTENSION_VERSIONS.items()
    ]


def description_rows(context: SystemContext) -> list[tuple[Any, ...]]:
    """pg_description: what COMMENT said, and what extensions say of themselves."""
    row = pg_catalog("pg_description").row
    own = {
        (PG_EXTENSION, EXTENSIONS[n], 0): EXTENSION_COMMENTS[n] for n in EXTENSIONS if n in context.catalog.extensions
    }
    return [
        row(classoid=classoid, objoid=objoid, objsubid=part, description=text)
        for (classoid, objoid, part), text in (own | dict(context.catalog.comments)).items()
        if not is_shared(classoid)
    ]


ROWS = {
    "pg_extension": extension_rows,
    "pg_available_extensions": available_rows,
    "pg_available_extension_versions": available_version_rows,
    "pg_description": description_rows,
}
