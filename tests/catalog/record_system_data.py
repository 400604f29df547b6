"""Records what PostgreSQL's catalogs hold for the built-in objects that exist here: the data files of catalog/system.

Run it against an empty database of PostgreSQL 18 with pgvector's files; it creates the extension:
    PYTHONPATH=engine python tests/catalog/record_system_data.py "host=/tmp port=5499 user=postgres dbname=empty"
pgvector's objects get OIDs at creation there; here each has a fixed one, counted from the extension's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

import ruvector_engine.catalog
from ruvector_engine.types.registry import ALL_TYPES

#: Where the data files live. (The package that reads them is not imported: it could not start without them.)
DATA = Path(ruvector_engine.catalog.__file__).parent / "system" / "data"

FIRST_USER_OID = 16_384
EXTENSION_OIDS = 15_000

#: Types of system columns that the registry has not, and what stands for them. information_schema's are domains.
SUBSTITUTES = {
    "_pg_statistic": "_text",
    "anyarray": "text",
    "cardinal_number": "int4",
    "character_data": "varchar",
    "cid": "xid",
    "pg_dependencies": "text",
    "pg_lsn": "text",
    "pg_mcv_list": "text",
    "pg_ndistinct": "text",
    "pg_node_tree": "text",
    "sql_identifier": "name",
    "time_stamp": "timestamptz",
    "yes_or_no": "varchar",
}

#: The relations that exist here: those with rows, and those that are rightly empty.
PG_CATALOG = [
    "pg_aggregate", "pg_am", "pg_amop", "pg_amproc",
    "pg_attrdef", "pg_attribute", "pg_auth_members", "pg_authid", "pg_available_extension_versions",
    "pg_available_extensions", "pg_cast", "pg_class", "pg_collation", "pg_constraint", "pg_conversion",
    "pg_cursors", "pg_database", "pg_db_role_setting", "pg_default_acl", "pg_depend", "pg_description",
    "pg_enum", "pg_event_trigger", "pg_extension", "pg_foreign_data_wrapper", "pg_foreign_server",
    "pg_foreign_table", "pg_group", "pg_hba_file_rules", "pg_ident_file_mappings", "pg_index", "pg_indexes",
    "pg_inherits", "pg_init_privs", "pg_language",
    "pg_largeobject_metadata", "pg_locks", "pg_matviews", "pg_namespace", "pg_opclass", "pg_operator",
    "pg_opfamily", "pg_parameter_acl", "pg_partitioned_table", "pg_policies", "pg_policy",
    "pg_prepared_xacts", "pg_proc", "pg_publication", "pg_publication_namespace", "pg_publication_rel",
    "pg_publication_tables", "pg_range", "pg_replication_origin", "pg_replication_slots", "pg_rewrite",
    "pg_roles", "pg_rules", "pg_seclabel", "pg_seclabels", "pg_sequence", "pg_sequences", "pg_settings",
    "pg_shadow", "pg_shdepend", "pg_shdescription", "pg_shseclabel", "pg_stat_activity",
    "pg_stat_all_indexes", "pg_stat_all_tables", "pg_stat_progress_create_index", "pg_stat_replication",
    "pg_stat_subscription", "pg_stat_user_indexes", "pg_stat_user_tables", "pg_statistic_ext",
    "pg_statistic_ext_data", "pg_subscription", "pg_subscription_rel", "pg_tables", "pg_tablespace",
    "pg_transform", "pg_trigger", "pg_ts_config", "pg_ts_config_map", "pg_ts_dict", "pg_ts_parser",
    "pg_ts_template", "pg_type", "pg_user", "pg_user_mapping", "pg_user_mappings", "pg_views",
]  # fmt: skip
INFORMATION_SCHEMA = [
    "administrable_role_authorizations", "applicable_roles",
    "check_constraints", "column_domain_usage", "column_privileges", "columns", "constraint_column_usage",
    "constraint_table_usage", "domain_constraints", "domains", "enabled_roles",
    "information_schema_catalog_name", "key_column_usage", "referential_constraints",
    "role_column_grants", "role_table_grants", "role_usage_grants", "schemata", "sequences",
    "table_constraints", "table_privileges", "tables", "triggers", "usage_privileges", "user_defined_types", "views",
]  # fmt: skip

#: Types that hold no values here: those that signatures name.
NAMED_TYPES = [
    "any",
    "anyarray",
    "anyelement",
    "anyenum",
    "anyrange",
    "cstring",
    "_cstring",
    "index_am_handler",
    "internal",
    "table_am_handler",
    "anynonarray",
    "anycompatible",
    "anycompatiblearray",
    "anycompatiblenonarray",
]

RELATIONS_SQL = """
SELECT c.oid, c.relkind, n.nspname || '.' || c.relname, a.attname, t.typname, a.attnotnull
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 JOIN pg_type t ON t.oid = a.atttypid
WHERE (n.nspname = 'pg_catalog' AND c.relname = ANY (%s)) OR (n.nspname = 'information_schema' AND c.relname = ANY (%s))
ORDER BY n.nspname DESC, c.relname, a.attnum
"""
TYPES_SQL = """
SELECT t.oid, typname, typlen, typbyval, typtype, typcategory, typispreferred, typdelim, typelem, typarray,
  typinput::oid, typoutput::oid, typreceive::oid, typsend::oid, typmodin::oid, typmodout::oid, typanalyze::oid,
  typsubscript::oid, typalign, typstorage, typcollation
