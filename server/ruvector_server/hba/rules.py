"""The rules of pg_hba.conf, and which of them a client falls under: the first that fits."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from ruvector_server.hba.interfaces import interfaces
from ruvector_server.hba.tokens import Token

Method = Literal["trust", "reject", "scram-sha-256", "md5", "password", "cert", "peer"]
ConnectionType = Literal["local", "host", "hostssl", "hostnossl"]
ClientCertificate = Literal["", "verify-ca", "verify-full"]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Where: TypeAlias = Literal["", "all", "samehost", "samenet"] | Network


class Client(NamedTuple):
    """Who wants in. `address` is None for a Unix-domain socket; `belongs` tells whether the user is in a role."""

    address: str | None
    encrypted: bool
    user: str
    database: str
    belongs: Callable[[str], bool]

    @property
    def host(self) -> str:
        """Where the client is, as PostgreSQL's messages have it."""
        return self.address or "[local]"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line. `where` is "all", "samehost", "samenet" or a network, and "" on lines for Unix-domain sockets."""

    connection: ConnectionType
    databases: Sequence[Token]
    users: Sequence[Token]
    where: Where
    method: Method
    client_certificate: ClientCertificate = ""
    line: int = 0

    def fits(self, client: Client) -> bool:
        """Whether this rule is about the client."""
        if (self.connection == "local") != (client.address is None):
            return False
        if self.connection == ("hostnossl" if client.encrypted else "hostssl"):
            return False
        return self._fits_address(client.address) and self._fits_names(client)

    def _fits_names(self, client: Client) -> bool:
        if not any(_fits_user(token, client) for token in self.users):
            return False
        return any(
            token.is_keyword("all")
            or (token.is_keyword("sameuser") and client.database == client.user)
            or ((token.is_keyword("samerole") or token.is_keyword("samegroup")) and client.belongs(client.database))
            # Only a replication connection would match the keyword, and there are none.
            or (token.text == client.database and not token.is_keyword("replication"))
            for token in self.databases
        )

    def _fits_address(self, address: str | None) -> bool:
        if address is None or self.where == "all":
            return True
        found = ipaddress.ip_address(address.partition("%")[0])  # an IPv6 address may name the interface too
        if self.where == "samehost":
            return any(own.ip == found for own in interfaces())
        if self.where == "samenet":
            return any(own.version == found.version and found in own.network for own in interfaces())
        return not isinstance(self.where, str) and found.version == self.where.version and found in self.where


def _fits_user(token: Token, client: Client) -> bool:
    """Whether a user is meant: by name, or as a member of the role behind a plus sign."""
    if token.text.startswith("+") and not token.quoted:
        return client.belongs(token.text[1:])
    return token.is_keyword("all") or token.text == client.user


class Rules:
    """The lines of a file, in order."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)

    @classmethod
    def without_file(cls, *, password: bool) -> Rules:
        """What holds when there is no file: a password if there is one, for everybody from everywhere."""
        method: Method = "scram-sha-256" if password else "trust"
        everyone = (Token("all"),)
        return cls([Rule("local", everyone, everyone, "", method), Rule("host", everyone, everyone, "all", method)])

    def find(self, client: Client) -> Rule | None:
        """The rule for a client; None when there is none, so that it is not let in."""
        return next((rule for rule in self._rules if rule.fits(client)), None)

    @property
    def need_password(self) -> bool:
        """Whether some rule asks for a password."""
        return any(rule.method in ("scram-sha-256", "md5", "password") for rule in self._rules)

    @property
    def need_encryption(self) -> bool:
        """Whether some rule is about encrypted connections only."""
        return any(rule.connection == "hostssl" for rule in self._rules)

    @property
    def need_authorities(self) -> bool:
        """Whether some rule looks at client certificates."""
        return any(rule.client_certificate for rule in self._rules)
