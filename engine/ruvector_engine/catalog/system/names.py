"""Identifiers in text: quoting them for output, taking qualified names apart on input."""

from __future__ import annotations

import re

from ruvector_engine.catalog.system.relations import records
from ruvector_engine.errors import SqlError

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")
_KEYWORDS = frozenset(word for word, code, *_ in records("keywords") if code != "U")
_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^".\s][^".\s]*))\s*')


def quote_identifier(name: str) -> str:
    """The identifier as SQL needs it: in double quotes where it is no plain lower-case word or is a keyword."""
    if _PLAIN.match(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def split_name(text: str) -> list[str]:
    """The parts of a dotted name; unquoted ones are folded to lower case. SqlError 42602 when it is none."""
    parts: list[str] = []
    position = 0
    while True:
        match = _PART.match(text, position)
        if match is None or match[1] == "":
            raise SqlError("42602", "invalid name syntax")
        parts.append(match[1].replace('""', '"') if match[1] is not None else match[2].lower())
        position = match.end()
        if position == len(text):
            return parts
        if text[position] != ".":
            raise SqlError("42602", "invalid name syntax")
        position += 1


def schema_and_name(text: str) -> tuple[str | None, str]:
    """A relation's name taken apart. SqlError for more parts than schema and name."""
    parts = split_name(text)
    if len(parts) > 3:
        raise SqlError("42601", f"improper relation name (too many dotted names): {'.'.join(parts)}")
    if len(parts) == 3:
        raise SqlError("0A000", f'cross-database references are not implemented: "{".".join(parts)}"')
    return (parts[0] if len(parts) == 2 else None), parts[-1]
