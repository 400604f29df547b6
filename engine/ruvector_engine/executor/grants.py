"""GRANT and REVOKE of privileges on relations, columns, schemas and databases (aclchk.c)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.acl import Acl, Items
from ruvector_engine.catalog.databases import PG_DATABASE
from ruvector_engine.catalog.model import IndexDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.privileges import ALL, Kind, common, ordered, privilege_letter, privilege_name, without
from ruvector_engine.catalog.rights import items_of, owner_of
from ruvector_engine.catalog.roles import AclItem, AclKey
from ruvector_engine.catalog.system import objects
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, table_access
from ruvector_engine.executor.role_names import specified_grantee, specified_role
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.sql.raw import strings

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Kinds of objects that privileges can be granted on, and how errors about privileges they lack call them.
_KINDS: dict[str, tuple[Kind, str]] = {
    "OBJECT_TABLE": ("table", "relation"),
    "OBJECT_SEQUENCE": ("sequence", "sequence"),
    "OBJECT_SCHEMA": ("schema", "schema"),
    "OBJECT_DATABASE": ("database", "database"),
}
#: Columns that every table has besides its own; revoking from all columns tells of these too.
_SYSTEM_COLUMNS = ("tableoid", "cmax", "xmax", "cmin", "xmin", "ctid")


def run_grant(session: Session, statement: Utility) -> Result:
    """GRANT and REVOKE ... ON ..."""
    node = statement.node
    table_access.change_catalog(session)
    if node.HasField("grantor") and specified_role(session, node.grantor).oid != session.rights.role:
        raise SqlError("0A000", "grantor must be current user")
    kind = enum_name(node, "objtype")
    if kind not in _KINDS:
        raise not_supported(
            f"{statement.tag} on {kind.removeprefix('OBJECT_').replace('_', ' ').lower()}s is not supported",
            hint="Tables, columns, sequences, schemas and databases have privileges.",
        )
    relations = _relations(session, node) if kind in ("OBJECT_TABLE", "OBJECT_SEQUENCE") else []
    names = [] if relations else _names(session, node, kind)
    change = _Change(session, node)
    for relation in relations:
        change.on_relation(relation)
    for name in names:
        change.on_named(_KINDS[kind][0], name)
    change.write()
    return Result(statement.tag)


# -------------------------------------------------------------------- objects


def _relations(session: Session, node: Any) -> list[Relation]:
    wanted = enum_name(node, "objtype")
    if enum_name(node, "targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        return [r for item in node.objects for r in _all_in(session, item.string.sval, wanted)]
    found = [table_access.relation_named(session, item.range_var) for item in node.objects]
    for relation in found:
        if isinstance(relation, IndexDef):
            raise SqlError("42809", f'"{relation.name}" is an index')
        if wanted == "OBJECT_SEQUENCE" and not isinstance(relation, SequenceDef):
            raise SqlError("42809", f'"{relation.name}" is not a sequence')
    return found


def _all_in(session: Session, schema: str, wanted: str) -> list[Relation]:
    access.require_usage(session, schema)
    kinds = SequenceDef if wanted == "OBJECT_SEQUENCE" else (TableDef, ViewDef)
    inside = [r for (place, _), r in session.catalog.relations.items() if place == schema and isinstance(r, kinds)]
    return sorted(inside, key=lambda relation: relation.oid)


def _names(session: Session, node: Any, kind: str) -> list[str]:
    names = strings(node.objects)
    for name in names:
        if kind == "OBJECT_DATABASE" and name not in session.catalog.authority.databases:
            raise SqlError("3D000", f'database "{name}" does not exist')
        if kind == "OBJECT_SCHEMA" and not objects.schema_exists(session.catalog, name):
            raise SqlError("3F000", f'schema "{name}" does not exist')
    return names


# -------------------------------------------------------------------- privileges


class _Wanted:
    """Which privileges a GRANT or REVOKE names: of the whole object, and of columns by name."""

    def __init__(self, node: Any) -> None:
        kind, shown = _KINDS[enum_name(node, "objtype")]
        valid = "".join(dict.fromkeys(ALL["table"] + ALL["sequence"])) if kind == "table" else ALL[kind]
        self.all = not node.privileges  # ALL PRIVILEGES
        self.whole = ""
        self.columns: list[tuple[list[str], str]] = []
        for item in node.privileges:
            privilege = item.access_priv
            columns = strings(privilege.cols)
            if columns and kind not in ("table", "sequence"):
                raise SqlError("0LP01", "column privileges are only valid for relations")
            if columns:
                self.columns.append((columns, letters_of(privilege.priv_name, ALL["column"], "column")))
            else:
                self.whole += letters_of(privilege.priv_name, valid, shown)
        self.whole = ordered(self.whole)


def letters_of(name: str, valid: str, shown: str) -> str:
    """The letter of a privilege by its name, all of them for ALL; 0LP01 for one that the kind of object has not."""
    if not name:  # ALL
        return valid
    letter = privilege_letter(name)
    if letter is None:
        raise SqlError("42601", f'unrecognized privilege type "{name}"')
    if letter not in valid:
        raise SqlError("0LP01", f"invalid privilege type {privilege_name(letter)} for {shown}")
    return letter


class _Change:
    """One statement's change of the lists, not written yet."""

    def __init__(self, session: Session, node: Any) -> None:
        self._session = session
        self._authority = session.catalog.authority
        self._is_grant = bool(node.is_grant)
        self._option = bool(node.grant_option)
        self._cascade = enum_name(node, "behavior") == "DROP_CASCADE"
        self._grantees = [specified_grantee(session, item.role_spec) for item in node.grantees]
        self._wanted = _Wanted(node)

    def on_relation(self, relation: Relation) -> None:
        """Change a relation's list and those of its columns."""
        kind, key = objects.privilege_kind(relation), objects.relation_key(relation)
        whole = ALL[kind] if self._wanted.all else self._fitting(relation, self._wanted.whole)
        before = items_of(self._authority, kind, key)
        columns = self._columns(relation, common(whole, ALL["column"]) if not self._is_grant else "")
        if whole:
            self._change(kind, key, (), whole, f'"{relation.name}"', objects.denied(relation), every=self._wanted.all)
        for (name, attnum), letters in columns.items():
            text = f'column "{name}" of relation "{relation.name}"'
            self._change(
                "column",
                objects.relation_key(relation, attnum),
                before,
                letters,
                text,
                SqlError("42501", f"permission denied for {text}"),
                every=letters == ALL["column"],
            )

    def on_named(self, kind: Kind, name: str) -> None:
        """Change the list of a schema or a database."""
        if kind == "schema":
            key = objects.schema_key(name)
        else:
            key = PG_DATABASE, self._authority.databases[name].oid, 0
        whole = ALL[kind] if self._wanted.all else self._wanted.whole
        error = SqlError("42501", f"permission denied for {kind} {name}")
        self._change(kind, key, (), whole, f'"{name}"', error, every=self._wanted.all)

    def write(self) -> None:
        """Write the changed lists into the catalog."""
        session = self._session
        session.transaction.catalog = store.changed(session.connection, session.catalog, authority=self._authority)

    def _fitting(self, relation: Relation, letters: str) -> str:
        """The privileges that a relation of its kind can have."""
        if isinstance(relation, SequenceDef):
            if without(letters, ALL["sequence"]):
                text = f'sequence "{relation.name}" only supports USAGE, SELECT, and UPDATE privileges'
                self._session.notice("0LP01", text, "WARNING")
            return common(letters, ALL["sequence"])
        if without(letters, ALL["table"]):
            raise SqlError("0LP01", "invalid privilege type USAGE for table")
        return letters

    def _columns(self, relation: Relation, everywhere: str) -> dict[tuple[str, int], str]:
        """The letters for each column, by name and number: what is revoked from the whole goes from all of them."""
        own = relation.columns if isinstance(relation, (TableDef, ViewDef)) else ()
        places = {column.name: column.attnum for column in own}
        found: dict[tuple[str, int], str] = {}
        if everywhere and own:
            system = _SYSTEM_COLUMNS if isinstance(relation, TableDef) else ()
            numbered = {name: place - len(system) for place, name in enumerate(system)}
            found = dict.fromkeys((numbered | places).items(), everywhere)
        for names, letters in self._wanted.columns:
            for name in names:
                if name not in places:
                    raise SqlError("42703", f'column "{name}" of relation "{relation.name}" does not exist')
                column = (name, places[name])
                found[column] = ordered(found.get(column, "") + letters)
        return found

    def _change(
        self, kind: Kind, key: AclKey, beside: Items, letters: str, shown: str, error: SqlError, *, every: bool
    ) -> None:
        """Change one list. `beside` are the items of a column's table, by which its grant options hold too."""
        owner = owner_of(self._authority, (*key[:2], 0))
        acl = Acl(items_of(self._authority, kind, key), kind, owner, self._authority)
        grantor, passed = replace(acl, items=(*beside, *acl.items)).best_grantor(self._session.rights.role, letters)
        if not passed and not self._has_any(kind, key, grantor):
            raise error
        self._warn(letters, passed, shown, every=every)
        for grantee in self._grantees:
            option = passed if self._option or not self._is_grant else ""
            item = AclItem(grantee, grantor, passed if self._is_grant or not self._option else "", option)
            acl = acl.granted(item) if self._is_grant else acl.revoked(item, cascade=self._cascade)
        acls = dict(self._authority.acls)
        acls[key] = acl.items
        if kind == "column" and not acl.items:
            del acls[key]
        self._authority = replace(self._authority, acls=MappingProxyType(acls))

    def _has_any(self, kind: Kind, key: AclKey, role: int) -> bool:
        """Whether a role has any privilege on the object: without, it learns nothing about it."""
        rights = self._session.rights.of(role)
        return rights.superuser or bool(
            rights.held(kind, key) or (kind == "column" and rights.held("table", (*key[:2], 0)))
        )

    def _warn(self, letters: str, passed: str, shown: str, *, every: bool) -> None:
        verb, state = ("were granted for", "01007") if self._is_grant else ("could be revoked for", "01006")
        if not passed:
            self._session.notice(state, f"no privileges {verb} {shown}", "WARNING")
        elif passed != letters and not every:
            self._session.notice(state, f"not all privileges {verb} {shown}", "WARNING")
