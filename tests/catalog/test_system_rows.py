"""Every system relation: its rows have its shape, its values their types' forms, and references lead somewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from tests.catalog.sample import sample_catalog

from ruvector_engine.catalog.model import ColumnDef
from ruvector_engine.catalog.system import (
    SYSTEM_VIEWS,
    AccessRule,
    Activity,
    HeldLock,
    IndexBuild,
    NameMapping,
    OpenCursor,
    RelationStatistics,
    SystemContext,
)
from ruvector_engine.setting_definitions import SettingOrigin
from ruvector_engine.types.registry import BY_OID

FORMS: Mapping[str, type] = {
    "bool": bool, "int2": int, "int4": int, "int8": int, "oid": int, "xid": int, "regproc": int, "regtype": int,
    "regclass": int, "float4": float, "float8": float, "text": str, "varchar": str, "name": str, "char": str,
    "inet": bytes, "timestamptz": int, "numeric": object, "interval": tuple, "bytea": bytes,
    "aclitem": str,
}  # fmt: skip


def context() -> SystemContext:
    return SystemContext(
        sample_catalog(),
        settings={"work_mem": "8192", "hnsw.ef_search": "40", "jit": "off", "my.own": "x"},
        origin=lambda name: SettingOrigin("session" if name == "work_mem" else "default", "x"),
        user="postgres",
        database="shop",
        statistics=lambda oid: RelationStatistics(rows=oid, bytes=9000),
        sequence_value=lambda oid: None,
        activity=(Activity(pid=7, user="postgres", database="shop", state="active", query="SELECT 1"),),
        progress=(IndexBuild(7, 16_500, 16_504, "CREATE INDEX", "building index", 10, 3),),
        cursors=(OpenCursor("c", "DECLARE c CURSOR FOR SELECT 1", holdable=True, scrollable=False, created=0),),
        locks=(
            HeldLock(7, "AccessExclusiveLock", granted=True, relation=16_500),
            HeldLock(7, "ShareLock", granted=False, advisory=(0, 5, 1)),
        ),
        access_rules=lambda: (
            AccessRule(1, "pg_hba.conf", 1, "host", ["all"], ["ann"], "::1", "::", "cert", ["map=m"]),
            AccessRule(None, "pg_hba.conf", 2, error="missing"),
        ),
        name_mappings=lambda: (NameMapping(1, "pg_ident.conf", 1, "m", "root", "ann"),),
    )


def records(schema: str, name: str, given: SystemContext | None = None) -> list[dict[str, Any]]:
    view = SYSTEM_VIEWS[schema, name]
    names = [c.name for c in view.table.columns]
    return [dict(zip(names, row, strict=True)) for row in view.rows(given or context())]


def has_form(value: object, column: ColumnDef) -> bool:
    pg = column.type.pg
    if value is None:
        return not column.not_null
    if pg.element_oid:
        element = FORMS[BY_OID[pg.element_oid].name]
        return isinstance(value, list) and all(isinstance(v, element) for v in value)
    form = FORMS[pg.name]
    return isinstance(value, form) and (form is bool or not isinstance(value, bool))


@pytest.mark.parametrize(("schema", "name"), sorted(SYSTEM_VIEWS))
def test_rows_have_the_shape_and_the_forms_of_their_relation(schema: str, name: str) -> None:
    view = SYSTEM_VIEWS[schema, name]
    rows = view.rows(context())
    assert (not rows) == (view.changes == "never")
    for row in rows:
        assert len(row) == len(view.table.columns)
        wrong = [(c.name, v) for c, v in zip(view.table.columns, row, strict=True) if not has_form(v, c)]
        assert wrong == []


@pytest.mark.parametrize(
    ("relation", "column", "target", "key"),
    [
        ("pg_class", "relnamespace", "pg_namespace", "oid"),
        ("pg_class", "relam", "pg_am", "oid"),
        ("pg_class", "relowner", "pg_roles", "oid"),
        ("pg_attribute", "attrelid", "pg_class", "oid"),
        ("pg_attribute", "atttypid", "pg_type", "oid"),
        ("pg_attribute", "attcollation", "pg_collation", "oid"),
        ("pg_type", "typnamespace", "pg_namespace", "oid"),
        ("pg_type", "typelem", "pg_type", "oid"),
        ("pg_type", "typarray", "pg_type", "oid"),
        ("pg_type", "typinput", "pg_proc", "oid"),
        ("pg_type", "typreceive", "pg_proc", "oid"),
        ("pg_index", "indexrelid", "pg_class", "oid"),
        ("pg_index", "indrelid", "pg_class", "oid"),
        ("pg_opclass", "opcmethod", "pg_am", "oid"),
        ("pg_opclass", "opcfamily", "pg_opfamily", "oid"),
        ("pg_opclass", "opcintype", "pg_type", "oid"),
        ("pg_operator", "oprcode", "pg_proc", "oid"),
        ("pg_operator", "oprresult", "pg_type", "oid"),
        ("pg_proc", "prorettype", "pg_type", "oid"),
        ("pg_proc", "prolang", "pg_language", "oid"),
        ("pg_cast", "castsource", "pg_type", "oid"),
        ("pg_constraint", "conrelid", "pg_class", "oid"),
        ("pg_constraint", "conindid", "pg_class", "oid"),
        ("pg_sequence", "seqrelid", "pg_class", "oid"),
        ("pg_attrdef", "adrelid", "pg_class", "oid"),
        ("pg_extension", "extnamespace", "pg_namespace", "oid"),
        ("pg_stat_user_tables", "relid", "pg_class", "oid"),
    ],
)
def test_references_lead_to_rows(relation: str, column: str, target: str, key: str) -> None:
    known = {row[key] for row in records("pg_catalog", target)} | {0}
    dangling = [row for row in records("pg_catalog", relation) if row[column] not in known]
    assert dangling == []


@pytest.mark.parametrize("relation", ["pg_class", "pg_type", "pg_proc", "pg_opclass", "pg_operator", "pg_constraint"])
def test_oids_are_unique(relation: str) -> None:
    oids = [row["oid"] for row in records("pg_catalog", relation)]
    assert len(oids) == len(set(oids))


def test_index_classes_lead_to_operator_classes() -> None:
    known = {row["oid"] for row in records("pg_catalog", "pg_opclass")}
    assert all(set(row["indclass"]) <= known for row in records("pg_catalog", "pg_index"))


def test_an_extension_brings_its_objects() -> None:
    bare = SystemContext(
        type(sample_catalog())(1, {}, frozenset({"public"}), frozenset())  # nothing created at all
    )
    for relation, column in (("pg_type", "typname"), ("pg_am", "amname"), ("pg_extension", "extname")):
        before = {row[column] for row in records("pg_catalog", relation, bare)}
        after = {row[column] for row in records("pg_catalog", relation)}
        assert before < after
    assert not [r for r in records("pg_catalog", "pg_proc", bare) if r["proname"] == "l2_distance"]


def test_sizes_and_activity_come_from_the_context() -> None:
    items = next(r for r in records("pg_catalog", "pg_class") if r["relname"] == "items")
    assert (items["reltuples"], items["relpages"]) == (16_500.0, 2)
    assert math.isclose(next(r["n_live_tup"] for r in records("pg_catalog", "pg_stat_user_tables")), 16_500)
    assert [r["pid"] for r in records("pg_catalog", "pg_stat_activity")] == [7]
    assert [r["tuples_done"] for r in records("pg_catalog", "pg_stat_progress_create_index")] == [3]


def test_settings_come_with_their_limits_and_units() -> None:
    rows = {r["name"]: r for r in records("pg_catalog", "pg_settings")}
    shown = ("setting", "unit", "vartype", "min_val", "max_val", "boot_val", "source")
    assert {name: tuple(row[c] for c in shown) for name, row in rows.items()} == {
        "hnsw.ef_search": ("40", None, "integer", "1", "1000", "40", "default"),
        "jit": ("off", None, "bool", None, None, "off", "default"),
        "work_mem": ("8192", "kB", "integer", "64", "2147483647", "4096", "session"),
    }
