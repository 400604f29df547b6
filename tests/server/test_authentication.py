"""The exchanges of the methods of pg_hba.conf, message by message; and what comes by NOTIFY to a conversation."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.server.dialogue import STARTUP, Dialogue, brief
from tests.server.fake_engine import FakeAccounts
from tests.wire.client import Backend, encode

from ruvector_engine.verifiers import Verifier
from ruvector_server.access import Access, AccessError, AccessFiles
from ruvector_server.session import authentication
from ruvector_server.session.peer import Peer
from ruvector_server.session.registry import Registry
from ruvector_server.wire import messages as m

VERIFIER = Verifier.of("sesame")


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "LEAST_DELAY", 0)
    monkeypatch.setattr(authentication, "GREATEST_DELAY", 1)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "pg_hba.conf"


def dialogue(rules: Path, text: str, peer: Peer | None = None) -> Dialogue:
    rules.write_text(text)
    return Dialogue(verifier=VERIFIER, rules=rules, peer=peer, registry=Registry(1))


def test_password_in_clear(rules: Path) -> None:
    client = dialogue(rules, "host all all all password")
    assert client.send(STARTUP) == [Backend("Authentication", (3, b""))]
    answers = client.send(m.PasswordMessage("sesame"))
    assert answers[0] == Backend("Authentication", (0, b""))
    assert answers[-1] == Backend("ReadyForQuery", "I")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (m.PasswordMessage("wrong"), '28P01 password authentication failed for user "ann"'),
        (m.PasswordMessage(""), "28P01 empty password returned by client"),
        (m.Query("SELECT 1"), "08P01 expected password response, got message type 81"),
    ],
)
def test_bad_passwords_in_clear(rules: Path, message: m.Frontend, error: str) -> None:
    client = dialogue(rules, "host all all all password")
    client.send(STARTUP)
    assert brief(client.send(message)) == [f"ErrorResponse FATAL {error}"]
    assert client.conversation.finished


def test_md5_is_scram_over_a_scram_verifier(rules: Path) -> None:
    client = dialogue(rules, "host all all all md5")
    assert client.send(STARTUP) == [Backend("Authentication", (10, b"SCRAM-SHA-256\0\0"))]


def test_peer(rules: Path) -> None:
    text = "local all all peer"
    assert dialogue(rules, text, Peer(None, os_user="ann")).send(STARTUP)[-1].name == "ReadyForQuery"
    for other in ("bob", None):
        answers = dialogue(rules, text, Peer(None, os_user=other)).send(STARTUP)
        assert brief(answers) == ['ErrorResponse FATAL 28000 Peer authentication failed for user "ann"']
    assert brief(dialogue(rules, text).send(STARTUP)) == [
        'ErrorResponse FATAL 28000 no pg_hba.conf entry for host "127.0.0.1", user "ann", database "db", no encryption'
    ]


def test_a_refused_client_that_goes_while_it_is_made_to_wait(rules: Path) -> None:
    client = dialogue(rules, "host all bob all trust")
    client.conversation.feed(encode(STARTUP))
    work = client.conversation.advance()
    assert work is not None
    client.conversation.hang_up()
    client.do(work)
    client.run()
    assert client.conversation.finished
    client.registry.enter(lambda: None, 4)  # the only place is free again


def test_rules_that_need_what_is_not_there(rules: Path) -> None:
    rules.write_text("hostssl all all all cert")
    with pytest.raises(AccessError, match="can only be checked with --ssl-cert, --ssl-key and --ssl-ca"):
        Access(AccessFiles(rules), FakeAccounts())
    with pytest.raises(AccessError, match="could not open file"):
        Access(AccessFiles(rules.with_name("none"), hba_required=True), FakeAccounts())


def test_rules_that_are_gone_stay_in_force(rules: Path) -> None:
    """Without a password, none would mean that everybody gets in."""
    access = Access(AccessFiles(rules), FakeAccounts())
    rules.write_text("host all bob all trust")
    access.reload()
    rules.unlink()
    access.reload()
    assert access.rules.find(access.client("127.0.0.1", "ann", "db", encrypted=False)) is None
    assert access.rules.find(access.client("127.0.0.1", "bob", "db", encrypted=False)) is not None


def test_notifications_come_before_ready_for_query_and_to_the_idle() -> None:
    client = Dialogue.connected()
    told = client.session.notifications
    told.waiting = [(7, "news", "é"), (7, "news", "")]
    client.run()
    assert brief(client.received()) == [
        "NotificationResponse 000000076e65777300c3a900",
        "NotificationResponse 000000076e6577730000",
    ]
    client.send(m.Query("BEGIN"))
    told.waiting = [(8, "news", "later")]
    client.run()
    assert client.received() == []
    assert [answer.name for answer in client.send(m.Query("COMMIT"))] == [
        "CommandComplete",
        "NotificationResponse",
        "ReadyForQuery",
    ]


def test_no_notifications_for_a_client_that_does_not_read() -> None:
    client = Dialogue.connected()
    client.conversation.writable = False
    client.session.notifications.waiting = [(7, "news", "x")]
    client.run()
    assert client.received() == []
    client.catch_up()
    assert [answer.name for answer in client.received()] == ["NotificationResponse"]


@pytest.mark.parametrize("cause", ["password", "rule"])
def test_a_failed_login_is_made_to_wait_and_logged(
    rules: Path, cause: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So that guessing takes long; the log says who, from where and why, and not the password."""
    waits: list[float] = []
    monkeypatch.setattr(authentication, "LEAST_DELAY", 100)
    monkeypatch.setattr(authentication, "GREATEST_DELAY", 400)
    monkeypatch.setattr("ruvector_server.session.authentication.time.sleep", waits.append)
    text = "host all all all password" if cause == "password" else "host all bob all trust"
    for _ in range(20):
        client = dialogue(rules, text)
        client.send(STARTUP)
        if cause == "password":
            client.send(m.PasswordMessage("wrong-sesame"))
        assert client.conversation.finished
    assert len(waits) == 20
    assert all(0.1 <= wait < 0.4 for wait in waits)
    assert len(set(waits)) > 1
    why = "password authentication failed" if cause == "password" else "no pg_hba.conf entry"
    assert f"refused user 'ann', database 'db', from 127.0.0.1: '{why}" in caplog.text
    assert "sesame" not in caplog.text
