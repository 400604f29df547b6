"""Nothing a client sends ends the server or disturbs another session."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

STARTUP = struct.pack("!ii", 8 + 15, 196608) + b"user\0postgres\0\0"

PACKETS = {
    "nothing": b"",
    "half a length": b"\0\0",
    "a web browser": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a huge start-up": struct.pack("!ii", 2**31 - 1, 196608),
    "a negative length": struct.pack("!ii", -5, 196608),
    "an unknown protocol": struct.pack("!ii", 8, 77 << 16),
    "no user": struct.pack("!ii", 9, 196608) + b"\0",
    "cancel nobody": struct.pack("!iiii", 16, 80877102, 4711, 4712),
    "a huge message": STARTUP + b"Q" + struct.pack("!i", 2**31 - 1),
    "a message too short": STARTUP + b"Q" + struct.pack("!i", 3),
    "an unknown message": STARTUP + b"\x7f" + struct.pack("!i", 4),
    "a query without an end": STARTUP + b"Q" + struct.pack("!i", 12) + b"SELECT 1",
    "invalid text": STARTUP + b"Q" + struct.pack("!i", 15) + b"SELECT '\xff'\0",
    "bind without parse": STARTUP + b"B" + struct.pack("!i", 12) + b"\0x\0" + bytes(5),
    "copy data out of place": STARTUP + b"d" + struct.pack("!i", 8) + b"data",
    "a function call": STARTUP + b"F" + struct.pack("!i", 14) + bytes(10),
}

STATEMENTS = {
    "a long literal": "SELECT length('" + "x" * 3_000_000 + "')",
    "many values": "SELECT count(*) FROM (VALUES " + ",".join(f"({number})" for number in range(5_000)) + ") t",
    "a long list": "SELECT 1 WHERE 1 IN (" + ",".join(str(number) for number in range(5_000)) + ")",
    "some parentheses": "SELECT " + "(" * 100 + "1" + ")" * 100,
    "many parentheses": "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
    "far too many parentheses": "SELECT " + "(" * 300_000 + "1" + ")" * 300_000,
    "a long sum": "SELECT " + " + ".join(["1"] * 3_000),
    "a deep query": "SELECT 1 FROM " + "(SELECT 1 FROM " * 200 + "(SELECT 1) t" + ") t" * 200,
    "many ands": "SELECT 1 WHERE " + " AND ".join(["true"] * 5_000),
    "a wide vector": "SELECT '[" + ",".join(["1"] * 16_001) + "]'::vector",
    "many columns": "SELECT " + ",".join(["1"] * 1_700),
}


@pytest.fixture
def bystander(server: Postgres | Server) -> Iterator[Connection]:
    """A session that was there before, and must still be there afterwards."""
    with psycopg.connect(server.dsn(), autocommit=True) as opened:
        yield opened


def send(dsn: str, packet: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(str(conninfo_to_dict(dsn)["port"]))), timeout=20) as raw:
        raw.sendall(packet)
        raw.shutdown(socket.SHUT_WR)
        try:
            while raw.recv(65536):
                pass
        except ConnectionError:
            pass  # hanging up is an answer too


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS.keys())
def test_a_packet(server: Postgres | Server, bystander: Connection, packet: bytes) -> None:
    send(server.dsn(), packet)
    assert bystander.execute("SELECT 1").fetchone() == (1,)
    with psycopg.connect(server.dsn()) as other:
        assert other.execute("SELECT 2").fetchone() == (2,)


def test_garbage(server: Postgres | Server, bystander: Connection) -> None:
    chance = random.Random(7)
    for number in range(60):
        garbage = chance.randbytes(chance.randrange(1, 200))
        send(server.dsn(), garbage if number % 2 else STARTUP + bytes([chance.choice(b"QPBDESCHXdcfFp")]) + garbage)
    assert bystander.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_a_statement(bystander: Connection, statement: str) -> None:
    refusal = None
    try:
        assert len(bystander.execute(statement).fetchall()) == 1
    except psycopg.Error as error:  # "stack depth limit exceeded" and the like
        refusal = error.sqlstate
    assert refusal != "XX000"
    assert bystander.execute("SELECT 1").fetchone() == (1,)
