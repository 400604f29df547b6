"""From the first byte to the first ReadyForQuery; and who is not let in."""

from __future__ import annotations

import re

import pytest
from scramp import ScramClient
from tests.server.dialogue import STARTUP, Dialogue, brief
from tests.wire.client import Backend, encode

from ruvector_engine.errors import SqlError
from ruvector_engine.verifiers import Verifier
from ruvector_server.session.registry import Registry
from ruvector_server.session.startup import parse_options
from ruvector_server.wire import messages as m

VERIFIER = Verifier.of("sesame")


def startup(minor: int = 0, **parameters: str) -> m.StartupMessage:
    return m.StartupMessage(3, minor, {"user": "ann", **parameters})


def key_data(answers: list[Backend]) -> tuple[int, bytes]:
    (content,) = [message.content for message in answers if message.name == "BackendKeyData"]
    assert isinstance(content, bytes)
    return int.from_bytes(content[:4], "big"), content[4:]


def test_trusted() -> None:
    dialogue = Dialogue()
    answers = dialogue.send(STARTUP)
    assert answers[0] == Backend("Authentication", (0, b""))
    assert Backend("ParameterStatus", ("server_version", "18.1")) in answers
    assert answers[-1] == Backend("ReadyForQuery", "I")
    assert (dialogue.session.user, dialogue.session.database) == ("ann", "db")
    assert len(key_data(answers)[1]) == 4
    assert dialogue.session.pid == key_data(answers)[0]


def test_byte_by_byte() -> None:
    dialogue = Dialogue()
    answers = []
    for byte in encode(STARTUP) + encode(m.Query("SELECT 1")):
        answers += dialogue.send_bytes(bytes([byte]))
    assert brief(answers)[-2:] == ["CommandComplete SELECT 1", "ReadyForQuery I"]


def test_database_is_the_user_by_default_and_settings_are_handed_on() -> None:
    dialogue = Dialogue()
    dialogue.send(startup(database="", application_name="x", options="-c a.b=1 -cTimeZone=CET", TimeZone="UTC"))
    assert dialogue.session.database == "ann"
    assert dialogue.session.startup == {"application_name": "x", "a.b": "1", "TimeZone": "UTC"}


def test_encryption_is_refused_once_each() -> None:
    dialogue = Dialogue()
    dialogue.send_bytes(encode(m.SSLRequest()))
    dialogue.send_bytes(encode(m.GSSENCRequest()))
    dialogue._rest = b""  # two bytes N, which are no messages
    assert dialogue.send(STARTUP)[-1].name == "ReadyForQuery"
    again = Dialogue()
    again.conversation.feed(encode(m.SSLRequest()) * 2)
    again.run()
    assert b"".join(again.sent).startswith(b"NE")
    assert again.conversation.finished


@pytest.mark.parametrize(
    ("minor", "parameters", "negotiated", "secret_length"),
    [
        (0, {}, None, 4),
        (1, {}, None, 4),
        (2, {}, None, 32),
        (3, {}, ((3, 2), []), 32),
        (9999, {}, ((3, 2), []), 32),
        (0, {"_pq_.x": "1"}, ((3, 0), ["_pq_.x"]), 4),
        (2, {"_pq_.x": "1", "_pq_.y": ""}, ((3, 2), ["_pq_.x", "_pq_.y"]), 32),
    ],
)
def test_versions(minor: int, parameters: dict[str, str], negotiated: object, secret_length: int) -> None:
    dialogue = Dialogue()
    answers = dialogue.send(startup(minor, **parameters))
    told = [message.content for message in answers if message.name == "NegotiateProtocolVersion"]
    assert told == ([] if negotiated is None else [negotiated])
    assert len(key_data(answers)[1]) == secret_length
    assert dialogue.session.startup == {}


@pytest.mark.parametrize(
    ("packet", "error"),
    [
        (m.StartupMessage(3, 0, {}), "28000 no PostgreSQL user name specified in startup packet"),
        (m.StartupMessage(3, 0, {"user": ""}), "28000 no PostgreSQL user name specified in startup packet"),
        (m.StartupMessage(4, 0, {"user": "x"}), "0A000 unsupported frontend protocol 4.0: server supports 3.0 to 3.2"),
        (startup(database="nope"), '3D000 database "nope" does not exist'),
        (startup(replication="true"), "0A000 replication connections are not supported"),
        (startup(options="hello"), "42601 invalid command-line argument for server process: hello"),
        (startup(options="-c foo"), "42601 -c foo requires a value"),
    ],
)
def test_refusals_are_fatal(packet: m.StartupMessage, error: str) -> None:
    dialogue = Dialogue()
    assert brief(dialogue.send(packet))[-1] == f"ErrorResponse FATAL {error}"
    assert dialogue.conversation.finished


def test_a_refused_client_gives_its_place_back() -> None:
    registry = Registry(1)
    assert Dialogue(registry=registry).send(startup(database="nope"))[-1].name == "ErrorResponse"
    assert Dialogue(registry=registry).send(STARTUP)[-1].name == "ReadyForQuery"
    assert brief(Dialogue(registry=registry).send(STARTUP)) == [
        "ErrorResponse FATAL 53300 sorry, too many clients already"
    ]


