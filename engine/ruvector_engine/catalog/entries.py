"""The one table that the catalogs are kept in: a row an entry, written in the transaction of the DDL that made it.

An entry belongs to a database, by its OID, or to the whole cluster (`cluster.CLUSTER`).
"""

from __future__ import annotations

from typing import Any

from ruvector_engine.relational.duck import Connection

#: An entry: its key, what kind of thing it is, and its body as text.
Entry = tuple[Any, ...]


def read(connection: Connection, database: int) -> list[Entry]:
    """All entries of a database, or of the cluster."""
    return connection.run("SELECT key, kind, body FROM ruvector_catalog.entries WHERE database = ?", (database,))


def put(connection: Connection, database: int, key: str, kind: str, body: str) -> None:
    """Write an entry, in the place of the one with its key."""
    remove(connection, database, key)
    connection.run(
        "INSERT INTO ruvector_catalog.entries (database, key, kind, body) VALUES (?, ?, ?, ?)",
        (database, key, kind, body),
    )


def remove(connection: Connection, database: int, key: str) -> None:
    """Delete the entry, if it is there."""
    connection.run("DELETE FROM ruvector_catalog.entries WHERE key = ? AND database = ?", (key, database))


def remove_all(connection: Connection, database: int) -> None:
    """Delete all entries of a database."""
    connection.run("DELETE FROM ruvector_catalog.entries WHERE database = ?", (database,))


def size(connection: Connection, database: int) -> int:
    """The characters in all entries of a database."""
    text = "coalesce(sum(length(key) + length(body)), 0)"
    return int(connection.run(f"SELECT {text} FROM ruvector_catalog.entries WHERE database = ?", (database,))[0][0])
