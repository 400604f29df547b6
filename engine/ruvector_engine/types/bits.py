"""bit and varbit: strings of bits. A value is its text, characters "0" and "1", and sorts as PostgreSQL's values do."""

from __future__ import annotations

import re

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.textio import TextType, plain

_NOT_BINARY = re.compile("[^01]")
_NOT_HEXADECIMAL = re.compile("[^0-9a-fA-F]")


def parse_bits(text: str) -> str:
    """The bits of "101", "b101" or "x1F"; 22P02 for the first character that is no digit."""
    hexadecimal = text[:1] in ("x", "X")
    digits = text[1:] if hexadecimal or text[:1] in ("b", "B") else text
    wrong = (_NOT_HEXADECIMAL if hexadecimal else _NOT_BINARY).search(digits)
    if wrong is not None:
        kind = "hexadecimal" if hexadecimal else "binary"
        raise SqlError("22P02", f'"{wrong[0]}" is not a valid {kind} digit')
    return "".join(f"{int(digit, 16):04b}" for digit in digits) if hexadecimal else digits


def fit_bit(value: str, length: int, explicit: bool) -> str:
    """The value as bit(n): an explicit cast cuts or adds zeros at the right, anything else must have the length."""
    if len(value) == length:
        return value
    if not explicit:
        raise SqlError("22026", f"bit string length {len(value)} does not match type bit({length})")
    return value[:length].ljust(length, "0")


def fit_varbit(value: str, length: int, explicit: bool) -> str:
    """The value as varbit(n): an explicit cast cuts, anything else refuses what is too long."""
    if len(value) > length and not explicit:
        raise SqlError("22001", f"bit string too long for type bit varying({length})")
    return value[:length]


TEXT_TYPES: dict[int, TextType] = {
    registry.BIT: plain(parse_bits, str, fit_bit),
    registry.VARBIT: plain(parse_bits, str, fit_varbit),
}
