"""Proving who one is: the rule a client falls under, and the exchange that its method asks for."""

from __future__ import annotations

import logging
import secrets
import time
from functools import partial
from typing import Final

from ruvector_engine.errors import SqlError
from ruvector_engine.verifiers import Md5Hash
from ruvector_server.access import Access
from ruvector_server.auth import ScramExchange, password_failed
from ruvector_server.hba import Client, Rule
from ruvector_server.hba.matching import TooComplex
from ruvector_server.session.peer import Peer
from ruvector_server.session.steps import Steps, Wait, Work
from ruvector_server.wire import backend
from ruvector_server.wire.decoder import FrontendDecoder
from ruvector_server.wire.phases import Phase

_log = logging.getLogger(__name__)

#: A failed login is told so after this many milliseconds, at random: guessing is slow, and times tell nothing.
LEAST_DELAY: Final = 100
GREATEST_DELAY: Final = 400


def authenticate(
    access: Access, peer: Peer, user: str, database: str, out: bytearray, decoder: FrontendDecoder
) -> Steps[str | None]:
    """Let the client prove that it is `user`; a fatal SqlError, logged, when it may not come in or cannot.

    Gives what SYSTEM_USER shows.
    """
    client = access.client(peer.address, user, database, encrypted=peer.encryption is not None)
    try:
        rules = access.rules
        try:
            rule: Rule | None = (yield Work(partial(rules.find, client))) if rules.name_hosts else rules.find(client)
        except TooComplex:
            text = "a regular expression in pg_hba.conf is too complex for these names"
            raise SqlError("28000", text, severity="FATAL") from None
        if rule is None or rule.method == "reject":
            raise _shut_out(client, rejected=rule is not None)
        yield from _prove(access, rule, peer, client, out, decoder)
        return _system_user(rule, peer, user)
    except SqlError as error:
        # By repr, for a name may hold line breaks that would look like further messages.
        why = f" ({access.why_refused(user)!r})" if error.sqlstate == "28P01" else ""
        _log.warning("refused user %r, database %r, from %s: %r%s", user, database, client.host, error.message, why)
        if error.sqlstate in ("28000", "28P01"):
            # On the worker thread that the session would have had, so that the others do not wait.
            delay = LEAST_DELAY + secrets.randbelow(GREATEST_DELAY - LEAST_DELAY)
            yield Work(partial(time.sleep, delay / 1000))
        raise


def _shut_out(client: Client, *, rejected: bool) -> SqlError:
    encryption = "SSL encryption" if client.encrypted else "no encryption"
    who = f'host "{client.host}", user "{client.user}", database "{client.database}", {encryption}'
    text = "pg_hba.conf rejects connection for" if rejected else "no pg_hba.conf entry for"
    return SqlError("28000", f"{text} {who}", severity="FATAL")


def _system_user(rule: Rule, peer: Peer, user: str) -> str | None:
    """The method and the name that was proven by it; None where nothing was asked."""
    names = {"trust": None, "peer": peer.os_user, "cert": peer.encryption and peer.encryption.client_subject}
    name = names.get(rule.method, user)
    return None if name is None else f"{rule.method}:{name}"


def _prove(
    access: Access, rule: Rule, peer: Peer, client: Client, out: bytearray, decoder: FrontendDecoder
) -> Steps[None]:
    encryption, user = peer.encryption, client.user
    if rule.client_certificate and (encryption is None or not encryption.has_client_certificate):
        raise SqlError("28000", "connection requires a valid client certificate", severity="FATAL")
    if rule.method == "password":
        yield from _by_password(access, user, out, decoder)
    elif rule.method == "md5" and (md5 := access.md5_of(user)) is not None:
        yield from _by_md5(md5, out, decoder)
    elif rule.method in ("scram-sha-256", "md5"):
        # With a SCRAM verifier stored, PostgreSQL's md5 is SCRAM too.
        yield from _by_scram(access, peer, user, out, decoder)
    elif rule.method == "peer" and not access.mappings.let(rule.map_name, peer.os_user, user, client.belongs):
        raise SqlError("28000", f'Peer authentication failed for user "{user}"', severity="FATAL")
    if rule.client_certificate == "verify-full" and encryption is not None:
        name = encryption.client_subject if rule.by_distinguished_name else encryption.client_name
        if access.mappings.let(rule.map_name, name, user, client.belongs):
            return
        if rule.method in ("scram-sha-256", "md5", "password"):
            raise password_failed(user)
        kind = "certificate" if rule.method == "cert" else '"trust"'
        raise SqlError("28000", f'{kind} authentication failed for user "{user}"', severity="FATAL")


def _by_password(access: Access, user: str, out: bytearray, decoder: FrontendDecoder) -> Steps[None]:
    """Have the client send the password in clear."""
    out += backend.AUTHENTICATION_CLEARTEXT_PASSWORD
    decoder.phase = Phase.PASSWORD
    message = yield Wait.MESSAGE
    if not message.password:
        raise SqlError("28P01", "empty password returned by client", severity="FATAL")
    # With an MD5 hash, the verifier is one of no password: it is asked all the same, which takes as long for everybody.
    accepted: bool = yield Work(partial(access.verifier_of(user).accepts, message.password))
    md5 = access.md5_of(user)
    if not (accepted or (md5 is not None and md5.accepts(message.password))):
        raise password_failed(user)


def _by_md5(md5: Md5Hash, out: bytearray, decoder: FrontendDecoder) -> Steps[None]:
    """Have the client send the password's hash, hashed with a salt."""
    salt = secrets.token_bytes(4)
    out += backend.authentication_md5_password(salt)
    decoder.phase = Phase.PASSWORD
    message = yield Wait.MESSAGE
    if not message.password:
        raise SqlError("28P01", "empty password returned by client", severity="FATAL")
    if not md5.answers(message.password, salt):
        raise password_failed(md5.user)


def _by_scram(access: Access, peer: Peer, user: str, out: bytearray, decoder: FrontendDecoder) -> Steps[None]:
    """Have the client prove by SCRAM that it knows the password."""
    certificate = peer.encryption.tls.certificate if peer.encryption is not None else None
    exchange = ScramExchange(access.verifier_of(user), user, certificate)
    out += backend.authentication_sasl(exchange.mechanisms)
    decoder.phase = Phase.SASL_INITIAL
    first = yield Wait.MESSAGE
    out += backend.authentication_sasl_continue(exchange.challenge(first.mechanism, first.data or b""))
    decoder.phase = Phase.SASL_RESPONSE
    final = yield Wait.MESSAGE
    out += backend.authentication_sasl_final(exchange.proof(final.data))