FROM pg_type t WHERE typname = ANY (%s) ORDER BY t.oid
"""
PROCS_SQL = """
SELECT p.oid, proname, prokind, provolatile, proisstrict, proretset, l.lanname, r.typname,
  array_to_string(array(SELECT t.typname FROM unnest(proargtypes) WITH ORDINALITY a(o, n) JOIN pg_type t ON t.oid = o
    ORDER BY n), ',')
FROM pg_proc p JOIN pg_language l ON l.oid = prolang JOIN pg_type r ON r.oid = prorettype
WHERE r.typname = ANY (%s) AND NOT EXISTS (
  SELECT FROM unnest(proargtypes) AS a(o) JOIN pg_type t ON t.oid = a.o WHERE NOT t.typname = ANY (%s))
ORDER BY p.oid
"""
OPERATORS_SQL = """
SELECT o.oid, oprname, oprkind, oprcanmerge, oprcanhash, coalesce(l.typname, '-'), r.typname, b.typname,
  oprcom, oprnegate, oprcode::oid
FROM pg_operator o LEFT JOIN pg_type l ON l.oid = oprleft JOIN pg_type r ON r.oid = oprright
JOIN pg_type b ON b.oid = oprresult
WHERE coalesce(l.typname, '-') = ANY (%s) AND r.typname = ANY (%s) AND b.typname = ANY (%s) ORDER BY o.oid
"""
OPCLASSES_SQL = """
SELECT c.oid, amname, opcname, f.oid, opfname, t.typname, opcdefault, coalesce(k.typname, '-')
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN pg_opfamily f ON f.oid = opcfamily
JOIN pg_type t ON t.oid = opcintype LEFT JOIN pg_type k ON k.oid = opckeytype
WHERE amname IN ('btree', 'hash', 'hnsw', 'ivfflat') AND (c.oid >= 16384 OR t.typname = ANY (%s)) ORDER BY 2, 3
"""
#: Aggregates whose steps are functions that exist here: pgvector's. Others have none that could be named.
AGGREGATES_SQL = """
SELECT aggfnoid::oid, aggtransfn::oid, aggfinalfn::oid, aggcombinefn::oid, t.typname, agginitval
FROM pg_aggregate JOIN pg_type t ON t.oid = aggtranstype WHERE aggfnoid >= 16384 ORDER BY aggfnoid::oid
"""
#: Of pgvector's operator families.
AMOPS_SQL = """
SELECT o.oid, amopfamily, l.typname, r.typname, amopstrategy, amoppurpose, amopopr, amopmethod,
  amopsortfamily
