"""SET name = value, whoever says so: the few settings that are more than a text go to whom they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.errors import SqlError
from ruvector_engine.setting_definitions import IDENTITY

if TYPE_CHECKING:
    from ruvector_engine.session import Session


def set_value(session: Session, name: str, value: str, *, local: bool) -> None:
    """Set a setting. The two that are the transaction's own end with it, however they are set."""
    transaction = session.transaction
    key = name.lower()
    if key in IDENTITY:
        session.identity.set(key, value, local=local)
        return
    if key not in ("transaction_isolation", "transaction_read_only"):
        session.settings.set(name, value, local=local)
        return
    before = transaction.isolation
    session.settings.set(name, value, local=True)
    if key == "transaction_read_only":
        transaction.read_only = session.settings[key] == "on"
    elif transaction.open and session.settings[key] != before:
        raise SqlError("25001", "SET TRANSACTION ISOLATION LEVEL must be called before any query")
    else:
        transaction.isolation = session.settings[key]


def reset_value(session: Session, name: str, *, local: bool = False) -> None:
    """RESET name, or SET name TO DEFAULT."""
    key = name.lower()
    if key in IDENTITY:
        session.identity.reset(key, local=local)
    elif local:
        session.settings.set(name, session.settings.default(name), local=True)
    else:
        session.settings.reset(name)
