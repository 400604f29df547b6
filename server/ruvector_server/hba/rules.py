"""The rules of pg_hba.conf, and which of them a client falls under: the first that fits."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, TypedDict

from ruvector_server.hba.hostnames import HostName, Resolver
from ruvector_server.hba.interfaces import interfaces
from ruvector_server.hba.tokens import Token, compiled

Method = Literal["trust", "reject", "scram-sha-256", "md5", "password", "cert", "peer"]
ConnectionType = Literal["local", "host", "hostssl", "hostnossl"]
ClientCertificate = Literal["", "verify-ca", "verify-full"]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Where: TypeAlias = Literal["", "all", "samehost", "samenet"] | Network | HostName


class Options(TypedDict, total=False):
    """What stands behind the method."""

    client_certificate: ClientCertificate
    map_name: str
    by_distinguished_name: bool


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
    """A line. `where` is "all", "samehost", "samenet", a network or a name; "" on lines for Unix-domain sockets.

    `map_name` is the map of pg_ident.conf that says who may be which role; `by_distinguished_name`: the name that a
    client's certificate gives it is all of the subject, not the common name.
    """

    connection: ConnectionType
    databases: Sequence[Token]
    users: Sequence[Token]
    where: Where
    method: Method
    client_certificate: ClientCertificate = ""
    map_name: str = ""
    by_distinguished_name: bool = False
    line: int = 0

    def fits(self, client: Client, resolver: Resolver) -> bool:
        """Whether this rule is about the client. Blocks if it names hosts."""
        if (self.connection == "local") != (client.address is None):
            return False
        if self.connection == ("hostnossl" if client.encrypted else "hostssl"):
            return False
        return self._fits_names(client) and self._fits_address(client.address, resolver)

    def _fits_names(self, client: Client) -> bool:
        if not any(_fits_user(token, client) for token in self.users):
            return False
        return any(
            token.is_keyword("all")
            or (token.is_keyword("sameuser") and client.database == client.user)
            or ((token.is_keyword("samerole") or token.is_keyword("samegroup")) and client.belongs(client.database))
            # Only a replication connection would match the keyword, and there are none.
            or (_fits_name(token, client.database) and not token.is_keyword("replication"))
            for token in self.databases
        )

    def _fits_address(self, address: str | None, resolver: Resolver) -> bool:
        if address is None or self.where == "all":
            return True
        if isinstance(self.where, HostName):
            return resolver.is_named(address.partition("%")[0], self.where)
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
    return token.is_keyword("all") or _fits_name(token, client.user)


def _fits_name(token: Token, name: str) -> bool:
    """Whether a name is meant, literally or by a regular expression."""
    pattern = compiled(token)
    return token.text == name if pattern is None else pattern.matches(name)


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
        """The rule for a client; None when there is none, so that it is not let in. Blocks if `name_hosts`."""
        resolver = Resolver()
        return next((rule for rule in self._rules if rule.fits(client, resolver)), None)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    @property
    def name_hosts(self) -> bool:
        """Whether some rule names hosts, so that addresses have to be looked up."""
        return any(isinstance(rule.where, HostName) for rule in self._rules)

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
