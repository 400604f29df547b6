"""timetz, inet, cidr, macaddr8, xid8 and arrays of names, as psycopg and asyncpg send and read them."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from typing import Any

import asyncpg
import pytest
from tests.drivers.conftest import Connection
from tests.drivers.test_asyncpg import options

EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
CLOCK = datetime.time(12, 34, 56, 789_000, tzinfo=EAST)
HOST, LOCAL = ipaddress.ip_interface("10.1.2.3/16"), ipaddress.ip_address("::1")
NETWORK = ipaddress.ip_network("10.1.0.0/16")
TABLE = "CREATE TABLE driver_networks (t timetz, i inet, c cidr, m macaddr8, x xid8, a inet[], r regclass[])"


@pytest.fixture
def table(connection: Connection) -> str:
    """A table with a column of each type."""
    connection.execute("DROP TABLE IF EXISTS driver_networks")
    connection.execute(TABLE)
    return "driver_networks"


@pytest.mark.parametrize("binary", [False, True])
def test_psycopg(connection: Connection, table: str, binary: bool) -> None:
    cursor = connection.cursor(binary=binary)
    p = "%b" if binary else "%t"
    row = cursor.execute(
        f"INSERT INTO {table} VALUES ({p}, {p}, {p}, '08002b0102030405', '7', {p}, '{{pg_class}}') "
        "RETURNING t, i, c, m::text, x::text, a, r::text[]",
        (CLOCK, HOST, NETWORK, [HOST, None]),
    ).fetchone()
    assert row == (CLOCK, HOST, NETWORK, "08:00:2b:01:02:03:04:05", "7", [HOST, None], ["pg_class"])
    found = cursor.execute(f"SELECT count(*) FROM {table} WHERE t = {p} AND i <<= {p}", (CLOCK, NETWORK)).fetchone()
    assert found == (1,)


def test_asyncpg(connection: Connection, table: str, dsn: str) -> None:
    async def scenario() -> None:
        client: Any = await asyncpg.connect(**options(dsn))
        try:
            insert = (
                f"INSERT INTO {table} (t, i, c, m, x, a) VALUES ($1, $2, $3, $4, $5, $6) RETURNING t, i, c, m, x, a"
            )
            given = (CLOCK, HOST, NETWORK, "08:00:2b:01:02:03:04:05", 7, [LOCAL])
            assert tuple(await client.fetchrow(insert, *given)) == given
            records = [(CLOCK, LOCAL, NETWORK)]
            await client.copy_records_to_table(table, records=records, columns=["t", "i", "c"])
            found = await client.fetch(f"SELECT i FROM {table} ORDER BY i DESC")
            assert [row["i"] for row in found] == [LOCAL, HOST]
        finally:
            await client.close()

    asyncio.run(scenario())
