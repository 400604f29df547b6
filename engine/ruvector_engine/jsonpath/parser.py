"""Text to a path, after jsonpath_gram.y. What is in its grammar and not here is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.jsonpath.comparison import regex
from ruvector_engine.jsonpath.nodes import LAST_LEVEL, JsonPath, Path, Step
from ruvector_engine.jsonpath.tokens import KEYWORDS, Token, failure, tokens
from ruvector_engine.types.numeric import format_numeric, parse_numeric

_Rule: TypeAlias = Callable[[], tuple[Path, bool]]

METHODS = frozenset({"type", "size", "abs", "floor", "ceiling", "double", "keyvalue"})
_OTHER_METHODS = frozenset(
    {"number", "bigint", "integer", "boolean", "string", "decimal"}
    | {"datetime", "date", "time", "time_tz", "timestamp", "timestamp_tz"}
)
_COMPARISONS = {"==": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@lru_cache(maxsize=1024)
def parse(text: str) -> JsonPath:
    """The path; 42601 or 22P02 for what is none."""
    return _Parser(text).whole()


class _Parser:
    """A recursive descent. Parentheses hold predicates and values, so each rule tells which of them it has read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._ahead: list[Token] = []

    def whole(self) -> JsonPath:
        if self._peek().kind == "end":
            raise SqlError("22P02", f'invalid input syntax for type jsonpath: "{self._text}"')
        mode = self._take().kind if self._peek().kind in ("lax", "strict") else "lax"
        path, _ = self._or()
        self._expect("end")
        _check(path, filters=0, subscript=False)
        return JsonPath(path, mode == "lax")

    # ------------------------------------------------------------ words

    def _peek(self, place: int = 0) -> Token:
        while len(self._ahead) <= place:
            self._ahead.append(next(self._tokens))
        return self._ahead[place]

    def _take(self) -> Token:
        self._peek()
        return self._ahead.pop(0)

    def _accept(self, *kinds: str) -> Token | None:
        return self._take() if self._peek().kind in kinds else None

    def _expect(self, *kinds: str) -> Token:
        if self._peek().kind not in kinds:
            raise self._unexpected()
        return self._take()

    def _unexpected(self) -> SqlError:
        return failure("syntax error", self._peek().near)

    # ------------------------------------------------------------ predicates; each gives whether it is one

    def _or(self) -> tuple[Path, bool]:
        return self._joined("||", "or", self._and)

    def _and(self) -> tuple[Path, bool]:
        return self._joined("&&", "and", self._predicate)

    def _joined(self, symbol: str, kind: str, below: _Rule) -> tuple[Path, bool]:
        left, predicate = below()
        while self._peek().kind == symbol:
            if not predicate:
                raise self._unexpected()
            self._take()
            right, predicate = below()
            if not predicate:
                raise self._unexpected()
            left = (Step(kind, None, (left, right)),)
        return left, predicate

    def _predicate(self) -> tuple[Path, bool]:
        if self._accept("!"):
            if self._peek().kind == "exists":
                return (Step("not", None, (self._exists(),)),), True
            return (Step("not", None, (self._parenthesized_predicate(),)),), True
        if self._peek().kind == "exists":
            return self._exists(), True
        left, predicate = self._sum()
        if predicate:
            if self._accept("is"):
                self._expect("unknown")
                return (Step("unknown", None, (left,)),), True
            return left, True
        if comparison := self._accept(*_COMPARISONS):
            return (Step("compare", _COMPARISONS[comparison.kind], (left, self._value())),), True
        if self._accept("starts"):
            self._expect("with")
            initial = self._expect("string", "variable")
            return (Step("starts", None, (left, (Step(initial.kind, initial.value),))),), True
        if self._accept("like_regex"):
            return (Step("regex", self._pattern(), (left,)),), True
        return left, False

    def _exists(self) -> Path:
        self._expect("exists")
        self._expect("(")
        value = self._value()
        self._expect(")")
        return (Step("exists", None, (value,)),)

    def _parenthesized_predicate(self) -> Path:
        self._expect("(")
        inner, predicate = self._or()
        if not predicate:
            raise self._unexpected()
        self._expect(")")
        return inner

    def _pattern(self) -> tuple[str, str]:
        pattern = self._expect("string").value
        flags = self._expect("string").value if self._accept("flag") else ""
        for flag in flags:
            if flag not in "ismxq":
                raise SqlError(
                    "42601",
                    "invalid input syntax for type jsonpath",
                    detail=f'Unrecognized flag character "{flag}" in LIKE_REGEX predicate.',
                )
        if "x" in flags and "q" not in flags:
            raise not_supported('XQuery "x" flag (expanded regular expressions) is not implemented')
        regex(pattern, flags)
        return pattern, "".join(flag for flag in "ismxq" if flag in flags)

    # ------------------------------------------------------------ values

    def _value(self) -> Path:
        path, predicate = self._sum()
        if predicate:
            raise self._unexpected()
        return path

    def _sum(self) -> tuple[Path, bool]:
        return self._operations(("+", "-"), self._product)

    def _product(self) -> tuple[Path, bool]:
        return self._operations(("*", "/", "%"), self._signed)

    def _operations(self, symbols: tuple[str, ...], below: _Rule) -> tuple[Path, bool]:
        left, predicate = below()
        while self._peek().kind in symbols:
            if predicate:
                raise self._unexpected()
            symbol = self._take().kind
            right, predicate = below()
            if predicate:
                raise self._unexpected()
            left = (Step("arithmetic", symbol, (left, right)),)
        return left, predicate

    def _signed(self) -> tuple[Path, bool]:
        sign = self._accept("+", "-")
        if sign is None:
            return self._accessors()
        operand, predicate = self._signed()
        if predicate:
            raise self._unexpected()
        if len(operand) == 1 and operand[0].kind == "number":
            digits = str(operand[0].value)
            return (operand[0] if sign.kind == "+" else Step("number", _negated(digits)),), False
        return (Step("sign", sign.kind, (operand,)),), False

    def _accessors(self) -> tuple[Path, bool]:
        path, predicate = self._primary()
        steps = list(path)
        while self._peek().kind in (".", "[", "?"):
            steps.append(self._accessor())
            predicate = False
        return tuple(steps), predicate

    def _primary(self) -> tuple[Path, bool]:
        if self._accept("("):
            inner = self._or()
            self._expect(")")
            return inner
        token = self._expect("string", "number", "variable", "null", "true", "false", "$", "@", "last")
        if token.kind == "number":
            return (Step("number", format_numeric(parse_numeric(token.value))),), False
        if token.kind in ("true", "false"):
            return (Step("bool", token.kind == "true"),), False
        if token.kind in ("string", "variable"):
            return (Step(token.kind, token.value),), False
        return (Step({"$": "root", "@": "current"}.get(token.kind, token.kind)),), False

    def _accessor(self) -> Step:
        symbol = self._take().kind
        if symbol == "?":
            return Step("filter", None, (self._parenthesized_predicate(),))
        return self._index() if symbol == "[" else self._member()

    def _member(self) -> Step:
        if self._accept("*"):
            return Step("any_key")
        if self._accept("**"):
            return Step("descend", self._levels() if self._accept("{") else (0, LAST_LEVEL))
        token = self._peek()
        if not (token.kind in ("name", "string") or token.kind in KEYWORDS):
            raise self._unexpected()
        self._take()
        if self._peek().kind == "(" and token.kind in METHODS | _OTHER_METHODS:
            if token.kind in _OTHER_METHODS:
                raise not_supported(
                    f"jsonpath item method .{token.kind}() is not supported",
                    hint="Convert the value in SQL, after the path has found it.",
                )
            self._take()
            self._expect(")")
            return Step("method", token.kind)
        return Step("key", token.value)

    def _levels(self) -> tuple[int, int]:
        first = self._level()
        last = self._level() if self._accept("to") else first
        self._expect("}")
        return first, last

    def _level(self) -> int:
        token = self._expect("number", "last")
        if token.kind == "last":
            return LAST_LEVEL
        if not token.value.isdigit():
            raise failure("syntax error", token.near)
        return min(int(token.value), LAST_LEVEL)

    def _index(self) -> Step:
        if self._accept("*"):
            self._expect("]")
            return Step("any_element")
        bounds: list[Path | None] = []
        while True:
            bounds.append(self._value())
            bounds.append(self._value() if self._accept("to") else None)
            if self._expect(",", "]").kind == "]":
                return Step("index", None, tuple(bounds))


def _negated(digits: str) -> str:
    return digits[1:] if digits.startswith("-") else digits if not digits.strip("0.") else f"-{digits}"


def _check(path: Path, *, filters: int, subscript: bool) -> None:
    """What only means something inside of something else."""
    for step in path:
        if step.kind == "current" and not filters:
            raise SqlError("42601", "@ is not allowed in root expressions")
        if step.kind == "last" and not subscript:
            raise SqlError("42601", "LAST is allowed only in array subscripts")
        for arg in step.args:
            if arg is not None:
                _check(arg, filters=filters + (step.kind == "filter"), subscript=subscript or step.kind == "index")
