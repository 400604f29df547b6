"""SQL/JSON path over jsonb: jsonb_path_exists() and its like, and the operators @? and @@."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ruvector_engine.errors import SqlError
from ruvector_engine.jsonpath.arithmetic import PathError
from ruvector_engine.jsonpath.evaluation import Evaluation
from ruvector_engine.jsonpath.parser import parse
from ruvector_engine.sql.functions.definition import Udf, function, nullable, operator
from ruvector_engine.sql.functions.jsonb_values import dump, load, type_name
from ruvector_engine.sql.nodes import FunctionDef

_RESULTS = {"exists": "bool", "match": "bool", "query": "jsonb", "query_array": "jsonb", "query_first": "jsonb"}
_NO_VARIABLES = "'{{}}'"


def _functions() -> Iterator[FunctionDef]:
    for name, result in _RESULTS.items():
        for given, args in (
            ("jsonb,jsonpath", f"{{0}}, {{1}}, {_NO_VARIABLES}, FALSE"),
            ("jsonb,jsonpath,jsonb", "{0}, {1}, {2}, FALSE"),
            ("jsonb,jsonpath,jsonb,bool", "{0}, {1}, {2}, {3}"),
        ):
            template = f"rv_jsonb_path_{name}({args})"
            yield function(f"jsonb_path_{name}", given, result, template, returns_set=name == "query")


OPERATORS: tuple[FunctionDef, ...] = tuple(
    operator(symbol, "jsonb,jsonpath", "bool", f"rv_jsonb_path_{name}({{0}}, {{1}}, {_NO_VARIABLES}, TRUE)")
    for symbol, name in (("@?", "exists"), ("@@", "match"))
)
FUNCTIONS: tuple[FunctionDef, ...] = tuple(_functions())


# ---------------------------------------------------------------- in Python


def _evaluation(document: str, path: str, variables: str, silent: bool) -> Evaluation:
    values = load(variables)
    if not isinstance(values, dict):
        raise SqlError(
            "22023",
            '"vars" argument is not an object',
            detail='Jsonpath parameters should be encoded as key-value pairs of "vars" object.',
        )
    return Evaluation(parse(path), load(document), values, silent)


def _found(document: str, path: str, variables: str, silent: bool) -> list[Any]:
    """What the path finds; of one that fails silently, what it found before."""
    found = []
    try:
        for item in _evaluation(document, path, variables, silent).found():
            found.append(item)
    except PathError:
        if not silent:
            raise
    return found


def _exists(document: str, path: str, variables: str, silent: bool) -> bool | None:
    try:
        return _evaluation(document, path, variables, silent).exists()
    except PathError:
        if not silent:
            raise
        return None


def _match(document: str, path: str, variables: str, silent: bool) -> bool | None:
    found = _found(document, path, variables, silent)
    if len(found) == 1 and type_name(found[0]) in ("boolean", "null"):
        result: bool | None = found[0]
        return result
    if not silent:
        raise SqlError("22038", "single boolean result is expected")
    return None


def _query_first(document: str, path: str, variables: str, silent: bool) -> str | None:
    found = _found(document, path, variables, silent)
    return dump(found[0]) if found else None


def _query(document: str, path: str, variables: str, silent: bool) -> list[str]:
    return [dump(item) for item in _found(document, path, variables, silent)]


def _query_array(document: str, path: str, variables: str, silent: bool) -> str:
    return dump(_found(document, path, variables, silent))


_ARGUMENTS = ("VARCHAR", "VARCHAR", "VARCHAR", "BOOLEAN")


def _udf(name: str, call: Callable[..., Any], result: str) -> Udf:
    return nullable(f"rv_jsonb_path_{name}", call, _ARGUMENTS, result)


UDFS: tuple[Udf, ...] = (
    _udf("exists", _exists, "BOOLEAN"),
    _udf("match", _match, "BOOLEAN"),
    _udf("query", _query, "VARCHAR[]"),
    _udf("query_array", _query_array, "VARCHAR"),
    _udf("query_first", _query_first, "VARCHAR"),
)
