"""DO: anonymous blocks. PL/pgSQL is the one language that they can be written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruvector_engine.catalog.system.oids import LANGUAGES
from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.parse import positions
from ruvector_engine.plpgsql.parse.parser import OUTERMOST, Parser
from ruvector_engine.plpgsql.run.interpreter import Interpreter
from ruvector_engine.plpgsql.run.statements import add_context
from ruvector_engine.plpgsql.run.types import CatalogTypes
from ruvector_engine.results import Result
from ruvector_engine.sql.nodes import Utility

if TYPE_CHECKING:
    from ruvector_engine.session import Session

_PLPGSQL = "plpgsql"


def run(session: Session, statement: Utility) -> Result:
    """DO [LANGUAGE name] 'block'."""
    code = _code(session, statement.node)
    outer = session.variables
    may_commit = not session.in_block
    session.program_depth += 1
    try:
        parser = Parser(code, CatalogTypes(session))
        try:
            block = parser.whole()
        except SqlError as error:
            if error.position is not None:
                positions.in_statement(error, session.raw, code)
            else:
                add_context(error, f'compilation of PL/pgSQL function "{OUTERMOST}" near line {parser.tokens.line}')
            raise
        Interpreter(session, parser, may_commit=may_commit).run(block)
    finally:
        session.program_depth -= 1
        session.variables = outer
    return Result("DO")


def _code(session: Session, node: Any) -> str:
    """The block's text, when it is in a language that there is."""
    given: dict[str, Any] = {}
    for item in node.args:
        option = item.def_elem
        if option.defname in given:
            position = session.raw.character(option.location + 1) if session.raw is not None else None
            raise SqlError("42601", "conflicting or redundant options", position=position)
        given[option.defname] = option.arg.string.sval
    if "as" not in given:
        raise SqlError("42601", "no inline code specified")
    language = given.get("language", _PLPGSQL)
    if language not in LANGUAGES:
        raise SqlError("42704", f'language "{language}" does not exist')
    if language != _PLPGSQL:
        raise SqlError("0A000", f'language "{language}" does not support inline code execution')
    return str(given["as"])
