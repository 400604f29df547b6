"""The format of a data directory: its number, and what makes one of an older format one of the current."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

from ruvector_engine.catalog import entries
from ruvector_engine.catalog.cluster import CLUSTER, is_shared
from ruvector_engine.catalog.databases import INITIAL, INITIAL_COMMENTS, PG_DATABASE, POSTGRES, TEMPLATE0, TEMPLATE1
from ruvector_engine.errors import SqlError
from ruvector_engine.relational.duck import Connection
from ruvector_engine.types.registry import BY_OID, INET

#: Raised when the form of the stored catalog or of stored values changes.
FORMAT_VERSION = 5
#: Kinds of entries that speak of the whole cluster, and those whose key says by its class whether they do.
_SHARED_KINDS = ("format", "role", "member", "settings")
_KINDS_BY_CLASS = ("owner", "acl", "comment")
#: pg_extension's OID, and the OIDs that extensions had before format 4 and have now, as they stand in keys.
_PG_EXTENSION = "3079"
_EXTENSION_OIDS = {"15000": "16384", "14980": "16385"}
#: The entry of the extension that every database begins with.
_PLPGSQL = ("extension:plpgsql", "extension", "plpgsql")
#: The keys of the schema public and its comment.
_PUBLIC, _PUBLIC_COMMENT = "schema:public", "comment:2615:2200:0"


def bring_up_to_date(connection: Connection) -> None:
    """Make the entries those of the current format, those of an empty directory too. F0001 when that cannot be."""
    found = connection.run("SELECT body FROM ruvector_catalog.entries WHERE kind = 'format'")
    version = int(found[0][0]) if found else 0
    if version == FORMAT_VERSION:
        return
    if not version:
        _make_databases(connection)
        for definition in INITIAL.values():
            _make_public(connection, definition.oid)
    elif version not in _STEPS:
        raise SqlError("F0001", f"the data directory has format {version}, this server reads format {FORMAT_VERSION}")
    else:
        for number in range(version, FORMAT_VERSION):
            _STEPS[number](connection)
    entries.put(connection, CLUSTER, "format", "format", str(FORMAT_VERSION))


def _make_databases(connection: Connection) -> None:
    """The databases that every directory begins with."""
    for definition in INITIAL.values():
        entries.put(connection, CLUSTER, f"database:{definition.oid}", "database", json.dumps(asdict(definition)))
        comment = f"comment:{PG_DATABASE}:{definition.oid}:0"
        entries.put(connection, CLUSTER, comment, "comment", INITIAL_COMMENTS[definition.oid])


def _make_public(connection: Connection, database: int) -> None:
    """The schema and the extension that every database begins with."""
    entries.put(connection, database, _PUBLIC, "schema", "public")
    entries.put(connection, database, _PUBLIC_COMMENT, "comment", "standard public schema")
    entries.put(connection, database, *_PLPGSQL)


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
    """From 3: there was one database. What was in it is in the database postgres now, beside the templates.

    Extensions had OIDs among the system's own, and the schema public had no comment.
    """
    connection.run("ALTER TABLE ruvector_catalog.entries ADD COLUMN database BIGINT")
    known = connection.run("SELECT key, kind FROM ruvector_catalog.entries")
    for key, kind in known:
        parts = key.split(":")
        by_class = kind in _KINDS_BY_CLASS
        if by_class and parts[1] == _PG_EXTENSION:
            parts[2] = _EXTENSION_OIDS.get(parts[2], parts[2])
        shared = kind in _SHARED_KINDS or (by_class and is_shared(int(parts[1])))
        connection.run(
            "UPDATE ruvector_catalog.entries SET database = ?, key = ? WHERE key = ?",
            (CLUSTER if shared else POSTGRES, ":".join(parts), key),
        )
    _make_databases(connection)
    for template in (TEMPLATE0, TEMPLATE1):
        _make_public(connection, template)
    keys = {key for key, _ in known}
    if _PUBLIC in keys and _PUBLIC_COMMENT not in keys:
        _make_public(connection, POSTGRES)


def _mark_plain_indexes(connection: Connection) -> None:
    """From 4: the key of a plain unique index was a constraint to clients too. It is younger than its index.

    And plpgsql was no extension unless it had been created.
    """
    stored = connection.run(
        "SELECT database, key, kind, body FROM ruvector_catalog.entries WHERE kind IN ('table', 'index')"
    )
    indexes = [json.loads(body) for _, _, kind, body in stored if kind == "index"]
    bare = {index["constraint_oid"] for index in indexes if index["oid"] < index["constraint_oid"]}
    for database, key, kind, body in stored:
        table = json.loads(body)
        found = [c for c in table["constraints"] if c["oid"] in bare] if kind == "table" else []
        for constraint in found:
            constraint["index_only"] = True
        if found:
            entries.put(connection, database, key, kind, json.dumps(table))
    for (key,) in connection.run("SELECT key FROM ruvector_catalog.entries WHERE kind = 'database'"):
        entries.put(connection, int(key.split(":")[1]), *_PLPGSQL)


#: What leads from each format to the next.
_STEPS: dict[int, Callable[[Connection], None]] = {
    2: _check_networks,
    3: _give_databases,
    4: _mark_plain_indexes,
}
