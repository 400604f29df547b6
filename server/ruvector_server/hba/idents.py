"""pg_ident.conf: which role a user of the operating system, or the owner of a certificate, may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruvector_server.hba.files import BadLine, HbaError, Line, expanded, lines_in, text_of
from ruvector_server.hba.matching import Expression, TooComplex
from ruvector_server.hba.tokens import BadToken, Token, compiled


@dataclass(frozen=True, slots=True)
class Mapping:
    """A line: in a map of this name, `system` may be `role`."""

    name: str
    system: Token
    roles: Sequence[Token]

    def lets(self, system: str, role: str, belongs: Callable[[str], bool]) -> bool:
        """Whether the line lets a user of the system be a role. An expression that is too complex lets nobody."""
        try:
            return self._lets(system, role, belongs)
        except TooComplex:
            return False

    def _lets(self, system: str, role: str, belongs: Callable[[str], bool]) -> bool:
        pattern, found = compiled(self.system), ""
        if pattern is None:
            if self.system.text != system:
                return False
        elif not pattern.captures_once:  # then no role asks for what is captured
            if not pattern.matches(system):
                return False
        elif (captured := pattern.captured(system)) is None:
            return False
        else:
            found = captured
        return any(_is_role(wanted, found, role, belongs) for wanted in self.roles)


def _is_role(wanted: Token, found: str, role: str, belongs: Callable[[str], bool]) -> bool:
    if wanted.is_keyword("all"):
        return True
    if wanted.text.startswith("+") and not wanted.quoted:
        return belongs(wanted.text[1:])
    if (pattern := compiled(wanted)) is not None:
        return pattern.matches(role)
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
    found: list[Mapping] = []
    for line, mapping in examined(text_of(path), path):
        if isinstance(mapping, Mapping):
            found.append(mapping)
        else:
            errors.append(line.told(mapping))
    if errors:
        raise HbaError("\n".join(errors))
    return Mappings(found)


def examined(text: str, path: Path) -> Iterator[tuple[Line, Mapping | str]]:
    """The lines of a text, each with its mapping or what is wrong with it."""
    for line in lines_in(text, path):
        try:
            yield line, line.problem or _mapping(line)
        except (ValueError, BadToken, BadLine) as error:
            yield line, str(error)


def _mapping(line: Line) -> Mapping:
    fields = line.fields
    if len(fields) < 3:
        raise BadLine("missing entry at end of line")
    if len(fields[0]) > 1 or len(fields[1]) > 1:
        raise BadLine("multiple values in ident field")
    system = fields[1][0]
    roles = [name for token in fields[2] for name in expanded(token, line.path.parent)]
    for role in roles:
        compiled(role)
        pattern = compiled(system)
        if pattern is not None and "\\1" in role.text and not role.text.startswith("/"):
            _check_capture(pattern, system.text[1:], role.text)
    return Mapping(fields[0][0].text, system, roles)


def _check_capture(pattern: Expression, text: str, role: str) -> None:
    """BadLine when there is nothing that \\1 could stand for."""
    if not pattern.captures:
        raise BadLine(f'regular expression "{text}" has no subexpressions as requested by backreference in "{role}"')
    if not pattern.captures_once:
        raise BadLine(f'invalid regular expression "{text}": what a repeated group captures is not known')
