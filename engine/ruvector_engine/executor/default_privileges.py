"""ALTER DEFAULT PRIVILEGES: what is granted on objects that a role will make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import default_acl
from ruvector_engine.catalog.acl import Acl
from ruvector_engine.catalog.privileges import ALL
from ruvector_engine.catalog.roles import AclItem, DefaultKey
from ruvector_engine.catalog.system import objects
from ruvector_engine.catalog.system.oids import namespace_oid
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import grants, ownership, table_access
from ruvector_engine.executor.role_names import specified_grantee, specified_role
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.raw import strings

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: pg_default_acl's letter of a kind of objects, and how errors call one.
_KINDS = {
    "OBJECT_TABLE": ("r", "relation"),
    "OBJECT_SEQUENCE": ("S", "sequence"),
    "OBJECT_FUNCTION": ("f", "function"),
    "OBJECT_SCHEMA": ("n", "schema"),
}


def run(session: Session, statement: Utility) -> Result:
    """ALTER DEFAULT PRIVILEGES [FOR ROLE ...] [IN SCHEMA ...] GRANT | REVOKE ..."""
    node = statement.node
    action = node.action
    table_access.change_catalog(session)
    given = {option.def_elem.defname: option.def_elem.arg.list.items for option in node.options}
    grantees = [specified_grantee(session, item.role_spec) for item in action.grantees]
    kind = enum_name(action, "objtype")
    if kind not in _KINDS:
        raise not_supported(
            f"ALTER DEFAULT PRIVILEGES ON {kind.removeprefix('OBJECT_').replace('_', ' ')}S is not supported",
            hint="Tables, sequences, functions and schemas have default privileges.",
        )
    letter, shown = _KINDS[kind]
    letters = _letters(action, letter, shown)
    roles = [specified_role(session, item.role_spec).oid for item in given.get("roles", ())]
    for role in roles or [session.rights.role]:
        if not session.rights.acts_for(role):
            raise SqlError("42501", "permission denied to change default privileges")
        for namespace in _namespaces(session, strings(given.get("schemas", ())), letter):
            _change(session, (role, namespace, letter), action, grantees, letters)
    return Result("ALTER DEFAULT PRIVILEGES")


def _letters(action: Any, letter: str, shown: str) -> str:
    valid = ALL[default_acl.KINDS[letter]]
    if any(item.access_priv.cols for item in action.privileges):
        raise SqlError("0LP01", "default privileges cannot be set for columns")
    return "".join(grants.letters_of(item.access_priv.priv_name, valid, shown) for item in action.privileges) or valid


def _namespaces(session: Session, names: list[str], letter: str) -> list[int]:
    if names and letter == "n":
        raise SqlError("0LP01", "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS")
    for name in names:
        if not objects.schema_exists(session.catalog, name):
            raise SqlError("3F000", f'schema "{name}" does not exist')
    return [namespace_oid(name) for name in names] or [0]


def _change(session: Session, key: DefaultKey, action: Any, grantees: list[int], letters: str) -> None:
    """Change one list, in the name of the role that it is for."""
    authority = session.catalog.authority
    acl = Acl(default_acl.list_of(authority, key), default_acl.KINDS[key[2]], key[0], authority)
    cascade = enum_name(action, "behavior") == "DROP_CASCADE"
    for grantee in grantees:
        item = AclItem(grantee, key[0], letters, letters)
        if action.is_grant:
            acl = acl.granted(item if action.grant_option else replace(item, grantable=""))
        else:
            acl = acl.revoked(replace(item, privileges="") if action.grant_option else item, cascade=cascade)
    ownership.write(session, default_acl.changed(authority, key, acl.items))
