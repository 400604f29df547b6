"""Regular expressions: PostgreSQL's advanced ones, by Python's `re` where the two mean the same.

Most of the syntax is shared. What differs and is common is rewritten: POSIX classes, \\m \\M \\y word borders, \\A \\Z.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ruvector_engine.errors import SqlError
from ruvector_engine.sql.functions.definition import Udf, nullable

_CLASSES = {
    "alpha": r"^\W\d_",
    "digit": r"\d",
    "alnum": r"^\W_",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "blank": r" \t",
    "word": r"\w",
    "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
}
_INSIDE = {**_CLASSES, "alpha": "A-Za-z\u00c0-\u024f", "alnum": "0-9A-Za-z\u00c0-\u024f"}
_ESCAPES = {"m": r"\b(?=\w)", "M": r"\b(?<=\w)", "y": r"\b", "Y": r"\B", "Z": r"\Z", "A": r"\A"}


def _translate(pattern: str, *, stops: bool) -> str:
    """`stops`: what matches anything but some characters does not match the end of a line either."""
    result, i = [], 0
    while i < len(pattern):
        character = pattern[i]
        if character == "\\" and i + 1 < len(pattern):
            following = pattern[i + 1]
            result.append(_ESCAPES.get(following, character + following))
            i += 2
        elif character == "[":
            text, i = _bracket(pattern, i)
            result.append(f"{text[:-1]}\\n]" if stops and text.startswith("[^") else text)
        else:
            result.append(character)
            i += 1
    return "".join(result)


def _bracket(pattern: str, start: int) -> tuple[str, int]:
    """A bracket expression from its [ to its ]."""
    if pattern.startswith(("[[:<:]]", "[[:>:]]"), start):
        return (r"\b(?=\w)" if pattern[start + 3] == "<" else r"\b(?<=\w)"), start + 7
    parts, i = ["["], start + 1
    if pattern[i : i + 1] == "^":
        parts.append("^")
        i += 1
    first = True
    while i < len(pattern):
        if pattern[i] == "]" and not first:
            return "".join([*parts, "]"]), i + 1
        if pattern.startswith("[:", i):
            end = pattern.find(":]", i)
            name = pattern[i + 2 : end]
            if end < 0 or name not in _INSIDE:
                raise SqlError("2201B", "invalid regular expression: invalid character class")
            parts.append(_INSIDE[name].removeprefix("^"))
            i = end + 2
        elif pattern[i] == "\\" and i + 1 < len(pattern):
            parts.append(pattern[i : i + 2])
            i += 2
        else:
            parts.append("\\" + pattern[i] if pattern[i] in "[]&~|" else pattern[i])
            i += 1
        first = False
    raise SqlError("2201B", "invalid regular expression: brackets [] not balanced")


_REASONS = (
    ("unterminated subpattern", "parentheses () not balanced"),
    ("unbalanced parenthesis", "parentheses () not balanced"),
    ("nothing to repeat", "quantifier operand invalid"),
    ("multiple repeat", "quantifier operand invalid"),
    ("bad escape", "invalid escape \\ sequence"),
    ("min repeat", "invalid repetition count(s)"),
    ("bad character range", "invalid character range"),
)


@lru_cache(maxsize=256)
def compiled(pattern: str, flags: str) -> re.Pattern[str]:
    """The pattern for Python; 2201B where it is malformed, 22023 for a flag that does not exist."""
    options = 0
    literal = False
    if pattern.startswith("***="):
        pattern, literal = pattern[4:], True
    elif pattern.startswith("(?") and (found := re.match(r"\(\?([bceimnpqstwx]+)\)", pattern)):
        flags, pattern = flags + found.group(1), pattern[found.end() :]
    multiline = stops = False
    for flag in flags:
        if flag == "i":
            options |= re.IGNORECASE
        elif flag == "c":
            options &= ~re.IGNORECASE
        elif flag == "x":
            options |= re.VERBOSE
        elif flag in "nmpw":
            multiline, stops = multiline or flag != "p", stops or flag != "w"
        elif flag == "q":
            literal = True
        elif flag not in "bestg":
            raise SqlError("22023", f'invalid regular expression option: "{flag}"')
    options |= (re.MULTILINE if multiline else 0) | (0 if stops else re.DOTALL)
    try:
        return re.compile(re.escape(pattern) if literal else _translate(pattern, stops=stops), options)
    except (re.error, RecursionError) as error:
        reason = next((ours for theirs, ours in _REASONS if theirs in str(error)), str(error))
        raise SqlError("2201B", f"invalid regular expression: {reason}") from None


def _match(text: str, pattern: str, flags: str) -> bool:
    return compiled(pattern, flags).search(text) is not None


@lru_cache(maxsize=256)
def _replacement(template: str) -> tuple[str | int, ...]:
    """A replacement's literal parts and the numbers of groups in it; 0 is the whole match."""
    parts: list[str | int] = []
    i = 0
    while i < len(template):
        following = template[i + 1 : i + 2] if template[i] == "\\" else ""
        if following == "&":
            parts.append(0)
        elif following and following in "123456789":
            parts.append(int(following))
        else:
            parts.append("\\" if following == "\\" else template[i] + following)
        i += 1 + len(following)
    return tuple(parts)


