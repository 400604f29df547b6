"""aclitem: a privilege list's item as text, "grantee=letters/grantor"; the catalog knows what the names mean."""

from __future__ import annotations

from ruvector_engine.errors import SqlError
from ruvector_engine.types import registry
from ruvector_engine.types.textio import C_SPACE, TextType, plain


def parse_aclitem(text: str) -> str:
    """The text, which must have the form of one."""
    if "=" not in text:
        raise SqlError("22P02", 'missing "=" sign')
    return text.strip(C_SPACE)


TEXT_TYPES: dict[int, TextType] = {registry.ACLITEM: plain(parse_aclitem, str)}
