"""Statements about the session itself: settings, DISCARD, CHECKPOINT, LOCK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ruvector_engine.catalog.model import TableDef
from ruvector_engine.catalog.system.names import quote_identifier
from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor import access, cursors, table_access
from ruvector_engine.executor.server_rights import check_may_checkpoint
from ruvector_engine.executor.setting_values import may_examine, reset_value, set_value, shown_value
from ruvector_engine.results import Column, Result
from ruvector_engine.setting_definitions import SETTINGS, UNLISTED
from ruvector_engine.settings import find
from ruvector_engine.sql.deparse import enum_name
from ruvector_engine.sql.nodes import Utility
from ruvector_engine.types.registry import INTERVAL, TEXT, TypeRef
from ruvector_engine.types.text import format_text, parse_text
from ruvector_engine.types.timezones import offset_name

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_TEXT = TypeRef(TEXT)

# -------------------------------------------------------------------- settings


def constant_text(node: Any) -> str:
    """A constant's text, as SET and option lists take it."""
    kind = node.WhichOneof("node")
    value = getattr(node, kind)
    if kind == "a_const":
        kind = value.WhichOneof("val")
        value = getattr(value, kind) if kind else None
    if kind in ("integer", "ival"):
        return str(value.ival)
    if kind in ("float", "fval"):
        return str(value.fval)
    if kind in ("boolean", "boolval"):
        return "true" if value.boolval else "false"
    if kind in ("string", "sval"):
        return str(value.sval)
    if kind == "type_cast":
        return constant_text(value.arg)
    if kind == "type_name":
        return str(value.names[-1].string.sval)
    raise SqlError("42601", "a constant is expected here")


def set_modes(session: Session, options: Any) -> None:
    """The modes that BEGIN and SET TRANSACTION give to the transaction."""
    for option in options:
        element = option.def_elem
        set_value(session, element.defname, constant_text(element.arg), local=True)


def run_set(session: Session, statement: Utility) -> Result:
    """SET [LOCAL], RESET, SET TRANSACTION, SET SESSION CHARACTERISTICS."""
    node = statement.node
    kind = enum_name(node, "kind")
    local = bool(node.is_local)
    if local and not session.in_block:
        session.notice("25P01", "SET LOCAL can only be used in transaction blocks", "WARNING")
    if kind == "VAR_SET_VALUE":
        set_value(session, node.name, value_text(node), local=local)
        return Result("SET")
    if kind == "VAR_SET_DEFAULT":
        reset_value(session, node.name, local=local)
        return Result("SET")
    if kind == "VAR_RESET":
        reset_value(session, node.name)
        return Result("RESET")
    if kind == "VAR_RESET_ALL":
        session.settings.reset(None)
        return Result("RESET")
    if kind == "VAR_SET_MULTI":
        return _set_multi(session, node)
    current = session.settings.show(node.name)  # 42704 where there is none
    set_value(session, node.name, current, local=local)
    return Result("SET")


def value_text(node: Any) -> str:
    """The value that a SET statement gives, as text: names in a list are quoted, others only set apart by commas.

    22023 for several values where one is wanted.
    """
    texts = [_argument_text(argument) for argument in node.args]
    setting = find(node.name)
    if len(texts) > 1 and (setting is None or not setting.listed):
        raise SqlError("22023", f"SET {node.name} takes only one argument")
    return ", ".join([quote_identifier(text) for text in texts] if node.name.lower() == "search_path" else texts)


