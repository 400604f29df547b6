"""Mailboxes by themselves: what only shows when nobody empties one."""

from __future__ import annotations

import pytest

from ruvector_engine import notifications
from ruvector_engine.errors import SqlError
from ruvector_engine.notifications import Exchange, Mailbox, Notification


def boxes(count: int) -> tuple[Exchange, list[Mailbox]]:
    exchange = Exchange()
    found = [Mailbox(exchange, 5, pid) for pid in range(count)]
    for box in found:
        box.listen("news")
        box.commit()
    return exchange, found


def say(box: Mailbox, payload: str) -> None:
    box.notify("news", payload)
    box.check_room()
    box.commit()


def test_a_mailbox_that_nobody_empties_fills_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "MAX_WAITING_BYTES", 10_000)
    exchange, (sender, lazy) = boxes(2)
    for number in range(9):
        say(sender, f"{number} {'x' * 1000}")
        sender.take()
    assert exchange.usage() >= 1
    with pytest.raises(SqlError, match="too many notifications in the NOTIFY queue") as caught:
        say(sender, "x")
    assert caught.value.sqlstate == "54000"
    sender.rollback()
    assert len(lazy.take()) == 9
    assert exchange.usage() == 0
    say(sender, "again")
    assert lazy.take() == [Notification(0, "news", "again")]


def test_nothing_comes_to_a_session_that_has_ended() -> None:
    _, (sender, gone) = boxes(2)
    gone.close()
    say(sender, "x")
    assert gone.take() == []
    assert sender.take() == [Notification(0, "news", "x")]


def test_waking() -> None:
    _, (sender, ear) = boxes(2)
    woken: list[str] = []
    ear.wake = lambda: woken.append("ear")
    ear.unlisten("news")
    ear.listen("else")
    say(sender, "x")
    ear.commit()
    say(sender, "y")
    assert woken == ["ear"]  # for the first: it listened then
    assert ear.take() == []  # and does not any more
