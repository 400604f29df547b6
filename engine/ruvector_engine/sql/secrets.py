"""The texts of statements that hold passwords, as others may see them."""

from __future__ import annotations

from ruvector_engine.sql.parser import RawStatement

_WITH_PASSWORDS = frozenset({"create_role_stmt", "alter_role_stmt"})


def shown_text(raw: RawStatement) -> str:
    """A statement's text; one with a password ends before it, since what follows may be part of it."""
    if raw.kind in _WITH_PASSWORDS:
        for node in raw.node.options:
            option = node.def_elem
            if option.defname == "password" and option.HasField("arg"):
                before = raw.source.encode()[: option.location].decode()
                return f"{before[raw.offset :]}PASSWORD <hidden>"
    return raw.text