def _argument_text(node: Any) -> str:
    """A value that SET gives; the interval of SET TIME ZONE as the zone's name."""
    if node.WhichOneof("node") != "type_cast":
        return constant_text(node)
    fields = [modifier.a_const.ival.ival for modifier in node.type_cast.type_name.typmods]
    type_ = TypeRef(INTERVAL, fields[0] << 16 | 0xFFFF if fields else -1)
    value = parse_text(type_, constant_text(node))
    months, days, micros = cast("tuple[int, int, int]", value)
    if months or days:
        raise SqlError(
            "22023",
            f'invalid value for parameter "TimeZone": "INTERVAL \'{format_text(type_, value)}\'"',
            detail=f"Cannot specify {'months' if months else 'days'} in time zone interval.",
        )
    return offset_name(micros // 1_000_000)


def _set_multi(session: Session, node: Any) -> Result:
    if node.name == "TRANSACTION":
        if not session.in_block:
            session.notice("25P01", "SET TRANSACTION can only be used in transaction blocks", "WARNING")
            return Result("SET")
        set_modes(session, node.args)
    elif node.name == "SESSION CHARACTERISTICS":
        for option in node.args:
            element = option.def_elem
            value = constant_text(element.arg)
            session.settings.set(f"default_{element.defname}", value)
    else:
        raise not_supported(f"SET {node.name} is not supported")
    return Result("SET")


def show_columns(node: Any) -> tuple[Column, ...]:
    """SHOW's columns: one named after the setting, three for ALL."""
    if node.name == "all":
        return tuple(Column(name, _TEXT) for name in ("name", "setting", "description"))
    setting = find(node.name)
    return (Column(setting.name if setting is not None else node.name, _TEXT),)


def run_show(session: Session, statement: Utility) -> Result:
    """SHOW name, SHOW ALL."""
    node = statement.node
    columns = show_columns(node)
    if node.name == "all":
        listed = [s for s in SETTINGS if s.name not in UNLISTED and may_examine(session, s)]
        rows = [(s.name, session.settings.show(s.name), s.description) for s in listed]
        return Result("SHOW", columns, sorted(rows, key=lambda r: str(r[0]).lower()))
    return Result("SHOW", columns, [(shown_value(session, node.name),)])


def run_discard(session: Session, statement: Utility) -> Result:
    """DISCARD ALL and its parts: what a connection pool sends between users."""
    target = enum_name(statement.node, "target")
    if target == "DISCARD_ALL":
        session.require_no_block("DISCARD ALL")
        cursors.close_all(session)
        session.identity.reset("session_authorization")
        session.settings.reset(None)
        session.notifications.unlisten(None)
        session.statements.clear()
        session.drawn.forget()
        session.database.advisory_locks.release_all(session.pid, transaction=False)
    if target == "DISCARD_SEQUENCES":
        session.drawn.forget()
    return Result(statement.tag)


# -------------------------------------------------------------------- the rest


def run_checkpoint(session: Session, _statement: Utility) -> Result:
    """CHECKPOINT: the log goes into the file, the indexes' new segments to disk."""
    check_may_checkpoint(session)
    session.database.store.checkpoint()
    return Result("CHECKPOINT")


def run_lock(session: Session, statement: Utility) -> Result:
    """LOCK TABLE: every mode that excludes a writer takes the strongest lock."""
    session.require_block("LOCK TABLE")
    for relation in statement.node.relations:
        table = table_access.table_named(session, relation.range_var)
        access.require_any(session, table, _lock_privileges(statement.node.mode))
        if statement.node.mode > 3:  # AccessShare, RowShare and RowExclusive exclude no writer
            _lock_table(session, table, wait=not statement.node.nowait)
    return Result("LOCK TABLE")


def _lock_privileges(mode: int) -> str:
    """The privileges any of which is enough for LOCK TABLE in a mode, by PostgreSQL's number of it."""
    return "mwdD" + ("r" if mode == 1 else "") + ("a" if mode <= 3 else "")


def _lock_table(session: Session, table: TableDef, *, wait: bool) -> None:
    try:
        session.lock(table.oid, "ddl", wait=wait)
    except SqlError as error:
        if wait or error.sqlstate != "55P03":
            raise
        raise SqlError("55P03", f'could not obtain lock on relation "{table.name}"') from error
