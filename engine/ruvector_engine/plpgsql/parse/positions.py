"""Where in a DO statement an error in its block is (after function_parse_error_transpose in pg_proc.c)."""

from __future__ import annotations

import re

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.parser import RawStatement, scan


def in_statement(error: SqlError, raw: RawStatement | None, code: str) -> None:
    """Make a position in the block one in the statement as it was sent; one in `code` where it is not found there."""
    assert error.position is not None
    offset = None if raw is None else _offset(raw.source, code, error.position - 1)
    if offset is None:
        error.internal_position, error.internal_query, error.position = error.position, code, None
    else:
        error.position = offset + 1


def _offset(source: str, code: str, offset: int) -> int | None:
    """Where a character of the block is in the source, if just one literal there has the block's text."""
    found = []
    for token in scan(source)[0]:
        if token.kind != "SCONST":
            continue
        text = token.text
        quote = text.index("$", 1) + 1 if text[0] == "$" else text.index("'") + 1
        pieces = list(text[quote:-quote]) if text[0] == "$" else _pieces(text[quote:-1])
        if "".join(piece[-1] for piece in pieces) == code:
            found.append(token.start + quote + sum(map(len, pieces[:offset])))
    return found[0] if len(found) == 1 else None


def _pieces(text: str) -> list[str]:
    """What stands between quotes, cut into the characters that it means: of each, the last one is meant."""
    return _PIECE.findall(text)


_PIECE = re.compile(r"''|\\.|.", re.DOTALL)
