"""VACUUM and ANALYZE: storage and indexes clean up by themselves, so that they mostly check what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.model import Relation, TableDef
from ruvector_engine.errors import SqlError
from ruvector_engine.executor import access, table_access
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.results import Result
from ruvector_engine.setting_checks import check_value
from ruvector_engine.setting_definitions import Setting
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_SWITCHES = {
    "VACUUM": frozenset(
        {
            "verbose", "skip_locked", "analyze", "freeze", "full", "disable_page_skipping", "index_cleanup",
            "process_main", "process_toast", "truncate", "skip_database_stats", "only_database_stats",
        }
    ),
    "ANALYZE": frozenset({"verbose", "skip_locked"}),
}  # fmt: skip
_ON, _OFF = ("true", "on", "1"), ("false", "off", "0")
#: VACUUM's bound of parallel workers, and that of a buffer in kB.
_MOST_WORKERS = 1024
_LEAST_BUFFER, _MOST_BUFFER = 128, 16 * 1024 * 1024
_BUFFER = Setting("buffer_usage_limit", "integer", "2048", "", 0, _MOST_BUFFER, unit="kB")


def run_vacuum(session: Session, statement: Utility) -> Result:
    """VACUUM and ANALYZE; what may not be maintained, or has nothing to be, is left out with a warning."""
    node = statement.node
    command = "VACUUM" if node.is_vacuumcmd else "ANALYZE"
    options = _options(node.options, command)
    _check_together(options, [r.vacuum_relation for r in node.rels], analyze=not node.is_vacuumcmd)
    if node.is_vacuumcmd:
        session.require_no_block("VACUUM")
    for item in node.rels:
        relation = table_access.relation_named(session, item.vacuum_relation.relation)
        if _may_be(session, relation, command.lower()):
            _check_columns(relation, [n.string.sval for n in item.vacuum_relation.va_cols])
    if node.is_vacuumcmd:
        session.database.indexes.vacuum()
        session.database.text_indexes.vacuum()
    return Result(command)


def _may_be(session: Session, relation: Relation, verb: str) -> bool:
    """Whether a relation can be vacuumed or analyzed by the current user; a warning says why not."""
    if not access.may_maintain(session, relation):
        session.notice("01000", f'permission denied to {verb} "{relation.name}", skipping it', "WARNING")
        return False
    if not isinstance(relation, TableDef):
        text = f'skipping "{relation.name}" --- cannot {verb} non-tables or special system tables'
        session.notice("01000", text, "WARNING")
        return False
    return True


def _check_columns(relation: Relation, names: list[str]) -> None:
    assert isinstance(relation, TableDef)
    for number, name in enumerate(names):
        if relation.column(name) is None:
            raise SqlError("42703", f'column "{name}" of relation "{relation.name}" does not exist')
        if name in names[:number]:
            raise SqlError("42701", f'column "{name}" of relation "{relation.name}" appears more than once')


def _options(nodes: Any, command: str) -> dict[str, bool]:
    """The options that are on and off; 42601 for those that there are none of."""
    found: dict[str, bool] = {}
    for wrapped in nodes:
        element = wrapped.def_elem
        name, position = element.defname, element.location + 1
        if name == "buffer_usage_limit":
            _check_buffer(element)
        elif name == "parallel" and command == "VACUUM":
            found[name] = _workers(element, position) > 0
        elif name in _SWITCHES[command]:
            found[name] = _switch(element, name)
        else:
            raise SqlError("42601", f'unrecognized {command} option "{name}"', position=position)
    return found


def _switch(element: Any, name: str) -> bool:
    text = constant_text(element.arg).lower() if element.HasField("arg") else "true"
    if text not in (*_ON, *_OFF) and not (name == "index_cleanup" and text == "auto"):
        raise SqlError("42601", f"{name} requires a Boolean value")
    return text in _ON


def _workers(element: Any, position: int) -> int:
    if not element.HasField("arg"):
        text = f"parallel option requires a value between 0 and {_MOST_WORKERS}"
        raise SqlError("42601", text, position=position)
    try:
        number = int(constant_text(element.arg))
    except ValueError:
        raise SqlError("42601", "parallel requires an integer value") from None
    if not 0 <= number <= _MOST_WORKERS:
        text = f"parallel workers for vacuum must be between 0 and {_MOST_WORKERS}"
        raise SqlError("42601", text, position=position)
    return number


def _check_buffer(element: Any) -> None:
    if not element.HasField("arg"):
        raise SqlError("42601", "buffer_usage_limit requires a parameter")
    try:
        size = int(check_value(_BUFFER, constant_text(element.arg)))
    except SqlError:
        size = 1  # is refused too
    if 0 < size < _LEAST_BUFFER:
        text = f"BUFFER_USAGE_LIMIT option must be 0 or between {_LEAST_BUFFER} kB and {_MOST_BUFFER} kB"
        raise SqlError("22023", text)


def _check_together(options: dict[str, bool], relations: list[Any], *, analyze: bool) -> None:
    """What does not go together, in PostgreSQL's order."""
    if any(r.va_cols for r in relations) and not (analyze or options.get("analyze")):
        raise SqlError("0A000", "ANALYZE option must be specified when a column list is provided")
    if options.get("full") and options.get("parallel"):
        raise SqlError("0A000", "VACUUM FULL cannot be performed in parallel")
    if options.get("full") and options.get("disable_page_skipping"):
        raise SqlError("0A000", "VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL")
    if options.get("full") and options.get("process_toast") is False:
        raise SqlError("0A000", "PROCESS_TOAST required with VACUUM FULL")
    if options.get("only_database_stats"):
        if relations:
            raise SqlError("0A000", "ONLY_DATABASE_STATS cannot be specified with a list of tables")
        if any(on for name, on in options.items() if name not in ("only_database_stats", "verbose")):
            raise SqlError("0A000", "ONLY_DATABASE_STATS cannot be specified with other VACUUM options")