def _replace(text: str, pattern: str, replacement: str, flags: str) -> str:
    parts = _replacement(replacement)

    def expand(found: re.Match[str]) -> str:
        groups = found.re.groups
        return "".join(p if isinstance(p, str) else found.group(p) or "" if p <= groups else "" for p in parts)

    return compiled(pattern, flags).sub(expand, text, count=0 if "g" in flags else 1)


def _captured(found: re.Match[str]) -> list[str | None]:
    return list(found.groups()) if found.re.groups else [found.group()]


def _groups(text: str, pattern: str, flags: str) -> list[str | None] | None:
    if "g" in flags:
        raise SqlError(
            "22023",
            'regexp_match() does not support the "global" option',
            hint="Use the regexp_matches function instead.",
        )
    found = compiled(pattern, flags).search(text)
    return None if found is None else _captured(found)


def _matches(text: str, pattern: str, flags: str) -> list[list[str | None]]:
    found = compiled(pattern, flags).finditer(text)
    if "g" in flags:
        return [_captured(f) for f in found]
    first = next(found, None)
    return [] if first is None else [_captured(first)]


def _substring(text: str, pattern: str) -> str | None:
    found = compiled(pattern, "").search(text)
    return None if found is None else _captured(found)[0]


def _split(text: str, pattern: str, flags: str) -> list[str]:
    parts, start = [], 0
    for found in compiled(pattern, flags).finditer(text):
        if found.end() == found.start() and found.start() in (start, len(text)):
            continue
        parts.append(text[start : found.start()])
        start = found.end()
    return [*parts, text[start:]]


@lru_cache(maxsize=256)
def _similar_pattern(pattern: str, escape: str) -> re.Pattern[str]:
    result: list[str] = []
    i, inside = 0, False
    while i < len(pattern):
        character = pattern[i]
        if character == escape and i + 1 < len(pattern):
            result.append(re.escape(pattern[i + 1]))
            i += 2
            continue
        if inside:
            inside = character != "]"
            result.append(character)
        elif character == "[":
            inside = True
            result.append(character)
        else:
            result.append(
                {"%": ".*", "_": "."}.get(character, character if character in "|*+?{}()" else re.escape(character))
            )
        i += 1
    try:
        return re.compile(f"(?:{''.join(result)})", re.DOTALL)
    except re.error as error:
        raise SqlError("2201B", f"invalid regular expression: {error}") from None


def _similar(text: str, pattern: str, escape: str) -> bool:
    return _similar_pattern(pattern, escape).fullmatch(text) is not None


def _count(text: str, pattern: str, flags: str) -> int:
    return sum(1 for _ in compiled(pattern, flags).finditer(text))


_T = "VARCHAR"
UDFS: tuple[Udf, ...] = (
    Udf("rv_regex_match", _match, (_T, _T, _T), "BOOLEAN"),
    Udf("rv_regex_replace", _replace, (_T, _T, _T, _T), _T),
    nullable("rv_regex_groups", _groups, (_T, _T, _T), "VARCHAR[]"),
    Udf("rv_regex_matches", _matches, (_T, _T, _T), "VARCHAR[][]"),
    nullable("rv_regex_substring", _substring, (_T, _T), _T),
    Udf("rv_regex_split", _split, (_T, _T, _T), "VARCHAR[]"),
    Udf("rv_regex_count", _count, (_T, _T, _T), "INTEGER"),
    Udf("rv_similar", _similar, (_T, _T, _T), "BOOLEAN"),
)
