"""What is kept of a password: a SCRAM-SHA-256 verifier, enough to check one and not enough to log in with.

Or an MD5 hash, for clients that know nothing better: whoever sees one can log in with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from scramp import ScramException
from scramp.utils import saslprep

MECHANISM = "SCRAM-SHA-256"
DEFAULT_ITERATIONS = 4096
_SALT_BYTES = 16
_KEY_BYTES = 32
_MD5_TEXT = re.compile(r"md5[0-9a-f]{32}")
_TEXT = re.compile(r"SCRAM-SHA-256\$(\d{1,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class Verifier:
    """What is needed to check one password. Its text is what PostgreSQL keeps in pg_authid."""

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int

    @classmethod
    def of(cls, password: str, iterations: int = DEFAULT_ITERATIONS) -> Verifier:
        """Derive the verifier of a password."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(salt, *_keys(password, salt, iterations), iterations)

    @classmethod
    def mock(cls, user: str, secret: bytes, iterations: int = DEFAULT_ITERATIONS) -> Verifier:
        """What is shown to a user without a password, so that nobody can tell: always the same salt, no way in."""
        salt = hmac.digest(secret, user.encode("utf-8", "surrogateescape"), hashlib.sha256)[:_SALT_BYTES]
        return cls(salt, secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES), iterations)

    @classmethod
    def parse(cls, text: str) -> Verifier | None:
        """Read a verifier in PostgreSQL's form; None when the text is none."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        try:
            salt, stored, server = (base64.b64decode(part, validate=True) for part in found.groups()[1:])
        except binascii.Error:
            return None
        if not salt or int(found[1]) < 1 or len(stored) != _KEY_BYTES or len(server) != _KEY_BYTES:
            return None
        return cls(salt, stored, server, int(found[1]))

    def __str__(self) -> str:
        """The verifier in PostgreSQL's form."""
        salt, stored, server = (base64.b64encode(b).decode() for b in (self.salt, self.stored_key, self.server_key))
        return f"{MECHANISM}${self.iterations}:{salt}${stored}:{server}"

    def accepts(self, password: str) -> bool:
        """Whether this is the password. Takes milliseconds, on purpose."""
        stored_key, _ = _keys(password, self.salt, self.iterations)
        return hmac.compare_digest(stored_key, self.stored_key)


@dataclass(frozen=True, slots=True)
class Md5Hash:
    """The MD5 hash of a password and its role's name. Its text is what PostgreSQL keeps in pg_authid."""

    text: str
    user: str

    @classmethod
    def of(cls, password: str, user: str) -> Md5Hash:
        """Hash a password."""
        return cls(_md5(password.encode("utf-8", "surrogateescape") + user.encode("utf-8", "surrogateescape")), user)

    @classmethod
    def parse(cls, text: str, user: str) -> Md5Hash | None:
        """Read a hash in PostgreSQL's form; None when the text is none."""
        return cls(text, user) if _MD5_TEXT.fullmatch(text) else None

    @classmethod
    def mock(cls, user: str) -> Md5Hash:
        """That of no password."""
        return cls(_md5(secrets.token_bytes(_KEY_BYTES)), user)

    def accepts(self, password: str) -> bool:
        """Whether this is the password."""
        return hmac.compare_digest(Md5Hash.of(password, self.user).text, self.text)

    def answers(self, response: str, salt: bytes) -> bool:
        """Whether a client's response to a salt shows that it knows the password, or its hash."""
        expected = _md5(self.text.removeprefix("md5").encode() + salt)
        return hmac.compare_digest(expected.encode(), response.encode("utf-8", "surrogateescape"))


def _md5(data: bytes) -> str:
    return "md5" + hashlib.md5(data, usedforsecurity=False).hexdigest()


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """StoredKey and ServerKey of RFC 5802. Here, since scramp makes none with fewer iterations than it recommends."""
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hashlib.sha256)
    return hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", hashlib.sha256)


def _prepared(password: str) -> bytes:
    """The password after SASLprep; as it is when that forbids it or leaves nothing, as PostgreSQL and clients do."""
    try:
        prepared = str(saslprep(password))
    except ScramException:
        prepared = ""
    return (prepared or password).encode("utf-8", "surrogateescape")
