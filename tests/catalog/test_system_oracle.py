"""The system relations beside the real PostgreSQL's: the same tables give the same rows, whatever their OIDs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.catalog.record_system_data import DATA, record
from tests.catalog.sample import STATEMENTS, sample_catalog
from tests.oracle.postgres import Postgres

from ruvector_engine.catalog.system import SYSTEM_VIEWS, SystemContext
from ruvector_engine.catalog.system.definitions import pg_get_constraintdef, pg_get_indexdef, pg_get_serial_sequence
from ruvector_engine.catalog.system.dependencies import pg_describe_object
from ruvector_engine.catalog.system.functions import REG_TYPES, SET_FUNCTIONS
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.catalog.system.typenames import format_type, to_regtype
from ruvector_engine.errors import SqlError
from ruvector_engine.types.registry import BY_NAME

DATABASE = "system_views"
Record = dict[str, Any]

#: Which catalog the OIDs of a column lead to, and the column that names what is there.
REFERENCES = {
    "relnamespace": ("pg_namespace", "nspname"), "relam": ("pg_am", "amname"), "relowner": ("pg_roles", "rolname"),
    "atttypid": ("pg_type", "typname"), "attcollation": ("pg_collation", "collname"),
    "attrelid": ("pg_class", "relname"), "indexrelid": ("pg_class", "relname"), "indrelid": ("pg_class", "relname"),
    "indclass": ("pg_opclass", "opcname"), "indcollation": ("pg_collation", "collname"),
    "connamespace": ("pg_namespace", "nspname"), "conrelid": ("pg_class", "relname"),
    "conindid": ("pg_class", "relname"), "seqrelid": ("pg_class", "relname"), "seqtypid": ("pg_type", "typname"),
    "adrelid": ("pg_class", "relname"), "typnamespace": ("pg_namespace", "nspname"), "typelem": ("pg_type", "typname"),
    "typarray": ("pg_type", "typname"), "typcollation": ("pg_collation", "collname"),
    "enumtypid": ("pg_type", "typname"),
    "opcmethod": ("pg_am", "amname"), "opcintype": ("pg_type", "typname"), "opcnamespace": ("pg_namespace", "nspname"),
}  # fmt: skip

#: What differs on purpose: storage, privileges and transaction ids that are PostgreSQL's own; expressions kept as text.
#: Row types of tables do not exist here, nor do views' rules that can be written through.
DIFFERENT = {
    "oid", "reltype", "relfilenode", "relpages", "reltuples", "relallvisible", "relallfrozen", "reltoastrelid",
    "relfrozenxid", "relminmxid", "relacl", "adbin", "conbin", "is_insertable_into", "is_updatable", "view_definition",
    "indnullsnotdistinct",
}  # fmt: skip

COMPARED = (
    ("pg_catalog", "pg_class", "relname IN ('items', 'T b', 'items_id_seq', 'T b_A_seq', 'cheap', 'items_pkey',"
        " 'items_embedding_idx', 'items_category', 'T b_v_idx', 'pattern', 'T b_A_t_key', 'T b_select_key')",
        ("relname",)),
    ("pg_catalog", "pg_attribute", "attnum > 0 AND attrelid >= 16384 AND attrelid IN (SELECT oid FROM pg_class"
        " WHERE relkind <> 't' AND relname NOT LIKE 'pg_toast%')", ("attrelid", "attnum")),
    ("pg_catalog", "pg_enum", "true", ("enumlabel",)),
    ("pg_catalog", "pg_attrdef", "true", ("adrelid", "adnum")),
    ("pg_catalog", "pg_index", "indrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r' AND oid >= 16384)",
        ("indexrelid",)),
    ("pg_catalog", "pg_constraint", "conrelid >= 16384", ("conname",)),
    ("pg_catalog", "pg_sequence", "true", ("seqrelid",)),
    ("pg_catalog", "pg_indexes", "schemaname IN ('public', 'My Schema')", ("indexname",)),
    ("pg_catalog", "pg_sequences", "true", ("sequencename",)),
    ("pg_catalog", "pg_tables", "schemaname IN ('public', 'My Schema')", ("tablename",)),
    ("information_schema", "columns", "table_schema IN ('public', 'My Schema')", ("table_name", "ordinal_position")),
    ("information_schema", "tables", "table_schema IN ('public', 'My Schema')", ("table_name",)),
    ("information_schema", "table_constraints", "table_schema IN ('public', 'My Schema')", ("constraint_name",)),
    ("information_schema", "key_column_usage", "table_schema IN ('public', 'My Schema')",
        ("constraint_name", "ordinal_position")),
    ("information_schema", "constraint_column_usage", "table_schema IN ('public', 'My Schema')",
        ("constraint_name", "column_name")),
    ("information_schema", "check_constraints", "constraint_schema IN ('public', 'My Schema')", ("constraint_name",)),
    ("information_schema", "sequences", "true", ("sequence_name",)),
)  # fmt: skip


@pytest.fixture(scope="module")
def oracle(postgres: Postgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}")
    with psycopg.connect(postgres.dsn(DATABASE), autocommit=True) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
        yield connection


def context() -> SystemContext:
    return SystemContext(sample_catalog(), database=DATABASE)


def ours(schema: str, name: str) -> list[Record]:
    view = SYSTEM_VIEWS[schema, name]
    names = [c.name for c in view.table.columns]
    return [dict(zip(names, row, strict=True)) for row in view.rows(context())]


def theirs(oracle: psycopg.Connection, schema: str, name: str, where: str = "true") -> list[Record]:
    cursor = oracle.execute(f"SELECT * FROM {schema}.{name} WHERE {where}")
    names = [c.name for c in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def answer(oracle: psycopg.Connection, query: str, argument: str) -> Any:
    """The oracle's one value, or its error."""
    try:
        row = oracle.execute(query, (argument,)).fetchone()
    except psycopg.Error as error:
        return f"{error.sqlstate}: {error.diag.message_primary}"
    return row[0] if row else None


