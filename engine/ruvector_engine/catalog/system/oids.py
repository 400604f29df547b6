"""OIDs of what the catalog gives none: PostgreSQL's own where it has one, else derived from the name and so stable."""

from __future__ import annotations

from zlib import crc32

from ruvector_engine.catalog.databases import PG_DATABASE as PG_DATABASE  # with the other classes

#: The bootstrap superuser, who owns all that nobody else does.
OWNER = 10
DEFAULT_TABLESPACE = 1663
GLOBAL_TABLESPACE = 1664
DEFAULT_COLLATION = 100
TABLESPACES = {"pg_default": DEFAULT_TABLESPACE, "pg_global": GLOBAL_TABLESPACE}

#: Catalogs, as classid and refclassid name them.
PG_CLASS, PG_TYPE, PG_PROC, PG_ATTRDEF, PG_CONSTRAINT, PG_EXTENSION = 1259, 1247, 1255, 2604, 2606, 3079
PG_REWRITE = 2618
PG_AUTHID, PG_TABLESPACE = 1260, 1213
PG_AM, PG_CAST, PG_NAMESPACE, PG_OPCLASS, PG_OPERATOR, PG_OPFAMILY = 2601, 2605, 2615, 2616, 2617, 2753

#: Not among the system's own, which pg_dump leaves out.
EXTENSIONS = {"plpgsql": 12_771, "vector": 16_384, "ruvector": 16_385}
NAMESPACES = {"pg_catalog": 11, "public": 2200, "information_schema": 12_421}
ACCESS_METHODS = {
    "heap": 2,
    "btree": 403,
    "hash": 405,
    "gist": 783,
    "gin": 2742,
    "spgist": 4000,
    "brin": 3580,
    "ivfflat": 15_063,
    "hnsw": 15_065,
    # Other names of these two, which no index keeps.
    "ruivfflat": 14_990,
    "ruhnsw": 14_991,
}
LANGUAGES = {"internal": 12, "c": 13, "sql": 14, "plpgsql": 12_775}

_DERIVED_BASE = 1 << 30


def derived(*parts: str | int) -> int:
    """An OID above all that are counted up, always the same for the same parts."""
    return _DERIVED_BASE | crc32("\0".join(map(str, parts)).encode()) & (_DERIVED_BASE - 1)


def namespace_oid(schema: str) -> int:
    """The OID of a schema."""
    return NAMESPACES.get(schema) or derived("namespace", schema)


def extension_oid(name: str) -> int:
    """The OID of an extension."""
    return EXTENSIONS.get(name) or derived("extension", name)


def default_oid(table_oid: int, attnum: int) -> int:
    """The pg_attrdef OID of a column's default."""
    return derived("default", table_oid, attnum)


def rule_oid(view_oid: int) -> int:
    """The pg_rewrite OID of the rule that is a view's query."""
    return derived("rule", view_oid)


def not_null_oid(table_oid: int, attnum: int) -> int:
    """The pg_constraint OID of a column's NOT NULL."""
    return derived("not null", table_oid, attnum)
