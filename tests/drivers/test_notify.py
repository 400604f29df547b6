"""LISTEN and NOTIFY between psycopg's connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from tests.drivers.conftest import Connection
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

Message = tuple[str, str]


@pytest.fixture
def pair(server: Postgres | Server) -> Iterator[tuple[Connection, Connection]]:
    """Two autocommit connections: one that listens to "news", and another."""
    with ExitStack() as stack:
        ear, mouth = (stack.enter_context(psycopg.connect(server.dsn(), autocommit=True)) for _ in range(2))
        ear.execute("LISTEN news")
        yield ear, mouth


def heard(connection: Connection, count: int) -> list[Message]:
    """The next messages, in order; psycopg waits for them on the socket."""
    found = [(n.channel, n.payload) for n in connection.notifies(timeout=20, stop_after=count)]
    assert len(found) >= count
    return found


def nothing_more(ear: Connection, mouth: Connection) -> bool:
    """Whether nothing has come before what is sent now."""
    mouth.execute("NOTIFY news, 'end'")
    return heard(ear, 1) == [("news", "end")]


def test_an_idle_session_is_told_at_once(pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    mouth.execute("NOTIFY news, 'one'")
    mouth.execute("NOTIFY other, 'unheard'")
    mouth.execute("NOTIFY news")
    (first, second) = ear.notifies(timeout=20, stop_after=2)
    assert (first.channel, first.payload, first.pid) == ("news", "one", mouth.info.backend_pid)
    assert (second.channel, second.payload) == ("news", "")


def test_at_commit_and_each_message_once(pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    with mouth.transaction():
        for payload in ("b", "a", "b", "a", "c"):
            mouth.execute("SELECT pg_notify('news', %s)", (payload,))
        mouth.execute("NOTIFY news, 'a'")
        assert ear.execute("SELECT 1").fetchone() == (1,)
        assert list(ear.notifies(timeout=0)) == []
    assert heard(ear, 3) == [("news", "b"), ("news", "a"), ("news", "c")]
    with mouth.transaction(force_rollback=True):
        mouth.execute("NOTIFY news, 'never'")
    assert nothing_more(ear, mouth)


def test_part_of_a_transaction_is_rolled_back(pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    with mouth.transaction():
        mouth.execute("NOTIFY news, 'kept'")
        with mouth.transaction(force_rollback=True):
            mouth.execute("NOTIFY news, 'dropped'")
            mouth.execute("LISTEN elsewhere")
        mouth.execute("NOTIFY news, 'kept too'")
    assert heard(ear, 2) == [("news", "kept"), ("news", "kept too")]
    assert mouth.execute("SELECT pg_listening_channels()").fetchall() == []


def test_with_the_rows_that_it_is_about(pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    mouth.execute("DROP TABLE IF EXISTS notify_items")
    mouth.execute("CREATE TABLE notify_items (id int)")
    with mouth.transaction():
        mouth.execute("INSERT INTO notify_items VALUES (1), (2)")
        mouth.execute("SELECT pg_notify('news', 'row ' || id) FROM notify_items ORDER BY id")
    assert heard(ear, 2) == [("news", "row 1"), ("news", "row 2")]
    assert ear.execute("SELECT count(*) FROM notify_items").fetchone() == (2,)


def test_a_session_in_a_transaction_is_told_after_it(pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    with ear.transaction():
        ear.execute("SELECT 1")
        mouth.execute("NOTIFY news, 'later'")
        assert ear.execute("SELECT 2").fetchone() == (2,)
        assert list(ear.notifies(timeout=0)) == []
    assert heard(ear, 1) == [("news", "later")]


def test_a_busy_session_is_told_with_its_answer(pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    told: list[Message] = []
    ear.add_notify_handler(lambda n: told.append((n.channel, n.payload)))
    ear.pgconn.send_query(b"SELECT pg_sleep(0.3)")
    mouth.execute("NOTIFY news, 'meanwhile'")
    while ear.pgconn.get_result() is not None:
        pass
    ear.execute("SELECT 1")
    assert told == [("news", "meanwhile")]


def test_ones_own(pair: tuple[Connection, Connection]) -> None:
    _, mouth = pair
    with mouth.transaction():
        mouth.execute("NOTIFY own, 'a'")
        mouth.execute("LISTEN own")
    assert heard(mouth, 1) == [("own", "a")]


def test_unlisten(pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    ear.execute("LISTEN other")
    ear.execute("UNLISTEN news")
    mouth.execute("NOTIFY news, 'unheard'")
    mouth.execute("NOTIFY other, 'heard'")
    assert heard(ear, 1) == [("other", "heard")]
    ear.execute("DISCARD ALL")
    mouth.execute("NOTIFY other, 'unheard'")
    ear.execute("LISTEN news")
    assert nothing_more(ear, mouth)


def test_what_has_come_is_dropped_by_unlisten(pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    with ear.transaction():
        ear.execute("UNLISTEN *")
        mouth.execute("NOTIFY news, 'unheard'")
    ear.execute("LISTEN news")
    assert nothing_more(ear, mouth)


def test_many_senders_keep_their_order(server: Postgres | Server, pair: tuple[Connection, Connection]) -> None:
    ear, mouth = pair
    with psycopg.connect(server.dsn(), autocommit=True) as other:
        expected = []
        for number in range(50):
            (mouth if number % 2 else other).execute("SELECT pg_notify('news', %s)", (str(number),))
            expected.append(("news", str(number)))
    assert heard(ear, 50) == expected
