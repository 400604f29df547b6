"""From the first byte to the first ReadyForQuery: encryption, cancel requests, version, who, settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ruvector_engine.errors import SqlError
from ruvector_server.access import Access
from ruvector_server.session.authentication import authenticate
from ruvector_server.session.engine import Engine, EngineSession
from ruvector_server.session.peer import Peer
from ruvector_server.session.registry import LONG_SECRET, SHORT_SECRET, Registry, Ticket
from ruvector_server.session.state import SessionState
from ruvector_server.session.steps import Steps, Wait, Work
from ruvector_server.wire import backend
from ruvector_server.wire.decoder import FrontendDecoder
from ruvector_server.wire.errors import ProtocolError
from ruvector_server.wire.messages import CancelRequest, GSSENCRequest, SSLRequest, StartupMessage
from ruvector_server.wire.phases import Phase
from ruvector_server.wire.startup import GSSENC_CODE, SSL_CODE, unsupported_protocol

#: The newest minor version of protocol 3 that is spoken here.
NEWEST_MINOR = 2
_PROTOCOL_OPTION = "_pq_."


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions of a server share."""

    engine: Engine
    registry: Registry
    access: Access


@dataclass(slots=True)
class Admission:
    """What a start-up has taken so far, and must give back however it ends."""

    ticket: Ticket | None = None
    engine: EngineSession | None = None


def start_up(
    services: Services,
    admission: Admission,
    peer: Peer,
    cancel: Callable[[], None],
    out: bytearray,
    decoder: FrontendDecoder,
) -> Steps[SessionState | None]:
    """Lead a client to its session; None when it wanted none (a cancel request). Every error is the end."""
    message = yield from _first_packet(services.access, peer, out, decoder)
    if isinstance(message, CancelRequest):
        services.registry.cancel(message.pid, message.secret)
        return None
    minor = _negotiate(message, out)
    parameters = {k: v for k, v in message.parameters.items() if not k.startswith(_PROTOCOL_OPTION)}
    user = parameters.pop("user", "")
    if not user:
        raise SqlError("28000", "no PostgreSQL user name specified in startup packet")
    database = parameters.pop("database", "") or user
    if parameters.pop("replication", "false").lower() not in ("false", "off", "no", "0"):
        raise SqlError("0A000", "replication connections are not supported")
    options = parameters.pop("options", "")
    ticket = admission.ticket = services.registry.enter(cancel, LONG_SECRET if minor >= 2 else SHORT_SECRET)
    system_user = yield from authenticate(services.access, peer, user, database, out, decoder)
    decoder.phase = Phase.READY
    out += backend.AUTHENTICATION_OK
    # As in PostgreSQL, what stands in the packet by its own name wins over `options`.
    settings = parse_options(options) | parameters
    engine: EngineSession = yield Work(
        partial(
            services.engine.session,
            user=user,
            database=database,
            pid=ticket.pid,
            startup=settings,
            client=peer.place,
            system_user=system_user,
        )
    )
    admission.engine = engine
    state = SessionState(engine, out, decoder)
    state.follow_encoding()
    state.follow_socket(peer.tcp)
    state.report_parameters(engine.reported_parameters())
    engine.changed_parameters.clear()
    out += backend.backend_key_data(ticket.pid, ticket.secret)
    state.ready()
    return state


def _first_packet(
    access: Access, peer: Peer, out: bytearray, decoder: FrontendDecoder
) -> Steps[StartupMessage | CancelRequest]:
    """Begin TLS if it is wanted and there is any; refuse other encryption, each kind once as in PostgreSQL."""
    refused = set[type]()
    while True:
        message = yield Wait.MESSAGE
        if not isinstance(message, SSLRequest | GSSENCRequest):
            assert isinstance(message, StartupMessage | CancelRequest)
            return message
        if type(message) in refused or peer.encryption is not None:
            raise unsupported_protocol(*(SSL_CODE if isinstance(message, SSLRequest) else GSSENC_CODE))
        # As in PostgreSQL, never over a Unix-domain socket.
        if isinstance(message, SSLRequest) and access.tls is not None and peer.address is not None:
            out += backend.ENCRYPTION_ACCEPTED
            peer.encryption = yield Wait.TLS
        else:
            refused.add(type(message))
            out += backend.ENCRYPTION_REFUSED
            if decoder.buffered:
                raise _too_early(message)


def _too_early(message: SSLRequest | GSSENCRequest) -> ProtocolError:
    """The client has not waited for the answer: somebody may have put in what looks like it."""
    request = "SSL request" if isinstance(message, SSLRequest) else "GSSAPI encryption request"
    error = ProtocolError(f"received unencrypted data after {request}", fatal=True)
    error.detail = "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack."
    return error


def _negotiate(message: StartupMessage, out: bytearray) -> int:
    """Settle the minor version of the protocol, telling the client when it is not the one it asked for."""
    unknown = [name for name in message.parameters if name.startswith(_PROTOCOL_OPTION)]
    minor = min(message.minor, NEWEST_MINOR)
    if minor != message.minor or unknown:
        out += backend.negotiate_protocol_version(3, minor, unknown)
    return minor


def parse_options(text: str) -> dict[str, str]:
    """Read the startup parameter `options`: `-c name=value` and `--name=value`; a backslash escapes."""
    words = iter(_split_options(text))
    found: dict[str, str] = {}
    for word in words:
        if word == "--":
            break
        shown, setting = word, word[2:]
        if word == "-c":
            setting = next(words, "")
            shown = f"-c {setting}"
        if not word.startswith(("-c", "--")) or not setting:
            raise SqlError("42601", f"invalid command-line argument for server process: {word}")
        name, equals, value = setting.partition("=")
        if not equals:
            raise SqlError("42601", f"{shown} requires a value")
        found[name.replace("-", "_")] = value
    return found


def _split_options(text: str) -> list[str]:
    words, word, escaped, inside = list[str](), "", False, False
    for character in text:
        if escaped or not (character.isspace() or character == "\\"):
            word += character
            inside, escaped = True, False
        elif character == "\\":
            escaped = inside = True
        elif inside:
            words.append(word)
            word, inside = "", False
    return [*words, word] if inside else words
