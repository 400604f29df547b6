"""pg_ident.conf: which role a user of the operating system, or the owner of a certificate, may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruvector_server.hba.files import HbaError, expanded, lines_of
from ruvector_server.hba.tokens import Token, compiled


@dataclass(frozen=True, slots=True)
class Mapping:
    """A line: in a map of this name, `system` may be `role`."""

    name: str
    system: Token
    roles: Sequence[Token]

    def lets(self, system: str, role: str, belongs: Callable[[str], bool]) -> bool:
        """Whether the line lets a user of the system be a role."""
        found = ""
        if (pattern := compiled(self.system)) is not None:
            match = pattern.search(system)
            if match is None:
                return False
            found = (match[1] or "") if pattern.groups else ""
        elif self.system.text != system:
            return False
        return any(_is_role(wanted, found, role, belongs) for wanted in self.roles)


def _is_role(wanted: Token, found: str, role: str, belongs: Callable[[str], bool]) -> bool:
    if wanted.is_keyword("all"):
        return True
    if wanted.text.startswith("+") and not wanted.quoted:
        return belongs(wanted.text[1:])
    if (pattern := compiled(wanted)) is not None:
        return pattern.search(role) is not None
    return wanted.text.replace("\\1", found, 1) == role


class Mappings:
    """The lines of a file. Without a map, names must be the same."""

    def __init__(self, mappings: Sequence[Mapping] = ()) -> None:
        self._mappings = tuple(mappings)

    def let(self, name: str, system: str | None, role: str, belongs: Callable[[str], bool]) -> bool:
        """Whether a map ("" for none) lets a user of the system be a role."""
        if system is None:
            return False
        if not name:
            return system == role
        return any(found.lets(system, role, belongs) for found in self._mappings if found.name == name)


def read_mappings(path: Path) -> Mappings:
    """The lines of a file; HbaError for errors in it."""
    errors: list[str] = []
    found = []
    for place, number, fields in lines_of(path, errors):
        problem = ""
        if len(fields) < 3:
            problem = "missing entry at end of line"
        elif len(fields[0]) > 1 or len(fields[1]) > 1:
            problem = "multiple values in ident field"
        else:
            try:
                roles = [name for token in fields[2] for name in expanded(token, place.parent)]
                for token in (fields[1][0], *roles):
                    compiled(token)
                found.append(Mapping(fields[0][0].text, fields[1][0], roles))
            except (ValueError, re.error) as error:
                problem = str(error)
        if problem:
            errors.append(f'line {number} of configuration file "{place}": {problem}')
    if errors:
        raise HbaError("\n".join(errors))
    return Mappings(found)
