"""What all databases of a directory have in common: roles, memberships, the databases themselves, and their comments.

Every database's catalog carries it whole, so that a session looks at one object only. A transaction changes its own
database's catalog; where that changes what is common, `following` gives what the others are then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from ruvector_engine.catalog.databases import PG_DATABASE
from ruvector_engine.catalog.model import Catalog

#: The database under which entries of the whole cluster are kept.
CLUSTER = 0
#: Classes of objects that belong to no database: pg_database, pg_authid, pg_tablespace.
_SHARED_CLASSES = frozenset({PG_DATABASE, 1260, 1213})

_Key = TypeVar("_Key", bound=tuple[Any, ...])
_Value = TypeVar("_Value")


def is_shared(classoid: int) -> bool:
    """Whether objects of this class belong to no database."""
    return classoid in _SHARED_CLASSES


def agree(one: Catalog, other: Catalog) -> bool:
    """Whether two catalogs say the same of the cluster."""
    mine, theirs = one.authority, other.authority
    return (
        mine.roles == theirs.roles
        and mine.memberships == theirs.memberships
        and mine.settings == theirs.settings
        and mine.databases == theirs.databases
        and _shared(mine.owners) == _shared(theirs.owners)
        and _shared(mine.acls) == _shared(theirs.acls)
        and _shared(one.comments) == _shared(other.comments)
    )


def following(catalog: Catalog, other: Catalog) -> Catalog:
    """The catalog of one database with what another's says of the cluster."""
    mine, theirs = catalog.authority, other.authority
    authority = replace(
        mine,
        roles=theirs.roles,
        memberships=theirs.memberships,
        settings=theirs.settings,
        databases=theirs.databases,
        owners=_merged(mine.owners, theirs.owners),
        acls=_merged(mine.acls, theirs.acls),
    )
    comments = _merged(catalog.comments, other.comments)
    return replace(catalog, version=catalog.version + 1, authority=authority, comments=comments)


def _shared(said: Mapping[_Key, _Value]) -> dict[_Key, _Value]:
    """What is said of shared objects; keys begin with a class."""
    return {key: value for key, value in said.items() if is_shared(key[0])}


def _merged(own: Mapping[_Key, _Value], other: Mapping[_Key, _Value]) -> Mapping[_Key, _Value]:
    """What one says of its own objects, and the other of shared ones."""
    return MappingProxyType({key: value for key, value in own.items() if not is_shared(key[0])} | _shared(other))
