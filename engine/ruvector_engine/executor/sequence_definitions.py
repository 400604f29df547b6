"""CREATE SEQUENCE, and how a sequence counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import SequenceDef
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import naming, ownership, table_access
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.types.registry import INT8

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_SEQUENCE_OPTIONS = {"start": "start", "increment": "increment", "minvalue": "minimum", "maxvalue": "maximum"}


def sequence_options(options: Any) -> dict[str, int]:
    """The options that say how a sequence counts, checked."""
    found: dict[str, int] = {}
    for option in options:
        element = option.def_elem
        if element.defname in _SEQUENCE_OPTIONS and element.HasField("arg"):
            found[_SEQUENCE_OPTIONS[element.defname]] = int(constant_text(element.arg))
        elif element.defname == "cycle" and constant_text(element.arg) in ("true", "1"):
            raise not_supported("CYCLE is not supported")
        elif element.defname not in ("cache", "cycle", "as", "owned_by", "minvalue", "maxvalue", "sequence_name"):
            raise not_supported(f"sequence option {element.defname} is not supported")
    if found.get("increment") == 0:
        raise SqlError("22023", "INCREMENT must not be zero")
    if "start" not in found and "minimum" in found:
        found["start"] = found["minimum"]
    return found


def run_create_sequence(session: Session, statement: Utility) -> Result:
    """CREATE SEQUENCE."""
    node = statement.node
    schema = naming.creation_schema(session, node.sequence.schemaname)
    table_access.change_catalog(session)
    name = node.sequence.relname
    if naming.exists_already(session, schema, name, node.if_not_exists):
        return Result("CREATE SEQUENCE")
    owners = [o.def_elem.arg for o in node.options if o.def_elem.defname == "owned_by"]
    owner = table_access.owner_of(session, owners[0]) if owners else 0
    ownership.require_same_owner(session, owner, session.rights.role)
    oid, counting = store.new_oid(session.connection), sequence_options(node.options)
    sequence = SequenceDef(oid, schema, name, INT8, owner_table=owner, **counting)
    create_sequence_storage(session, sequence)
    authority = ownership.created(session, [sequence])
    put = [sequence]
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=put, authority=authority)
    return Result("CREATE SEQUENCE")


def create_sequence_storage(session: Session, sequence: SequenceDef) -> None:
    """The DuckDB sequence that counts for it."""
    session.connection.run(
        f"CREATE SEQUENCE {sequence.storage_name} INCREMENT BY {sequence.increment} "
        f"MINVALUE {sequence.minimum} MAXVALUE {sequence.maximum} START WITH {sequence.start}"
    )
