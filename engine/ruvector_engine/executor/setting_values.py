"""SET and SHOW of a setting, whoever asks: those that are more than a text go to whom they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ruvector_engine.catalog.predefined_roles import PG_READ_ALL_SETTINGS
from ruvector_engine.errors import SqlError
from ruvector_engine.setting_definitions import IDENTITY, Setting
from ruvector_engine.settings import find

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