FROM pg_amop o JOIN pg_type l ON l.oid = amoplefttype JOIN pg_type r ON r.oid = amoprighttype
WHERE o.oid >= 16384 ORDER BY o.oid
"""
AMPROCS_SQL = """
SELECT p.oid, amprocfamily, l.typname, r.typname, amprocnum, amproc::oid
FROM pg_amproc p JOIN pg_type l ON l.oid = amproclefttype JOIN pg_type r ON r.oid = amprocrighttype
WHERE p.oid >= 16384 ORDER BY p.oid
"""
#: Functions that are not safe in parallel workers; the others are.
PARALLEL_SQL = """
SELECT p.oid, proparallel FROM pg_proc p
WHERE proparallel <> 's' AND (p.oid < 13000 OR p.oid >= 16384) ORDER BY p.oid
"""
KEYWORDS_SQL = "SELECT word, catcode, barelabel, catdesc, baredesc FROM pg_get_keywords() ORDER BY word"
CASTS_SQL = """
SELECT c.oid, s.typname, t.typname, castfunc::oid, castcontext, castmethod
FROM pg_cast c JOIN pg_type s ON s.oid = castsource JOIN pg_type t ON t.oid = casttarget
WHERE c.oid >= 16384 OR (s.typname = ANY (%s) AND t.typname = ANY (%s)) ORDER BY c.oid
"""
TYPE_OIDS = (0, 8, 9, *range(10, 18))


def fixed(oid: object, extension_oid: int) -> str:
    """The OID an object has here."""
    number = int(str(oid))
    return str(number - extension_oid + EXTENSION_OIDS if number >= FIRST_USER_OID else number)


def text(value: object) -> str:
    """One field of a data line."""
    if isinstance(value, bool):
        return "t" if value else "f"
    return "-" if value is None else str(value)


def relation_lines(cursor: psycopg.Cursor) -> list[str]:
    """`oid kind schema.name column:type[!] ...`; ! marks NOT NULL."""
    lines: dict[str, list[str]] = {}
    cursor.execute(RELATIONS_SQL, (PG_CATALOG, INFORMATION_SCHEMA))
    for oid, kind, name, column, type_name, not_null in cursor.fetchall():
        line = lines.setdefault(name, [str(oid), kind, name])
        line.append(f"{column}:{SUBSTITUTES.get(type_name, type_name)}{'!' if not_null else ''}")
    return ["\t".join(line) for line in lines.values()]


def plain_lines(
    cursor: psycopg.Cursor, sql: str, arguments: tuple[object, ...], oid_fields: tuple[int, ...] = ()
) -> list[str]:
    """One tab-separated line a row; the OIDs of extension objects become the fixed ones."""
    found = cursor.execute("SELECT oid FROM pg_extension WHERE extname = 'vector'").fetchone()
    assert found is not None
    cursor.execute(sql, arguments)
    return [
        "\t".join(fixed(v, found[0]) if i in oid_fields else text(v) for i, v in enumerate(row))
        for row in cursor.fetchall()
    ]


def record(conninfo: str, target: Path = DATA) -> None:
    """Write all data files."""
    registered = [t.name for t in ALL_TYPES]
    types = registered + NAMED_TYPES
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION vector")
        files = {
            "relations": relation_lines(cursor),
            "types": plain_lines(cursor, TYPES_SQL, (types,), TYPE_OIDS),
            "procs": plain_lines(cursor, PROCS_SQL, (types, types), (0,)),
            "operators": plain_lines(cursor, OPERATORS_SQL, ([*types, "-"], types, types), (0, 8, 9, 10)),
            "opclasses": plain_lines(cursor, OPCLASSES_SQL, (types,), (0, 3)),
            "aggregates": plain_lines(cursor, AGGREGATES_SQL, (), (0, 1, 2, 3)),
            "amops": plain_lines(cursor, AMOPS_SQL, (), (0, 1, 6, 7, 8)),
            "amprocs": plain_lines(cursor, AMPROCS_SQL, (), (0, 1, 5)),
            "parallel": plain_lines(cursor, PARALLEL_SQL, (), (0,)),
            "keywords": plain_lines(cursor, KEYWORDS_SQL, ()),
            "casts": plain_lines(cursor, CASTS_SQL, (registered, registered), (0, 3)),
        }
    for name, lines in files.items():
        (target / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1])
