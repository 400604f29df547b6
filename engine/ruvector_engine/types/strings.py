"""Text of character types, bytea and uuid."""

from __future__ import annotations

import re
from uuid import UUID

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.textio import Formatter, Settings, TextType, invalid_syntax, plain

NAME_MAX_BYTES = 63
_UUID = re.compile(r"(?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}")
_ESCAPE = re.compile(rb"\\(\\|[0-3][0-7]{2})?")
_HEX_SPACE = " \n\t\r"


def _same(text: str) -> str:
    return text


def _apply_varchar(value: str, typmod: int, explicit: bool) -> str:
    limit = typmod - 4
    if len(value) <= limit:
        return value
    if not explicit and value[limit:].strip(" "):
        raise SqlError("22001", f"value too long for type character varying({limit})")
    return value[:limit]


def _apply_bpchar(value: str, typmod: int, explicit: bool) -> str:
    limit = typmod - 4
    if len(value) > limit and not explicit and value[limit:].strip(" "):
        raise SqlError("22001", f"value too long for type character({limit})")
    return value[:limit].ljust(limit)


def parse_name(text: str) -> str:
    """An identifier, cut to 63 bytes without splitting a character."""
    if len(text) * 4 <= NAME_MAX_BYTES:
        return text
    return text.encode()[:NAME_MAX_BYTES].decode(errors="ignore")


def _parse_char(text: str) -> str:
    """ "char" holds one byte: its value here is the one character with that code, or nothing for a zero byte."""
    if re.fullmatch(r"\\[0-3][0-7]{2}", text):
        return chr(int(text[1:], 8)).strip("\0")
    return text.encode()[:1].decode("latin-1")


def _format_char(value: str) -> str:
    return value if value.isascii() else f"\\{ord(value):03o}"


def parse_bytea(text: str) -> bytes:
    """Hex (\\x...) or escape format."""
    if text.startswith("\\x"):
        return _parse_hex(text[2:])
    raw = text.encode()
    if b"\\" not in raw:
        return raw

    def unescape(match: re.Match[bytes]) -> bytes:
        escaped = match[1]
        if escaped is None:
            raise SqlError("22P02", "invalid input syntax for type bytea")
        return b"\\" if escaped == b"\\" else bytes((int(escaped, 8),))

    return _ESCAPE.sub(unescape, raw)


def _parse_hex(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        pairs = iter(digits)
        for first in pairs:
            if first in _HEX_SPACE:
                continue
            for digit in (first, next(pairs, None)):
                if digit is None:
                    raise SqlError("22023", "invalid hexadecimal data: odd number of digits") from None
                if digit not in "0123456789abcdefABCDEF":
                    raise SqlError("22023", f'invalid hexadecimal digit: "{digit}"') from None
        raise


def _bytea_formatter(settings: Settings) -> Formatter:
    if settings.get("bytea_output", "hex") == "escape":
        return lambda value: "".join(map(_escaped_byte, value))
    return lambda value: f"\\x{value.hex()}"


def _escaped_byte(byte: int) -> str:
    if byte == 0x5C:
        return "\\\\"
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"


def parse_uuid(text: str) -> UUID:
    """32 hex digits, a hyphen allowed after every fourth, braces around all allowed."""
    digits = text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text
    if _UUID.fullmatch(digits) is None:
        raise invalid_syntax("uuid", text)
    return UUID(int=int(digits.replace("-", ""), 16))


TEXT_TYPES: dict[int, TextType] = {
    registry.TEXT: plain(_same, _same),
    registry.UNKNOWN: plain(_same, _same),
    registry.VARCHAR: plain(_same, _same, _apply_varchar),
    registry.BPCHAR: plain(_same, _same, _apply_bpchar),
    registry.NAME: plain(parse_name, _same),
    registry.BY_NAME["char"].oid: plain(_parse_char, _format_char),
    registry.BYTEA: TextType(lambda _context: parse_bytea, _bytea_formatter),
    registry.UUID: plain(parse_uuid, str),
}
