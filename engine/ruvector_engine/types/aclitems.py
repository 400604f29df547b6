"""aclitem: a privilege list's item as text, "grantee=letters/grantor"; the catalog knows what the names mean."""

from __future__ import annotations

import re

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.types import registry
from ruvector_engine.types.textio import C_SPACE, TextType, plain

_FORM = re.compile(r'(?:(?:group|user)\s+)?(?:"(?:[^"]|"")*"|[^=\s"]*)=[A-Za-z*]*(/(?:"(?:[^"]|"")*"|[^\s/"]+))?\Z')


def parse_aclitem(text: str) -> str:
    """The text, which must have the form of one."""
    trimmed = text.strip(C_SPACE)
    match = _FORM.match(trimmed)
    if match is not None and match[1]:
        return trimmed
    if match is not None:
        raise not_supported("an aclitem without a grantor is not supported", hint="Write grantee=privileges/grantor.")
    word = trimmed.split(maxsplit=1)[0] if trimmed else ""
    if word not in ("", "group", "user") and not trimmed.startswith('"'):
        hint = 'ACL key word must be "group" or "user".'
        raise SqlError("22P02", f'unrecognized key word: "{word}"', hint=hint)
    raise SqlError("22P02", 'missing "=" sign')


TEXT_TYPES: dict[int, TextType] = {registry.ACLITEM: plain(parse_aclitem, str)}
