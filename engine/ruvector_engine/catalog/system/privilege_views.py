"""information_schema's views of what was granted: on tables, on columns, and the use of sequences and collations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ruvector_engine.catalog.membership import has_privileges_of
from ruvector_engine.catalog.model import Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.privileges import privilege_name
from ruvector_engine.catalog.rights import Rights, items_of
from ruvector_engine.catalog.roles import PUBLIC, AclItem
from ruvector_engine.catalog.system import objects
from ruvector_engine.catalog.system.context import SystemContext
from ruvector_engine.catalog.system.relations import RELATIONS, information_schema

Rows = list[tuple[Any, ...]]
#: What the standard knows of privileges on tables, and on columns.
_OF_TABLES, _OF_COLUMNS = "arwdDxt", "arwx"


def _tables(context: SystemContext) -> Iterator[TableDef | ViewDef]:
    yield from (system.table for system in RELATIONS.values())
    for relation in context.catalog.relations.values():
        if isinstance(relation, (TableDef, ViewDef)):
            yield relation


def _shown(rights: Rights, item: AclItem) -> bool:
    """Whether the user has what the grantor or the grantee has, or it is everybody's."""
    return item.grantee == PUBLIC or rights.acts_for(item.grantor) or rights.acts_for(item.grantee)


def _parties(context: SystemContext, item: AclItem, letter: str, owner: int) -> dict[str, Any]:
    """Grantor and grantee, and whether the grantee may pass the privilege on: an owner may."""
    authority = context.catalog.authority
    grantable = letter in item.grantable or (
        item.grantee != PUBLIC and has_privileges_of(authority, item.grantee, owner)
    )
    return {
        "grantor": objects.role_name(authority, item.grantor),
        "grantee": "PUBLIC" if item.grantee == PUBLIC else objects.role_name(authority, item.grantee),
        "is_grantable": "YES" if grantable else "NO",
    }


def _granted(context: SystemContext, relation: Relation, letters: str) -> Iterator[tuple[AclItem, str]]:
    """Each item on a relation, with each of these privileges in it, that the user may know of."""
    rights, kind = context.rights, objects.privilege_kind(relation)
    for item in items_of(context.catalog.authority, kind, objects.relation_key(relation)):
        if _shown(rights, item):
            yield from ((item, letter) for letter in item.privileges if letter in letters)


def table_rows(view: str, wanted: Callable[[Rights, AclItem], bool], context: SystemContext) -> Rows:
    """information_schema.table_privileges, and role_table_grants."""
    row, rights = information_schema(view).row, context.rights
    return [
        row(
            **_parties(context, item, letter, objects.relation_owner(context.catalog, relation)),
            table_catalog=context.database,
            table_schema=relation.schema,
            table_name=relation.name,
            privilege_type=privilege_name(letter),
            with_hierarchy="YES" if letter == "r" else "NO",
        )
        for relation in _tables(context)
        for item, letter in _granted(context, relation, _OF_TABLES)
        if wanted(rights, item)
    ]


def column_rows(view: str, wanted: Callable[[Rights, AclItem], bool], context: SystemContext) -> Rows:
    """information_schema.column_privileges, and role_column_grants: what is granted on tables counts too."""
    row, rights = information_schema(view).row, context.rights
    found: dict[tuple[Any, ...], None] = {}
    for relation in _tables(context):
        owner = objects.relation_owner(context.catalog, relation)
        whole = list(_granted(context, relation, _OF_COLUMNS))
        for column in relation.columns:
            own = context.catalog.authority.acls.get(objects.relation_key(relation, column.attnum), ())
            single = [(i, letter) for i in own if _shown(rights, i) for letter in i.privileges]
            for item, letter in (*whole, *single):
                if wanted(rights, item):
                    made = row(
                        **_parties(context, item, letter, owner),
                        table_catalog=context.database,
                        table_schema=relation.schema,
                        table_name=relation.name,
                        column_name=column.name,
                        privilege_type=privilege_name(letter),
                    )
                    found[made] = None
    return list(found)


def usage_rows(view: str, wanted: Callable[[Rights, AclItem], bool], context: SystemContext) -> Rows:
    """information_schema.usage_privileges, and role_usage_grants: sequences; the rest has no privileges here."""
    row, rights = information_schema(view).row, context.rights
    return [
        row(
            **_parties(context, item, letter, objects.relation_owner(context.catalog, sequence)),
            object_catalog=context.database,
            object_schema=sequence.schema,
            object_name=sequence.name,
            object_type="SEQUENCE",
            privilege_type="USAGE",
        )
        for sequence in context.catalog.relations.values()
        if isinstance(sequence, SequenceDef)
        for item, letter in _granted(context, sequence, "U")
        if wanted(rights, item)
    ]


def _any(_rights: Rights, _item: AclItem) -> bool:
    return True


def _of_enabled_roles(rights: Rights, item: AclItem) -> bool:
    """What role_..._grants show: not what is everybody's only."""
    return rights.acts_for(item.grantor) or (item.grantee != PUBLIC and rights.acts_for(item.grantee))


ROWS = {
    "table_privileges": partial(table_rows, "table_privileges", _any),
    "role_table_grants": partial(table_rows, "role_table_grants", _of_enabled_roles),
    "column_privileges": partial(column_rows, "column_privileges", _any),
    "role_column_grants": partial(column_rows, "role_column_grants", _of_enabled_roles),
    "usage_privileges": partial(usage_rows, "usage_privileges", _any),
    "role_usage_grants": partial(usage_rows, "role_usage_grants", _of_enabled_roles),
}
