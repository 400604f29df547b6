"""Encodings other than UTF-8 that data is converted from and to: those of a byte a character."""

from __future__ import annotations

#: PostgreSQL's names, and Python's.
ENCODINGS = {
    "UTF8": "utf-8",
    **{f"LATIN{n}": f"iso8859-{part}" for n, part in enumerate((1, 2, 3, 4, 9, 10, 13, 14, 15, 16), 1)},
    **{f"ISO_8859_{part}": f"iso8859-{part}" for part in (5, 6, 7, 8)},
    **{f"WIN{page}": f"cp{page}" for page in (866, 874, *range(1250, 1259))},
    "KOI8R": "koi8-r",
    "KOI8U": "koi8-u",
}
_OTHER_NAMES = {"UNICODE": "UTF8", **{f"ISO8859{part}": f"LATIN{n}" for n, part in enumerate((1, 2, 3, 4, 9), 1)}}
_BY_PLAIN_NAME = {name.replace("_", ""): name for name in ENCODINGS} | _OTHER_NAMES
#: Encodings that PostgreSQL knows and that are not converted here.
UNSERVED = frozenset(
    (
        *("SQLASCII", "EUCJP", "EUCCN", "EUCKR", "EUCTW", "EUCJIS2004", "SJIS", "SHIFTJIS2004"),
        *("BIG5", "GBK", "GB18030", "UHC", "JOHAB", "MULEINTERNAL"),
    )
)


def plain_name(name: str) -> str:
    """An encoding's name as PostgreSQL compares it: without case and punctuation."""
    return "".join(filter(str.isalnum, name)).upper()


def known_encoding(name: str) -> str | None:
    """PostgreSQL's own name of an encoding, in any of its spellings; None for one that is not converted."""
    return _BY_PLAIN_NAME.get(plain_name(name))
