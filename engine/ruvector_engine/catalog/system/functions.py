"""The catalog functions of SQL (format_type, pg_get_indexdef, regclass in and out, ...), in pure Python.

Each takes a `Lookup` and then its SQL arguments in the registry's Python forms. All are strict but format_type, whose
type modifier may be NULL (None).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ruvector_engine.catalog import made_types
from ruvector_engine.catalog.cluster import is_shared
from ruvector_engine.catalog.databases import PG_DATABASE
from ruvector_engine.catalog.model import IndexDef
from ruvector_engine.catalog.system import objects, text_search
from ruvector_engine.catalog.system.access import extension_of, operator_classes
from ruvector_engine.catalog.system.callables import existing_procedures, operators, procedures
from ruvector_engine.catalog.system.definitions import (
    pg_get_constraintdef,
    pg_get_expr,
    pg_get_function_arguments,
    pg_get_function_identity_arguments,
    pg_get_function_result,
    pg_get_indexdef,
    pg_get_serial_sequence,
    pg_get_viewdef,
)
from ruvector_engine.catalog.system.dependencies import pg_describe_object
from ruvector_engine.catalog.system.extensions import EXTENSION_COMMENTS, EXTENSION_VERSIONS
from ruvector_engine.catalog.system.lookup import Lookup, system_schemas
from ruvector_engine.catalog.system.names import quote_identifier, schema_and_name, split_name
from ruvector_engine.catalog.system.oids import (
    DEFAULT_TABLESPACE,
    EXTENSIONS,
    GLOBAL_TABLESPACE,
    PG_AUTHID,
    PG_CLASS,
    PG_EXTENSION,
    PG_NAMESPACE,
    namespace_oid,
)
from ruvector_engine.catalog.system.relations import records
from ruvector_engine.catalog.system.roles import (
    pg_get_userbyid,
    pg_has_role,
    regrole_in,
    regrole_out,
    to_regrole,
)
from ruvector_engine.catalog.system.typenames import (
    format_type,
    pg_format_type,
    regtype_in,
    regtype_out,
    to_regtype,
    type_is_visible,
)
from ruvector_engine.errors import SqlError
from ruvector_engine.text_search import dictionaries

# ---------------------------------------------------------------- reg* types


def to_regclass(lookup: Lookup, text: str) -> int | None:
    """The OID of the relation a text names, or None."""
    if text.isdigit():
        return int(text)
    schema, name = schema_and_name(text)
    if schema is not None:
        objects.require_usage(objects.rights_of(lookup), lookup.catalog, schema)
    found = lookup.relation(schema, name)
    if found is None:
        places = (schema,) if schema else lookup.search_path
        made = (lookup.catalog.types.get((place, name)) for place in places)
        return next((t.relation_oid for t in made if isinstance(t, made_types.CompositeDef)), None)
    return found.oid


def regclass_in(lookup: Lookup, text: str) -> int:
    """Read a regclass: a relation's name, an OID in digits, or - for 0."""
    if text == "-":
        return 0
    oid = to_regclass(lookup, text)
    if oid is None:
        raise SqlError("42P01", f'relation "{".".join(split_name(text))}" does not exist')
    return oid


def regclass_out(lookup: Lookup, oid: int) -> str:
    """Print a regclass; an OID that is no relation's prints as digits."""
    relation = lookup.relations.get(oid)
    composite = None if relation else _composite(lookup, oid)
    if composite is not None:
        return format_type(lookup, composite.oid)
    return lookup.relation_name(relation) if relation else str(oid) if oid else "-"


def _composite(lookup: Lookup, relation_oid: int) -> made_types.CompositeDef | None:
    """The composite type that has this row in pg_class."""
    made = (t for t in lookup.catalog.types.values() if isinstance(t, made_types.CompositeDef))
    return next((t for t in made if t.relation_oid == relation_oid), None)


def _schemas(lookup: Lookup) -> dict[str, int]:
    return {name: namespace_oid(name) for name in (*system_schemas(), *lookup.catalog.schemas)}


def to_regnamespace(lookup: Lookup, text: str) -> int | None:
    """The OID of a schema, or None."""
    return int(text) if text.isdigit() else _schemas(lookup).get(split_name(text)[-1])


def regnamespace_in(lookup: Lookup, text: str) -> int:
    """Read a regnamespace."""
    oid = 0 if text == "-" else to_regnamespace(lookup, text)
    if oid is None:
        raise SqlError("3F000", f'schema "{split_name(text)[-1]}" does not exist')
    return oid


