"""A path's text, as PostgreSQL prints it (printJsonPathItem)."""

from __future__ import annotations

from json.encoder import encode_basestring

from ruvector_engine.jsonpath.nodes import LAST_LEVEL, JsonPath, Path, Step

_PRIORITIES = {"or": 0, "and": 1, "compare": 2, "starts": 2, "sign": 5}
_HIGHEST = 6
_JOINTS = {"or": "||", "and": "&&", "starts": "starts with"}
_PLAIN = {"root": "$", "current": "@", "last": "last", "null": "null", "any_element": "[*]"}


def write(path: JsonPath) -> str:
    """The text."""
    return f"{'' if path.lax else 'strict '}{_path(path.path, bracketed=True)}"


def _path(path: Path, *, bracketed: bool) -> str:
    first, *others = path
    text = _first(first, bracketed=bracketed)
    if first.kind == "number" and others:
        text = f"({text})"
    return text + "".join(_accessor(step) for step in others)


def _first(step: Step, *, bracketed: bool) -> str:
    if step.kind in _PLAIN:
        return _PLAIN[step.kind]
    if step.kind == "bool":
        return "true" if step.value else "false"
    if step.kind == "number":
        return str(step.value)
    if step.kind in ("string", "variable"):
        return ("$" if step.kind == "variable" else "") + encode_basestring(step.value)
    if step.kind == "not":
        return f"!({_path(step.arg(0), bracketed=False)})"
    if step.kind == "unknown":
        return f"({_path(step.arg(0), bracketed=False)}) is unknown"
    if step.kind == "exists":
        return f"exists ({_path(step.arg(0), bracketed=False)})"
    text = _operation(step)
    return f"({text})" if bracketed else text


def _operation(step: Step) -> str:
    texts = [_path(arg, bracketed=_priority(arg[0]) <= _priority(step)) for arg in step.args if arg is not None]
    if step.kind == "sign":
        return f"{step.value}{texts[0]}"
    if step.kind == "regex":
        pattern, flags = step.value
        shown = f' flag "{flags}"' if flags else ""
        return f"{texts[0]} like_regex {encode_basestring(pattern)}{shown}"
    return f"{texts[0]} {_JOINTS.get(step.kind, step.value)} {texts[1]}"


def _priority(step: Step) -> int:
    if step.kind == "arithmetic":
        return 3 if step.value in ("+", "-") else 4
    return _PRIORITIES.get(step.kind, _HIGHEST)


def _accessor(step: Step) -> str:
    if step.kind == "key":
        return f".{encode_basestring(step.value)}"
    if step.kind == "any_key":
        return ".*"
    if step.kind == "method":
        return f".{step.value}()"
    if step.kind == "filter":
        return f"?({_path(step.arg(0), bracketed=False)})"
    if step.kind == "descend":
        return f".{_levels(*step.value)}"
    if step.kind == "index":
        pairs = zip(step.args[::2], step.args[1::2], strict=True)
        return f"[{','.join(_bounds(first, last) for first, last in pairs)}]"
    return _PLAIN[step.kind]


def _bounds(first: Path | None, last: Path | None) -> str:
    return " to ".join(_path(bound, bracketed=False) for bound in (first, last) if bound is not None)


def _levels(first: int, last: int) -> str:
    if (first, last) == (0, LAST_LEVEL):
        return "**"
    low, high = ("last" if level == LAST_LEVEL else str(level) for level in (first, last))
    return f"**{{{low}}}" if first == last else f"**{{{low} to {high}}}"
