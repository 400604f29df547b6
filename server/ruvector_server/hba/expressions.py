"""PostgreSQL's advanced regular expressions, as far as the files of rules take them, to trees. They go by bytes' order
and ASCII, as there (the collation "C").

What is not read is refused, never taken for something else: a reject line that does not match lets somebody in. That
is back references, lookaround, embedded options, collating elements, and quantifiers that prefer less.
"""

from __future__ import annotations

from typing import Final

from ruvector_server.hba.nodes import (
    CLASSES,
    LAST,
    Characters,
    Either,
    Group,
    Node,
    Place,
    Ranges,
    Repeat,
    Sequence,
    complement,
    size,
)

#: The greatest number in a bound, and how many nodes there may be when bounds are written out.
_MOST_REPETITIONS: Final = 255
_MOST_NODES: Final = 20_000
_SHORTHANDS: Final = {"d": "digit", "s": "space", "w": "word"}
_CONTROLS: Final = {"a": 7, "b": 8, "B": 92, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "0": 0}
_HEXADECIMAL: Final = {"u": 4, "U": 8}


def parsed(text: str) -> Node:
    """The tree of an expression; ValueError, with the reason, for one that is malformed or not supported."""
    if text.startswith("***"):
        raise ValueError("directors are not supported")
    parser = _Parser(text)
    try:
        node = parser.branches()
    except RecursionError:
        raise ValueError("regular expression is too complex") from None
    if parser.position < len(text):
        raise ValueError("parentheses () not balanced")
    if size(node) > _MOST_NODES:
        raise ValueError("regular expression is too complex")
    return node


class _Parser:
    """Where one is in the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0
        self._groups = 0

    def branches(self) -> Node:
        """What stands up to a closing parenthesis or the end."""
        options = [self._branch()]
        while self._take("|"):
            options.append(self._branch())
        return options[0] if len(options) == 1 else Either(tuple(options))

    def _next(self) -> str:
        return self._text[self.position : self.position + 1]

    def _take(self, expected: str) -> bool:
        if not self._text.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def _branch(self) -> Node:
        items: list[Node] = []
        while self._next() not in ("", "|", ")"):
            items.append(self._quantified())
        return Sequence(tuple(items))

    def _quantified(self) -> Node:
        atom = self._atom()
        bound = self._quantifier()
        if bound is None:
            return atom
        if isinstance(atom, Place):
            raise ValueError("quantifier operand invalid")
        if self._next() == "?":
            raise ValueError("quantifiers that prefer less are not supported")
        if self._next() in ("*", "+") or self._at_bound():
            raise ValueError("quantifier operand invalid")
        return Repeat(atom, *bound)

    def _at_bound(self) -> bool:
        return self._next() == "{" and self._text[self.position + 1 : self.position + 2].isdecimal()

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, bound in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bound
        if not self._at_bound():
            return None
        self.position += 1
        least = self._number()
        most: int | None = least
        if self._take(","):
            most = None if self._next() == "}" else self._number()
        if not self._take("}"):
            raise ValueError("invalid repetition count(s)" if self._next() else "braces {} not balanced")
        if most is not None and least > most:
            raise ValueError("invalid repetition count(s)")
        return least, most

    def _number(self) -> int:
        digits = ""
        while self._next() and self._next() in "0123456789":
            digits += self._next()
            self.position += 1
        if not digits or int(digits) > _MOST_REPETITIONS:
            raise ValueError("invalid repetition count(s)")
        return int(digits)

    def _atom(self) -> Node:
        character = self._next()
        if character in "*+?" or self._at_bound():
            raise ValueError("quantifier operand invalid")
        self.position += 1
        if character == "(":
            return self._group()
        if character == "[":
            return self._bracket()
        if character == ".":
            return Characters(((0, LAST),))
        if character in "^$":
            return Place(character)
        return self._escape() if character == "\\" else _literal(character)

    def _group(self) -> Node:
        number = 0
        if self._next() == "?":
            if not self._take("?:"):
                raise ValueError("lookaround and embedded options are not supported")
        else:
            self._groups = number = self._groups + 1
        inside = self.branches()
        if not self._take(")"):
            raise ValueError("parentheses () not balanced")
        return Group(inside, number) if number else inside

    def _escape(self) -> Node:
        character = self._next()
        if character in _SHORTHANDS:
            self.position += 1
            return Characters(CLASSES[_SHORTHANDS[character]])
        if character and character in "DSW":
            self.position += 1
            return Characters(complement(CLASSES[_SHORTHANDS[character.lower()]]))
        if character and character in "AZmMyY":
            self.position += 1
            return Place({"A": "^", "Z": "$"}.get(character, character))
        if character and character in "123456789":
            raise ValueError("back references are not supported")
        return _literal(self._escaped())

    def _escaped(self) -> str:
        """The one character that the escape after a backslash stands for."""
        character = self._next()
        if not character or not (character.isascii() and character.isalnum()):
            if not character:
                raise ValueError("invalid escape \\ sequence")
            self.position += 1
            return character
        self.position += 1
        following = self._next()
        if character == "0" and following and following in "01234567":
            raise ValueError("octal escapes are not supported")
        if character in _CONTROLS:
            return chr(_CONTROLS[character])
        if character in _HEXADECIMAL:
            digits = self._text[self.position : self.position + _HEXADECIMAL[character]]
            self.position += len(digits)
            if len(digits) == _HEXADECIMAL[character] and all(d in "0123456789abcdefABCDEF" for d in digits):
                code = int(digits, 16)
                if 0 < code <= LAST:
                    return chr(code)
        raise ValueError("invalid escape \\ sequence")

    def _bracket(self) -> Node:
        """A set, after its opening bracket."""
        if self._text.startswith(("[:<:]]", "[:>:]]"), self.position):
            raise ValueError("[[:<:]] and [[:>:]] are not supported: write \\m and \\M")
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self._next() != "]":
            if not self._next():
                raise ValueError("brackets [] not balanced")
            ranges += self._element()
            first = False
        self.position += 1
        found = tuple(ranges)
        return Characters(complement(found) if negated else found)

    def _element(self) -> Ranges:
        """A class, a range or a character of a set."""
        if self._take("[:"):
            end = self._text.find(":]", self.position)
            name = self._text[self.position : max(end, self.position)]
            if name not in CLASSES:
                raise ValueError("invalid character class")
            self.position = end + 2
            return CLASSES[name]
        if self._next() == "\\" and self._text[self.position + 1 : self.position + 2] in ("d", "s", "w"):
            self.position += 2
            return CLASSES[_SHORTHANDS[self._text[self.position - 1]]]
        low = self._end_of_range()
        if self._next() != "-" or self._text[self.position + 1 : self.position + 2] in ("]", ""):
            return ((low, low),)
        self.position += 1
        high = self._end_of_range()
        if high < low:
            raise ValueError("invalid character range")
        return ((low, high),)

    def _end_of_range(self) -> int:
        if self._text.startswith(("[.", "[="), self.position):
            raise ValueError("collating elements are not supported")
        if self._text.startswith("[:", self.position):
            raise ValueError("invalid character range")
        character = self._next()
        self.position += 1
        if character != "\\":
            return ord(character)
        if self._next() in ("D", "S", "W", "d", "s", "w"):
            raise ValueError("invalid escape \\ sequence")
        return ord(self._escaped())


def _literal(character: str) -> Characters:
    return Characters(((ord(character), ord(character)),))
