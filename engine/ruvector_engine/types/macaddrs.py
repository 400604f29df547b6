"""macaddr: a value is its canonical text, "08:00:2b:01:02:03", which sorts as the bytes do."""

from __future__ import annotations

import re

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.textio import C_SPACE, TextType, invalid_syntax, plain

_OCTET = "([0-9a-fA-F]+)"
_PAIR = "([0-9a-fA-F]{2})"
_FORMS = tuple(
    re.compile(form)
    for form in (
        ":".join([_OCTET] * 6),
        "-".join([_OCTET] * 6),
        f"{_PAIR * 3}[:-]{_PAIR * 3}",
        rf"{_PAIR * 2}\.{_PAIR * 2}\.{_PAIR * 2}",
        f"{_PAIR * 2}-{_PAIR * 2}-{_PAIR * 2}",
        _PAIR * 6,
    )
)


def parse_macaddr(text: str) -> str:
    """The address in any of the spellings that PostgreSQL takes."""
    trimmed = text.strip(C_SPACE)
    match = next((found for found in (form.fullmatch(trimmed) for form in _FORMS) if found), None)
    if match is None:
        raise invalid_syntax("macaddr", text)
    octets = [int(digits, 16) for digits in match.groups()]
    if max(octets) > 255:
        raise SqlError("22003", f'invalid octet value in "macaddr" value: "{text}"')
    return format_octets(bytes(octets))


def format_octets(octets: bytes) -> str:
    """The canonical text."""
    return octets.hex(":")


def octets_of(value: str) -> bytes:
    """The six bytes of an address."""
    return bytes.fromhex(value.replace(":", ""))


TEXT_TYPES: dict[int, TextType] = {registry.MACADDR: plain(parse_macaddr, str)}
