"""Text in other encodings than UTF-8: PostgreSQL's names of them, and their characters to and from Unicode.

What Python's codecs do otherwise than PostgreSQL's tables stands in `encoding_differences.json`, made from the real
server. Errors are PostgreSQL's: 22021 for bytes that are no characters of the encoding at all, 22P05 for characters
that have no equivalent in the other one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import TypeAlias

from ruvector_engine.errors import SqlError

Reader: TypeAlias = Callable[[bytes], str]
Writer: TypeAlias = Callable[[str], bytes]

#: PostgreSQL's encodings in the order of their numbers.
NAMES = (
    *("SQL_ASCII", "EUC_JP", "EUC_CN", "EUC_KR", "EUC_TW", "EUC_JIS_2004", "UTF8", "MULE_INTERNAL"),
    *(f"LATIN{n}" for n in range(1, 11)),
    *("WIN1256", "WIN1258", "WIN866", "WIN874", "KOI8R", "WIN1251", "WIN1252"),
    *(f"ISO_8859_{part}" for part in (5, 6, 7, 8)),
    *("WIN1250", "WIN1253", "WIN1254", "WIN1255", "WIN1257", "KOI8U"),
    *("SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"),
)
#: The most bytes of a character; 1 for the others.
MAX_BYTES = {
    **dict.fromkeys(("EUC_JP", "EUC_CN", "EUC_KR", "EUC_JIS_2004", "JOHAB"), 3),
    **dict.fromkeys(("EUC_TW", "UTF8", "MULE_INTERNAL", "GB18030"), 4),
    **dict.fromkeys(("SJIS", "BIG5", "GBK", "UHC", "SHIFT_JIS_2004"), 2),
}
#: Encodings in which the bytes between client and server are those of UTF-8, and nothing is converted.
AS_UTF8 = frozenset({"UTF8", "SQL_ASCII"})

#: Encodings that are read and written by a codec of Python's.
_CODECS = {
    **{f"LATIN{n}": f"iso8859-{part}" for n, part in enumerate((1, 2, 3, 4, 9, 10, 13, 14, 15, 16), 1)},
    **{f"ISO_8859_{part}": f"iso8859-{part}" for part in (5, 6, 7, 8)},
    **{f"WIN{page}": f"cp{page}" for page in (866, 874, *range(1250, 1259))},
    "KOI8R": "koi8-r",
    "KOI8U": "koi8-u",
    "EUC_CN": "gb2312",
    "GB18030": "gb18030",
}
#: Those that are not quite PostgreSQL's, and are made into tables with the differences.
BASES = {
    "EUC_JP": "euc_jp",
    "EUC_KR": "euc_kr",
    "SJIS": "shift_jis",
    "BIG5": "big5",
    "GBK": "gbk",
    "UHC": "cp949",
    "JOHAB": "johab",
}
_OTHER_NAMES = {
    "ABC": "WIN1258",
    "TCVN": "WIN1258",
    "TCVN5712": "WIN1258",
    "VSCII": "WIN1258",
    "ALT": "WIN866",
    "KOI8": "KOI8R",
    "WIN": "WIN1251",
    "UNICODE": "UTF8",
    "MSKANJI": "SJIS",
    "SHIFTJIS": "SJIS",
    **{f"ISO8859{part}": f"LATIN{n}" for n, part in enumerate((1, 2, 3, 4, 9, 10, 13, 14, 15, 16), 1)},
    **{f"WINDOWS{page}": f"WIN{page}" for page in (866, 874, *range(1250, 1259))},
    **{
        f"{system}{page}": name
        for system in ("WIN", "WINDOWS")
        for page, name in ((932, "SJIS"), (936, "GBK"), (949, "UHC"), (950, "BIG5"))
    },
}
_BY_PLAIN_NAME = {name.replace("_", ""): name for name in NAMES} | _OTHER_NAMES


def known_encoding(name: str) -> str | None:
    """PostgreSQL's own name of an encoding, in any of its spellings; None when there is none of that name."""
    return _BY_PLAIN_NAME.get("".join(c for c in name if c.isascii() and c.isalnum()).upper())


def is_served(name: str) -> bool:
    """Whether text is converted to and from the encoding here."""
    return name in AS_UTF8 or name in _CODECS or name in BASES


@lru_cache
def reader(name: str) -> Reader:
    """The function from bytes in a served encoding to text."""
    if name in AS_UTF8:
        return _read_utf8
    codec = _CODECS.get(name)
    decode = (lambda data: str(data, codec)) if codec is not None else _table_reader(name)

    def read(data: bytes) -> str:
        zero = data.find(b"\0")
        try:
            text = decode(data if zero < 0 else data[:zero])
        except UnicodeDecodeError as error:
            raise _unreadable(name, data, error.start) from None
        if zero >= 0:
            raise invalid_bytes(name, b"\0")
        return text

    return read


@lru_cache
def writer(name: str) -> Writer:
    """The function from text to bytes in a served encoding."""
    if name in AS_UTF8:
        return str.encode
    codec = _CODECS.get(name)
    encode = (lambda text: text.encode(codec)) if codec is not None else _table_writer(name)

    def write(text: str) -> bytes:
        try:
            return encode(text)
        except UnicodeEncodeError as error:
            raise no_equivalent(error.object[error.start].encode(), "UTF8", name) from None

    return write


def no_equivalent(character: bytes, source: str, target: str) -> SqlError:
    """22P05 for a character."""
    problem = f'character with byte sequence {_shown(character)} in encoding "{source}" has no equivalent in encoding'
    return SqlError("22P05", f'{problem} "{target}"')


