"""The one table that the catalog is kept in: a row an entry, written in the transaction of the DDL that made it."""

from __future__ import annotations

from typing import Any

from ruvector_engine.relational.duck import Connection

#: An entry: its key, what kind of thing it is, and its body as text.
Entry = tuple[Any, ...]


def read(connection: Connection) -> list[Entry]:
    """All entries."""
    return connection.run("SELECT key, kind, body FROM ruvector_catalog.entries")


def put(connection: Connection, key: str, kind: str, body: str) -> None:
    """Write an entry, in the place of the one with its key."""
    remove(connection, key)
    connection.run("INSERT INTO ruvector_catalog.entries VALUES (?, ?, ?)", (key, kind, body))


def remove(connection: Connection, key: str) -> None:
    """Delete the entry, if it is there."""
    connection.run("DELETE FROM ruvector_catalog.entries WHERE key = ?", (key,))
