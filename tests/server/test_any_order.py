"""Messages in any order, cut anywhere, and bytes that are none: every conversation ends well."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.dialogue import STARTUP, Dialogue
from tests.server.fake_engine import STATEMENTS
from tests.wire.client import encode

from ruvector_server.wire import messages as m

NAMES = st.sampled_from(["", "a", "b"])
SQL = st.sampled_from([sql for sql in STATEMENTS if sql not in ("wait", "sleep", "select much", "bug", "bug now")])
TEXTS = st.lists(SQL | st.sampled_from(["", "syntax", "unknown"]), max_size=3).map("; ".join)
FORMATS = st.lists(st.integers(0, 2), max_size=3).map(tuple)
VALUES = st.lists(st.none() | st.binary(max_size=4) | st.just(b"1"), max_size=3).map(tuple)
MESSAGES = st.one_of(
    st.builds(m.Query, TEXTS),
    st.builds(m.Parse, NAMES, TEXTS),
    st.builds(m.Bind, NAMES, NAMES, FORMATS, VALUES, FORMATS),
    st.builds(m.Describe, st.sampled_from(["S", "P"]), NAMES),
    st.builds(m.Execute, NAMES, st.integers(-1, 7)),
    st.builds(m.Close, st.sampled_from(["S", "P"]), NAMES),
    st.builds(m.Flush),
    st.builds(m.Sync),
    st.builds(m.FunctionCall, st.integers(0, 2), FORMATS, VALUES, st.integers(0, 2)),
    st.builds(m.CopyData, st.sampled_from([b"1\tx\n", b"x", b"\\.\n", b""])),
    st.builds(m.CopyDone),
    st.builds(m.CopyFail, st.just("why")),
)
BYTES = MESSAGES.map(encode) | st.binary(max_size=20)


def check_end(dialogue: Dialogue) -> None:
    """The client goes; nothing of its session is left."""
    dialogue.conversation.hang_up()
    dialogue.run()
    assert dialogue.conversation.finished
    assert dialogue.engine.closed == dialogue.engine.sessions


@given(st.lists(MESSAGES, max_size=12))
@settings(deadline=None)
def test_well_formed_messages_in_any_order(messages: list[m.Frontend]) -> None:
    dialogue = Dialogue.connected()
    dialogue.send(*messages)
    # Whatever came before: a COPY is ended, an error is skipped over, and the session is ready again.
    dialogue.send(m.CopyFail("end"), m.Sync())
    answers = dialogue.received() or dialogue.send(m.Sync())
    if not dialogue.conversation.finished:
        assert answers[-1].name == "ReadyForQuery"
        assert dialogue.send(m.Query(""))[-1].name == "ReadyForQuery"
    check_end(dialogue)


@given(st.lists(MESSAGES, max_size=8), st.lists(st.integers(1, 30), max_size=30))
@settings(deadline=None)
def test_cutting_the_bytes_changes_nothing(messages: list[m.Frontend], cuts: list[int]) -> None:
    stream = b"".join(map(encode, messages))
    whole = Dialogue.connected().send_bytes(stream)
    dialogue = Dialogue.connected()
    pieces = []
    for length in [*cuts, len(stream)]:
        pieces += dialogue.send_bytes(stream[:length])
        stream = stream[length:]
    assert pieces == whole
    check_end(dialogue)


@given(st.lists(BYTES, max_size=10), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(caplog: pytest.LogCaptureFixture, pieces: list[bytes], connected: bool) -> None:
    dialogue = Dialogue()
    with caplog.at_level(logging.WARNING):
        for piece in [encode(STARTUP), *pieces] if connected else pieces:
            dialogue.conversation.feed(piece)
            dialogue.run()
    assert caplog.records == []
    check_end(dialogue)
