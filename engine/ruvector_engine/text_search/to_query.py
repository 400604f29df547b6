"""Text to tsquery through a configuration: to_tsquery, plainto_tsquery, phraseto_tsquery, websearch_to_tsquery."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from ruvector_engine.text_search.dictionaries import lexemes
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query, QueryReader, Stop, without_stops, write
from ruvector_engine.text_search.tokens import parse

_Joint = Literal["&", "<->"]
_WEB_WORD = re.compile(r'[^\s!&|()"]+')
_OR = re.compile(r"or(?![\w-])(?=\s*\S)", re.IGNORECASE)


def to_tsquery(configuration: str, text: str) -> Query | None:
    """A query with operators, whose words go through the configuration."""
    return _cleaned(_Words(configuration, text).query())


def plainto_tsquery(configuration: str, text: str) -> Query | None:
    """All words of the text."""
    return _cleaned(_words(configuration, text, "&"))


def phraseto_tsquery(configuration: str, text: str) -> Query | None:
    """All words of the text, one after the other."""
    return _cleaned(_words(configuration, text, "<->"))


def websearch_to_tsquery(configuration: str, text: str) -> Query | None:
    """What people type into a search box: words, "phrases", or, -not. Never an error."""
    found: Query | None = None
    at, symbol = 0, "&"
    either: list[Query] = []
    while (item := _web_item(text, at)) is not None:
        negations, words, at = item
        operand = _words(configuration, words, "<->") if words is not None else Stop()
        for _ in range(negations):
            operand = Not(operand)
        if found is not None and symbol == "|":
            either.append(found)
            found = None
        found = operand if found is None else Both("&", found, operand)
        symbol, at = _web_operator(text, at)
    if found is None:
        return None
    for former in reversed(either):
        found = Both("|", former, found)
    return _cleaned(_left_associated(found))


#: The functions by their SQL names.
MAKERS: dict[str, Callable[[str, str], Query | None]] = {
    "to_tsquery": to_tsquery,
    "plainto_tsquery": plainto_tsquery,
    "phraseto_tsquery": phraseto_tsquery,
    "websearch_to_tsquery": websearch_to_tsquery,
}


@lru_cache(maxsize=256)
def made(maker: str, configuration: str, text: str) -> str:
    """The canonical text of what a maker makes."""
    return write(MAKERS[maker](configuration, text))


def _web_item(text: str, at: int) -> tuple[int, str | None, int] | None:
    """The next operand: how often it is negated, its words (None: there are none), and where it ends."""
    negations = 0
    while at < len(text):
        character = text[at]
        if character == "-":
            negations += 1
            at += 1
        elif character == '"':
            end = text.find('"', at + 1)
            return negations, text[at + 1 : end if end >= 0 else len(text)], end + 1 if end >= 0 else len(text)
        elif found := _WEB_WORD.match(text, at):
            return negations, found[0], found.end()
        else:
            at += 1
    return (negations, None, at) if negations else None


def _web_operator(text: str, at: int) -> tuple[str, int]:
    while at < len(text) and text[at].isspace():
        at += 1
    if found := _OR.match(text, at):
        return "|", found.end()
    return "&", at


def _left_associated(query: Query) -> Query:
    """The same with a | (b | c) as (a | b) | c."""
    while isinstance(query, Both) and query.operator == "|" and isinstance(query.right, Both):
        if query.right.operator != "|":
            break
        query = Both("|", Both("|", query.left, query.right.left), query.right.right)
    return query


class _Words(QueryReader):
    def __init__(self, configuration: str, text: str) -> None:
        super().__init__(text)
        self._configuration = configuration

    def operand(self, word: str, weights: int, prefix: bool) -> Query:
        return _words(self._configuration, word, "<->", weights, prefix)


def _words(configuration: str, text: str, joint: _Joint, weights: int = 0, prefix: bool = False) -> Query:
    """The lexemes of a text, joined; a stop word between two of them keeps its place."""
    found: Query | None = None
    stops = 0
    for token in parse(text):
        words = lexemes(configuration, token)
        if words is None:
            continue
        if not words:
            stops += 1
            continue
        for word in words:
            for _ in range(stops if found is not None else 0):
                assert found is not None
                found = Both(joint, found, Stop())
            stops = 0
            operand = Lexeme(word, weights, prefix)
            found = operand if found is None else Both(joint, found, operand)
    return found if found is not None else Stop()


def _cleaned(query: Query | None) -> Query | None:
    return None if query is None else without_stops(query)
