"""ts_headline: the part of a document that shows best why it matches, its words marked.

The choice is PostgreSQL's: covers (runs of words of which the query holds), stretched to a length that reads well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ruvector_engine.errors import SqlError
from ruvector_engine.text_search.dictionaries import lexemes
from ruvector_engine.text_search.matching import Look, Occurrences, holds, places
from ruvector_engine.text_search.queries import Both, Lexeme, Not, Query, lexemes_of
from ruvector_engine.text_search.tokens import KINDS, parse_all

_NUMBERS = {alias: number for number, (alias, _) in KINDS.items()}


def _kinds(*aliases: str) -> frozenset[int]:
    return frozenset(_NUMBERS[alias] for alias in aliases)


_TAG = _kinds("tag")
#: Shown through their parts.
_WHOLES = _kinds("url", "numhword", "asciihword", "hword")
_NO_WORDS = _kinds("blank") | _TAG | _WHOLES
#: What no headline should begin or end with.
_BAD_ENDS = _NO_WORDS | _kinds("sfloat", "version", "float", "int", "uint", "protocol", "entity")
_OPTION = re.compile(r'\s*(\w+)\s*=\s*(?:"((?:[^"]|"")*)"|\'((?:[^\']|\'\')*)\'|([^\s,]*))\s*(?:,|$)')


@dataclass(slots=True)
class Options:
    """ts_headline's options, with PostgreSQL's names and defaults."""

    startsel: str = "<b>"
    stopsel: str = "</b>"
    fragmentdelimiter: str = " ... "
    maxwords: int = 35
    minwords: int = 15
    shortword: int = 3
    maxfragments: int = 0
    highlightall: bool = False


@dataclass(slots=True)
class _Word:
    """A token of the document; `place` is its position, 0 where it has none."""

    text: str
    kind: int
    place: int
    wanted: bool
    shown: bool = False


@dataclass(slots=True)
class _Cover:
    start: int
    end: int
    length: int
    wanted: int
    chosen: bool = False
    excluded: bool = False


def headline(configuration: str, text: str, query: Query | None, options: str) -> str:
    """The document's headline for a query; `options` as PostgreSQL's text."""
    page = _Page(configuration, text, query, read_options(options))
    if page.options.maxfragments > 0:
        page.mark_fragments()
    else:
        page.mark_words()
    return page.written()


def read_options(text: str) -> Options:
    """The options in a text like 'MaxWords=10, StartSel=<i>'; 22023 for what is none."""
    options, at = Options(), 0
    while text[at:].strip():
        found = _OPTION.match(text, at)
        if found is None:
            raise SqlError("42601", f'invalid parameter list format: "{text}"')
        at = found.end()
        value = next((part for part in found.groups()[1:] if part is not None), "").replace('""', '"')
        _set_option(options, found[1], value)
    if options.highlightall:
        return options
    for wrong, message in (
        (options.minwords >= options.maxwords, "MinWords must be less than MaxWords"),
        (options.minwords <= 0, "MinWords must be positive"),
        (options.shortword < 0, "ShortWord must be >= 0"),
        (options.maxfragments < 0, "MaxFragments must be >= 0"),
    ):
        if wrong:
            raise SqlError("22023", message)
    return options


def _set_option(options: Options, name: str, value: str) -> None:
    lower = name.lower()
    if lower in ("startsel", "stopsel", "fragmentdelimiter"):
        setattr(options, lower, value)
    elif lower == "highlightall":
        options.highlightall = value.lower() in ("1", "on", "true", "t", "y", "yes")
    elif lower in ("maxwords", "minwords", "shortword", "maxfragments"):
        try:
            setattr(options, lower, int(value))
        except ValueError:
            raise SqlError("22P02", f'invalid input syntax for type integer: "{value}"') from None
    else:
        raise SqlError("22023", f'unrecognized headline parameter: "{name}"')


@dataclass(slots=True)
class _Page:
    """A document being marked."""

    configuration: str
    text: str
    query: Query | None
    options: Options
    words: list[_Word] = field(default_factory=list)
    occurrences: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        terms = list(lexemes_of(self.query))
        place = 0
        for token in parse_all(self.text):
            found = lexemes(self.configuration, token)
            place += found is not None
            wanted = False
            for lexeme in found or ():
                self.occurrences.setdefault(lexeme, []).append(place)
                wanted = wanted or any(_means(term, lexeme) for term in terms)
            self.words.append(_Word(token.text, token.kind, place if found is not None else 0, wanted))

    def mark_words(self) -> None:
        """Show one run of words, the best; everything when that is asked for."""
        if self.options.highlightall:
            self._show(0, len(self.words) - 1)
            return
        best: tuple[int, int] | None = None
        merit = (-1, -1, False)
        for first, last in self._covers():
            start, end, wanted = self._stretched(first, last)
            own = (int(start <= first and end >= last), wanted, not self._bad_end(end))
            if best is None or own > merit:
                best, merit = (start, end), own
        self._show(*(best if best is not None else self._beginning()))

    def mark_fragments(self) -> None:
        """Show the best covers, each in a fragment of its own."""
        covers = [piece for first, last in self._covers() for piece in self._pieces(first, last)]
        marked = False
        for _ in range(self.options.maxfragments):
            free = [cover for cover in covers if not (cover.chosen or cover.excluded) and cover.wanted]
            if not free:
                break
            best = max(free, key=lambda cover: (cover.wanted, -cover.length))
            best.chosen = marked = True
            self._widen(best)
            self._show(best.start, best.end)
            for cover in covers:
                if cover is not best and cover.start <= best.end and cover.end >= best.start:
                    cover.excluded = True
        if not marked:
            self._show(*self._beginning())

    def written(self) -> str:
        """The words that are shown."""
        parts: list[str] = []
        inside = False
        for word in self.words:
            if word.shown and not inside and parts:
                parts.append(self.options.fragmentdelimiter)
            inside = word.shown
            if not word.shown:
                continue
            if word.kind in _TAG and not self.options.highlightall:
                parts.append(" ")
            elif word.kind not in _WHOLES:
                parts.append(f"{self.options.startsel}{word.text}{self.options.stopsel}" if word.wanted else word.text)
        return "".join(parts)

    def _show(self, start: int, end: int) -> None:
        for word in self.words[start : end + 1]:
            word.shown = True

    def _is_word(self, number: int) -> bool:
        return self.words[number].kind not in _NO_WORDS

    def _bad_end(self, number: int) -> bool:
        word = self.words[number]
        short = len(word.text.encode()) <= self.options.shortword
        return (word.kind in _BAD_ENDS or short) and not word.wanted

    def _beginning(self) -> tuple[int, int]:
        count, end = 0, -1
        for number in range(len(self.words)):
            if count >= self.options.minwords:
                break
            count += self._is_word(number)
            end = number
        return 0, end

    def _covers(self) -> Iterator[tuple[int, int]]:
        """The runs of words of which the query holds, by number of the first and the last."""
        terms = _locations(self.query, self._look)
        if not terms:
            return
        number_at = {word.place: number for number, word in reversed(list(enumerate(self.words))) if word.place}
        following = 0
        while True:
            ends = [min((end for start, end in term if start >= following), default=None) for term in terms]
            if None in ends:
                return
            last = max(end for end in ends if end is not None)
            first = min(max(start for start, end in term if start >= following and end <= last) for term in terms)
            yield number_at[first], number_at[last]
            following = first + 1

    def _look(self, lexeme: Lexeme) -> Occurrences:
        found = {p for text, where in self.occurrences.items() if _means(lexeme, text) for p in where}
        return bool(found), frozenset(found)

    def _stretched(self, first: int, last: int) -> tuple[int, int, int]:
        """A cover brought to a good length: its first word, its last, and how many of the query's are in it."""
        options, length, wanted, end, number = self.options, 0, 0, first, first
        while number <= last and length < options.maxwords:
            length += self._is_word(number)
            wanted += self.words[number].wanted
            end = number
            number += 1
        if length >= options.maxwords:
            return first, *self._shortened(min(number, last), end, length, wanted)
        start = first
        number -= 1
        while number < len(self.words) and length < options.maxwords:
            if number > last:
                length += self._is_word(number)
                wanted += self.words[number].wanted
            end = number
            if not self._bad_end(number) and length >= options.minwords:
                break
            number += 1
        if length < options.minwords:
            start, wanted = self._begun_earlier(first, length, wanted)
        return start, end, wanted

    def _begun_earlier(self, first: int, length: int, wanted: int) -> tuple[int, int]:
        for number in range(first - 1, -1, -1):
            length += self._is_word(number)
            wanted += self.words[number].wanted
            if length >= self.options.maxwords or (not self._bad_end(number) and length >= self.options.minwords):
                return number, wanted
        return 0, wanted

    def _shortened(self, number: int, end: int, length: int, wanted: int) -> tuple[int, int]:
        while length > self.options.minwords and self._bad_end(number):
            length -= self._is_word(number)
            wanted -= self.words[number].wanted
            end = number - 1
            number -= 1
        return end, wanted

    def _pieces(self, first: int, last: int) -> Iterator[_Cover]:
        """A cover in parts of at most MaxWords words, each beginning and ending with a word of the query."""
        start = first
        while start <= last:
            while start < last and not self.words[start].wanted:
                start += 1
            length = wanted = 0
            end = number = start
            while number <= last and length < self.options.maxwords:
                length += self._is_word(number)
                wanted += self.words[number].wanted
                end = number
                number += 1
            while end > start and number <= last and not self.words[end].wanted:
                length -= self._is_word(end)
                end -= 1
            yield _Cover(start, end, length, wanted)
            start = end + 1

    def _widen(self, cover: _Cover) -> None:
        """Stretch a fragment to both sides, as far as there is room."""
        room, stretched, marker = (self.options.maxwords - cover.length) // 2, 0, cover.start
        number = cover.start - 1
        while number >= 0 and stretched < room and not self.words[number].shown:
            stretched += self._is_word(number)
            marker = number
            number -= 1
        length = cover.length + stretched
        while marker < cover.start and self._bad_end(marker):
            length -= self._is_word(marker)
            marker += 1
        cover.start = marker
        number = marker = cover.end
        number += 1
        while number < len(self.words) and length < self.options.maxwords and not self.words[number].shown:
            length += self._is_word(number)
            marker = number
            number += 1
        while marker > cover.end and self._bad_end(marker):
            marker -= 1
        cover.end = marker


def _means(term: Lexeme, lexeme: str) -> bool:
    return lexeme.startswith(term.text) if term.prefix else lexeme == term.text


_Location: TypeAlias = tuple[int, int]


def _locations(query: Query | None, look: Look) -> list[list[_Location]] | None:
    """For each term that must be there, where it is: first and last position; None when the query does not hold."""
    if query is None:
        return None
    if isinstance(query, Not):
        return None if holds(query.operand, look) else []
    if isinstance(query, Both) and query.operator != "<->":
        left, right = _locations(query.left, look), _locations(query.right, look)
        if query.operator == "&":
            return None if left is None or right is None else left + right
        if left is None or right is None:
            return right if left is None else left
        return [sorted({location for term in left + right for location in term})]
    found = places(query, look)
    if not found.any:
        return None
    return [sorted((end - found.width, end) for end in found.positions)] if not found.negated else []
