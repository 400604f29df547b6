"""Real sockets against a scripted engine: psycopg and a raw client; backpressure, cancel, disconnects, shutdown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg
import pytest
from psycopg import errors
from tests.server.dialogue import brief
from tests.server.listening import Listening, listening
from tests.server.raw_client import RawClient

from ruvector_engine.verifiers import Verifier
from ruvector_server.connection import INPUT_HIGH_WATER
from ruvector_server.sockets import Limits
from ruvector_server.wire import messages as m


@pytest.fixture
def server() -> Iterator[Listening]:
    with listening() as running:
        yield running


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something that another thread does has happened."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_psycopg(server: Listening) -> None:
    with psycopg.connect(server.dsn()) as connection:
        assert connection.info.server_version == 180001
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
        with pytest.raises(errors.DivisionByZero):
            connection.execute("SELECT 1/0")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        connection.rollback()


def test_psycopg_prepared_and_binary(server: Listening) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        cursor = connection.cursor(binary=True)
        for number in range(5):
            cursor.execute("SELECT nothing", prepare=True)
            assert cursor.execute("SELECT 1 now", prepare=True).fetchone() == (1,), number


def test_psycopg_pipeline(server: Listening) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection, connection.pipeline():
        cursors = [connection.execute("SELECT 1") for _ in range(20)]
        assert [cursor.fetchone() for cursor in cursors] == [(1,)] * 20


def test_psycopg_pipeline_with_an_error(server: Listening) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        with pytest.raises(errors.DivisionByZero), connection.pipeline():
            connection.execute("SELECT 1/0")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_psycopg_copy(server: Listening) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        cursor = connection.cursor()
        with cursor.copy("COPY items FROM STDIN") as copy:
            for number in range(20_000):
                copy.write_row((number, f"text {number}"))
        assert cursor.statusmessage == "COPY 20000"
        assert server.engine.sessions[0].copied[-1] == (19_999, "text 19999")
        with cursor.copy("COPY items TO STDOUT") as copy:
            assert b"".join(bytes(data) for data in copy) == b"1\tone\n2\t\\N\n"
        with pytest.raises(errors.InvalidTextRepresentation), cursor.copy("COPY items FROM STDIN") as copy:
            copy.write(b"x\ty\n")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_psycopg_notice(server: Listening) -> None:
    notices = []
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.add_notice_handler(lambda diagnostic: notices.append(diagnostic.message_primary))
        connection.execute("CREATE TABLE")
    assert notices == ["it exists, skipping"]


def test_psycopg_stream(server: Listening) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        assert [row[0] for row in connection.cursor().stream("SELECT many")] == list(range(1, 10_001))


@pytest.mark.parametrize("protocol", ["3.0", "3.2"])
def test_psycopg_cancel(server: Listening, protocol: str) -> None:
    with psycopg.connect(server.dsn(max_protocol_version=protocol), autocommit=True) as connection:

        def cancel() -> None:
            eventually(lambda: "waiting" in server.engine.sessions[0].calls)
            connection.cancel_safe()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        with pytest.raises(errors.QueryCanceled):
            connection.execute("wait")
        canceller.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_password() -> None:
    with listening(verifier=Verifier.of("sesame")) as server:
        with psycopg.connect(server.dsn(password="sesame"), autocommit=True) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match='password authentication failed for user "ann"'):
            psycopg.connect(server.dsn(password="wrong"))
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(server.dsn())


def test_a_client_that_does_not_say_who_it_is() -> None:
    with (
        listening(limits=Limits(authentication_timeout=0.05)) as server,
        RawClient(server.port, startup=None) as client,
    ):
        assert client.at_end()


def test_a_client_that_says_who_it_is_may_be_silent_then() -> None:
    with listening(limits=Limits(authentication_timeout=0.05)) as server, RawClient(server.port) as client:
        time.sleep(0.2)
        client.send(m.Query("SELECT 1"))
        assert client.until("ReadyForQuery")[-1].name == "ReadyForQuery"


def test_too_many_connections() -> None:
    with listening(max_connections=1) as server:
        first = psycopg.connect(server.dsn())
        with pytest.raises(psycopg.OperationalError, match="sorry, too many clients already"):
            psycopg.connect(server.dsn())
        first.close()
        eventually(lambda: len(server.engine.closed) == 1)
        psycopg.connect(server.dsn()).close()


def test_disconnect_cancels_what_runs(server: Listening) -> None:
    with RawClient(server.port) as client:
        client.send(m.Query("wait; SELECT 1"))
        (session,) = server.engine.sessions
        eventually(lambda: "waiting" in session.calls)
    eventually(lambda: session in server.engine.closed)
    assert session.calls[1:3] == ["waiting", "cancel"]
    assert "execute SELECT 1" not in session.calls


def test_disconnect_in_the_middle_of_a_message(server: Listening) -> None:
    with RawClient(server.port) as client:
        client.socket.sendall(b"Q\0\0\0\x20SELECT")
    eventually(lambda: len(server.engine.closed) == 1)


def test_disconnect_in_the_middle_of_copy(server: Listening) -> None:
    with RawClient(server.port) as client:
        client.send(m.Query("COPY items FROM STDIN"), m.CopyData(b"1\tx\n"))
        client.until("CopyInResponse")
    eventually(lambda: len(server.engine.closed) == 1)
    assert "copy abort" in server.engine.sessions[0].calls


def test_disconnect_of_a_client_that_does_not_read(server: Listening) -> None:
    with RawClient(server.port) as client:
        client.send(m.Query("SELECT much"))
        client.until("RowDescription")
    eventually(lambda: len(server.engine.closed) == 1)


def test_a_slow_reader_stops_the_fetching(server: Listening) -> None:
    """30 MB of rows, and a client that reads none: what the engine is asked for stays bounded."""
    with RawClient(server.port) as client:
        client.send(m.Query("SELECT much"))
        (session,) = server.engine.sessions
        count = -1
        while count != len(session.calls):
            count = len(session.calls)
            time.sleep(0.2)
        fetched = sum(int(call.split()[1]) for call in session.calls if call.startswith("more"))
        assert 0 < fetched < 2_000
        answers = client.until("ReadyForQuery")
    assert brief(answers)[-2:] == ["CommandComplete SELECT 3000", "ReadyForQuery I"]


def test_a_fast_writer_is_not_read_from_while_a_statement_runs(server: Listening) -> None:
    with RawClient(server.port) as client:
        client.send(m.Query("wait"))
        (session,) = server.engine.sessions
        eventually(lambda: "waiting" in session.calls)
        flood = b"Q\0\0\0\x11SELECT 1 now\0" * 1000
        client.socket.settimeout(1)
        sent = 0
        with suppress(TimeoutError):
            while sent < 50_000_000:
                sent += client.socket.send(flood)
        assert INPUT_HIGH_WATER < sent < 50_000_000
        session.cancel()
        client.socket.settimeout(20)
        assert brief(client.until("ReadyForQuery"))[0].startswith("ErrorResponse ERROR 57014")


def test_answers_come_in_the_order_of_the_pipeline(server: Listening) -> None:
    with RawClient(server.port) as client:
        queries = [m.Query("SELECT 1"), m.Query("SELECT 1 now"), m.Query("SELECT numbers"), m.Query("INSERT")]
        client.send(*queries * 50, m.Parse("", "SELECT nothing"), m.Flush())
        tags = [str(answer.content) for answer in client.until("ParseComplete") if answer.name == "CommandComplete"]
    assert tags == ["SELECT 1", "SELECT 1", "SELECT 5", "INSERT 0 1"] * 50


def test_garbage_ends_only_its_own_connection(server: Listening) -> None:
    with RawClient(server.port) as good:
        for garbage in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\0\0\0\x08\0\0\0\0",
        ):
            with RawClient(server.port, startup=None) as client:
                client.socket.sendall(garbage)
                assert client.at_end()
        good.send(m.Query("SELECT 1"))
        assert brief(good.until("ReadyForQuery"))[-1] == "ReadyForQuery I"


def test_two_sessions_at_once(server: Listening) -> None:
    with RawClient(server.port) as waiting, RawClient(server.port) as other:
        waiting.send(m.Query("wait"))
        eventually(lambda: "waiting" in server.engine.sessions[0].calls)
        other.send(m.Query("SELECT 1"))
        assert brief(other.until("ReadyForQuery"))[1] == "DataRow 1"


def test_stop_lets_statements_finish() -> None:
    with listening() as server, RawClient(server.port) as idle, RawClient(server.port) as busy:
        busy.send(m.Query("sleep"))
        eventually(lambda: "execute sleep" in server.engine.sessions[1].calls)
        stopped = server.stop(20)
        goodbye = "ErrorResponse FATAL 57P01 terminating connection due to administrator command"
        assert brief(idle.until("ErrorResponse")) == [goodbye]
        assert idle.at_end()
        assert brief(busy.until("ErrorResponse")) == ["CommandComplete SLEPT", "ReadyForQuery I", goodbye]
        assert stopped.result(20)


@pytest.mark.parametrize("hurried", [False, True])
def test_stop_cancels_what_does_not_finish(hurried: bool) -> None:
    with listening() as server, RawClient(server.port) as client:
        client.send(m.Query("wait"))
        (session,) = server.engine.sessions
        eventually(lambda: "waiting" in session.calls)
        stopped = server.stop(1000 if hurried else 0.1)
        if hurried:
            server.hurry()
        assert stopped.result(20)
        assert "cancel" in session.calls
        assert session in server.engine.closed
