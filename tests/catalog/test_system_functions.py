"""The catalog functions inside DuckDB: each signature has a function behind it, which sees its session's catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.catalog.sample import sample_catalog

from ruvector_engine.catalog.system.functions import SET_FUNCTIONS
from ruvector_engine.catalog.system.lookup import Lookup
from ruvector_engine.errors import SqlError
from ruvector_engine.relational.duck import Store
from ruvector_engine.sql.functions.system import PREFIX, udfs

VISIBLE, HIDDEN = 1, 2
PATHS = {VISIBLE: ("public",), HIDDEN: ("pg_catalog",)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two sessions: one has public in its path, the other has not."""
    lookups = {s: Lookup.of(sample_catalog(), path, user="postgres") for s, path in PATHS.items()}
    opened = Store(Path(tmp_path_factory.mktemp("functions") / "db"), threads=1, memory=1 << 30, during=nullcontext())
    opened.register(udfs(lambda session: lookups[session]))
    yield opened
    opened.close()


CALLS: tuple[tuple[str, str, object, object], ...] = (
    ("format_type", "oid,int4", (16_388, 3), "vector(3)"),
    ("format_type", "oid,int4", (1042, None), "character"),
    ("format_type", "oid,int4", (None, 1), None),
    ("pg_table_is_visible", "oid", (16_500,), True),
    ("pg_table_is_visible", "oid", (99,), None),
    (
        "pg_get_indexdef",
        "oid,int4,bool",
        (16_505, 0, True),
        "CREATE INDEX items_category ON items USING btree (category)",
    ),
    ("pg_get_constraintdef", "oid", (16_502,), "PRIMARY KEY (id)"),
    ("pg_get_serial_sequence", "text,text", ("items", "id"), "public.items_id_seq"),
    ("pg_get_userbyid", "oid", (10,), "postgres"),
    ("pg_get_viewdef", "text", ("cheap",), " SELECT id, content FROM items WHERE price < 10;"),
    ("to_regclass", "text", ("nosuch",), None),
    ("to_regclass", "text", ("items",), 16_500),
)


@pytest.mark.parametrize(("name", "args", "values", "expected"), CALLS)
def test_calls(store: Store, name: str, args: str, values: tuple[Any, ...], expected: object) -> None:
    texts = ", ".join("NULL" if v is None else repr(v) for v in values)
    with store.connection() as connection:
        call = f"{PREFIX}{name}_{args.replace(',', '_')}({VISIBLE}, {texts})"
        assert connection.run(f"SELECT {call}") == [(expected,)]


def test_each_session_sees_its_own_path(store: Store) -> None:
    with store.connection() as connection:
        for session, name, vector in ((VISIBLE, "items", "vector"), (HIDDEN, "public.items", "public.vector")):
            query = f"SELECT rv_catalog_regclass_out({session}, 16500), rv_catalog_regtype_out({session}, 16388)"
            assert connection.run(query) == [(name, vector)]
        with pytest.raises(SqlError, match='relation "items" does not exist'):
            connection.run(f"SELECT rv_catalog_regclass_in({HIDDEN}, 'items')")


def test_functions_that_return_rows() -> None:
    lookup = Lookup.of(sample_catalog(), ("public",), user="postgres")
    rows = {name: function(lookup) for name, function in SET_FUNCTIONS.items() if name != "pg_partition_ancestors"}
    versions = [("plpgsql", "1.0"), ("vector", "0.8.5"), ("ruvector", "0.3.0")]
    assert [row[:2] for row in rows["pg_available_extensions"]] == versions
    assert ("select", "R", True, "reserved", "can be bare label") in rows["pg_get_keywords"]
    assert SET_FUNCTIONS["pg_partition_ancestors"](lookup, 16_500) == []
