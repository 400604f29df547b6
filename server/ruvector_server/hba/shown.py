"""The files of rules as pg_hba_file_rules and pg_ident_file_mappings show them: as they are now, errors and all."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from ruvector_engine.catalog.system import AccessRule, NameMapping
from ruvector_server.hba.files import Line, text_of
from ruvector_server.hba.hostnames import HostName
from ruvector_server.hba.idents import Mapping
from ruvector_server.hba.idents import examined as examined_mappings
from ruvector_server.hba.parse import examined as examined_rules
from ruvector_server.hba.rules import Rule, Rules


def shown_rules(path: Path) -> list[AccessRule]:
    """The lines of a file; HbaError when it cannot be read."""
    found: list[AccessRule] = []
    rules = 0
    for line, rule in examined_rules(text_of(path), path):
        if isinstance(rule, Rule):
            rules += 1
            found.append(_shown(rule, rules, line))
        else:
            found.append(AccessRule(None, str(line.path), line.number, error=rule))
    return found


def implied_rules(rules: Rules) -> list[AccessRule]:
    """Rules that stand in no file."""
    return [_shown(rule, number, None) for number, rule in enumerate(rules, 1)]


def _shown(rule: Rule, number: int, line: Line | None) -> AccessRule:
    address, netmask = _place(rule, line)
    options = [f"map={rule.map_name}"] if rule.map_name else []
    if rule.client_certificate:
        options.append(f"clientcert={rule.client_certificate}")
    return AccessRule(
        number,
        str(line.path) if line is not None else None,
        line.number if line is not None else None,
        line.fields[0][0].text if line is not None else rule.connection,
        [token.text for token in rule.databases],
        [token.text for token in rule.users],
        address,
        netmask,
        rule.method,
        options or None,
    )


def _place(rule: Rule, line: Line | None) -> tuple[str | None, str | None]:
    """Address and mask; the address as it was written, whose last bits the mask may leave out."""
    where = rule.where
    if isinstance(where, HostName):
        return where.text, None
    if isinstance(where, str):
        return where or None, None
    assert line is not None
    written = ipaddress.ip_address(line.fields[3][0].text.partition("/")[0])
    return str(written), str(where.netmask)


def shown_mappings(path: Path) -> list[NameMapping]:
    """The lines of a file, none if there is no file; HbaError when it cannot be read."""
    found: list[NameMapping] = []
    mappings = 0
    for line, mapping in examined_mappings(text_of(path), path) if path.exists() else ():
        if isinstance(mapping, Mapping):
            mappings += 1
            roles = ",".join(role.text for role in mapping.roles)
            name, system = mapping.name, mapping.system.text
            found.append(NameMapping(mappings, str(line.path), line.number, name, system, roles))
        else:
            found.append(NameMapping(None, str(line.path), line.number, error=mapping))
    return found
