"""CREATE TABLE (LIKE source [INCLUDING ...]): another table's columns, and what else of it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import SequenceDef, TableDef, ViewDef
from ruvector_engine.catalog.system.constraints import with_not_null_names
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, naming

if TYPE_CHECKING:
    from ruvector_engine.executor.table_draft import Draft
    from ruvector_engine.session import Session

#: What INCLUDING asks for, as TableLikeOption's bits.
_CONSTRAINTS, _DEFAULTS, _GENERATED, _IDENTITY, _INDEXES = 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6


def add_like(session: Session, draft: Draft, clause: Any) -> None:
    """Add the source's columns to a table under construction: names, types, NOT NULL, and with INCLUDING more."""
    source = _source(session, clause.relation)
    included = clause.options
    if included & _IDENTITY and any(c.identity for c in source.columns):
        raise not_supported("LIKE ... INCLUDING IDENTITY is not supported", hint="Write the column out.")
    indexes = () if isinstance(source, ViewDef) else session.catalog.indexes_of(source.oid)
    if included & _INDEXES and any(not index.unique or index.orders or index.opclasses for index in indexes):
        raise not_supported(
            "LIKE ... INCLUDING INDEXES of a table with indexes that are not plain keys is not supported",
            hint="Leave INDEXES out, and create them afterwards.",
        )
    named = source if isinstance(source, ViewDef) else with_not_null_names(source)
    for column in named.columns:
        if any(c.name == column.name for c in draft.columns):
            raise SqlError("42701", f'column "{column.name}" specified more than once')
        default = column.default if included & _DEFAULTS else None
        copied = replace(column, attnum=len(draft.columns) + 1, default=default, identity="", owned_sequence=0)
        if not included & _GENERATED:
            copied = replace(copied, generation=None, virtual=False)
        draft.columns.append(copied)
    if isinstance(source, TableDef):
        _add_constraints(session, draft, source, included)


def _source(session: Session, range_var: Any) -> TableDef | ViewDef:
    schema = range_var.schemaname or None
    access.require_usage(session, schema, missing_ok=True)
    found = session.catalog.find(range_var.relname, schema, session.search_path)
    if found is None:
        shown = f"{schema}.{range_var.relname}" if schema else range_var.relname
        raise SqlError("42P01", f'relation "{shown}" does not exist', position=range_var.location + 1)
    if not isinstance(found, (TableDef, ViewDef)):
        kind = "sequences" if isinstance(found, SequenceDef) else "indexes"
        raise SqlError(
            "42809",
            f'relation "{found.name}" is invalid in LIKE clause',
            detail=f"This operation is not supported for {kind}.",
            position=range_var.location + 1,
        )
    access.require_any(session, found, "r")
    return found


def _add_constraints(session: Session, draft: Draft, source: TableDef, included: int) -> None:
    """CHECKs under their names, keys under names of the new table's own."""
    for constraint in source.constraints:
        if constraint.kind == "c":
            wanted, name = _CONSTRAINTS, constraint.name
        else:
            last = "idx" if constraint.index_only else "key"
            end = "pkey" if constraint.kind == "p" else f"{'_'.join(constraint.columns)}_{last}"
            wanted = _INDEXES
            name = naming.free_name(session, draft.schema, f"{draft.name}_{end}", draft.taken)
        if included & wanted:
            draft.taken.add(name)
            draft.constraints.append(replace(constraint, oid=store.new_oid(session.connection), name=name))