def regnamespace_out(lookup: Lookup, oid: int) -> str:
    """Print a regnamespace."""
    name = next((name for name, number in _schemas(lookup).items() if number == oid), None)
    return quote_identifier(name) if name else str(oid) if oid else "-"


def regconfig_in(_lookup: Lookup, text: str) -> int:
    """Read a regconfig."""
    return 0 if text == "-" else dictionaries.CONFIGURATIONS[dictionaries.known(text)]


def regconfig_out(_lookup: Lookup, oid: int) -> str:
    """Print a regconfig."""
    return dictionaries.configuration_name(oid) if oid else "-"


def regdictionary_in(_lookup: Lookup, text: str) -> int:
    """Read a regdictionary."""
    plain = split_name(text)[-1]
    found = next((oid for oid, name in dictionaries.DICTIONARY_NAMES.items() if name == plain), None)
    if found is None:
        raise SqlError("42704", f'text search dictionary "{text}" does not exist')
    return found


def regdictionary_out(_lookup: Lookup, oid: int) -> str:
    """Print a regdictionary."""
    return dictionaries.DICTIONARY_NAMES.get(oid, str(oid)) if oid else "-"


def _procedures_named(lookup: Lookup, text: str) -> list[int]:
    name = split_name(text)[-1]
    return [p.oid for p in existing_procedures(lookup.catalog) if p.name == name]


def to_regproc(lookup: Lookup, text: str) -> int | None:
    """The OID of the one function of that name, or None."""
    if text.isdigit():
        return int(text)
    found = _procedures_named(lookup, text)
    return found[0] if len(found) == 1 else None


def regproc_in(lookup: Lookup, text: str) -> int:
    """Read a regproc: the name must mean one function."""
    oid = 0 if text == "-" else to_regproc(lookup, text)
    if oid is not None:
        return oid
    if _procedures_named(lookup, text):
        raise SqlError("42725", f'more than one function named "{text}"')
    raise SqlError("42883", f'function "{text}" does not exist')


def regproc_out(lookup: Lookup, oid: int) -> str:
    """Print a regproc."""
    procedure = procedures().get(oid)
    if procedure is None:
        return str(oid) if oid else "-"
    same = [p for p in existing_procedures(lookup.catalog) if p.name == procedure.name]
    name = quote_identifier(procedure.name)
    bare = len(same) <= 1 and procedure.schema in lookup.search_path
    return name if bare else f"{procedure.schema}.{name}"


# ---------------------------------------------------------------- visibility


def pg_table_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of a relation finds it."""
    relation = lookup.relations.get(oid)
    composite = None if relation else _composite(lookup, oid)
    if composite is not None:
        return type_is_visible(lookup, composite.oid)
    return lookup.is_visible(relation) if relation else None


def pg_type_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of a type finds it."""
    return type_is_visible(lookup, oid)


def pg_function_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of a function finds it."""
    procedure = procedures().get(oid)
    return procedure.schema in lookup.search_path if procedure else None


def pg_opclass_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of an operator class finds it."""
    if oid not in operator_classes():
        return None
    return ("public" if extension_of(oid) else "pg_catalog") in lookup.search_path


def pg_operator_is_visible(lookup: Lookup, oid: int) -> bool | None:
    """Whether the bare name of an operator finds it."""
    operator = operators().get(oid)
    return ("public" if operator.extension else "pg_catalog") in lookup.search_path if operator else None


def pg_collation_is_visible(_lookup: Lookup, _oid: int) -> bool | None:
    """Whether the bare name of a collation finds it: all are in pg_catalog."""
    return True


# ---------------------------------------------------------------- names of other things


def obj_description(lookup: Lookup, oid: int, catalog: str = "") -> str | None:
    """An object's comment; without the name of its catalog, the comment of whatever has the OID."""
    classes = {"pg_class": PG_CLASS, "pg_namespace": PG_NAMESPACE, "pg_extension": PG_EXTENSION}
    for (classoid, objoid, part), text in lookup.catalog.comments.items():
        if objoid == oid and not part and not is_shared(classoid) and classes.get(catalog, classoid) == classoid:
            return text
    for (name, number), text in text_search.DESCRIPTIONS.items():
        if number == oid and catalog in ("", name):
            return text
    return next((EXTENSION_COMMENTS[name] for name, number in EXTENSIONS.items() if number == oid), None)


def col_description(lookup: Lookup, table: int, column: int) -> str | None:
    """A column's comment."""
    return lookup.catalog.comments.get((PG_CLASS, table, column))


