"""BEGIN, COMMIT, ROLLBACK, and what goes to the savepoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import savepoints
from ruvector_engine.executor.session_statements import set_modes
from ruvector_engine.executor.setting_values import TRANSACTION_MODES, set_value
from ruvector_engine.results import Result
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: Those that look at no row: the modes of a transaction may be chosen after them.
WITHOUT_SNAPSHOT = frozenset(
    {
        "transaction_stmt", "lock_stmt", "variable_set_stmt", "variable_show_stmt", "fetch_stmt", "listen_stmt",
        "notify_stmt", "unlisten_stmt", "check_point_stmt",
    }
)  # fmt: skip


def transaction_kind(node: Any) -> str:
    """COMMIT, ROLLBACK, BEGIN, SAVEPOINT, ..."""
    name = enum_name(node, "kind").removeprefix("TRANS_STMT_").replace("_", " ")
    return {"START": "BEGIN", "PREPARE": "PREPARE TRANSACTION"}.get(name, name)


def run_transaction(session: Session, statement: Utility) -> Result:
    """BEGIN, COMMIT, ROLLBACK, savepoints; two-phase commit is refused."""
    node = statement.node
    kind = transaction_kind(node)
    if kind == "BEGIN":
        return _begin(session, node, statement.tag)
    if kind in ("COMMIT", "ROLLBACK"):
        return _end_and_chain(session, kind) if node.chain else _end(session, kind)
    if kind in ("SAVEPOINT", "RELEASE", "ROLLBACK TO"):
        return savepoints.run(session, kind, node.savepoint_name)
    raise not_supported(f"{kind} is not supported", hint="Use whole transactions: BEGIN, COMMIT, ROLLBACK.")


def _begin(session: Session, node: Any, tag: str) -> Result:
    if session.transaction.state == "block":
        session.notice("25001", "there is already a transaction in progress", "WARNING")
    else:
        session.begin("block")
    set_modes(session, node.options)
    return Result(tag)


def _end(session: Session, kind: str) -> Result:
    state = session.transaction.state
    if state == "failed":
        session.rollback()
        return Result("ROLLBACK")
    if state != "block":
        session.notice("25P01", "there is no transaction in progress", "WARNING")
        # The statements before it in the same message are one transaction, which this ends.
    if kind == "COMMIT":
        session.commit()
    else:
        session.rollback()
    return Result(kind)


def _end_and_chain(session: Session, kind: str) -> Result:
    """COMMIT or ROLLBACK, and at once a transaction with the same modes.

    As in PostgreSQL, one that has failed has lost the modes chosen in it: the next has those that it began with.
    """
    transaction = session.transaction
    if transaction.state not in ("block", "failed"):
        raise SqlError("25P01", f"{kind} AND CHAIN can only be used in transaction blocks")
    modes = transaction.chained
    if transaction.state == "block":
        modes = {name: session.settings[name] for name in TRANSACTION_MODES}
    result = _end(session, kind)
    session.begin("block")
    transaction.chained = modes
    for name, value in modes.items():
        set_value(session, name, value, local=True)
    return result
