"""Lists of names with commas between them, as the setting search_path holds one."""

from __future__ import annotations

import re

_LISTED = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(?=,|\Z)')


def split_identifiers(text: str) -> list[str] | None:
    """The names in a list with commas, as search_path holds one; None when it is no such list."""
    names: list[str] = []
    position = 0 if text.strip() else len(text) + 1
    while position <= len(text):
        found = _LISTED.match(text, position)
        if found is None:
            return None
        names.append(found[1].replace('""', '"') if found[1] is not None else found[2].lower())
        position = found.end() + 1
    return names
