"""COPY's options, checked as PostgreSQL's ProcessCopyOptions does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.executor.session_statements import constant_text
from ruvector_engine.results import CopyOptions
from ruvector_engine.types.encodings import is_served, known_encoding

_TEXT_DEFAULTS = {"text": ("\t", "\\N"), "csv": (",", ""), "binary": ("\t", "\\N")}
_UNSERVED = ("convert_selectively",)
_WITH_ARGUMENT = frozenset({"delimiter", "null", "default", "quote", "escape", "format", "encoding"})
_CSV_ONLY = ("quote", "escape", "force_quote", "force_not_null", "force_null")


def copy_options(node: Any) -> CopyOptions:
    """COPY's options. FREEZE is `freeze`'s business: it says nothing about the data."""
    given: dict[str, Any] = {}
    places: dict[str, int] = {}
    for wrapped in node.options:
        element = wrapped.def_elem
        places[element.defname] = element.location + 1
        if element.defname in given:
            raise SqlError("42601", "conflicting or redundant options", position=element.location + 1)
        given[element.defname] = _option_value(element)
    form = str(given.pop("format", "text")).lower()
    if form not in _TEXT_DEFAULTS:
        raise SqlError("22023", f'COPY format "{form}" not recognized', position=places["format"])
    if form == "binary" and (unwanted := _first_of(("delimiter", "null", "default", "header"), given)):
        raise SqlError("42601", f"cannot specify {unwanted.upper()} in BINARY mode")
    if form != "csv" and (unwanted := _first_of(_CSV_ONLY, given)):
        raise SqlError("0A000", f"COPY {unwanted.upper()} requires CSV mode")
    delimiter, null = _TEXT_DEFAULTS[form]
    if form == "binary" and str(given.get("on_error", "stop")).lower() != "stop":
        raise SqlError("42601", "only ON_ERROR STOP is allowed in BINARY mode")
    encoding = _encoding(str(given.pop("encoding")), places) if "encoding" in given else None
    on_error = _on_error(given.pop("on_error", None), places, is_from=node.is_from)
    given.pop("freeze", None)
    quoted = _single(given, "quote", '"')
    options = CopyOptions(
        form,  # type: ignore[arg-type]
        _single(given, "delimiter", delimiter),
        str(given.pop("null", null)),
        _header(given.pop("header", None)),
        quoted,
        _single(given, "escape", quoted),
        _names(given.pop("force_quote", frozenset())),
        _names(given.pop("force_not_null", frozenset())),
        _names(given.pop("force_null", frozenset())),
        on_error,
        _reject_limit(given.pop("reject_limit", None), on_error),
        _log_verbosity(given.pop("log_verbosity", "default"), places),
        encoding,
        None if "default" not in given else str(given.pop("default")),
    )
    if given:
        name = next(iter(given))
        if name in _UNSERVED:
            raise not_supported(f"COPY option {name.upper()} is not supported")
        raise SqlError("42601", f'option "{name}" not recognized', position=places[name])
    _check_characters(options)
    _check_direction(options, is_from=node.is_from)
    if options.default is not None:
        _check_default(options, options.default, is_from=node.is_from)
    return options


def freeze(node: Any) -> bool:
    """Whether FREEZE is asked for."""
    values = [wrapped.def_elem for wrapped in node.options if wrapped.def_elem.defname == "freeze"]
    return any(str(_option_value(element)).lower() in ("true", "on", "1") for element in values)


def _encoding(name: str, places: dict[str, int]) -> str:
    known = known_encoding(name)
    if known is not None and is_served(known):
        return known
    if known is not None:
        raise not_supported(f"COPY with encoding {name} is not supported", hint="Use UTF8.")
    problem = 'argument to option "encoding" must be a valid encoding name'
    raise SqlError("22023", problem, position=places.get("encoding"))


def _on_error(value: Any, places: dict[str, int], *, is_from: bool) -> Any:
    if value is None:
        return "stop"
    if not is_from:
        raise SqlError("22023", "COPY ON_ERROR cannot be used with COPY TO", position=places["on_error"])
    text = str(value).lower()
    if text not in ("stop", "ignore"):
        raise SqlError("22023", f'COPY ON_ERROR "{value}" not recognized', position=places["on_error"])
    return text


def _reject_limit(value: Any, on_error: str) -> int | None:
    if value is None:
        return None
    if on_error != "ignore":
        raise SqlError("22023", "COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE")
    try:
        limit = int(str(value))
    except ValueError:
        raise SqlError("22P02", f'invalid input syntax for type bigint: "{value}"') from None
    if limit <= 0:
        raise SqlError("22023", f"REJECT_LIMIT ({limit}) must be greater than zero")
    return limit


def _log_verbosity(value: Any, places: dict[str, int]) -> Any:
    text = str(value).lower()
    if text not in ("silent", "default", "verbose"):
        raise SqlError("22023", f'COPY LOG_VERBOSITY "{value}" not recognized', position=places["log_verbosity"])
    return text


def _first_of(names: Sequence[str], given: dict[str, Any]) -> str | None:
    return next((name for name in names if name in given), None)


def _option_value(element: Any) -> Any:
    if not element.HasField("arg"):
        if element.defname in _WITH_ARGUMENT:
            raise SqlError("42601", f"{element.defname} requires a parameter")
        return "true"
    kind = element.arg.WhichOneof("node")
    if kind == "list":
        return frozenset(item.string.sval for item in element.arg.list.items)
    if kind == "a_star":
        return None
    return constant_text(element.arg)


def _single(given: dict[str, Any], name: str, default: str) -> str:
    value = str(given.pop(name, default))
    if len(value.encode()) != 1:
        raise SqlError("0A000", f"COPY {name} must be a single one-byte character")
    return value


def _header(value: Any) -> Any:
    if value is None:
        return "off"
    text = str(value).lower()
    if text in ("true", "on", "1"):
        return "on"
    if text in ("false", "off", "0"):
        return "off"
    if text == "match":
        return "match"
    raise SqlError("42601", 'header requires a Boolean value or "match"')


def _names(value: Any) -> frozenset[str] | None:
    return value if value is None or isinstance(value, frozenset) else None


def _check_default(options: CopyOptions, default: str, *, is_from: bool) -> None:
    if not is_from:
        raise SqlError("0A000", "COPY DEFAULT cannot be used with COPY TO")
    if "\r" in default or "\n" in default:
        raise SqlError("22023", "COPY default representation cannot use newline or carriage return")
    if options.delimiter in default:
        raise SqlError("0A000", "COPY delimiter character must not appear in the DEFAULT specification")
    if options.format == "csv" and options.quote in default:
        raise SqlError("0A000", "CSV quote character must not appear in the DEFAULT specification")
    if default == options.null:
        raise SqlError("0A000", "NULL specification and DEFAULT specification cannot be the same")


def _check_direction(options: CopyOptions, *, is_from: bool) -> None:
    """What is for COPY FROM or for COPY TO only."""
    if is_from and options.force_quote != frozenset():
        raise SqlError("0A000", "COPY FORCE_QUOTE cannot be used with COPY FROM")
    if not is_from:
        if options.header == "match":
            raise SqlError("0A000", 'cannot use "match" with HEADER in COPY TO')
        for name, columns in (("FORCE_NOT_NULL", options.force_not_null), ("FORCE_NULL", options.force_null)):
            if columns != frozenset():
                raise SqlError("22023", f"COPY {name} cannot be used with COPY TO")


def _check_characters(options: CopyOptions) -> None:
    if options.delimiter in "\r\n":
        raise SqlError("22023", "COPY delimiter cannot be newline or carriage return")
    if "\r" in options.null or "\n" in options.null:
        raise SqlError("22023", "COPY null representation cannot use newline or carriage return")
    if options.format == "text" and options.delimiter in "\\.abcdefghijklmnopqrstuvwxyz0123456789":
        raise SqlError("22023", f'COPY delimiter cannot be "{options.delimiter}"')
    if options.format == "csv" and options.delimiter == options.quote:
        raise SqlError("22023", "COPY delimiter and quote must be different")
    if options.format != "binary" and options.delimiter in options.null:
        raise SqlError("22023", "COPY delimiter character must not appear in the NULL specification")
    if options.format == "csv" and options.quote in options.null:
        raise SqlError("22023", "CSV quote character must not appear in the NULL specification")
