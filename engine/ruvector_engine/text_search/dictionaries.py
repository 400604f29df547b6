"""Dictionaries and configurations: what a token of a document or query is indexed as.

Stemming is Snowball's, by `snowballstemmer` 2.2: the same algorithm as in PostgreSQL 18 (later versions differ).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import snowballstemmer

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.text_search.tokens import KINDS, Token

#: PostgreSQL's configurations; those without stop words and a stemmer here are refused.
CONFIGURATIONS: dict[str, int] = {"simple": 3748, "english": 13_247}
_OTHERS = """
arabic armenian basque catalan danish dutch estonian finnish french german greek hindi hungarian indonesian irish
italian lithuanian nepali norwegian portuguese romanian russian serbian spanish swedish tamil turkish yiddish
"""
#: What English does without, as PostgreSQL's english_stem has it; apostrophes end a token, hence the single letters.
_STOP_WORDS = """
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its
itself they them their theirs themselves what which who whom this that these those am is are was were be been being
have has had having do does did doing a an the and but if or because as until while of at by for with about against
between into through during before after above below to from up down in out on off over under again further then once
here there when where why how all any both each few more most other some such no nor not only own same so than too very
s t can will just don should now
"""
_NUMBERS = {alias: number for number, (alias, _) in KINDS.items()}
_STEMMED = frozenset(
    _NUMBERS[alias] for alias in ("asciiword", "word", "asciihword", "hword", "hword_asciipart", "hword_part")
)
_IGNORED = frozenset(_NUMBERS[alias] for alias in ("blank", "tag", "protocol", "entity"))

_stop_words = frozenset(_STOP_WORDS.split())
_english = snowballstemmer.stemmer("english")


def known(name: str) -> str:
    """The configuration's plain name ("pg_catalog.english" is "english"); 42704 when there is none of that name."""
    plain = name.removeprefix("pg_catalog.").strip('"')
    if plain in CONFIGURATIONS:
        return plain
    if plain in _OTHERS.split():
        raise not_supported(
            f'text search configuration "{name}" is not supported', hint="Use the configuration english or simple."
        )
    raise SqlError("42704", f'text search configuration "{name}" does not exist')


def configuration(oid: int) -> str:
    """The configuration of an OID; 42704 when there is none."""
    found = next((name for name, number in CONFIGURATIONS.items() if number == oid), None)
    if found is None:
        raise SqlError("42704", f"text search configuration with OID {oid} does not exist")
    return found


def configuration_name(oid: object) -> str:
    """The name of a configuration by its OID; the number where there is none."""
    return next((name for name, number in CONFIGURATIONS.items() if number == oid), str(oid))


@lru_cache(maxsize=65_536)
def english_stem(word: str) -> tuple[str, ...]:
    """The lexemes of a word: one, or none for a stop word."""
    lower = word.lower()
    return () if lower in _stop_words else (_english.stemWord(lower),)


def simple(word: str) -> tuple[str, ...]:
    """The word itself."""
    return (word.lower(),)


DICTIONARIES: dict[str, Callable[[str], tuple[str, ...]]] = {"simple": simple, "english_stem": english_stem}
DICTIONARY_NAMES = {3765: "simple", 13_246: "english_stem"}


def dictionary_oid(name: str) -> int:
    """The OID of a dictionary."""
    return next(oid for oid, known_name in DICTIONARY_NAMES.items() if known_name == name)


def dictionary_of(configuration: str, kind: int) -> str | None:
    """The dictionary that a configuration has for a kind of token; None where it ignores it."""
    if kind in _IGNORED:
        return None
    return "english_stem" if configuration == "english" and kind in _STEMMED else "simple"


def lexemes(configuration: str, token: Token) -> tuple[str, ...] | None:
    """What a token becomes: its lexemes, () for a stop word, None where the configuration ignores its kind."""
    dictionary = dictionary_of(configuration, token.kind)
    return None if dictionary is None else DICTIONARIES[dictionary](token.text)
