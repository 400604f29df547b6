"""pg_hba.conf to rules. A file with any error gives no rules at all; all its errors are told, with line numbers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast, get_args

from ruvector_server.hba.files import BadLine, HbaError, Line, expanded, lines_in, text_of
from ruvector_server.hba.hostnames import HostName
from ruvector_server.hba.rules import ClientCertificate, ConnectionType, Method, Network, Options, Rule, Rules, Where
from ruvector_server.hba.tokens import BadToken, Token, compiled

#: Methods of PostgreSQL that need something this server does not have.
_OTHER_METHODS: Final = ("ident", "gss", "sspi", "pam", "bsd", "ldap", "radius", "oauth")
_OTHER_OPTIONS: Final = ("include_realm", "krb_realm", "compat_realm", "upn_username", "delegate")


def read(path: Path) -> Rules:
    """The rules in a file; HbaError when there are errors in it."""
    return parse(text_of(path), path)


def parse(text: str, path: Path) -> Rules:
    """The rules in a text; `path` is what errors call it."""
    rules: list[Rule] = []
    errors: list[str] = []
    for line, rule in examined(text, path):
        if isinstance(rule, Rule):
            rules.append(rule)
        else:
            errors.append(line.told(rule))
    if errors:
        raise HbaError("\n".join(errors))
    if not rules:
        raise HbaError(f'configuration file "{path}" contains no entries')
    return Rules(rules)


def examined(text: str, path: Path) -> Iterator[tuple[Line, Rule | str]]:
    """The lines of a text, each with its rule or what is wrong with it."""
    for line in lines_in(text, path):
        try:
            yield line, line.problem or _rule(line.fields, line.number, line.path.parent)
        except (BadToken, BadLine) as error:
            yield line, str(error)


def _rule(fields: list[list[Token]], number: int, folder: Path) -> Rule:
    rest = iter(fields)
    connection = _connection_type(_single(next(rest), "connection type"))
    databases = _names(next(rest, None), "database", folder)
    users = _names(next(rest, None), "role", folder)
    where = "" if connection == "local" else _where(rest)
    method = _method(next(rest, None), connection)
    options = _options(rest, connection, method)
    return Rule(connection, databases, users, where, method, line=number, **options)


def _single(field: list[Token], what: str) -> Token:
    if len(field) > 1:
        raise BadLine(f"multiple values specified for {what}")
    return field[0]


def _connection_type(token: Token) -> ConnectionType:
    text = token.text
    if text == "hostnogssenc":  # which is every connection here
        return "host"
    if text in get_args(ConnectionType):
        return cast(ConnectionType, text)
    if text == "hostgssenc":
        raise BadLine("hostgssenc is not supported: there is no GSSAPI encryption; use hostssl")
    raise BadLine(f'invalid connection type "{text}"')


def _names(field: list[Token] | None, what: str, folder: Path) -> list[Token]:
    """Databases or users; those in files that are named with @ are written out, files being relative to `folder`."""
    if field is None:
        raise BadLine(f"end-of-line before {what} specification")
    found = [name for token in field for name in expanded(token, folder)]
    for token in found:
        try:
            compiled(token)
        except ValueError as error:
            raise BadLine(str(error)) from None
    return found


def _where(rest: Iterator[list[Token]]) -> Where:
    """The address field, and the one with its mask if there is one."""
    field = next(rest, None)
    if field is None:
        raise BadLine("end-of-line before IP address specification")
    token = _single(field, "host address")
    if token.is_keyword("all"):
        return "all"
    if token.is_keyword("samehost"):
        return "samehost"
    if token.is_keyword("samenet"):
        return "samenet"
    address, slash, mask = token.text.partition("/")
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        if slash:
            text = f'specifying both host name and CIDR mask is invalid: "{token.text}"'
            raise BadLine(text) from None
        return HostName(token.text)
    if slash:
        if not mask.isdecimal() or int(mask) > found.max_prefixlen:
            raise BadLine(f'invalid CIDR mask in address "{token.text}"')
        return ipaddress.ip_network((address, int(mask)), strict=False)
    return _masked(found, next(rest, None))


def _masked(address: ipaddress.IPv4Address | ipaddress.IPv6Address, field: list[Token] | None) -> Network:
    if field is None:
        raise BadLine("end-of-line before netmask specification")
    text = _single(field, "netmask").text
    try:
        mask = ipaddress.ip_address(text)
    except ValueError:
        raise BadLine(f'invalid IP mask "{text}"') from None
    if mask.version != address.version:
        raise BadLine("IP address and mask do not match")
    bits = f"{int(mask):0{mask.max_prefixlen}b}"
    if "01" in bits:
        raise BadLine(f'invalid IP mask "{text}": its ones must come before its zeros')
    return ipaddress.ip_network((str(address), bits.count("1")), strict=False)


def _method(field: list[Token] | None, connection: ConnectionType) -> Method:
    if field is None:
        raise BadLine("end-of-line before authentication method")
    text = _single(field, "authentication type").text
    if text in _OTHER_METHODS:
        raise BadLine(f'authentication method "{text}" is not supported: use scram-sha-256, cert or trust')
    if text not in get_args(Method):
        raise BadLine(f'invalid authentication method "{text}"')
    if text == "cert" and connection != "hostssl":
        raise BadLine("cert authentication is only supported on hostssl connections")
    if text == "peer" and connection != "local":
        raise BadLine("peer authentication is only supported on local sockets")
    return cast(Method, text)


def _options(rest: Iterator[list[Token]], connection: ConnectionType, method: Method) -> Options:
    """What the options ask for."""
    found: Options = {"client_certificate": "verify-full" if method == "cert" else ""}
    for token in (token for field in rest for token in field):
        name, equals, value = token.text.partition("=")
        if not equals:
            raise BadLine(f"authentication option not in name=value format: {token.text}")
        if name in _OTHER_OPTIONS:
            raise BadLine(f'authentication option "{name}" is not supported: remove it')
        if name == "map":
            if method not in ("cert", "peer"):
                raise BadLine(
                    'authentication option "map" is only valid for authentication methods '
                    "ident, peer, gssapi, sspi, cert, and oauth"
                )
            found["map_name"] = value
        elif name in ("clientcert", "clientname"):
            if connection != "hostssl":
                raise BadLine(f'{name} can only be configured for "hostssl" rows')
            if name == "clientcert":
                found["client_certificate"] = _client_certificate(value, method)
            elif value not in ("CN", "DN"):
                raise BadLine(f'invalid value for clientname: "{value}"')
            else:
                found["by_distinguished_name"] = value == "DN"
        else:
            raise BadLine(f'unrecognized authentication option name: "{name}"')
    return found


def _client_certificate(value: str, method: Method) -> ClientCertificate:
    if value not in ("verify-ca", "verify-full"):
        raise BadLine(f'invalid value for clientcert: "{value}"')
    if method == "cert" and value == "verify-ca":
        raise BadLine('clientcert only accepts "verify-full" when using "cert" authentication')
    return cast(ClientCertificate, value)