def numbers(value: object) -> list[int]:
    """An oidvector or int2vector: a text from the oracle, a list from us."""
    return [int(v) for v in (value.split() if isinstance(value, str) else value)]  # type: ignore[attr-defined]


class Names:
    """OIDs of one side as names."""

    def __init__(self, records: dict[str, list[Record]]) -> None:
        self.by_catalog = {
            catalog: {row["oid"]: row[column] for row in records[catalog]}
            for catalog, column in set(REFERENCES.values())
        }

    def named(self, column: str, value: Any) -> Any:
        if column in ("indkey", "indoption"):
            return numbers(value)
        if column not in REFERENCES:
            return value
        names = self.by_catalog[REFERENCES[column][0]]
        if column in ("indclass", "indcollation"):
            return [names.get(v, v) for v in numbers(value)]
        return names.get(value, value)

    def records(self, rows: list[Record], key: tuple[str, ...]) -> dict[tuple[Any, ...], Record]:
        named = [{c: self.named(c, v) for c, v in row.items() if c not in DIFFERENT} for row in rows]
        return {tuple(row[c] for c in key): row for row in named}


CATALOGS = {catalog for catalog, _ in REFERENCES.values()}


@pytest.mark.parametrize(("schema", "relation", "where", "key"), COMPARED, ids=[c[1] for c in COMPARED])
def test_same_rows(oracle: psycopg.Connection, schema: str, relation: str, where: str, key: tuple[str, ...]) -> None:
    real = Names({c: theirs(oracle, "pg_catalog", c) for c in CATALOGS})
    here = Names({c: ours("pg_catalog", c) for c in CATALOGS})
    expected = real.records(theirs(oracle, schema, relation, where), key)
    found = here.records(ours(schema, relation), key)
    if relation == "pg_sequences":
        for row in found.values():
            row["data_type"] = format_type(lookup(), row["data_type"])
    assert expected
    assert {k: found.get(k) for k in expected} == expected
    user_rows = {k for k in found if schema != "information_schema" or found[k].get("table_schema") != "pg_catalog"}
    if relation in ("pg_index", "pg_constraint", "pg_attrdef", "pg_sequence", "key_column_usage", "check_constraints"):
        assert user_rows == expected.keys()


