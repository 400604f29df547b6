"""What is kept of a password: a SCRAM-SHA-256 verifier, enough to check one and not enough to log in with."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from scramp import ScramException, ScramMechanism

MECHANISM = "SCRAM-SHA-256"
DEFAULT_ITERATIONS = 4096
_SALT_BYTES = 16
_KEY_BYTES = 32
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
        """Derive the verifier of a password; ValueError for one that SCRAM cannot take."""
        salt = secrets.token_bytes(_SALT_BYTES)
        try:
            return cls(*ScramMechanism(MECHANISM).make_auth_info(password, iterations, salt))
        except ScramException as error:
            raise ValueError(f"unusable password: {error}") from error

    @classmethod
    def mock(cls, user: str, secret: bytes) -> Verifier:
        """What is shown to a user without a password, so that nobody can tell: always the same salt, no way in."""
        salt = hmac.digest(secret, user.encode("utf-8", "surrogateescape"), hashlib.sha256)[:_SALT_BYTES]
        return cls(salt, secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES), DEFAULT_ITERATIONS)

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
        try:
            _, stored_key, _, _ = ScramMechanism(MECHANISM).make_auth_info(password, self.iterations, self.salt)
        except ScramException:
            return False
        return hmac.compare_digest(stored_key, self.stored_key)
