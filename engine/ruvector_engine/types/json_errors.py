"""A strict scan of JSON text that words errors as PostgreSQL does. Slow: only for text that is, or may be, wrong."""

from __future__ import annotations

import re
from typing import NoReturn

from ruvector_engine.errors import SqlError

_SPACE = re.compile(r"[ \t\n\r]*")
_WORD = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BEGUN_EXPONENT = re.compile(r"(?:[eE][+-]?)?")
_BEGUN_PART = re.compile(r"\.?(?:[eE][+-]?)?")
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
#: How many bytes of the offending line an error shows at most.
_EXCERPT = 50
_END = ""


def too_deep() -> SqlError:
    """54001, for documents nested deeper than the parser can follow."""
    return SqlError(
        "54001",
        "stack depth limit exceeded",
        hint='Increase the configuration parameter "max_stack_depth" (currently 2048kB), '
        "after ensuring the platform's stack depth limit is adequate.",
    )


def check_json(text: str, *, decode: bool) -> None:
    """Raise the SqlError PostgreSQL gives for this text; return when it is JSON.

    `decode`: escapes must name characters that text can hold, as jsonb needs.
    """
    _Scan(text, decode).document()


class _Scan:
    def __init__(self, text: str, decode: bool) -> None:
        self.text = text
        self.decode = decode
        self.start = 0  # of the current token
        self.end = 0  # just past it
        self.token = _END

    def document(self) -> None:
        """One value and nothing after it, with an explicit stack: documents may be deep."""
        stack: list[str] = []
        self.next()
        while True:
            if self.token in ("{", "["):
                stack.append(self.token)
                if self.open_container():
                    continue
                stack.pop()
            elif self.token in (_END, "}", "]", ",", ":"):
                self.expected("JSON value")
            self.next()
            if self.close_containers(stack):
                break
        if self.token != _END:
            self.expected("end of input")

    def open_container(self) -> bool:
        """Step to the first value inside; False when the container is empty."""
        opened = self.token
        self.next()
        if self.token == ("}" if opened == "{" else "]"):
            return False
        if opened == "{":
            self.key('string or "}"')
        return True

    def close_containers(self, stack: list[str]) -> bool:
        """After a value: leave finished containers and step to the next value; True when the outermost is done."""
        while stack:
            closing = "}" if stack[-1] == "{" else "]"
            if self.token == ",":
                self.next()
                if closing == "}":
                    self.key("string")
                return False
            if self.token != closing:
                self.expected(f'"," or "{closing}"')
            stack.pop()
            self.next()
        return True

    def key(self, wanted: str) -> None:
        if not self.token.startswith('"'):
            self.expected(wanted)
        self.next()
        if self.token != ":":
            self.expected('":"')
        self.next()

    def next(self) -> None:
        """Read the next token into `token`; at the end it is empty."""
        text = self.text
        self.start = at = _SPACE.match(text, self.end).end()  # type: ignore[union-attr]
        if at == len(text):
            self.end, self.token = at, _END
            return
        first = text[at]
        if first in "{}[],:":
            self.end = at + 1
        elif first == '"':
            self.string()
        elif first == "-" or (first.isdecimal() and first.isascii()):
            self.number()
        else:
            word = _WORD.match(text, at)
            self.end = word.end() if word else at + 1
            if text[at : self.end] not in ("true", "false", "null"):
                self.invalid_token()
        self.token = text[at : self.end]

    def number(self) -> None:
        good = _NUMBER.match(self.text, self.start)
        self.end = good.end() if good else self.start + 1
        # A part begun and not finished, and any word glued on, belong to the token that is then wrong.
        shape = good[0].lower() if good else "e"
        begun = _BEGUN_EXPONENT if "." in shape else _BEGUN_PART
        if good is None or "e" not in shape:
            stop = begun.match(self.text, self.end) if good else None
            self.end = stop.end() if stop else self.end
        word = _WORD.match(self.text, self.end)
        self.end = word.end() if word else self.end
        if good is None or self.end > good.end():
            self.invalid_token()

    def string(self) -> None:
        text, at, high = self.text, self.start + 1, False
        while True:
            if at >= len(text):
                self.end = at
                self.invalid_token()
            character = text[at]
            if high and character != "\\":
                self.fail("Unicode low surrogate must follow a high surrogate.", at + 1)
            if character == '"':
                break
            if character < " ":
                self.fail(f"Character with value 0x{ord(character):02x} must be escaped.", at)
            if character == "\\":
                at, high = self.escape(at, high)
            else:
                at += 1
        self.end = at + 1

    def escape(self, at: int, high: bool) -> tuple[int, bool]:
        """Check the escape at `at`; return where it ends, and whether it was the first half of a surrogate pair."""
        text = self.text
        kind = text[at + 1 : at + 2]
        if not kind:
            self.end = at + 1
            self.invalid_token()
        if kind != "u":
            if kind not in '"\\/bfnrt':
                self.fail(f'Escape sequence "\\{kind}" is invalid.', at + 2)
            if high:
                self.fail("Unicode low surrogate must follow a high surrogate.", at + 2)
            return at + 2, False
        if not _HEX4.match(text, at + 2):
            good = at + 2
            while good < len(text) and text[good] in "0123456789abcdefABCDEF":
                good += 1
            if good >= len(text):
                self.end = good
                self.invalid_token()
            self.fail('"\\u" must be followed by four hexadecimal digits.', good + 1)
        return at + 6, self.code_unit(int(text[at + 2 : at + 6], 16), at + 6, high)

    def code_unit(self, code: int, end: int, high: bool) -> bool:
        if not self.decode:
            return False
        if 0xD800 <= code < 0xDC00:
            if high:
                self.fail("Unicode high surrogate must not follow a high surrogate.", end)
            return True
        if high != (0xDC00 <= code < 0xE000):
            self.fail("Unicode low surrogate must follow a high surrogate.", end)
        if code == 0:
            self.fail("\\u0000 cannot be converted to text.", end, "22P05", "unsupported Unicode escape sequence")
        return False

    def invalid_token(self) -> NoReturn:
        self.fail(f'Token "{self.text[self.start : self.end]}" is invalid.', self.end)

    def expected(self, wanted: str) -> NoReturn:
        if self.token == _END:
            self.fail("The input string ended unexpectedly.", self.end)
        self.fail(f'Expected {wanted}, but found "{self.token}".', self.end)

    def fail(
        self, detail: str, end: int, sqlstate: str = "22P02", message: str = "invalid input syntax for type json"
    ) -> NoReturn:
        """`end` is just past what the error is about; the context shows the line up to there."""
        breaks = list(_LINE_BREAK.finditer(self.text, 0, min(end, self.start)))
        line_start = breaks[-1].end() if breaks else 0
        shown = self.text[line_start:end]
        excerpt = shown.encode()
        if len(excerpt) >= _EXCERPT:
            excerpt = excerpt[len(excerpt) - _EXCERPT + 1 :]
        tail = excerpt.decode(errors="ignore")
        prefix = "..." if len(shown) - len(tail) > 3 else ""
        more = self.token != _END or self.start < len(self.text)
        suffix = "..." if more and end < len(self.text) and self.text[end] not in "\r\n" else ""
        context = f"JSON data, line {len(breaks) + 1}: {prefix}{tail if prefix else shown}{suffix}"
        raise SqlError(sqlstate, message, detail=detail, context=context)