def test_nobody_is_let_in_during_shutdown() -> None:
    registry = Registry(1)
    registry.close()
    assert brief(Dialogue(registry=registry).send(STARTUP)) == [
        "ErrorResponse FATAL 57P03 the database system is shutting down"
    ]


def test_stop_before_the_startup_packet() -> None:
    dialogue = Dialogue()
    dialogue.conversation.stop()
    dialogue.run()
    assert brief(dialogue.received()) == [
        "ErrorResponse FATAL 57P01 terminating connection due to administrator command"
    ]
    assert dialogue.conversation.finished


def test_a_client_that_goes_before_it_says_anything() -> None:
    dialogue = Dialogue()
    dialogue.conversation.hang_up()
    dialogue.run()
    assert dialogue.conversation.finished


def test_cancel_request_finds_its_session() -> None:
    registry = Registry(10)
    target = Dialogue(registry=registry)
    pid, secret = key_data(target.send(startup(2)))
    target.send(m.Query("COPY items FROM STDIN"))
    for wrong in (m.CancelRequest(pid, b"x" * 32), m.CancelRequest(pid + 1, secret), m.CancelRequest(pid, secret[:4])):
        client = Dialogue(registry=registry)
        assert client.send(wrong) == []
        assert client.conversation.finished
        assert target.received() == []
    Dialogue(registry=registry).send(m.CancelRequest(pid, secret))
    assert brief(target.received())[0] == "ErrorResponse ERROR 57014 canceling statement due to user request"


def scram(password: str, dialogue: Dialogue) -> list[Backend]:
    """Log in; the answers to the last message."""
    (offer,) = dialogue.send(STARTUP)
    assert offer.content == (10, b"SCRAM-SHA-256\0\0")
    client = ScramClient(["SCRAM-SHA-256"], "ignored", password)
    (challenge,) = dialogue.send(m.SASLInitialResponse("SCRAM-SHA-256", client.get_client_first().encode()))
    assert isinstance(challenge.content, tuple)
    client.set_server_first(challenge.content[1].decode())
    answers = dialogue.send(m.SASLResponse(client.get_client_final().encode()))
    if answers[0].name == "Authentication":
        assert isinstance(answers[0].content, tuple)
        assert answers[0].content[0] == 12
        client.set_server_final(answers[0].content[1].decode())
    return answers


def test_scram() -> None:
    dialogue = Dialogue(verifier=VERIFIER)
    answers = scram("sesame", dialogue)
    assert answers[1] == Backend("Authentication", (0, b""))
    assert answers[-1].name == "ReadyForQuery"


def test_scram_with_a_wrong_password() -> None:
    dialogue = Dialogue(verifier=VERIFIER)
    assert brief(scram("Sesame", dialogue)) == [
        'ErrorResponse FATAL 28P01 password authentication failed for user "ann"'
    ]
    assert dialogue.conversation.finished
    assert dialogue.engine.sessions == []


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([m.SASLInitialResponse("PLAIN", b"")], "client selected an invalid SASL authentication mechanism"),
        ([m.SASLInitialResponse("SCRAM-SHA-256", None)], "malformed SCRAM message"),
        ([m.SASLInitialResponse("SCRAM-SHA-256", b"\xff")], "malformed SCRAM message"),
        ([m.SASLInitialResponse("SCRAM-SHA-256", b"n=")], "malformed SCRAM message"),
        ([m.SASLInitialResponse("SCRAM-SHA-256", b"n,,n=")], "malformed SCRAM message"),
        ([m.SASLInitialResponse("SCRAM-SHA-256", b"p=x,,n=,r=abc")], "malformed SCRAM message"),
        ([m.Query("SELECT 1")], "expected SASL response, got message type 81"),
    ],
)
def test_scram_with_nonsense(messages: list[m.Frontend], error: str) -> None:
    dialogue = Dialogue(verifier=VERIFIER)
    dialogue.send(STARTUP)
    assert brief(dialogue.send(*messages)) == [f"ErrorResponse FATAL 08P01 {error}"]
    assert dialogue.conversation.finished


def test_verifier_does_not_hold_the_password() -> None:
    assert not re.search("sesame", repr(VERIFIER))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("-c a=1", {"a": "1"}),
        ("-ca=1 --b-c=2", {"a": "1", "b_c": "2"}),
        (r"-c a=x\ y --b=\\", {"a": "x y", "b": "\\"}),
        ("-c a=1 -c a=2", {"a": "2"}),
        ("-c a=", {"a": ""}),
        ("-- -c a=1", {}),
    ],
)
def test_options(text: str, expected: dict[str, str]) -> None:
    assert parse_options(text) == expected


@pytest.mark.parametrize("text", ["-c", "x", "-x", "-c a", "--a", "-"])
def test_bad_options(text: str) -> None:
    with pytest.raises(SqlError) as caught:
        parse_options(text)
    assert caught.value.sqlstate == "42601"
