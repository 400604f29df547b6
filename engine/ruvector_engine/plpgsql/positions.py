"""Where in a DO statement an error in its block is (after function_parse_error_transpose in pg_proc.c)."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.parser import RawStatement, scan


def in_statement(error: SqlError, raw: RawStatement | None, code: str) -> None:
    """Make a position in the block one in the statement as it was sent; one in `code` where it is not found there."""
    if error.position is None:
        return
    offset = None if raw is None else _offset(raw.source, code, error.position - 1)
    if offset is None:
        error.internal_position, error.internal_query, error.position = error.position, code, None
    else:
        error.position = offset + 1


def _offset(source: str, code: str, offset: int) -> int | None:
    """Where a character of the block is in the source, if just one literal there has the block's text."""
    found = []
    for token in scan(source)[0]:
        text = token.text
        if token.kind != "SCONST" or text[0] not in "'$":
            continue
        quote = text.index("$", 1) + 1 if text[0] == "$" else 1
        body = text[quote:-quote]
        if body == code:
            found.append(token.start + quote + offset)
        elif text[0] == "'" and body.replace("''", "'") == code:
            found.append(token.start + quote + offset + code[:offset].count("'"))
    return found[0] if len(found) == 1 else None
