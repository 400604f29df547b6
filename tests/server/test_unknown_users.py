"""Nobody can find out by logging in which roles there are: a wrong password and a wrong name look and cost the same.

Shown by what is sent and by what is computed, not by a clock: the same messages of the same shape, and the same number
of key derivations, which are all that takes time here.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.server.dialogue import Dialogue, brief
from tests.wire.client import Backend

from ruvector_engine.database import Database
from ruvector_server.access import SECRET_NAME, Access, AccessFiles, mock_secret
from ruvector_server.session import authentication
from ruvector_server.wire import messages as m

METHODS = ["scram-sha-256", "md5", "password"]
#: A role with a password; then those of whom no password is right, each for a reason of its own.
KNOWN = "ann"
OTHERS = ["nobody", "bare", "expired", "ann ", "\u00e9"]
#: One whose password is kept as an MD5 hash.
HASHED = "old"
SETUP = (
    "CREATE USER ann PASSWORD 'sesame'",
    "CREATE USER old PASSWORD 'md50123456789abcdef0123456789abcdef'",
    "CREATE USER bare",
    "CREATE USER expired PASSWORD 'sesame' VALID UNTIL '2001-01-01'",
)


class Attempt(NamedTuple):
    """What one client saw: messages with what differs from login to login left out; the salt; what was computed."""

    seen: list[str]
    salt: bytes
    derivations: int


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "LEAST_DELAY", 0)
    monkeypatch.setattr(authentication, "GREATEST_DELAY", 1)


@pytest.fixture
def derivations(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many keys have been derived from passwords since the last look."""
    calls: list[int] = []
    derive = hashlib.pbkdf2_hmac

    def counted(name: str, password: bytes, salt: bytes, iterations: int, *rest: Any) -> bytes:
        calls.append(iterations)
        return derive(name, password, salt, iterations, *rest)

    def since() -> int:
        found = sum(calls)
        calls.clear()
        return found

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", counted)
    return since


@contextmanager
def opened(data_dir: Path, *statements: str) -> Iterator[Database]:
    """The database in a directory, after some statements."""
    database = Database.open(data_dir)
    try:
        session = database.session(user="postgres", database="postgres", pid=1, startup={})
        for statement in statements:
            (raw,) = session.parse(statement)
            session.execute(session.prepare(raw))
            session.sync()
        session.close()
        yield database
    finally:
        database.close()


def attempt(database: Database, method: str, user: str, derivations: Callable[[], int]) -> Attempt:
    """Log in with a wrong password."""
    rules = database.data_dir / "pg_hba.conf"
    rules.write_text(f"host all all all {method}")
    client = Dialogue(access=Access(AccessFiles(rules), database.accounts, mock_secret(database.data_dir)))
    derivations()
    told = client.send(m.StartupMessage(3, 0, {"user": user, "database": "db"}))
    if method == "password":
        answers, seen, salt = client.send(m.PasswordMessage("wrong")), brief(told), b""
    else:
        (challenge,) = client.send(m.SASLInitialResponse("SCRAM-SHA-256", b"n,,n=,r=abcdefgh"))
        nonce, salt, iterations = _challenge(challenge)
        seen = [*brief(told), f"nonce of {len(nonce)}", f"salt of {len(salt)}", f"iterations {iterations.decode()}"]
        proof = b64encode(bytes(32))
        answers = client.send(m.SASLResponse(b"c=biws,r=" + nonce + b",p=" + proof))
    assert client.conversation.finished
    told_last = [line.replace(f'"{user}"', '"..."') for line in brief(answers)]
    return Attempt([*seen, *told_last], salt, derivations())


def _challenge(message: Backend) -> tuple[bytes, bytes, bytes]:
    """Nonce, salt and the number of iterations of a server-first message."""
    assert isinstance(message.content, tuple)
    kind, data = message.content
    assert kind == 11
    nonce, salt, iterations = data.split(b",")
    return nonce[2:], b64decode(salt[2:], validate=True), iterations[2:]


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_name_looks_and_costs_as_a_wrong_password(
    tmp_path: Path, method: str, derivations: Callable[[], int]
) -> None:
    with opened(tmp_path, *SETUP) as database:
        known = attempt(database, method, KNOWN, derivations)
        assert known.seen[-1] == 'ErrorResponse FATAL 28P01 password authentication failed for user "..."'
        assert known.derivations == (4096 if method == "password" else 0)  # by SCRAM the client derives
        for user in [*OTHERS, *([] if method == "md5" else [HASHED])]:
            other = attempt(database, method, user, derivations)
            assert other.seen == known.seen, user
            assert other.derivations == known.derivations, user
            assert other.salt != known.salt or method == "password"


@pytest.mark.parametrize("method", METHODS[:2])
def test_salts_stay_over_restarts(tmp_path: Path, method: str, derivations: Callable[[], int]) -> None:
    """Else whoever asks twice learns that there is no password. They come from a secret of the data directory."""
    users = [KNOWN, *OTHERS]
    with opened(tmp_path, *SETUP) as database:
        first = [attempt(database, method, user, derivations).salt for user in users]
        assert first == [attempt(database, method, user, derivations).salt for user in users]
    assert len(set(first)) == len(users)
    assert (tmp_path / SECRET_NAME).stat().st_mode & 0o777 == 0o600
    with opened(tmp_path) as database:
        assert [attempt(database, method, user, derivations).salt for user in users] == first
    (tmp_path / SECRET_NAME).unlink()
    with opened(tmp_path) as database:
        again = [attempt(database, method, user, derivations).salt for user in users]
    assert again[0] == first[0]
    assert not set(again[1:]) & set(first[1:])


@pytest.mark.parametrize("method", METHODS)
def test_iterations_are_those_of_new_passwords(tmp_path: Path, method: str, derivations: Callable[[], int]) -> None:
    """Where ALTER SYSTEM says how many, the roles made since have so many: so must those that do not exist."""
    with opened(tmp_path, "ALTER SYSTEM SET scram_iterations = 5000") as database:
        database.reload()
        session = database.session(user="postgres", database="postgres", pid=1, startup={})
        (raw,) = session.parse(SETUP[0])
        session.execute(session.prepare(raw))
        session.sync()
        session.close()
        known, other = (attempt(database, method, user, derivations) for user in (KNOWN, "nobody"))
        assert known.seen == other.seen
        assert known.derivations == other.derivations == (5000 if method == "password" else 0)
