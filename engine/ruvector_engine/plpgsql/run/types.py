"""What names of types in declarations mean, by the session's catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.composite_types import row_type
from ruvector_engine.catalog.model import TableDef, ViewDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.sql.parser import parse
from ruvector_engine.sql.typenames import resolve_type
from ruvector_engine.types.registry import RECORD, TypeRef

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_PREFIX = "SELECT NULL::"


class CatalogTypes:
    """See `declarations.Types`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def named(self, text: str) -> TypeRef:
        """The type that SQL calls so; a table's name is the type of its rows."""
        try:
            node = _type_node(text)
            found = resolve_type(node, self._session.catalog, self._session.search_path)
        except SqlError as error:
            if error.position is not None:
                error.position = max(error.position - len(_PREFIX), 1)
            raise
        if found.pg.category in "PX" and found.oid != RECORD:
            raise SqlError("0A000", f'variable "{text}" has pseudo-type {found.pg.sql_name}')
        return found

    def of_column(self, parts: Sequence[str]) -> TypeRef:
        """The type of a table's column."""
        relation = self._relation(parts[:-1])
        column = next((c for c in relation.columns if c.name == parts[-1]), None)
        if column is None:
            raise SqlError("42703", f'column "{parts[-1]}" of relation "{parts[-2]}" does not exist')
        return TypeRef(column.type.oid, column.type.typmod)

    def of_row(self, parts: Sequence[str]) -> TypeRef:
        """The type of a table's rows."""
        relation = self._relation(parts)
        if isinstance(relation, TableDef) and relation.virtual:
            raise not_supported("%ROWTYPE of a system catalog is not supported", hint="Declare a record.")
        return TypeRef(row_type(relation).type_oid)

    def _relation(self, parts: Sequence[str]) -> TableDef | ViewDef:
        found = self._session.lookup.relation(parts[0] if len(parts) > 1 else None, parts[-1])
        if not isinstance(found, (TableDef, ViewDef)):
            raise SqlError("42P01", f'relation "{".".join(parts)}" does not exist')
        return found


def _type_node(text: str) -> Any:
    try:
        statements = parse(f"{_PREFIX}{text}")
    except SqlError as error:
        error.context = f'invalid type name "{text}"'
        raise
    targets: Any = statements[0].node.target_list if len(statements) == 1 else []
    cast = targets[0].res_target.val if len(targets) == 1 else None
    if cast is None or cast.WhichOneof("node") != "type_cast" or targets[0].res_target.name:
        raise SqlError("42601", f'invalid type name "{text}"')
    return cast.type_cast.type_name
