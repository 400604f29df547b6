"""What is told of a sequence: to a session of its own numbers, to all of where the sequence stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ruvector_engine.catalog.model import IndexDef, SequenceDef, ViewDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access
from ruvector_engine.relational.duck import Connection

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: DuckDB tells the number that comes next in the text of the sequence alone.
_COMING = re.compile(r" START (-?\d+) ")


class State(NamedTuple):
    """As PostgreSQL keeps it: the last number, or, when it was not `called`, the first one."""

    last_value: int
    is_called: bool


def state(session: Session, sequence: SequenceDef) -> State:
    """Where a sequence stands. One that setval() has put where it would have gone anyway counts as called."""
    return _state(session.connection, sequence)


def data(session: Session, oid: Any) -> list[dict[str, int]] | None:
    """pg_get_sequence_data(): the same as committed, as a list of one row; of what is no sequence NULLs."""
    if oid is None:
        return None
    sequence = _relation(session, oid)
    if not isinstance(sequence, SequenceDef):
        return [{}]
    with session.database.store.connection() as connection:  # the session's own is running the statement that asks
        return [_state(connection, sequence)._asdict()]


def _state(connection: Connection, sequence: SequenceDef) -> State:
    name = sequence.storage_name
    ((last, text),) = connection.run(f"SELECT last_value, sql FROM duckdb_sequences() WHERE sequence_name = '{name}'")
    found = _COMING.search(text)
    coming = int(found[1]) if found is not None else sequence.start
    if last is not None and coming == int(last) + sequence.increment:
        return State(int(last), True)
    if last is not None and not sequence.minimum <= int(last) + sequence.increment <= sequence.maximum:
        return State(int(last), True)
    return State(coming, False)


def current(session: Session, oid: int) -> int:
    """currval()."""
    sequence = named(session, oid)
    access.require_any(session, sequence, "rU")
    number = session.drawn.current(oid)
    if number is None:
        raise SqlError("55000", f'currval of sequence "{sequence.name}" is not yet defined in this session')
    return number


def last(session: Session) -> int:
    """lastval()."""
    oid = session.drawn.last
    sequence = None if oid is None else _relation(session, oid)
    number = None if oid is None else session.drawn.current(oid)
    if not isinstance(sequence, SequenceDef) or number is None:
        raise SqlError("55000", "lastval is not yet defined in this session")
    access.require_any(session, sequence, "rU")
    return number


def last_value(session: Session, oid: Any) -> int | None:
    """pg_sequence_last_value(): NULL before the first number."""
    if oid is None:
        return None
    found = state(session, named(session, oid))
    return found.last_value if found.is_called else None


def read_last(session: Session, oid: Any) -> int:
    """The column last_value of a sequence that is read as a table."""
    sequence = named(session, oid)
    access.require_any(session, sequence, "r")
    return state(session, sequence).last_value


def read_called(session: Session, oid: Any) -> bool:
    """The column is_called."""
    return state(session, named(session, oid)).is_called


def set_value(session: Session, oid: Any, value: Any, called: Any = True) -> int | None:
    """setval()."""
    if oid is None or value is None or called is None:
        return None
    sequence, number = named(session, oid), int(value)
    access.require_any(session, sequence, "w")
    session.transaction.for_write("setval()")
    if not sequence.minimum <= number <= sequence.maximum:
        raise SqlError(
            "22003",
            f'setval: value {number} is out of bounds for sequence "{sequence.name}" '
            f"({sequence.minimum}..{sequence.maximum})",
        )
    flag = "true" if called else "false"
    session.connection.run(f"SELECT setval('{sequence.storage_name}', {number}, {flag})")
    if called:
        session.drawn.set(sequence.oid, number)
    return number


def named(session: Session, oid: Any) -> SequenceDef:
    """The sequence with an OID; 42809 when that is something else."""
    found = _relation(session, oid)
    if isinstance(found, SequenceDef):
        return found
    if found is None:
        raise SqlError("42P01", f"could not open relation with OID {oid}")
    kind = "indexes" if isinstance(found, IndexDef) else "views" if isinstance(found, ViewDef) else "tables"
    detail = f"This operation is not supported for {kind}."
    raise SqlError("42809", f'cannot open relation "{found.name}"', detail=detail)


def _relation(session: Session, oid: Any) -> Any:
    return next((r for r in session.catalog.relations.values() if r.oid == oid), None)
