"""The SCRAM exchange, by which a client proves that it knows a password. The library is `scramp`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from scramp import ScramException, ScramMechanism

from ruvector_engine.errors import SqlError
from ruvector_engine.verifiers import DEFAULT_ITERATIONS, MECHANISM, Verifier
from ruvector_server.wire.errors import ProtocolError

#: The same with channel binding: the proof holds for this TLS stream only, so nobody in the middle can use it.
BINDING_MECHANISM = "SCRAM-SHA-256-PLUS"
_ANY_SALT = bytes(16)
_CHANNEL_BINDING = "tls-server-end-point"


class ScramExchange:
    """The server's side of one SCRAM exchange: `challenge`, then `proof`.

    `certificate` is the server's own, in PEM, when the stream is encrypted and can be bound to.
    """

    def __init__(self, verifier: Verifier, user: str, certificate: str | None = None) -> None:
        self._verifier = verifier
        self._user = user
        self._certificate = certificate

    @property
    def mechanisms(self) -> Sequence[str]:
        """What the client may choose from, the best first."""
        return [MECHANISM] if self._certificate is None else [BINDING_MECHANISM, MECHANISM]

    def challenge(self, mechanism: str, client_first: bytes) -> bytes:
        """Return the server-first message; ProtocolError for a malformed client message."""
        if mechanism not in self.mechanisms:
            raise ProtocolError("client selected an invalid SASL authentication mechanism", fatal=True)
        verifier = self._verifier
        # The user name inside the exchange is ignored, as in PostgreSQL: the startup packet's counts.
        self._server = ScramMechanism(mechanism).make_server(
            lambda _name: (_ANY_SALT, verifier.stored_key, verifier.server_key, DEFAULT_ITERATIONS),
            None if self._certificate is None else (_CHANNEL_BINDING, self._certificate),
        )
        try:
            self._set_client_first(mechanism, client_first.decode())
            return str(self._server.get_server_first()).encode()
        except (ScramException, ValueError):
            raise _malformed() from None

    def _set_client_first(self, mechanism: str, text: str) -> None:
        """Take the client-first message. libpq leaves the user name in it empty, which scramp refuses.

        So scramp is shown a name, and then the message as it was sent, for that is what both sides sign.
        """
        flag, authorization, bare = text.split(",", 2)
        if flag == "y" and self._certificate is not None:
            raise ProtocolError("SCRAM channel binding negotiation error", fatal=True)
        if flag.startswith("p=") and mechanism != BINDING_MECHANISM:
            raise _malformed()
        shown = f"n=unnamed{bare[2:]}" if bare.startswith("n=,") else bare
        self._server.set_client_first(f"{flag},{authorization},{shown}")
        self._server.client_first_bare = bare
        # scramp takes no salt and no number of iterations below what it recommends; what counts is what is sent.
        self._server.salt = b64encode(self._verifier.salt).decode()
        self._server.i = self._verifier.iterations

    def proof(self, client_final: bytes) -> bytes:
        """Return the server-final message; 28P01 when the client does not know the password."""
        try:
            text = client_final.decode()
        except ValueError:
            raise _malformed() from None
        try:
            self._server.set_client_final(text)
            return str(self._server.get_server_final()).encode()
        except ScramException:
            raise password_failed(self._user) from None


def can_bind(certificate: str) -> bool:
    """Whether a certificate (in PEM) is one that channel binding is defined for."""
    try:
        ScramMechanism(BINDING_MECHANISM).make_server(lambda _name: None, (_CHANNEL_BINDING, certificate))
    except ScramException:
        return False
    return True


def password_failed(user: str) -> SqlError:
    """The error of a login with a wrong password."""
    return SqlError("28P01", f'password authentication failed for user "{user}"', severity="FATAL")


def _malformed() -> ProtocolError:
    return ProtocolError("malformed SCRAM message", fatal=True)