def invalid_bytes(name: str, data: bytes) -> SqlError:
    """22021 for bytes that are no character."""
    return SqlError("22021", f'invalid byte sequence for encoding "{name}": {_shown(data)}')


def character_end(name: str, data: bytes, start: int) -> int:
    """Where the character at `start` ends, going by its first bytes alone; beyond the data if it is not all there."""
    first = data[start]
    if first < 0x80 or name not in MAX_BYTES:
        return start + 1
    if name == "UTF8":
        return start + (1 if first < 0xC0 or first >= 0xF8 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4)
    if name in ("EUC_JP", "EUC_KR", "JOHAB"):
        return start + (3 if first == 0x8F else 2)
    if name == "SJIS" and 0xA1 <= first <= 0xDF:
        return start + 1
    return start + (4 if name == "GB18030" and data[start + 1 : start + 2].isdigit() else 2)


def _read_utf8(data: bytes) -> str:
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise invalid_bytes("UTF8", data[error.start : character_end("UTF8", data, error.start)]) from None
    if "\0" in text:
        raise invalid_bytes("UTF8", b"\0")
    return text


def _shown(data: bytes) -> str:
    return " ".join(f"0x{byte:02x}" for byte in data)


def _unreadable(name: str, data: bytes, start: int) -> SqlError:
    end = character_end(name, data, start)
    found = data[start:end]
    if end > len(data) or not _is_formed(name, found):
        return invalid_bytes(name, found)
    return no_equivalent(found, name, "UTF8")


def _is_formed(name: str, character: bytes) -> bool:
    """Whether the bytes can be a character of the encoding, by the ranges that PostgreSQL verifies."""
    first, rest = character[0], character[1:]
    if first < 0x80:
        return True
    if name == "JOHAB":
        return all(0xA1 <= byte <= 0xFE for byte in rest)
    if name == "EUC_JP" and first == 0x8E:
        return 0xA1 <= rest[0] <= 0xDF
    if name.startswith("EUC_"):
        high = all(0xA1 <= byte <= 0xFE for byte in rest)
        return high and (0xA1 <= first <= 0xFE or (name == "EUC_JP" and first == 0x8F))
    if name == "SJIS":
        return 0xA1 <= first <= 0xDF or (
            (0x81 <= first <= 0x9F or 0xE0 <= first <= 0xFC) and (0x40 <= rest[0] <= 0x7E or 0x80 <= rest[0] <= 0xFC)
        )
    if name == "GB18030":
        ranges = (0x81 <= first <= 0xFE,) + (
            (0x40 <= rest[0] <= 0x7E or 0x80 <= rest[0] <= 0xFE,)
            if len(rest) == 1
            else (0x30 <= rest[0] <= 0x39, 0x81 <= rest[1] <= 0xFE, 0x30 <= rest[2] <= 0x39)
        )
        return all(ranges)
    return True


# ------------------------------------------------------------ encodings by table


def python_tables(name: str) -> tuple[dict[str, bytes], dict[bytes, str]]:
    """Characters to bytes, and bytes to characters, as Python's codec has them."""
    codec, most = BASES[name], 3 if name == "EUC_JP" else 2
    to_bytes = {}
    for point in (*range(0xD800), *range(0xE000, 0x10000)):
        written = chr(point).encode(codec, "ignore")
        if 0 < len(written) <= most:
            to_bytes[chr(point)] = written
    heads = [b"", b"\x8f"] if name == "EUC_JP" else [b""]
    pairs = [bytes((high, low)) for high in range(0x80, 0x100) for low in range(0x30, 0x100)]
    sequences = [bytes((byte,)) for byte in range(0x100)] + [head + pair for head in heads for pair in pairs]
    to_text = {}
    for sequence in sequences:
        try:
            text = sequence.decode(codec)
        except UnicodeDecodeError:
            continue
        if len(text) == 1 and character_end(name, sequence, 0) == len(sequence) and _is_formed(name, sequence):
            to_text[sequence] = text
    return to_bytes, to_text


@lru_cache
def _tables(name: str) -> tuple[dict[str, bytes], dict[bytes, str]]:
    """The same, corrected."""
    to_bytes, to_text = python_tables(name)
    corrections = _differences()[name]
    for character, correct in corrections["encode"].items():
        to_bytes.pop(character, None)
        if correct:
            to_bytes[character] = bytes.fromhex(correct)
    for sequence_hex, correct in corrections["decode"].items():
        to_text.pop(bytes.fromhex(sequence_hex), None)
        if correct:
            to_text[bytes.fromhex(sequence_hex)] = correct
    return to_bytes, to_text


@lru_cache
def _differences() -> dict[str, dict[str, dict[str, str]]]:
    """By encoding, what "encode" and "decode" must give instead, bytes in hexadecimal; "" for nothing at all."""
    source = files(__package__).joinpath("encoding_differences.json")
    return json.loads(source.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _table_reader(name: str) -> Reader:
    table = _tables(name)[1]

    def read(data: bytes) -> str:
        if data.isascii():
            return data.decode("ascii")
        found, at, size = [], 0, len(data)
        while at < size:
            end = character_end(name, data, at)
            character = table.get(data[at:end])
            if character is None:
                raise UnicodeDecodeError(name, data, at, min(end, size), "no such character")
            found.append(character)
            at = end
        return "".join(found)

    return read


def _table_writer(name: str) -> Writer:
    table = _tables(name)[0]

    def write(text: str) -> bytes:
        if text.isascii():
            return text.encode("ascii")
        try:
            return b"".join(map(table.__getitem__, text))
        except KeyError as error:
            at = text.index(error.args[0])
            raise UnicodeEncodeError(name, text, at, at + 1, "no equivalent") from None

    return write
