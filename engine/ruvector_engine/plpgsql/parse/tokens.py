"""The words of a block, one after the other, and the pieces of SQL between them (after pl_scanner.c, pl_gram.y).

Positions of errors are 1-based characters of the block's text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from string import ascii_lowercase, ascii_uppercase

from ruvector_engine.errors import SqlError
from ruvector_engine.plpgsql.names import Name
from ruvector_engine.plpgsql.nodes import Sql, SqlKind
from ruvector_engine.sql.parser import Token, parse, scan

#: Words that can be no variable's name unless they are quoted.
RESERVED = frozenset(
    (
        *("all", "begin", "by", "case", "declare", "else", "end", "execute", "for", "foreach", "from", "if", "in"),
        *("into", "loop", "not", "null", "or", "strict", "then", "to", "using", "when", "while"),
    )
)
#: PostgreSQL cuts longer names.
_MAX_NAME_BYTES = 63
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class Tokens:
    """A place in a block's text. `peek` is the next token, None at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens, self._fault = scan(text)
        self._at = 0
        #: The line of the statement read last: errors without a place of their own are near it.
        self.line = 1
        self._lines = [place for place, character in enumerate(text) if character == "\n"]

    # ------------------------------------------------------------ single words

    @property
    def peek(self) -> Token | None:
        """The next token."""
        return self.ahead(0)

    def ahead(self, count: int) -> Token | None:
        """The token after `count` others; what the scanner could not read is an error."""
        place = self._at + count
        if place < len(self._tokens):
            return self._tokens[place]
        if self._fault is not None:
            raise self._fault
        return None

    def next(self) -> Token | None:
        """Take the next token."""
        token = self.peek
        if token is not None:
            self._at += 1
        return token

    def back(self, place: int) -> None:
        """Go back to a `place` that was left."""
        self._at = place

    @property
    def place(self) -> int:
        """Where the next token is, for `back`."""
        return self._at

    @property
    def start(self) -> int:
        """Where the next token begins; at the end, the length of the text."""
        token = self.peek
        return len(self.text) if token is None else token.start

    def begin_line(self) -> int:
        """A statement begins at the next token: its line."""
        self.line = bisect_right(self._lines, self.start - 1) + 1
        return self.line

    def is_next(self, *words: str) -> bool:
        """Whether one of these keywords or characters comes next."""
        return self.is_ahead(0, *words)

    def is_ahead(self, count: int, *words: str) -> bool:
        """Whether one of these comes after `count` other tokens."""
        return means(self.ahead(count), words)

    def take(self, *words: str) -> bool:
        """Take one of these, if it comes next."""
        found = self.is_next(*words)
        if found:
            self._at += 1
        return found

    def expect(self, *words: str) -> None:
        """Take each of these in turn; a syntax error where another comes."""
        for word in words:
            if not self.take(word):
                raise self.syntax_error()

    def name(self) -> str:
        """Take a name that is no reserved word."""
        token = self.peek
        if token is None or not is_name(token):
            raise self.syntax_error()
        self._at += 1
        return spelled(token)

    def label(self) -> str:
        """Take a name, of a label: reserved words may be one."""
        token = self.peek
        if token is None or not (token.kind == "IDENT" or token.is_keyword):
            raise self.syntax_error()
        self._at += 1
        return spelled(token)

    def syntax_error(self, problem: str = "syntax error") -> SqlError:
        """42601 at the next token."""
        token = self.peek
        where = "at end of input" if token is None else f'at or near "{token.text}"'
        return SqlError("42601", f"{problem} {where}", position=self.start + 1)

    # ------------------------------------------------------------ SQL

    def sql(
        self, until: Collection[str], names: Name | None, kind: SqlKind = "expression", *, start: int | None = None
    ) -> Sql:
        """The SQL up to one of the words `until`, outside parentheses; that word is left.

        `start`: where an assignment's text begins, whose expression this is.
        """
        first, end = self.start, self.start
        self._skip(until, "statement" if kind == "statement" else "expression")
        if self._at and self._tokens[self._at - 1].start >= first:
            end = self._tokens[self._at - 1].end
        if end <= first:
            raise self.syntax_error("missing SQL statement" if kind == "statement" else "missing expression")
        text = self.text[first:end]
        if kind == "assignment" and start is not None:
            return checked(kind, self.text[start:end], f"SELECT {text}", first - start - 7, start, names)
        if kind == "expression":
            return checked(kind, text, f"SELECT {text}", -7, first, names)
        return checked(kind, text, text, 0, first, names)

    def _skip(self, until: Collection[str], what: str) -> None:
        depth = 0
        while True:
            token = self.peek
            if depth == 0 and means(token, until):
                return
            if token is None or token.kind == ";":
                if depth:
                    raise self.syntax_error("mismatched parentheses")
                wanted = " or ".join(word.upper() for word in until)
                raise SqlError("42601", f'missing "{wanted}" at end of SQL {what}', position=self.start + 1)
            if token.kind in "([":
                depth += 1
            elif token.kind in ")]":
                depth -= 1
                if depth < 0:
                    raise self.syntax_error("mismatched parentheses")
            self._at += 1


def checked(kind: SqlKind, text: str, source: str, shift: int, start: int, names: Name | None) -> Sql:
    """A piece of SQL whose syntax is right; `start` is where `text` begins in the block."""
    try:
        statements = parse(source)
    except SqlError as error:
        if error.position is not None:
            error.position = max(error.position + shift, 1) + start
        raise
    if len(statements) != 1:
        raise SqlError("42601", "syntax error at end of input", position=start + len(text) + 1)
    return Sql(kind, text, statements[0], shift, names)


def means(token: Token | None, words: Collection[str]) -> bool:
    """Whether a token is one of these keywords (in lower case) or characters."""
    if token is None:
        return False
    if token.kind == "IDENT" or token.is_keyword:
        return token.text.lower() in words
    return token.text in words and token.kind not in ("SCONST", "UIDENT")


def is_name(token: Token) -> bool:
    """Whether it may be a variable's name."""
    if token.kind != "IDENT" and not token.is_keyword:
        return False
    return token.text.startswith('"') or token.text.lower() not in RESERVED


def spelled(token: Token) -> str:
    """The name that an identifier means."""
    name = token.text[1:-1].replace('""', '"') if token.text.startswith('"') else token.text.translate(_LOWER)
    if len(name) > _MAX_NAME_BYTES // 4 and len(data := name.encode()) > _MAX_NAME_BYTES:
        return data[:_MAX_NAME_BYTES].decode(errors="ignore")
    return name