@pytest.mark.parametrize(("relation", "key"), [("pg_type", "typname"), ("pg_opclass", "opcname")])
def test_same_built_in_objects(oracle: psycopg.Connection, relation: str, key: str) -> None:
    real = Names({c: theirs(oracle, "pg_catalog", c) for c in CATALOGS})
    here = Names({c: ours("pg_catalog", c) for c in CATALOGS})
    keys = (key, "opcmethod") if relation == "pg_opclass" else (key,)
    expected = real.records(theirs(oracle, "pg_catalog", relation), keys)
    found = here.records(ours("pg_catalog", relation), keys)
    functions = {c for c in next(iter(found.values())) if isinstance(next(iter(found.values()))[c], int)}
    assert found
    for name, row in found.items():
        wrong = {c: (v, expected[name][c]) for c, v in row.items() if v != expected[name][c] and c not in functions}
        assert wrong == {}, name


def lookup(*search_path: str) -> Lookup:
    return Lookup.of(sample_catalog(), search_path or ("public",), user="postgres")


@pytest.mark.parametrize("path", ["public", '"My Schema", public', "pg_catalog", "''"])
def test_definitions_are_the_same(oracle: psycopg.Connection, path: str) -> None:
    oracle.execute(f"SET search_path = {path}")
    found = lookup(*[part.strip().strip("'\"") for part in path.split(",")])
    try:
        for relation in ours("pg_catalog", "pg_class"):
            if relation["oid"] < 16_384:
                continue
            schema = next(
                n["nspname"] for n in ours("pg_catalog", "pg_namespace") if n["oid"] == relation["relnamespace"]
            )
            name = f'"{schema}"."{relation["relname"]}"'
            row = oracle.execute(
                "SELECT oid::regclass::text, pg_get_indexdef(oid), pg_get_indexdef(oid, 0, true),"
                " pg_get_indexdef(oid, 1, true), pg_table_is_visible(oid) FROM pg_class WHERE oid = %s::regclass",
                (name,),
            ).fetchone()
            oid = relation["oid"]
            assert row == (
                REG_TYPES["regclass"][1](found, oid),
                pg_get_indexdef(found, oid),
                pg_get_indexdef(found, oid, 0, True),
                pg_get_indexdef(found, oid, 1, True),
                found.is_visible(found.relations[oid]),
            )
    finally:
        oracle.execute("RESET search_path")


def test_constraint_definitions_are_the_same(oracle: psycopg.Connection) -> None:
    real = oracle.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid >= 16384")
    found = {c.name: pg_get_constraintdef(lookup(), c.oid) for c in lookup().constraints.values()}
    assert found == dict(real.fetchall())


@pytest.mark.parametrize(
    ("name", "typmod"),
    [
        ("numeric", (10 << 16 | 2) + 4), ("numeric", (3 << 16 | 2046) + 4), ("numeric", -1), ("bpchar", -1),
        ("bpchar", None), ("bpchar", 5), ("_bpchar", 9), ("_bpchar", -1), ("_bpchar", None), ("varchar", 14),
        ("_varchar", 14), ("timestamp", 3), ("timestamptz", 0), ("time", 2), ("interval", -1),
        ("interval", 0x7FFF0003), ("char", None), ("_char", None), ("int2vector", None), ("oidvector", -1),
        ("record", -1), ("any", None), ("bit", -1), ("_bit", None),
        ("int4", 5), ("_int2", -1), ("name", None), ("void", None), ("regclass", -1),
    ],
)  # fmt: skip
def test_format_type(oracle: psycopg.Connection, name: str, typmod: int | None) -> None:
    row = oracle.execute(
        "SELECT oid::int, format_type(oid, %s::int) FROM pg_type WHERE typname = %s", (typmod, name)
    ).fetchone()
    assert row is not None
    assert format_type(lookup(), row[0], typmod) == row[1]


