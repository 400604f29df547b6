"""What a client sends: one small class a message, bearing PostgreSQL's names.

They are not frozen because a frozen dataclass takes three times as long to create, and four are created a query.
Nobody changes one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(slots=True)
class SSLRequest:
    """May we speak TLS?"""


@dataclass(slots=True)
class GSSENCRequest:
    """May we encrypt by GSSAPI?"""


@dataclass(slots=True)
class CancelRequest:
    """Cancel what the session of this process id and secret is doing."""

    pid: int
    secret: bytes


@dataclass(slots=True)
class StartupMessage:
    """A session is wanted. `parameters` are as sent, `_pq_.` protocol options among them."""

    major: int
    minor: int
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class PasswordMessage:
    """The password in clear, asked for by AuthenticationCleartextPassword. It must not show in a log."""

    password: str = field(repr=False)


@dataclass(slots=True)
class SASLInitialResponse:
    """The chosen SASL mechanism and the client's first message; None when it sent none."""

    mechanism: str
    data: bytes | None


@dataclass(slots=True)
class SASLResponse:
    """A further message of the SASL exchange."""

    data: bytes


@dataclass(slots=True)
class Query:
    """The simple query protocol: SQL text, possibly of several statements."""

    query: str


@dataclass(slots=True)
class Parse:
    """Prepare a statement. An OID of 0 leaves that parameter's type to the server."""

    name: str
    query: str
    parameter_oids: tuple[int, ...] = ()


@dataclass(slots=True)
class Bind:
    """Make a portal of a statement and values; None is NULL. Formats: none is all text, one is for all."""

    portal: str
    statement: str
    parameter_formats: tuple[int, ...] = ()
    parameters: tuple[bytes | None, ...] = ()
    result_formats: tuple[int, ...] = ()


@dataclass(slots=True)
class Describe:
    """What does a statement (S) or portal (P) return?"""

    kind: Literal["S", "P"]
    name: str


@dataclass(slots=True)
class Execute:
    """Run a portal; `max_rows` 0 or less is no limit."""

    portal: str
    max_rows: int = 0


@dataclass(slots=True)
class Close:
    """Forget a statement (S) or portal (P)."""

    kind: Literal["S", "P"]
    name: str


@dataclass(slots=True)
class Flush:
    """Send what there is to send."""


@dataclass(slots=True)
class Sync:
    """The end of an extended-protocol pipeline."""


@dataclass(slots=True)
class FunctionCall:
    """The fast-path call of a function by its OID. Formats: none is all text, one is for all."""

    function: int
    argument_formats: tuple[int, ...] = ()
    arguments: tuple[bytes | None, ...] = ()
    result_format: int = 0


@dataclass(slots=True)
class CopyData:
    """A piece of COPY data; pieces need not end where rows end."""

    data: bytes


@dataclass(slots=True)
class CopyDone:
    """All COPY data has been sent."""


@dataclass(slots=True)
class CopyFail:
    """The client gives up its COPY, and says why."""

    message: str


@dataclass(slots=True)
class Terminate:
    """Goodbye."""


Frontend: TypeAlias = (
    SSLRequest
    | GSSENCRequest
    | CancelRequest
    | StartupMessage
    | PasswordMessage
    | SASLInitialResponse
    | SASLResponse
    | Query
    | Parse
    | Bind
    | Describe
    | Execute
    | Close
    | Flush
    | Sync
    | FunctionCall
    | CopyData
    | CopyDone
    | CopyFail
    | Terminate
)
