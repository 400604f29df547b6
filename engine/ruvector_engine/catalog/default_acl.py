"""What ALTER DEFAULT PRIVILEGES has said: the privileges that objects begin with (SetDefaultACL, get_user_default_acl).

Lists for all schemas start from the kind's default and may take from it; those for one schema only add.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from ruvector_engine.catalog.acl import Acl, Items
from ruvector_engine.catalog.privileges import Kind, default_items
from ruvector_engine.catalog.roles import Authority, DefaultKey

#: Kinds of objects, by pg_default_acl.defaclobjtype.
KINDS: dict[str, Kind] = {"r": "table", "S": "sequence", "f": "function", "n": "schema"}
_LETTERS = {kind: letter for letter, kind in KINDS.items()}


def in_order(items: Items) -> Items:
    """The items as PostgreSQL sorts them, to compare lists."""
    return tuple(sorted(items, key=lambda item: (item.grantee, item.grantor)))


def list_of(authority: Authority, key: DefaultKey) -> Items:
    """The list under a key as it is now: the kind's default where there is none for all schemas."""
    found = authority.defaults.get(key)
    if found is not None:
        return found
    role, namespace, letter = key
    return () if namespace else default_items(KINDS[letter], role)


def changed(authority: Authority, key: DefaultKey, items: Items) -> Authority:
    """The authority with another list under a key; one that says no more than the default goes."""
    role, namespace, letter = key
    plain = () if namespace else default_items(KINDS[letter], role)
    defaults = dict(authority.defaults)
    if in_order(items) != in_order(plain):
        defaults[key] = in_order(items)
    else:
        defaults.pop(key, None)
    return replace(authority, defaults=MappingProxyType(defaults))


def first_items(authority: Authority, kind: Kind, owner: int, namespace: int) -> Items | None:
    """The list that a new object begins with; None for its kind's default."""
    letter = _LETTERS[kind]
    everywhere, here = (authority.defaults.get((owner, place, letter)) for place in (0, namespace))
    if everywhere is None and here is None:
        return None
    plain = default_items(kind, owner)
    acl = Acl(plain if everywhere is None else everywhere, kind, owner, authority)
    for item in here or ():
        acl = acl.granted(item)
    items = in_order(acl.items)
    return None if items == in_order(plain) else items
