"""Whether a document matches a query: the operators, phrases by their positions.

A document may have words without positions. A phrase that needs one of these does not match, whatever is negated in it;
a weight that is asked of one matches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from ruvector_engine.text_search.documents import TsVector, quote
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query


@dataclass(frozen=True, slots=True)
class Places:
    """Where something ends in a document, and how many words before that it begins; `negated`: everywhere else.

    `unknown`: it may be there, and nobody knows where.
    """

    positions: frozenset[int]
    negated: bool = False
    width: int = 0
    unknown: bool = False

    @property
    def any(self) -> bool:
        """Whether there is such a place, or may be."""
        return self.negated or self.unknown or bool(self.positions)


#: What a document says of one word: whether it is there, and where (None: it does not say).
Occurrences = tuple[bool, frozenset[int] | None]
Look = Callable[[Lexeme], Occurrences]
_NOWHERE = Places(frozenset())
_UNKNOWN = Places(frozenset(), unknown=True)


def matches(vector: TsVector, query: Query | None) -> bool:
    """Whether the document matches. An empty query matches nothing."""
    if query is None:
        return False
    return holds(query, lambda lexeme: occurrences(vector, lexeme))


def needle(query: Query | None) -> str:
    """A part of the text of every document that can match: a lexeme that must be there, or nothing."""
    required = _required(query) if query is not None else []
    if not required:
        return ""
    lexeme = max(required, key=lambda one: len(one.text))
    quoted = quote(lexeme.text)
    return quoted[:-1] if lexeme.prefix else quoted


def _required(query: Query) -> list[Lexeme]:
    if isinstance(query, Lexeme):
        return [query]
    if isinstance(query, Both) and query.operator != "|":
        return _required(query.left) + _required(query.right)
    return []


def holds(query: Query, look: Look) -> bool:
    """Whether a query holds of what `look` says of its words."""
    if isinstance(query, Lexeme):
        return look(query)[0]
    if isinstance(query, Not):
        return not holds(query.operand, look)
    assert isinstance(query, Both)
    if query.operator == "<->":
        found = places(query, look)
        return found.any and not found.unknown
    if query.operator == "&":
        return holds(query.left, look) and holds(query.right, look)
    return holds(query.left, look) or holds(query.right, look)


def places(query: Query, look: Look) -> Places:
    """Where a query holds, as phrases need it."""
    if isinstance(query, Lexeme):
        positions = look(query)[1]
        return _UNKNOWN if positions is None else Places(positions)
    if isinstance(query, Not):
        inner = places(query.operand, look)
        return inner if inner.unknown else Places(inner.positions, not inner.negated, inner.width)
    assert isinstance(query, Both)
    left, right = places(query.left, look), places(query.right, look)
    if left.unknown or right.unknown:
        return _UNKNOWN if query.operator == "|" or (left.any and right.any) else _NOWHERE
    if query.operator == "<->":
        return _joined(left, right, query.distance + right.width, 0, left.width + query.distance + right.width)
    width = max(left.width, right.width)
    if query.operator == "&":
        return _joined(left, right, width - left.width, width - right.width, width)
    return _either(left, right, width)


def _joined(left: Places, right: Places, left_offset: int, right_offset: int, width: int) -> Places:
    """Where both hold, once their positions are brought together."""
    a = frozenset(position + left_offset for position in left.positions)
    b = frozenset(position + right_offset for position in right.positions)
    if left.negated and right.negated:
        return Places(a | b, True, width)
    if left.negated:
        return Places(b - a, False, width)
    return Places(a - b if right.negated else a & b, False, width)


def _either(left: Places, right: Places, width: int) -> Places:
    a = frozenset(position + width - left.width for position in left.positions)
    b = frozenset(position + width - right.width for position in right.positions)
    if left.negated and right.negated:
        return Places(a & b, True, width)
    if left.negated:
        return Places(a - b, True, width)
    return Places(b - a, True, width) if right.negated else Places(a | b, False, width)


def found_lexemes(vector: TsVector, lexeme: Lexeme) -> list[str]:
    """The document's lexemes that a query's word means: one, or all that begin with it."""
    if not lexeme.prefix:
        return [lexeme.text] if lexeme.text in vector else []
    keys, wanted = list(vector), lexeme.text.encode()
    start = bisect_left(keys, wanted, key=str.encode)
    end = start
    while end < len(keys) and keys[end].encode().startswith(wanted):
        end += 1
    return keys[start:end]


def occurrences(vector: TsVector, lexeme: Lexeme) -> Occurrences:
    """What a document says of one word."""
    present, known = False, True
    found: set[int] = set()
    for key in found_lexemes(vector, lexeme):
        entries = vector[key]
        known = known and bool(entries)
        present = present or not lexeme.weights or not entries
        for position, weight in entries:
            if not lexeme.weights or lexeme.weights >> weight & 1:
                present = True
                found.add(position)
    return present, frozenset(found) if known else None
