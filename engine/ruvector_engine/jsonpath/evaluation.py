"""What a path finds in a document, after jsonpath_exec.c.

Values are those of `sql.functions.jsonb_values`. Steps are generators: what was found before an error stays found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.jsonpath import arithmetic, methods
from ruvector_engine.jsonpath.arithmetic import PathError
from ruvector_engine.jsonpath.comparison import Truth, compared, matches_regex, starts_with
from ruvector_engine.jsonpath.nodes import LAST_LEVEL, JsonPath, Path, Step
from ruvector_engine.sql.functions.jsonb_values import Digits

_PREDICATES = frozenset({"and", "or", "not", "unknown", "exists", "compare", "starts", "regex"})


@dataclass(slots=True)
class Evaluation:
    """One path over one document."""

    path: JsonPath
    document: Any
    variables: dict[str, Any]
    silent: bool = False
    _current: Any = None
    _size: int = -1
    _forgiving: bool = field(init=False)

    def __post_init__(self) -> None:
        self._current = self.document
        self._forgiving = self.path.lax

    def found(self) -> Iterator[Any]:
        """The items, in order; `PathError` where PostgreSQL fails unless it is to be silent."""
        return self._run(self.path.path, self.document)

    def exists(self) -> bool:
        """Whether there is any: strict paths are followed to their end."""
        if self.path.lax:
            return any(True for _ in self._run(_for_existence(self.path.path), self.document))
        return bool(list(self.found()))

    # ------------------------------------------------------------ steps

    def _run(self, path: Path, value: Any, *, unwrap: bool | None = None) -> Iterator[Any]:
        """What the path gives for the value; an array may be taken for its elements where `unwrap` says so."""
        if not path:
            yield value
            return
        step, rest = path[0], path[1:]
        unwrap = self.path.lax if unwrap is None else unwrap
        if step.kind in _PREDICATES:
            yield from self._run(rest, self._truth(step, value))
        elif unwrap and isinstance(value, list) and self._wants_elements(step):
            for element in value:
                yield from self._run(path, element, unwrap=False)
        elif step.kind == "index":
            yield from self._elements(step, rest, value)
        elif step.kind == "descend":
            yield from self._descend(step, rest, value)
        else:
            for item in self._items(step, value):
                yield from self._run(rest, item)

    @staticmethod
    def _wants_elements(step: Step) -> bool:
        return step.kind in ("key", "any_key", "filter") or (
            step.kind == "method" and step.value not in ("type", "size")
        )

    def _items(self, step: Step, value: Any) -> Iterator[Any]:
        kind = step.kind
        if kind in ("null", "bool", "string", "number"):
            yield Digits(step.value) if kind == "number" else step.value
        elif kind == "root":
            yield self.document
        elif kind == "current":
            yield self._current
        elif kind == "last":
            yield Digits(self._size - 1)
        elif kind == "variable":
            if step.value not in self.variables:
                raise SqlError("42704", f'could not find jsonpath variable "{step.value}"')
            yield self.variables[step.value]
        elif kind == "filter":
            if self._holds(step.arg(0), value) is True:
                yield value
        elif kind == "arithmetic":
            yield self._arithmetic(step, value)
        elif kind == "numbers":
            yield from (item for item in self._values(step.arg(0), value) if isinstance(item, Digits))
        elif kind == "sign":
            for item in self._values(step.arg(0), value):
                yield arithmetic.signed(step.value, item)
        elif kind == "method":
            yield from self._method(step.value, value)
        else:
            yield from self._members(step, value)

    def _members(self, step: Step, value: Any) -> Iterator[Any]:
        if step.kind == "any_element":
            if isinstance(value, list):
                yield from value
            elif self.path.lax:
                yield value
            else:
                yield from self._structural("22039", "jsonpath wildcard array accessor can only be applied to an array")
        elif step.kind == "any_key":
            if isinstance(value, dict):
                yield from value.values()
            else:
                problem = "jsonpath wildcard member accessor can only be applied to an object"
                yield from self._structural("2203C", problem)
        elif not isinstance(value, dict):
            yield from self._structural("2203A", "jsonpath member accessor can only be applied to an object")
        elif step.value in value:
            yield value[step.value]
        else:
            yield from self._structural("2203A", f'JSON object does not contain key "{step.value}"')

    def _structural(self, sqlstate: str, message: str) -> tuple[()]:
        """Nothing, or an error where the document must have what the path says."""
        if not self._forgiving:
            raise PathError(sqlstate, message)
        return ()

    def _method(self, name: str, value: Any) -> Iterator[Any]:
        if name != "size":
            yield from methods.call(name, value, self.document)
        elif isinstance(value, list):
            yield Digits(len(value))
        elif self.path.lax:
            yield Digits(1)
        else:
            yield from self._structural("22039", "jsonpath item method .size() can only be applied to an array")

    def _elements(self, step: Step, rest: Path, value: Any) -> Iterator[Any]:
        if not isinstance(value, list) and not self.path.lax:
            yield from self._structural("22039", "jsonpath array accessor can only be applied to an array")
            return
        items = value if isinstance(value, list) else [value]
        for low, high in zip(step.args[::2], step.args[1::2], strict=True):
            assert low is not None
            outer, self._size = self._size, len(items)
            try:
                first = self._index(low, value)
                last = first if high is None else self._index(high, value)
            finally:
                self._size = outer
            if not self._forgiving and (first < 0 or first > last or last >= len(items)):
                raise PathError("22033", "jsonpath array subscript is out of bounds")
            for item in items[max(first, 0) : max(last + 1, 0)]:
                yield from self._run(rest, item)

    def _index(self, path: Path, value: Any) -> int:
        found = list(self._run(path, value))
        if len(found) != 1 or not isinstance(found[0], Digits):
            raise PathError("22033", "jsonpath array subscript is not a single numeric value")
        return arithmetic.to_index(found[0])

    def _descend(self, step: Step, rest: Path, value: Any) -> Iterator[Any]:
        first, last = step.value
        if first == 0:
            try:
                yield from self._forgivingly(rest, value)
            except PathError:
                # Where PostgreSQL does not raise errors, it forgets this one when it goes on with the next level.
                if not (self.silent and isinstance(value, (dict, list))):
                    raise
        yield from self._deeper(rest, value, 1, first, last)

    def _deeper(self, rest: Path, value: Any, level: int, first: int, last: int) -> Iterator[Any]:
        if level > last or not isinstance(value, (dict, list)):
            return
        for item in value.values() if isinstance(value, dict) else value:
            leaf = not isinstance(item, (dict, list))
            if level >= first or (first == last == LAST_LEVEL and leaf):
                yield from self._forgivingly(rest, item)
            if level < last:
                yield from self._deeper(rest, item, level + 1, first, last)

    def _forgivingly(self, rest: Path, value: Any) -> Iterator[Any]:
        """Below .** the document need not have what the path says, as not all levels are alike."""
        saved, self._forgiving = self._forgiving, True
        found, failure = [], None
        try:
            for item in self._run(rest, value):
                found.append(item)
        except PathError as error:
            failure = error
        finally:
            self._forgiving = saved
        yield from found
        if failure is not None:
            raise failure

    # ------------------------------------------------------------ values

    def _values(self, path: Path, value: Any, *, unwrap: bool = True) -> list[Any]:
        """What an operand gives; in lax mode arrays are their elements."""
        found = list(self._run(path, value))
        if not (unwrap and self.path.lax):
            return found
        return [item for each in found for item in (each if isinstance(each, list) else [each])]

    def _arithmetic(self, step: Step, value: Any) -> Any:
        left, right = (self._values(step.arg(place), value) for place in (0, 1))
        return arithmetic.combined(step.value, left, right)

    # ------------------------------------------------------------ predicates: True, False or None for unknown

    def _holds(self, predicate: Path, value: Any) -> Truth:
        saved, self._current = self._current, value
        try:
            return self._predicate(predicate, value)
        finally:
            self._current = saved

    def _predicate(self, predicate: Path, value: Any) -> Truth:
        return self._truth(predicate[0], value)

    def _truth(self, step: Step, value: Any) -> Truth:
        if step.kind in ("and", "or"):
            return self._connected(step, value)
        if step.kind == "not":
            inner = self._predicate(step.arg(0), value)
            return None if inner is None else not inner
        if step.kind == "unknown":
            return self._predicate(step.arg(0), value) is None
        if step.kind == "exists":
            return self._has(step.arg(0), value)
        return self._tested(step, value)

    def _connected(self, step: Step, value: Any) -> Truth:
        decisive = step.kind == "or"
        left = self._predicate(step.arg(0), value)
        if left is decisive:
            return decisive
        right = self._predicate(step.arg(1), value)
        return right if right is decisive or left is not None else None

    def _has(self, path: Path, value: Any) -> Truth:
        saved, self.silent = self.silent, True
        try:
            if self.path.lax:
                return any(True for _ in self._run(_for_existence(path), value))
            return bool(list(self._run(path, value)))
        except PathError:
            return None
        finally:
            self.silent = saved

    def _tested(self, step: Step, value: Any) -> Truth:
        saved, self.silent = self.silent, True
        try:
            left = self._values(step.arg(0), value)
            right = self._others(step, value)
        except PathError:
            return None
        finally:
            self.silent = saved
        found = unknown = False
        for a in left:
            for b in right:
                result = self._test(step, a, b)
                if result is None:
                    if not self.path.lax:
                        return None
                    unknown = True
                elif result:
                    if self.path.lax:
                        return True
                    found = True
        return True if found else None if unknown else False

    def _others(self, step: Step, value: Any) -> Sequence[Any]:
        if step.kind == "regex":
            return (step.value,)
        return self._values(step.arg(1), value, unwrap=step.kind == "compare")

    @staticmethod
    def _test(step: Step, a: Any, b: Any) -> Truth:
        if step.kind == "regex":
            return matches_regex(a, *b)
        return starts_with(a, b) if step.kind == "starts" else compared(step.value, a, b)


def _for_existence(path: Path) -> Path:
    """The path where only matters, in lax mode, whether it finds anything: PostgreSQL then computes less."""
    last = path[-1]
    if last.kind == "sign":
        return (*path[:-1], Step("numbers", None, last.args))
    return (*path[:-1], Step("null")) if last.kind == "variable" else path
