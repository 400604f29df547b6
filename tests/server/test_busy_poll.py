"""Busy polling: only for one client that keeps asking, and only for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from ruvector_server import busy_poll
from ruvector_server.busy_poll import STREAK, BusyPoll


class CountingLoop:
    """Keeps what asks to run soon."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> CountingLoop:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    return CountingLoop()


def polling(loop: CountingLoop) -> BusyPoll:
    return BusyPoll(cast(asyncio.AbstractEventLoop, loop))


def test_one_client_that_keeps_asking_is_polled_for(loop: CountingLoop) -> None:
    poll = polling(loop)
    client = object()
    for _ in range(STREAK):
        poll.answered(client)
    assert not loop.soon
    for _ in range(3):
        poll.answered(client)
    assert len(loop.soon) == 1  # one poller, however many answers


def test_clients_in_turn_are_not(loop: CountingLoop) -> None:
    poll = polling(loop)
    clients = [object(), object()]
    for number in range(10 * STREAK):
        poll.answered(clients[number % 2])
    assert not loop.soon


def test_a_client_is_lone_until_another_asks(loop: CountingLoop) -> None:
    poll = polling(loop)
    client, other = object(), object()
    assert not poll.is_lone(client)
    for _ in range(STREAK + 1):
        assert not poll.is_lone(client)
        poll.answered(client)
    assert poll.is_lone(client)
    assert not poll.is_lone(other)
    poll.answered(other)
    assert not poll.is_lone(client)


def test_polling_ends(loop: CountingLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    poll = polling(loop)
    client = object()
    for _ in range(STREAK + 1):
        poll.answered(client)
    loop.soon.pop()()
    assert len(loop.soon) == 1  # still within its time: it comes back
    now += busy_poll.POLL_SECONDS
    loop.soon.pop()()
    assert not loop.soon


def test_a_single_core_is_left_to_the_client(loop: CountingLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    poll = polling(loop)
    for _ in range(10 * STREAK):
        poll.answered(loop)
    assert not loop.soon
