"""Repeated queries: known again by their bytes, answered as if they had been read, and run together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.dialogue import Dialogue, brief
from tests.server.fake_engine import FakeEngine
from tests.server.listening import Listening, listening
from tests.server.raw_client import RawClient
from tests.wire.client import encode

from ruvector_engine.errors import SqlError
from ruvector_engine.results import Result
from ruvector_server.query_batch import QueryBatch
from ruvector_server.session.engine import Query
from ruvector_server.session.repeat import MAX_KNOWN, MAX_MISSES
from ruvector_server.wire import messages as m

PARSE = (m.Parse("s", "nearest $1"), m.Sync())


def vector(*numbers: float) -> bytes:
    return pack(f"!hh{len(numbers)}f", len(numbers), 0, *numbers)


def joined(*messages: m.Frontend) -> bytes:
    return b"".join(map(encode, messages))


def query(*parameters: bytes | None, name: str = "s", describe: bool = True) -> bytes:
    """What a client sends for one execution with binary parameters and results."""
    bind = m.Bind("", name, (1,), parameters, (1,))
    middle = (m.Describe("P", ""),) if describe else ()
    return joined(bind, *middle, m.Execute(""), m.Sync())


class Client:
    """A dialogue that takes data as a connection does."""

    def __init__(self, dialogue: Dialogue | None = None) -> None:
        self.dialogue = dialogue or Dialogue.connected()
        self.recalled = 0

    def ask(self, data: bytes) -> list[str]:
        conversation, engine = self.dialogue.conversation, self.dialogue.engine
        repetition = conversation.recall(data)
        if repetition is not None:
            (result,) = engine.execute_together([repetition.query])
            if conversation.reply(repetition, result):
                self.recalled += 1
                return brief(self.dialogue.received())
        answer = brief(self.dialogue.send_bytes(data))
        conversation.remember(data)
        return answer


def learnt(*statements: m.Frontend, data: bytes) -> Client:
    """A client that has asked twice already."""
    client = Client()
    client.dialogue.send(*(statements or PARSE))
    for _ in range(2):
        client.ask(data)
    assert client.recalled == 0
    return client


@pytest.mark.parametrize("describe", [True, False])
def test_the_third_time_it_is_known(describe: bool) -> None:
    client = learnt(data=query(vector(1, 2), describe=describe))
    fresh = Client()
    fresh.dialogue.send(*PARSE)
    data = query(vector(3, 4), describe=describe)
    assert client.ask(data) == fresh.ask(data)
    assert (client.recalled, fresh.recalled) == (1, 0)


def test_two_statements_in_turn_are_both_known() -> None:
    client = Client()
    client.dialogue.send(m.Parse("a", "nearest $1"), m.Parse("b", "nearest $1"), m.Sync())
    for _ in range(5):
        for name in "ab":
            client.ask(query(vector(1, 2), name=name))
    assert client.recalled == 6


def test_several_parameters_of_other_lengths_but_the_same_sum() -> None:
    first = m.Bind("", "s", (1,), (pack("!i", 7), b"seven"), (1,))
    data = encode(first) + encode(m.Execute("")) + encode(m.Sync())
    client = learnt(m.Parse("s", "select $1, $2"), m.Sync(), data=data)
    assert "DataRow" in " ".join(client.ask(data.replace(b"seven", b"eight")))
    assert client.recalled == 1
    # The first parameter two bytes shorter, the second two longer: an int4 of two bytes is refused as always.
    odd = m.Bind("", "s", (1,), (b"\0\7", b"seven..."[:7]), (1,))
    assert client.ask(encode(odd) + encode(m.Execute("")) + encode(m.Sync()))[0].startswith("ErrorResponse")
    assert client.recalled == 1


@pytest.mark.parametrize(
    "data",
    [
        query(None),
        joined(m.Bind("", "s", (0,), (b"[1,2]",), (1,)), m.Execute(""), m.Sync()),
        joined(m.Bind("", "s", (1,), (vector(1, 2),), (1,)), m.Execute("", 3), m.Sync()),
        joined(m.Bind("p", "s", (1,), (vector(1, 2),), (1,)), m.Execute("p"), m.Sync()),
        query(vector(1, 2)) + query(vector(1, 2)),
        query(vector(1, 2))[:-5] + encode(m.Flush()) + encode(m.Sync()),
    ],
    ids=["NULL", "text", "limit", "named portal", "two queries", "flush"],
)
def test_what_is_never_taken_for_a_repetition(data: bytes) -> None:
    client = learnt(data=data)
    for _ in range(3):
        client.ask(data)
    assert client.recalled == 0


def test_not_inside_a_transaction_block() -> None:
    data = query(vector(1, 2))
    client = learnt(data=data)
    client.dialogue.send(m.Query("begin"))
    assert client.ask(data)[-1] == "ReadyForQuery T"
    assert client.recalled == 0
    client.dialogue.send(m.Query("commit"))
    assert client.ask(data)[-1] == "ReadyForQuery I"
    assert client.recalled == 1


@pytest.mark.parametrize(
    "change",
    [
        (m.Close("S", "s"), m.Parse("s", "select $1, $2"), m.Sync()),
        (m.Close("S", "s"), m.Sync()),
        (m.Query("deallocate all"),),
    ],
    ids=["another", "closed", "deallocated"],
)
def test_a_statement_that_is_no_longer_the_one(change: tuple[m.Frontend, ...]) -> None:
    data = query(vector(1, 2))
    client = learnt(data=data)
    client.dialogue.send(*change)
    assert client.ask(data)[0].startswith("ErrorResponse")
    assert client.recalled == 0


def test_a_bad_value_is_refused_as_always() -> None:
    client = learnt(data=query(vector(1, 2)))
    answer = client.ask(query(vector(1, float("nan"))))
    assert answer[0].startswith("ErrorResponse")
    assert "22000" in answer[0]
    assert client.ask(query(vector(1, 2)))[-1] == "ReadyForQuery I"
    assert client.recalled == 1


def test_a_query_that_cannot_run_now_is_run_as_always() -> None:
    engine = FakeEngine(on_main_thread=True)
    client = Client(Dialogue.connected(engine))
    client.dialogue.send(m.Parse("s", "select $1, $2"), m.Sync())
    bind = m.Bind("", "s", (1,), (pack("!i", 7), b"seven"), (1,))
    data = joined(bind, m.Execute(""), m.Sync())
    expected = [client.ask(data) for _ in range(3)][-1]
    assert client.recalled == 1
    engine.only_alone = True
    assert client.ask(data) == expected
    assert client.recalled == 1


def test_a_statement_that_never_runs_so_is_left_alone() -> None:
    data = joined(m.Bind("", "s", (1,), (pack("!i", 7), b"seven"), (1,)), m.Execute(""), m.Sync())
    client = learnt(m.Parse("s", "select $1, $2"), m.Sync(), data=data)
    client.dialogue.engine.only_alone = True
    for _ in range(2 * MAX_MISSES):
        client.ask(data)
    assert len(client.dialogue.engine.together) == MAX_MISSES


@pytest.mark.parametrize(
    "bind",
    [m.Bind("", "s", (1,), (vector(1, 2),), (7,)), m.Bind("", "s", (1,), (vector(1, 2),), (1, 1, 1))],
    ids=["no such format", "too many formats"],
)
def test_an_error_that_is_repeated_is_told_each_time(bind: m.Bind) -> None:
    data = joined(bind, m.Describe("P", ""), m.Execute(""), m.Sync())
    client = learnt(data=data)
    answers = [client.ask(data) for _ in range(3)]
    assert any(message.startswith("ErrorResponse") for message in answers[0])
    assert answers == [answers[0]] * 3


@given(st.data())
def test_any_bytes_may_be_repeated(data: st.DataObject) -> None:
    changed = bytearray(query(vector(1, 2)))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    repeated, fresh = Client(), Client()
    for client in (repeated, fresh):
        client.dialogue.send(*PARSE)
    for _ in range(4):
        answer = brief(fresh.dialogue.send_bytes(bytes(changed)))
        assert repeated.ask(bytes(changed)) == answer


def test_settings_that_change_how_rows_look_are_followed() -> None:
    data = query(vector(1, 2))
    client = learnt(data=data)
    client.dialogue.send(m.Query("set timezone = 'cet'"))
    assert client.ask(data)[-1] == "ReadyForQuery I"
    assert client.recalled == 1


def test_what_is_kept_in_mind_is_bounded() -> None:
    client = Client()
    for number in range(3 * MAX_KNOWN):
        name = f"s{number:03}"
        client.dialogue.send(m.Parse(name, "nearest $1"), m.Sync())
        for _ in range(3):
            client.ask(query(vector(1, 2), name=name))
    assert client.recalled == 3 * MAX_KNOWN
    assert len(client.dialogue.conversation._repeats._known) <= MAX_KNOWN


@given(st.data())
def test_any_other_bytes_are_read_as_always(data: st.DataObject) -> None:
    known = query(vector(1, 2))
    place = data.draw(st.integers(0, len(known) - 1))
    changed = bytearray(known)
    changed[place] = data.draw(st.integers(0, 255))
    fresh = Client()
    fresh.dialogue.send(*PARSE)
    assert learnt(data=known).ask(bytes(changed)) == fresh.ask(bytes(changed))


# ------------------------------------------------------------ over sockets


@pytest.fixture
def server() -> Iterator[Listening]:
    with listening() as running:
        yield running


def test_clients_that_ask_at_once_are_answered_together(server: Listening) -> None:
    data, rounds, number = query(vector(1, 2)), 60, 4
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port)) for _ in range(number)]
        for client in clients:
            client.send(*PARSE)
            client.until("ReadyForQuery")
        gate = threading.Barrier(number)
        answers: list[list[str]] = []

        def ask(client: RawClient) -> None:
            for _ in range(rounds):
                gate.wait(20)
                client.send_bytes(data)
                answers.append(brief(client.until("ReadyForQuery")))

        threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(answers) == rounds * number
    assert all(answer == answers[0] for answer in answers)
    assert sum(server.engine.together) == (rounds - 2) * number
    assert max(server.engine.together) > 1


def test_questions_sent_ahead_are_answered_in_order(server: Listening) -> None:
    with RawClient(server.port) as client:
        client.send(m.Parse("s", "select $1, $2"), m.Sync())
        client.until("ReadyForQuery")
        for number in range(200):
            bind = m.Bind("", "s", (1,), (pack("!i", 1000 + number), b"x"), (1,))
            client.send(bind, m.Execute(""), m.Sync())
        found: list[str] = []
        while len(found) < 200:
            found += [line for line in brief(client.until("ReadyForQuery")) if line.startswith("DataRow")]
    assert found == [f"DataRow {pack('!i', 1000 + number).hex()} x" for number in range(200)]


def test_a_failing_batch_leaves_each_query_to_be_run_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeEngine):
        def execute_together(self, queries: object) -> list[Result | None]:
            raise SqlError("XX000", "a bug")

    class Loop:
        def call_soon(self, callback: object) -> None: ...

    batch = QueryBatch(Loop(), Broken())  # type: ignore[arg-type]
    answers: list[Result | None] = []
    for _ in range(2):
        batch.add(Query(None, None, ()), answers.append, now=False)
    batch.run()
    assert answers == [None, None]
    assert "running 2 queries together failed" in caplog.text
    batch.run()
    assert len(answers) == 2


def test_a_lone_clients_query_waits_for_nobody() -> None:
    class Loop:
        def call_soon(self, callback: object) -> None:
            raise AssertionError("nothing has to be run later")

    batch = QueryBatch(Loop(), FakeEngine())  # type: ignore[arg-type]
    answers: list[Result | None] = []
    batch.add(Query(None, None, ()), answers.append, now=True)
    assert len(answers) == 1
