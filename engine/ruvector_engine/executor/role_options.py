"""The options of CREATE ROLE and ALTER ROLE: read from their parse nodes, checked, and applied to a role."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

from ruvector_engine.catalog.roles import RoleDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.raw import position
from ruvector_engine.types.registry import TIMESTAMPTZ, TypeRef
from ruvector_engine.types.text import parse_text
from ruvector_engine.verifiers import Md5Hash, Verifier

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Options that are true or false: their names in parse nodes and in RoleDef.
_FLAGS: Final = {
    "superuser": "superuser",
    "inherit": "inherit",
    "createrole": "create_role",
    "createdb": "create_db",
    "canlogin": "can_login",
    "isreplication": "replication",
    "bypassrls": "bypass_rls",
}
_DEPRECATED: Final = "MD5 password support is deprecated and will be removed in a future release of PostgreSQL."
_MIGRATE: Final = "Refer to the PostgreSQL documentation for details about migrating to another password type."


@dataclass(frozen=True, slots=True)
class RoleOptions:
    """What a statement says of a role: attributes by RoleDef's names, and lists of RoleSpec nodes."""

    attributes: dict[str, Any] = field(default_factory=dict)
    in_roles: tuple[Any, ...] = ()
    members: tuple[Any, ...] | None = None
    admins: tuple[Any, ...] = ()

    @property
    def flags(self) -> dict[str, bool]:
        """The attributes that are true or false."""
        return {name: value for name, value in self.attributes.items() if name in _FLAGS.values()}


def read_options(session: Session, nodes: Any) -> RoleOptions:
    """Read the options; 42601 for one given twice, 22023 for an impossible value. Nothing is derived or parsed yet."""
    attributes: dict[str, Any] = {}
    lists: dict[str, tuple[Any, ...]] = {}
    seen: set[str] = set()
    for node in nodes:
        option = node.def_elem
        name = option.defname
        if name in seen:
            raise SqlError("42601", "conflicting or redundant options", position=position(option.location))
        seen.add(name)
        if name in _FLAGS:
            attributes[_FLAGS[name]] = option.arg.boolean.boolval
        elif name == "connectionlimit":
            attributes["connection_limit"] = option.arg.integer.ival
        elif name == "password":
            attributes["password"] = option.arg.string.sval if option.HasField("arg") else None
        elif name == "validUntil":
            attributes["valid_until"] = option.arg.string.sval
        elif name in ("addroleto", "rolemembers", "adminmembers"):
            lists[name] = tuple(item.role_spec for item in option.arg.list.items)
        elif name == "sysid":
            session.notice("00000", "SYSID can no longer be specified")
        else:
            raise not_supported(f"role option {name} is not supported")
    limit = attributes.get("connection_limit", 0)
    if limit < -1:
        raise SqlError("22023", f"invalid connection limit: {limit}")
    return RoleOptions(attributes, lists.get("addroleto", ()), lists.get("rolemembers"), lists.get("adminmembers", ()))


def applied(session: Session, role: RoleDef, options: RoleOptions) -> RoleDef:
    """The role with the options' attributes; its password as a verifier."""
    attributes = dict(options.attributes)
    if "valid_until" in attributes:
        moment = parse_text(TypeRef(TIMESTAMPTZ), attributes["valid_until"], session.settings)
        attributes["valid_until"] = cast(int, moment)
    if attributes.get("password") is not None:
        attributes["password"] = _stored(session, attributes["password"], role.name)
    return replace(role, **attributes)


def _stored(session: Session, password: str, role: str) -> str | None:
    """What is kept of a password. A verifier is taken as it is, unless it is that of no password at all."""
    verifier = Md5Hash.parse(password, role) or Verifier.parse(password)
    if password == "" or (verifier is not None and verifier.accepts("")):
        session.notice("00000", "empty string is not a valid password, clearing password")
        return None
    if verifier is None:
        hashes = session.settings["password_encryption"] == "md5"
        verifier = Md5Hash.of(password, role) if hashes else Verifier.of(password, _iterations(session))
    if isinstance(verifier, Md5Hash):
        if session.settings["md5_password_warnings"] == "on":
            session.notice("01P01", "setting an MD5-encrypted password", "WARNING", detail=_DEPRECATED, hint=_MIGRATE)
        return verifier.text
    return str(verifier)


def _iterations(session: Session) -> int:
    return int(session.settings["scram_iterations"])
