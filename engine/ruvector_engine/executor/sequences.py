"""ALTER SEQUENCE: where it goes on, how it counts, whose it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog import store
from ruvector_engine.catalog.model import Catalog, SequenceDef
from ruvector_engine.catalog.system import objects
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, ownership, table_access
from ruvector_engine.executor.sequence_definitions import create_sequence_storage, sequence_options
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def run_alter_sequence(session: Session, statement: Utility) -> Result:
    """ALTER SEQUENCE [IF EXISTS] name RESTART | INCREMENT | MINVALUE | MAXVALUE | START | OWNED BY ..."""
    node = statement.node
    table_access.change_catalog(session)
    sequence = _named(session, node.sequence, node.missing_ok)
    if sequence is None:
        return Result("ALTER SEQUENCE")
    access.require_owner(session, sequence)
    given = {option.def_elem.defname: option.def_elem for option in node.options}
    if "as" in given:
        raise not_supported("ALTER SEQUENCE ... AS is not supported", hint="Give MINVALUE and MAXVALUE instead.")
    counting = sequence_options([o for o in node.options if o.def_elem.defname not in ("restart", "owned_by")])
    if "start" not in given:
        counting.pop("start", None)  # which a minimum brings along for a new sequence
    changed = replace(sequence, **counting)  # type: ignore[arg-type]
    _check_range(changed)
    if (changed.increment, changed.minimum, changed.maximum) != (
        sequence.increment, sequence.minimum, sequence.maximum,
    ):  # fmt: skip
        _count_anew(session, sequence, changed)
    if "restart" in given:
        element = given["restart"]
        value = int(constant_text(element.arg)) if element.HasField("arg") else changed.start
        _check_within(changed, "RESTART", value)
        session.connection.run(f"SELECT setval('{changed.storage_name}', {value}, false)")
    if "owned_by" in given:
        changed = replace(changed, owner_table=table_access.owner_of(session, given["owned_by"].arg))
        owner = objects.relation_owner(session.catalog, sequence)
        ownership.require_same_owner(session, changed.owner_table, owner)
    session.transaction.catalog = store.changed(session.connection, session.catalog, put=[changed])
    return Result("ALTER SEQUENCE")


def named_sequence(error: SqlError, catalog: Catalog) -> SqlError:
    """An error about a sequence that DuckDB has no more numbers of, under the sequence's own name."""
    if error.sqlstate == "2200H" and error.table is not None:
        for relation in catalog.relations.values():
            if isinstance(relation, SequenceDef) and relation.storage_name == error.table:
                error.message = error.message.replace(f'"{error.table}"', f'"{relation.name}"')
        error.table = None
    return error


def _named(session: Session, range_var: Any, missing_ok: bool) -> SequenceDef | None:
    name = range_var.relname
    access.require_usage(session, range_var.schemaname, missing_ok=missing_ok)
    found = session.catalog.find(name, range_var.schemaname or None, session.search_path)
    if isinstance(found, SequenceDef):
        return found
    if found is not None:
        raise SqlError("42809", f'cannot open relation "{name}"', detail="This operation is not supported for tables.")
    if not missing_ok:
        raise SqlError("42P01", f'relation "{name}" does not exist')
    session.notice("00000", f'relation "{name}" does not exist, skipping')
    return None


def _check_range(sequence: SequenceDef) -> None:
    if sequence.minimum >= sequence.maximum:
        raise SqlError("22023", f"MINVALUE ({sequence.minimum}) must be less than MAXVALUE ({sequence.maximum})")
    _check_within(sequence, "START", sequence.start)


def _check_within(sequence: SequenceDef, what: str, value: int) -> None:
    if value < sequence.minimum:
        raise SqlError("22023", f"{what} value ({value}) cannot be less than MINVALUE ({sequence.minimum})")
    if value > sequence.maximum:
        raise SqlError("22023", f"{what} value ({value}) cannot be greater than MAXVALUE ({sequence.maximum})")


def _count_anew(session: Session, old: SequenceDef, new: SequenceDef) -> None:
    """Make DuckDB's sequence again, to go on from where the old one stands."""
    run, name = session.connection.run, old.storage_name
    ((last,),) = run(f"SELECT last_value FROM duckdb_sequences() WHERE sequence_name = '{name}'")
    following = None if last is None else int(last) + old.increment
    exhausted = following is not None and not old.minimum <= following <= old.maximum
    coming = following if exhausted else int(run(f"SELECT nextval('{name}')")[0][0])
    called = coming == following  # else it was set to a value that is still to come
    value = int(last) if called else int(coming or 0)
    _check_within(new, "RESTART", value)
    run(f"DROP SEQUENCE {name}")
    create_sequence_storage(session, replace(new, start=value))
    if called:
        run(f"SELECT nextval('{name}')")