def shobj_description(lookup: Lookup, oid: int, catalog: str) -> str | None:
    """A shared object's comment: roles and databases have one."""
    classoid = {"pg_authid": PG_AUTHID, "pg_database": PG_DATABASE}.get(catalog, 0)
    return lookup.catalog.comments.get((classoid, oid, 0))


def pg_tablespace_location(_lookup: Lookup, oid: int) -> str | None:
    """A tablespace's folder: empty, as there are the built-in ones only."""
    return "" if oid in (DEFAULT_TABLESPACE, GLOBAL_TABLESPACE) else None


def pg_relation_is_publishable(_lookup: Lookup, _oid: int) -> bool:
    """Whether a publication could hold the relation: there are none."""
    return False


def pg_get_statisticsobjdef_columns(_lookup: Lookup, _oid: int) -> None:
    """The columns of extended statistics: there are none."""


def pg_get_ruledef(_lookup: Lookup, _oid: int, _pretty: bool = False) -> None:
    """A rule's definition: there are none."""


def pg_get_triggerdef(_lookup: Lookup, _oid: int, _pretty: bool = False) -> None:
    """A trigger's definition: there are none."""


def pg_get_partkeydef(_lookup: Lookup, _oid: int) -> None:
    """A partitioned table's key: there are none."""


def pg_index_column_has_property(lookup: Lookup, oid: int, column: int, name: str) -> bool | None:
    """What an index column can do."""
    index = lookup.relations.get(oid)
    if not isinstance(index, IndexDef) or not 1 <= column <= len(index.columns):
        return None
    ordered = index.method == "btree"
    properties = {
        "asc": ordered, "desc": False, "nulls_first": False, "nulls_last": ordered, "orderable": ordered,
        "distance_orderable": index.is_vector, "returnable": ordered, "search_array": ordered,
        "search_nulls": ordered,
    }  # fmt: skip
    return properties.get(name)


# ---------------------------------------------------------------- functions that return rows


def pg_available_extensions(_lookup: Lookup) -> list[tuple[str, str, str]]:
    """Rows (name, default_version, comment)."""
    return [(name, version, EXTENSION_COMMENTS[name]) for name, version in EXTENSION_VERSIONS.items()]


def pg_get_keywords(_lookup: Lookup) -> list[tuple[str, str, bool, str, str]]:
    """Rows (word, catcode, barelabel, catdesc, baredesc)."""
    return [(word, code, bare == "t", text, note) for word, code, bare, text, note in records("keywords")]


def pg_partition_ancestors(_lookup: Lookup, _relation: int) -> list[int]:
    """A partition and the tables above it: there are no partitions."""
    return []


#: SQL name -> function that returns rows: a list of values, or of tuples where a row has several columns.
SET_FUNCTIONS: Mapping[str, Callable[..., list[Any]]] = {
    f.__name__: f for f in (pg_available_extensions, pg_get_keywords, pg_partition_ancestors)
}

#: SQL name -> function that returns one value.
CATALOG_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"format_type": pg_format_type} | {
    f.__name__: f
    for f in (
        col_description, obj_description, pg_collation_is_visible, pg_describe_object,
        pg_function_is_visible, pg_get_constraintdef, pg_get_expr, pg_get_function_arguments,
        pg_get_function_identity_arguments, pg_get_function_result, pg_get_indexdef, pg_get_partkeydef,
        pg_get_ruledef, pg_get_serial_sequence, pg_get_statisticsobjdef_columns, pg_get_triggerdef,
        pg_get_userbyid, pg_get_viewdef, pg_has_role, pg_index_column_has_property, pg_opclass_is_visible,
        pg_operator_is_visible, pg_relation_is_publishable, pg_table_is_visible, pg_tablespace_location,
        pg_type_is_visible, shobj_description, to_regclass, to_regnamespace, to_regproc, to_regrole, to_regtype,
        *text_search.VISIBLE,
    )
}  # fmt: skip

#: reg* type -> (text to OID, OID to text), for casts and for the text form in results.
REG_TYPES: Mapping[str, tuple[Callable[[Lookup, str], int], Callable[[Lookup, int], str]]] = {
    "regclass": (regclass_in, regclass_out),
    "regtype": (regtype_in, regtype_out),
    "regnamespace": (regnamespace_in, regnamespace_out),
    "regrole": (regrole_in, regrole_out),
    "regproc": (regproc_in, regproc_out),
    "regconfig": (regconfig_in, regconfig_out),
    "regdictionary": (regdictionary_in, regdictionary_out),
}
