"""Privileges by kind of object: their letters, names and defaults, and PostgreSQL's text of an aclitem (acl.h).

A set of privileges is a string of letters in the order of `LETTERS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, PUBLIC, AclItem, Authority
from ruvector_engine.errors import SqlError

#: Every letter, as an aclitem prints them: by the bits of PostgreSQL's AclMode.
LETTERS = "arwdDxtXUCTcsAm"
_NAMES = {
    "a": "INSERT",
    "r": "SELECT",
    "w": "UPDATE",
    "d": "DELETE",
    "D": "TRUNCATE",
    "x": "REFERENCES",
    "t": "TRIGGER",
    "X": "EXECUTE",
    "U": "USAGE",
    "C": "CREATE",
    "T": "TEMPORARY",
    "c": "CONNECT",
    "s": "SET",
    "A": "ALTER SYSTEM",
    "m": "MAINTAIN",
}
_BY_NAME = {name: letter for letter, name in _NAMES.items()} | {"TEMP": "T"}

Kind = Literal["table", "column", "sequence", "schema", "database", "function", "language", "type", "tablespace"]

#: All privileges that a kind of object has.
ALL: dict[Kind, str] = {
    "table": "arwdDxtm",
    "column": "arwx",
    "sequence": "rwU",
    "schema": "UC",
    "database": "CTc",
    "function": "X",
    "language": "U",
    "type": "U",
    "tablespace": "C",
}
#: What PUBLIC has of an object that nothing was granted on.
_PUBLIC: dict[Kind, str] = {"database": "Tc", "function": "X", "language": "U", "type": "U"}
_PLAIN = re.compile(r"[A-Za-z0-9_\x80-\U0010ffff]+\Z")


def ordered(letters: Iterable[str]) -> str:
    """The set as a string: each letter once, in order."""
    there = set(letters)
    return "".join(letter for letter in LETTERS if letter in there)


def without(letters: str, removed: str) -> str:
    """What is left of a set."""
    return "".join(letter for letter in letters if letter not in removed)


def common(one: str, other: str) -> str:
    """What both sets have."""
    return "".join(letter for letter in one if letter in other)


def privilege_name(letter: str) -> str:
    """The privilege's name in SQL."""
    return _NAMES[letter]


def privilege_letter(name: str) -> str | None:
    """The letter of a privilege named in SQL, in any case; None when there is none of that name."""
    return _BY_NAME.get(name.upper())


def default_items(kind: Kind, owner: int) -> tuple[AclItem, ...]:
    """acldefault(): what holds while an object has no list of its own."""
    items = [AclItem(PUBLIC, owner, _PUBLIC[kind])] if kind in _PUBLIC else []
    if kind != "column":
        items.append(AclItem(owner, owner, ALL[kind]))
    return tuple(items)


def item_text(authority: Authority, item: AclItem) -> str:
    """An aclitem's text: grantee=privileges/grantor, a star behind what may be granted on."""
    shown = "".join(
        letter + ("*" if letter in item.grantable else "") for letter in LETTERS if letter in item.privileges
    )
    grantee = "" if item.grantee == PUBLIC else role_text(authority, item.grantee)
    return f"{grantee}={shown}/{role_text(authority, item.grantor)}"


_ITEM = re.compile(r'\s*(?:(?:group|user)\s+)?("(?:[^"]|"")*"|[^=\s"]*)=([A-Za-z*]*)(?:/("(?:[^"]|"")*"|\S+))?\s*\Z')


def parsed_item(authority: Authority, text: str) -> AclItem:
    """An aclitem from its text; 22P02, and 42704 for a role that does not exist."""
    match = _ITEM.match(text)
    if match is None:
        raise SqlError("22P02", 'missing "=" sign')
    letters, grantable = "", ""
    for sign in match[2]:
        if sign == "*" and letters:
            grantable += letters[-1]
        elif sign in LETTERS:
            letters += sign
        else:
            raise SqlError("22P02", f'invalid mode character: must be one of "{LETTERS}"')
    grantee = _named(authority, match[1]) if match[1] else PUBLIC
    grantor = _named(authority, match[3]) if match[3] else BOOTSTRAP_ROLE
    return AclItem(grantee, grantor, ordered(letters), ordered(grantable))


def _named(authority: Authority, text: str) -> int:
    name = text[1:-1].replace('""', '"') if text.startswith('"') else text
    role = authority.roles.get(name)
    if role is not None:
        return role.oid
    if name.isdigit():  # a role that was dropped
        return int(name)
    raise SqlError("42704", f'role "{name}" does not exist')


def role_text(authority: Authority, oid: int) -> str:
    """A role's name as an aclitem prints it; its OID when there is no such role any more."""
    role = authority.role_by_oid(oid)
    if role is None:
        return str(oid)
    return role.name if _PLAIN.match(role.name) else '"' + role.name.replace('"', '""') + '"'


def items_text(authority: Authority, items: Iterable[AclItem]) -> list[str]:
    """The texts of a list's items: the value of relacl and its kin."""
    return [item_text(authority, item) for item in items]
