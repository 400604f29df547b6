"""Functions about the server and its catalog: format_type, pg_get_indexdef, visibility, privileges, sizes.

Those that look into the catalog are evaluated row by row, so DuckDB calls Python for them. Which session's catalog a
call means is its first argument, the backend's process ID, which the analyzer adds: `rv_catalog_<name>(pid, ...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ruvector_engine.catalog.system import privilege_functions
from ruvector_engine.catalog.system.functions import CATALOG_FUNCTIONS, REG_TYPES, SET_FUNCTIONS
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.privilege_functions import PRIVILEGE_FUNCTIONS
from ruvector_engine.sql.functions.definition import Udf, function
from ruvector_engine.sql.nodes import FunctionDef
from ruvector_engine.sql.storage import duck_type
from ruvector_engine.types.registry import TypeRef

#: What a template starts with when the call needs the session's catalog.
PREFIX = "rv_catalog_"

# Name, argument types, result type, how many arguments may be left out.
_SIGNATURES: tuple[tuple[str, str, str, int], ...] = (
    ("format_type", "oid,int4", "text", 0),
    ("pg_get_expr", "text,oid,bool", "text", 1),
    ("pg_get_indexdef", "oid", "text", 0),
    ("pg_get_indexdef", "oid,int4,bool", "text", 0),
    ("pg_get_constraintdef", "oid,bool", "text", 1),
    ("pg_get_viewdef", "oid,bool", "text", 1),
    ("pg_get_viewdef", "text,bool", "text", 1),
    ("pg_get_ruledef", "oid,bool", "text", 1),
    ("pg_get_triggerdef", "oid,bool", "text", 1),
    ("pg_get_partkeydef", "oid", "text", 0),
    ("pg_get_statisticsobjdef_columns", "oid", "text", 0),
    ("pg_get_function_arguments", "oid", "text", 0),
    ("pg_get_function_identity_arguments", "oid", "text", 0),
    ("pg_get_function_result", "oid", "text", 0),
    ("pg_get_serial_sequence", "text,text", "text", 0),
    ("pg_get_userbyid", "oid", "name", 0),
    ("pg_has_role", "name,text", "bool", 0),
    ("pg_has_role", "oid,text", "bool", 0),
    ("pg_has_role", "name,name,text", "bool", 0),
    ("pg_has_role", "name,oid,text", "bool", 0),
    ("pg_has_role", "oid,name,text", "bool", 0),
    ("pg_has_role", "oid,oid,text", "bool", 0),
    ("pg_describe_object", "oid,oid,int4", "text", 0),
    ("pg_index_column_has_property", "regclass,int4,text", "bool", 0),
    ("pg_relation_is_publishable", "regclass", "bool", 0),
    ("pg_tablespace_location", "oid", "text", 0),
    ("pg_table_is_visible", "oid", "bool", 0),
    ("pg_type_is_visible", "oid", "bool", 0),
    ("pg_function_is_visible", "oid", "bool", 0),
    ("pg_operator_is_visible", "oid", "bool", 0),
    ("pg_opclass_is_visible", "oid", "bool", 0),
    ("pg_collation_is_visible", "oid", "bool", 0),
    *((f"pg_ts_{kind}_is_visible", "oid", "bool", 0) for kind in ("config", "dict", "parser", "template")),
    ("obj_description", "oid,name", "text", 1),
    ("col_description", "oid,int4", "text", 0),
    ("shobj_description", "oid,name", "text", 0),
    ("pg_relation_size", "regclass,text", "int8", 1),
    ("pg_table_size", "regclass", "int8", 0),
    ("pg_indexes_size", "regclass", "int8", 0),
    ("pg_total_relation_size", "regclass", "int8", 0),
    ("pg_database_size", "name", "int8", 0),
    ("pg_database_size", "oid", "int8", 0),
    ("to_regclass", "text", "regclass", 0),
    ("to_regtype", "text", "regtype", 0),
    ("to_regnamespace", "text", "regnamespace", 0),
    ("to_regproc", "text", "regproc", 0),
    ("to_regrole", "text", "regrole", 0),
    ("acldefault", "char,oid", "aclitem[]", 0),
    ("makeaclitem", "oid,oid,text,bool", "aclitem", 0),
)
_NULLABLE = frozenset({"format_type"})
#: Size units and the size from which the next one is used.
_UNITS = (("bytes", 10 * 1024), ("kB", 20 * 1024 - 1), ("MB", 20 * 1024 - 1), ("GB", 20 * 1024 - 1), ("TB", 2**63))
#: Kinds of objects that have no privileges of their own here: everybody may use them.
_OPEN = ("foreign_data_wrapper", "function", "language", "server", "type")


#: What aclexplode() gives, and how DuckDB calls it.
_EXPLODED = (("grantor", "oid"), ("grantee", "oid"), ("privilege_type", "text"), ("is_grantable", "bool"))
_EXPLODED_TYPE = 'STRUCT("grantor" BIGINT, "grantee" BIGINT, "privilege_type" VARCHAR, "is_grantable" BOOLEAN)[]'


def _privilege_signatures(name: str) -> Iterator[tuple[str, str, str, int]]:
    """The argument lists of a has_..._privilege function: the role may be left out, names may be OIDs."""
    middle = (",text", ",int2") if name == "has_column_privilege" else ("",)
    for target in ("text", "oid"):
        for column in middle:
            for role in ("", "name,", "oid,"):
                yield name, f"{role}{target}{column},text", "bool", 0


_ALL_SIGNATURES = (*_SIGNATURES, *(s for name in PRIVILEGE_FUNCTIONS for s in _privilege_signatures(name)))


def _served() -> Iterator[tuple[str, str, str]]:
    """The signatures, one for each number of arguments that may be given."""
    for name, args, result, optional in _ALL_SIGNATURES:
        names = args.split(",")
        for left_out in range(optional + 1):
            yield name, ",".join(names[: len(names) - left_out]), result


def _udf_name(name: str, args: str) -> str:
    return f"{PREFIX}{name}_{args.replace(',', '_')}"


def _catalog_functions() -> Iterator[FunctionDef]:
    for name, args, result in _served():
        places = ", ".join(f"{{{i + 1}}}" for i in range(len(args.split(","))))
        yield function(name, args, result, f"{_udf_name(name, args)}({{0}}, {places})", strict=name not in _NULLABLE)


def _open_to_all() -> Iterator[FunctionDef]:
    for kind in _OPEN:
        for name, args, _, _ in _privilege_signatures(f"has_{kind}_privilege"):
            yield _granted(name, args)


def _granted(name: str, args: str) -> FunctionDef:
    """A privilege that everybody has; the arguments matter in so far as none of them may be NULL."""
    known = " AND ".join(f"{{{place}}} IS NOT NULL" for place in range(len(args.split(","))))
    return function(name, args, "bool", f"(CASE WHEN {known} THEN TRUE END)")


_SET_COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "pg_available_extensions": (("name", "name"), ("default_version", "text"), ("comment", "text")),
    "pg_get_keywords": (
        ("word", "text"), ("catcode", "char"), ("barelabel", "bool"), ("catdesc", "text"), ("baredesc", "text"),
    ),
}  # fmt: skip


def _sets() -> Iterator[FunctionDef]:
    """Sets whose rows never change: the list of structs is written out."""
    for name, columns in _SET_COLUMNS.items():
        call: Any = SET_FUNCTIONS[name]
        names = [column for column, _ in columns]
        rows = ", ".join(_struct(names, row) for row in call(None))
        # A template: braces that are no placeholders are doubled.
        template = f"[{rows}]".replace("{", "{{").replace("}", "}}")
        yield function(name, "", "record", template, returns_set=True, columns=columns)
    expanded = (
        "list_transform(generate_series(1, len({0})), lambda rv_i: {{'x': ({0})[rv_i], 'n': CAST(rv_i AS INTEGER)}})"
    )
    pair = (("x", "int2"), ("n", "int4"))
    for name in ("int2vector", "int2[]"):
        yield function("_pg_expandarray", name, "record", expanded, returns_set=True, columns=pair)
    yield function(
        "aclexplode", "aclitem[]", "record", f"{PREFIX}aclexplode({{0}}, {{1}})", returns_set=True, columns=_EXPLODED
    )
    options = (("option_name", "text"), ("option_value", "text"))
    split = (
        "list_transform({0}, lambda rv_o: {{'option_name': split_part(rv_o, '=', 1), "
        "'option_value': substring(rv_o, nullif(instr(rv_o, '='), 0) + 1)}})"
    )
    yield function("pg_options_to_table", "text[]", "record", split, returns_set=True, columns=options)
    yield function("pg_partition_ancestors", "regclass", "regclass", "CAST([] AS BIGINT[])", returns_set=True)


def _struct(names: list[str], row: tuple[Any, ...]) -> str:
    return "{" + ", ".join(f"'{n}': {_literal(v)}" for n, v in zip(names, row, strict=True)) + "}"


def _literal(value: object) -> str:
    return str(value) if isinstance(value, bool) else "'" + str(value).replace("'", "''") + "'"


FUNCTIONS: tuple[FunctionDef, ...] = (
    *_catalog_functions(),
    *_open_to_all(),
    *_sets(),
    function("pg_size_pretty", "int8", "text", "rv_size_pretty({0})"),
    function("pg_size_pretty", "numeric", "text", "rv_size_pretty(CAST({0} AS BIGINT))"),
    function("pg_is_other_temp_schema", "oid", "bool", "(CASE WHEN {0} IS NOT NULL THEN FALSE END)"),
    function("pg_my_temp_schema", "", "oid", "CAST(0 AS BIGINT)"),
)


def _size_pretty(size: int) -> str:
    """After pg_size_pretty: from kB on, a value keeps one bit more than is shown, to round by."""
    value, half = size, False
    for unit, limit in _UNITS:
        if abs(value) < limit:
            rounded = (abs(value) + 1) // 2 if half else abs(value)
            return f"{-rounded if value < 0 else rounded} {unit}"
        shifted = abs(value) >> (10 if half else 9)
        value, half = (-shifted if value < 0 else shifted), True
    raise AssertionError("the last unit takes every size")


STATIC_UDFS: tuple[Udf, ...] = (Udf("rv_size_pretty", _size_pretty, ("BIGINT",), "VARCHAR"),)


_PYTHON_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **CATALOG_FUNCTIONS,
    **PRIVILEGE_FUNCTIONS,
    "acldefault": privilege_functions.acldefault,
    "makeaclitem": privilege_functions.makeaclitem,
}


def _exploded(lookup: Lookup, items: list[str | None]) -> list[dict[str, Any]]:
    names = [name for name, _ in _EXPLODED]
    return [dict(zip(names, row, strict=True)) for row in privilege_functions.aclexplode(lookup, items)]


def udfs(
    lookup_of: Callable[[int], Lookup],
    relation_bytes: Callable[[int, int], int | None] = lambda _pid, _oid: None,
    database_bytes: Callable[[int, int | str], int | None] = lambda _pid, _given: None,
) -> tuple[Udf, ...]:
    """The functions for DuckDB; `lookup_of` gives the catalog as the session of a backend's process ID sees it.

    `relation_bytes` gives the size of a table or an index by OID, None when there is none; `database_bytes` that of a
    database by OID or name. All are called from DuckDB's threads while a statement of that session runs.
    """
    result = []
    sizes = _sizes(lookup_of, relation_bytes, database_bytes)
    for name, args, returned in _served():
        definition = function(name, args, returned, "")
        call = sizes.get(name) or _bound(_PYTHON_FUNCTIONS[name], lookup_of, strict=name not in _NULLABLE)
        types = tuple(duck_type(TypeRef(oid)) for oid in definition.args)
        returns = duck_type(TypeRef(definition.result))
        result.append(Udf(_udf_name(name, args), call, ("INTEGER", *types), returns, "special", volatile=True))
    call = _bound(_exploded, lookup_of, strict=True)
    result.append(Udf(f"{PREFIX}aclexplode", call, ("INTEGER", "VARCHAR[]"), _EXPLODED_TYPE, "special", volatile=True))
    for name, (read, write) in REG_TYPES.items():
        for way, call, source, target in (("in", read, "VARCHAR", "BIGINT"), ("out", write, "BIGINT", "VARCHAR")):
            bound = _bound(call, lookup_of, strict=True)
            result.append(Udf(f"{PREFIX}{name}_{way}", bound, ("INTEGER", source), target, "special", volatile=True))
    return tuple(result)


def _sizes(
    lookup_of: Callable[[int], Lookup],
    relation_bytes: Callable[[int, int], int | None],
    database_bytes: Callable[[int, int | str], int | None],
) -> dict[str, Callable[..., Any]]:
    def own(pid: int, oid: int | None, _fork: str = "main") -> int | None:
        return None if oid is None else relation_bytes(pid, oid)

    def indexes(pid: int, oid: int | None) -> int | None:
        if oid is None or own(pid, oid) is None:
            return None
        return sum(own(pid, index.oid) or 0 for index in lookup_of(pid).catalog.indexes_of(oid))

    def total(pid: int, oid: int | None) -> int | None:
        table = own(pid, oid)
        return None if table is None else table + (indexes(pid, oid) or 0)

    def database(pid: int, given: int | str | None) -> int | None:
        return None if given is None else database_bytes(pid, given)

    return {
        "pg_relation_size": own,
        "pg_table_size": own,
        "pg_indexes_size": indexes,
        "pg_total_relation_size": total,
        "pg_database_size": database,
    }


def _bound(call: Callable[..., Any], lookup_of: Callable[[int], Lookup], *, strict: bool) -> Callable[..., Any]:
    def run(pid: int, *args: Any) -> Any:
        if args[0] is None or (strict and None in args):
            return None
        return call(lookup_of(pid), *args)

    return run
