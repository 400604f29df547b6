"""psycopg's nested transactions, as every ORM uses them."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors


def names(connection: psycopg.Connection[tuple[object, ...]]) -> list[object]:
    return [row[0] for row in connection.execute("SELECT content FROM driver_items ORDER BY content")]


def test_a_nested_transaction_fails_and_the_outer_one_goes_on(dsn: str) -> None:
    insert = "INSERT INTO driver_items (id, content, embedding) VALUES (%s, %s, '[1,2,3]')"
    with psycopg.connect(dsn) as connection, connection.transaction():
        connection.execute(insert, (1, "outer"))
        with connection.transaction():
            connection.execute(insert, (2, "kept"))
        with pytest.raises(errors.UniqueViolation), connection.transaction():
            connection.cursor().executemany(insert, [(3, "lost"), (1, "twice")])
        with connection.transaction() as nested:
            connection.execute(insert, (4, "given up"))
            raise psycopg.Rollback(nested)
        connection.execute(insert, (5, "after"))
        assert names(connection) == ["after", "kept", "outer"]
    with psycopg.connect(dsn) as connection:
        assert names(connection) == ["after", "kept", "outer"]
