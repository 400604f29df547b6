"""What information_schema shows to whom: objects that one owns, or has some privilege on."""

from __future__ import annotations

from ruvector_engine.catalog.model import ColumnDef, Relation, SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.rights import Rights
from ruvector_engine.catalog.system import objects

#: Privileges any of which is enough, in letters.
_TABLE, _COLUMN, _SEQUENCE, _SCHEMA = "arwdDxt", "arwx", "rwU", "UC"


def _any(rights: Rights, relation: Relation, letters: str) -> bool:
    kind, key = objects.privilege_kind(relation), objects.relation_key(relation)
    return any(rights.has(kind, key, letter, schema=relation.schema) for letter in letters)


def owned(rights: Rights, relation: Relation) -> bool:
    """Whether the role has what the relation's owner has."""
    return rights.owns(objects.owner_key(relation))


def relation_shown(rights: Rights, relation: Relation, table: str = _TABLE, columns: str = _COLUMN) -> bool:
    """Whether a table, view or sequence is shown: for any of these privileges on the whole or on a column."""
    if rights.superuser or owned(rights, relation):
        return True
    if isinstance(relation, SequenceDef):
        return _any(rights, relation, _SEQUENCE)
    return _any(rights, relation, table) or any_column(rights, relation, columns)


def any_column(rights: Rights, relation: Relation, letters: str) -> bool:
    """Whether the role has any of the privileges on any column by itself."""
    own = relation.columns if isinstance(relation, (TableDef, ViewDef)) else ()
    return any(_on_column(rights, relation, column.attnum, letters) for column in own)


def column_shown(rights: Rights, relation: Relation, column: ColumnDef) -> bool:
    """Whether a column is shown."""
    if rights.superuser or owned(rights, relation) or _any(rights, relation, _COLUMN):
        return True
    return _on_column(rights, relation, column.attnum, _COLUMN)


def _on_column(rights: Rights, relation: Relation, attnum: int, letters: str) -> bool:
    held = rights.held("column", objects.relation_key(relation, attnum))
    return any(letter in held for letter in letters)


def schema_shown(rights: Rights, name: str) -> bool:
    """Whether a schema is shown."""
    key = objects.schema_key(name)
    return rights.owns(key) or any(rights.has("schema", key, letter) for letter in _SCHEMA)
