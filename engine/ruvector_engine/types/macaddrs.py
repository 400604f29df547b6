"""macaddr and macaddr8: a value is its canonical text, "08:00:2b:01:02:03", which sorts as the bytes do."""

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


#: What an address of six bytes has in the middle when it is written as one of eight.
_MIDDLE = b"\xff\xfe"
_EIGHT = re.compile(r"[0-9a-fA-F]{2}(?:([:.-])?[0-9a-fA-F]{2}){5,7}")


def parse_macaddr8(text: str) -> str:
    """An address of eight bytes, or of six, in pairs of digits; one kind of separator may stand between any."""
    trimmed = text.strip(C_SPACE)
    separators = set(trimmed) & set(":-.")
    digits = trimmed.translate(_NO_SEPARATORS)
    if _EIGHT.fullmatch(trimmed) is None or len(separators) > 1 or len(digits) == 14:
        raise invalid_syntax("macaddr8", text)
    octets = bytes.fromhex(digits)
    return format_octets(octets if len(octets) == 8 else _widened(octets))


_NO_SEPARATORS = str.maketrans("", "", ":-.")


def _widened(octets: bytes) -> bytes:
    return octets[:3] + _MIDDLE + octets[3:]


def to_macaddr8(value: str) -> str:
    """The address of eight bytes that one of six is."""
    return format_octets(_widened(octets_of(value)))


def to_macaddr(value: str) -> str:
    """The address of six bytes that was made one of eight; 22003 for any other."""
    octets = octets_of(value)
    if octets[3:5] != _MIDDLE:
        raise SqlError(
            "22003",
            "macaddr8 data out of range to convert to macaddr",
            hint="Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example "
            "xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.",
        )
    return format_octets(octets[:3] + octets[5:])


TEXT_TYPES: dict[int, TextType] = {
    registry.MACADDR: plain(parse_macaddr, str),
    registry.MACADDR8: plain(parse_macaddr8, str),
}
