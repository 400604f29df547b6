"""SET and SHOW of a setting, whoever asks: those that are more than a text go to whom they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog.predefined_roles import PG_READ_ALL_SETTINGS
from ruvector_engine.errors import SqlError
from ruvector_engine.setting_definitions import IDENTITY, Setting
from ruvector_engine.settings import find

if TYPE_CHECKING:
    from ruvector_engine.session import Session

#: The settings that are a transaction's own, which end with it however they are set.
TRANSACTION_MODES = ("transaction_isolation", "transaction_read_only", "transaction_deferrable")


def set_value(session: Session, name: str, value: str, *, local: bool) -> None:
    """Set a setting."""
    key = name.lower()
    if key in IDENTITY:
        session.identity.set(key, value, local=local)
        return
    if key in TRANSACTION_MODES:
        _set_mode(session, key, value)
    else:
        session.settings.set(name, value, local=local)


def _set_mode(session: Session, key: str, value: str) -> None:
    """Set a mode of the transaction; 25001 where it is too late for it."""
    transaction, before = session.transaction, session.settings[key]
    session.settings.set(key, value, local=True)
    chosen = session.settings[key]
    if chosen != before or key == "transaction_deferrable":
        problem = _too_late(key, chosen, queried=transaction.queried, nested=bool(transaction.savepoints))
        if problem is not None:
            raise SqlError("25001", problem)
    if key == "transaction_isolation":
        transaction.isolation = chosen
    elif key == "transaction_read_only":
        transaction.read_only = chosen == "on"


def _too_late(key: str, chosen: str, *, queried: bool, nested: bool) -> str | None:
    """Why a mode cannot be chosen any more: after a query, or after SAVEPOINT."""
    if key == "transaction_isolation":
        if queried:
            return "SET TRANSACTION ISOLATION LEVEL must be called before any query"
        return "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction" if nested else None
    if key == "transaction_deferrable":
        if nested:
            return "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction"
        return "SET TRANSACTION [NOT] DEFERRABLE must be called before any query" if queried else None
    if chosen == "on":
        return None
    if nested:
        return "cannot set transaction read-write mode inside a read-only transaction"
    return "transaction read-write mode must be set before any query" if queried else None


def reset_value(session: Session, name: str, *, local: bool = False) -> None:
    """RESET name, or SET name TO DEFAULT."""
    key = name.lower()
    if key in IDENTITY:
        session.identity.reset(key, local=local)
    elif local:
        session.settings.set(name, session.settings.default(name), local=True)
    else:
        session.settings.reset(name)


def shown_value(session: Session, name: str) -> str:
    """SHOW's text; 42501 for what not everybody may see, 42704 for what was never set."""
    setting = find(name)
    if setting is not None and not may_examine(session, setting):
        role = "pg_read_all_settings"
        detail = f'Only roles with privileges of the "{role}" role may examine this parameter.'
        raise SqlError("42501", f'permission denied to examine "{setting.name}"', detail=detail)
    return session.settings.show(name)


def may_examine(session: Session, setting: Setting) -> bool:
    """Whether the current user may see what a setting is."""
    return not setting.guarded or session.rights.acts_for(PG_READ_ALL_SETTINGS)
