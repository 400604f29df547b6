"""pg_hba.conf to rules. A file with any error gives no rules at all; all its errors are told, with line numbers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast, get_args

from ruvector_server.hba.rules import ClientCertificate, ConnectionType, Method, Network, Rule, Rules, Where
from ruvector_server.hba.tokens import BadToken, Line, Token, fields, lines

#: Methods of PostgreSQL that need something this server does not have.
_OTHER_METHODS: Final = ("ident", "gss", "sspi", "pam", "bsd", "ldap", "radius", "oauth")
_OTHER_OPTIONS: Final = ("map", "clientname", "include_realm", "krb_realm", "compat_realm", "upn_username", "delegate")

#: How deep files of names may name further files.
_MAX_DEPTH: Final = 10


class HbaError(Exception):
    """What is wrong with a file; one line of text an error."""


class _BadLine(Exception):
    pass


def read(path: Path) -> Rules:
    """The rules in a file; HbaError when there are errors in it."""
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        raise HbaError(f'configuration file "{path}" is not UTF-8 text') from None
    except OSError as error:
        raise HbaError(f'could not open file "{path}": {error.strerror}') from None
    return parse(text, path)


def parse(text: str, path: Path) -> Rules:
    """The rules in a text; `path` is what errors call it."""
    rules: list[Rule] = []
    errors: list[str] = []
    for number, line in lines(text):
        try:
            found = fields(line)
            if found:
                rules.append(_rule(Line(number, found), path.parent))
        except (BadToken, _BadLine) as error:
            errors.append(f'line {number} of configuration file "{path}": {error}')
    if errors:
        raise HbaError("\n".join(errors))
    if not rules:
        raise HbaError(f'configuration file "{path}" contains no entries')
    return Rules(rules)


def _rule(line: Line, folder: Path) -> Rule:
    rest = iter(line.fields)
    connection = _connection_type(_single(next(rest), "connection type"))
    databases = _names(next(rest, None), "database", folder)
    users = _names(next(rest, None), "role", folder)
    where = "" if connection == "local" else _where(rest)
    method = _method(next(rest, None), connection)
    certificate = _client_certificate(rest, connection, method)
    return Rule(connection, databases, users, where, method, certificate, line.number)


def _single(field: list[Token], what: str) -> Token:
    if len(field) > 1:
        raise _BadLine(f"multiple values specified for {what}")
    return field[0]


def _connection_type(token: Token) -> ConnectionType:
    text = token.text
    if text == "hostnogssenc":  # which is every connection here
        return "host"
    if text in get_args(ConnectionType):
        return cast(ConnectionType, text)
    if text in ("include", "include_if_exists", "include_dir"):
        raise _BadLine(f"{text} is not supported: write the lines into this file")
    if text == "hostgssenc":
        raise _BadLine("hostgssenc is not supported: there is no GSSAPI encryption; use hostssl")
    raise _BadLine(f'invalid connection type "{text}"')


def _names(field: list[Token] | None, what: str, folder: Path) -> list[Token]:
    """Databases or users; those in files that are named with @ are written out, files being relative to `folder`."""
    if field is None:
        raise _BadLine(f"end-of-line before {what} specification")
    found = [name for token in field for name in _expanded(token, folder)]
    for token in found:
        if token.text.startswith("/") and not token.quoted:
            raise _BadLine(f'"{token.text}" is not supported: write names instead of a regular expression')
    return found


def _expanded(token: Token, folder: Path, depth: int = 0) -> Iterator[Token]:
    """The token, or the tokens in the file that it names."""
    if token.quoted or not token.text.startswith("@") or token.text == "@":
        yield token
        return
    path = folder / token.text[1:]
    if depth == _MAX_DEPTH:
        raise _BadLine(f'could not open file "{path}": maximum nesting depth exceeded')
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        raise _BadLine(f'file "{path}" is not UTF-8 text') from None
    except ValueError:  # a null byte in the name
        raise _BadLine(f'"{token.text}" names no file') from None
    except OSError as error:
        raise _BadLine(f'could not open file "{path}": {error.strerror}') from None
    for _, line in lines(text):
        for name in (name for field in fields(line) for name in field):
            yield from _expanded(name, path.parent, depth + 1)


def _where(rest: Iterator[list[Token]]) -> Where:
    """The address field, and the one with its mask if there is one."""
    field = next(rest, None)
    if field is None:
        raise _BadLine("end-of-line before IP address specification")
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
        raise _BadLine(f'invalid IP address "{address}": host names are not supported') from None
    if slash:
        if not mask.isdecimal() or int(mask) > found.max_prefixlen:
            raise _BadLine(f'invalid CIDR mask in address "{token.text}"')
        return ipaddress.ip_network((address, int(mask)), strict=False)
    return _masked(found, next(rest, None))


def _masked(address: ipaddress.IPv4Address | ipaddress.IPv6Address, field: list[Token] | None) -> Network:
    if field is None:
        raise _BadLine("end-of-line before netmask specification")
    text = _single(field, "netmask").text
    try:
        mask = ipaddress.ip_address(text)
    except ValueError:
        raise _BadLine(f'invalid IP mask "{text}"') from None
    if mask.version != address.version:
        raise _BadLine("IP address and mask do not match")
    bits = f"{int(mask):0{mask.max_prefixlen}b}"
    if "01" in bits:
        raise _BadLine(f'invalid IP mask "{text}": its ones must come before its zeros')
    return ipaddress.ip_network((str(address), bits.count("1")), strict=False)


def _method(field: list[Token] | None, connection: ConnectionType) -> Method:
    if field is None:
        raise _BadLine("end-of-line before authentication method")
    text = _single(field, "authentication type").text
    if text in _OTHER_METHODS:
        raise _BadLine(f'authentication method "{text}" is not supported: use scram-sha-256, cert or trust')
    if text not in get_args(Method):
        raise _BadLine(f'invalid authentication method "{text}"')
    if text == "cert" and connection != "hostssl":
        raise _BadLine("cert authentication is only supported on hostssl connections")
    if text == "peer" and connection != "local":
        raise _BadLine("peer authentication is only supported on local sockets")
    return cast(Method, text)


def _client_certificate(rest: Iterator[list[Token]], connection: ConnectionType, method: Method) -> ClientCertificate:
    """What the options ask of the client's certificate: the only option there is."""
    wanted: ClientCertificate = "verify-full" if method == "cert" else ""
    for token in (token for field in rest for token in field):
        name, equals, value = token.text.partition("=")
        if not equals:
            raise _BadLine(f"authentication option not in name=value format: {token.text}")
        if name in _OTHER_OPTIONS:
            raise _BadLine(f'authentication option "{name}" is not supported: remove it')
        if name != "clientcert":
            raise _BadLine(f'unrecognized authentication option name: "{name}"')
        if connection != "hostssl":
            raise _BadLine('clientcert can only be configured for "hostssl" rows')
        if value not in ("verify-ca", "verify-full"):
            raise _BadLine(f'invalid value for clientcert: "{value}"')
        if method == "cert" and value == "verify-ca":
            raise _BadLine('clientcert only accepts "verify-full" when using "cert" authentication')
        wanted = cast(ClientCertificate, value)
    return wanted