def test_format_type_of_vectors_and_of_nothing(oracle: psycopg.Connection) -> None:
    vector, array = BY_NAME["vector"].oid, BY_NAME["_vector"].oid
    hidden = lookup("pg_catalog")
    assert [format_type(lookup(), vector, 3), format_type(lookup(), array, 3)] == ["vector(3)", "vector(3)[]"]
    assert [format_type(hidden, vector, 3), format_type(hidden, array)] == ["public.vector(3)", "public.vector[]"]
    assert [format_type(lookup(), 0), format_type(lookup(), 1)] == ["-", "???"]


REGTYPE_TEXTS = [
    "numeric(10,2)", "int", "INTEGER", "vector(3)[]", "character varying(10)", "double precision[]", "float(3)",
    "float(25)", "timestamp(3) with time zone", "timestamp without time zone", '"char"', "char", "nosuch", "char(3)[]",
    "int array", "bit", "bit[]",
    "VECTOR", "public.vector", "pg_catalog.int4", "_int4", "text[][]", '"Text"', "public.int4",
]  # fmt: skip


@pytest.mark.parametrize("text", REGTYPE_TEXTS)
def test_to_regtype(oracle: psycopg.Connection, text: str) -> None:
    row = oracle.execute("SELECT to_regtype(%s)::text", (text,)).fetchone()
    oid = to_regtype(lookup(), text)
    assert row == (None if oid is None else REG_TYPES["regtype"][1](lookup(), oid),)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[("regclass", t) for t in (
            "items", "ITEMS", "public.items", '"My Schema"."T b"', "pg_class", "pg_catalog.pg_class", "-", "nosuch",
            "nosuch.items", "a.b.c", "a.b.c.d", "x..y", "", "a b", '"', "information_schema.tables", " items ", "0",
        )],
        *[("regtype", t) for t in ("int4", "-", "nosuch", "nosuch[]", "nosuch.int4", "0", "vector")],
        *[("regnamespace", t) for t in ("public", "pg_catalog", '"My Schema"', "nosuch", "-")],
        *[("regrole", t) for t in ("postgres", "nosuch", "-")],
        *[("regproc", t) for t in ("int4in", "vector_in", "nosuch", "-", "hnswhandler")],
    ],
)  # fmt: skip
def test_reg_types(oracle: psycopg.Connection, kind: str, text: str) -> None:
    read, write = REG_TYPES[kind]
    expected = answer(oracle, f"SELECT %s::{kind}::text", text)
    try:
        found = write(lookup(), read(lookup(), text))
    except SqlError as error:
        found = f"{error.sqlstate}: {error.message}"
    assert found == expected


@pytest.mark.parametrize(("table", "column"), [("items", "id"), ("items", "content"), ('"My Schema"."T b"', "A")])
def test_serial_sequences(oracle: psycopg.Connection, table: str, column: str) -> None:
    row = oracle.execute("SELECT pg_get_serial_sequence(%s, %s)", (table, column)).fetchone()
    assert row == (pg_get_serial_sequence(lookup(), table, column),)


def test_extension_members_are_described_alike(oracle: psycopg.Connection) -> None:
    real = oracle.execute(
        "SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid"
        " WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'vector' AND deptype = 'e'"
    )
    members = [d for d in ours("pg_catalog", "pg_depend") if d["deptype"] == "e"]
    found = {pg_describe_object(lookup(), d["classid"], d["objid"], 0) for d in members}
    assert found == {row[0] for row in real.fetchall()}
    assert {"type vector", "access method hnsw", "operator <->(vector,vector)"} <= found
    assert {"function l2_distance(vector,vector)", "operator class vector_l2_ops for access method hnsw"} <= found


def test_keywords(oracle: psycopg.Connection) -> None:
    real = oracle.execute("SELECT * FROM pg_get_keywords() ORDER BY word").fetchall()
    assert sorted(SET_FUNCTIONS["pg_get_keywords"](lookup())) == real


def test_the_data_files_are_what_postgresql_says(postgres: Postgres, tmp_path: Path) -> None:
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE recording")
    record(postgres.dsn("recording"), tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_text() == (DATA / path.name).read_text()
