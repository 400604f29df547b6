"""The format of a data directory: its number, and what makes one of an older format one of the current."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

from ruvector_engine.catalog import entries
from ruvector_engine.catalog.cluster import CLUSTER, is_shared
from ruvector_engine.catalog.databases import INITIAL, INITIAL_COMMENTS, PG_DATABASE, POSTGRES
from ruvector_engine.errors import SqlError
from ruvector_engine.relational.duck import Connection
from ruvector_engine.types.registry import BY_OID, INET

#: Raised when the form of the stored catalog or of stored values changes.
FORMAT_VERSION = 4
#: Kinds of entries that speak of the whole cluster, and those whose key says by its class whether they do.
_SHARED_KINDS = ("format", "role", "member", "settings")
_KINDS_BY_CLASS = ("owner", "acl", "comment")


def bring_up_to_date(connection: Connection) -> None:
    """Make the entries those of the current format, those of an empty directory too. F0001 when that cannot be."""
    found = connection.run("SELECT body FROM ruvector_catalog.entries WHERE kind = 'format'")
    if not found:
        _make_databases(connection)
    version = int(found[0][0]) if found else FORMAT_VERSION
    if version != FORMAT_VERSION and version not in _STEPS:
        raise SqlError("F0001", f"the data directory has format {version}, this server reads format {FORMAT_VERSION}")
    for number in range(version, FORMAT_VERSION):
        _STEPS[number](connection)
    if not found or version != FORMAT_VERSION:
        entries.put(connection, CLUSTER, "format", "format", str(FORMAT_VERSION))


def _make_databases(connection: Connection) -> None:
    """What every directory begins with."""
    for definition in INITIAL.values():
        entries.put(connection, CLUSTER, f"database:{definition.oid}", "database", json.dumps(asdict(definition)))
        entries.put(connection, definition.oid, "schema:public", "schema", "public")
        comment = f"comment:{PG_DATABASE}:{definition.oid}:0"
        entries.put(connection, CLUSTER, comment, "comment", INITIAL_COMMENTS[definition.oid])


def _check_networks(connection: Connection) -> None:
    """From 2: columns of type inet were stored otherwise."""
    bodies = connection.run("SELECT body FROM ruvector_catalog.entries WHERE kind = 'table'")
    columns = (column for (body,) in bodies for column in json.loads(body)["columns"])
    if any(column["type"]["oid"] in (INET, BY_OID[INET].array_oid) for column in columns):
        raise SqlError(
            "F0001",
            "the data directory has format 2, in which columns of type inet are stored otherwise",
            hint="Copy these tables out with the server that wrote them, and into a new data directory.",
        )


def _give_databases(connection: Connection) -> None:
    """From 3: there was one database. What was in it is in the database postgres now, beside the templates."""
    connection.run("ALTER TABLE ruvector_catalog.entries ADD COLUMN database BIGINT")
    known = connection.run("SELECT key, kind FROM ruvector_catalog.entries")
    schemas = [key for key, kind in known if kind == "schema"]
    for key, kind in known:
        shared = kind in _SHARED_KINDS or (kind in _KINDS_BY_CLASS and is_shared(int(key.split(":")[1])))
        place = CLUSTER if shared else POSTGRES
        connection.run("UPDATE ruvector_catalog.entries SET database = ? WHERE key = ?", (place, key))
    _make_databases(connection)
    if "schema:public" not in schemas:  # it was dropped
        entries.remove(connection, POSTGRES, "schema:public")


#: What leads from each format to the next.
_STEPS: dict[int, Callable[[Connection], None]] = {2: _check_networks, 3: _give_databases}
