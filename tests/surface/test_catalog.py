"""The catalogs describe pgvector's objects as PostgreSQL's do: whatever the extension makes there is here.

Each query names what it finds by name, so that OIDs do not matter; a row that only one server has is an error.
"""

from __future__ import annotations

import psycopg
import pytest
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

_MEMBERS = """
SELECT d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
WHERE e.extname = 'vector' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.classid = '{}'::regclass
"""
_TYPE_NAMES = "SELECT oid FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec')"

QUERIES = {
    "extension": """
        SELECT extname, extversion, extrelocatable, extconfig, extcondition, n.nspname
        FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'""",
    "members": """
        SELECT c.relname, count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        JOIN pg_class c ON c.oid = d.classid
        WHERE e.extname = 'vector' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' GROUP BY 1""",
    "types": f"""
        SELECT typname, typlen, typbyval, typtype, typcategory, typispreferred, typdelim, typinput::regproc::text,
        typoutput::regproc::text, typreceive::regproc::text, typsend::regproc::text, typmodin::regproc::text,
        typmodout::oid, typalign, typstorage FROM pg_type WHERE oid IN ({_MEMBERS.format("pg_type")})""",
    "functions": f"""
        SELECT proname, array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) t), ','),
        format_type(prorettype, NULL), prokind, provolatile, proisstrict, proretset, proparallel, lanname
        FROM pg_proc JOIN pg_language l ON l.oid = prolang WHERE pg_proc.oid IN ({_MEMBERS.format("pg_proc")})""",
    "operators": f"""
        SELECT o.oprname, format_type(o.oprleft, NULL), format_type(o.oprright, NULL), format_type(o.oprresult, NULL),
        o.oprkind, o.oprcanmerge, o.oprcanhash, f.proname, c.oprname, n.oprname
        FROM pg_operator o JOIN pg_proc f ON f.oid = o.oprcode LEFT JOIN pg_operator c ON c.oid = o.oprcom
        LEFT JOIN pg_operator n ON n.oid = o.oprnegate
        WHERE o.oid IN ({_MEMBERS.format("pg_operator")})""",
    "casts": f"""
        SELECT format_type(castsource, NULL), format_type(casttarget, NULL), castcontext, castmethod, p.proname
        FROM pg_cast LEFT JOIN pg_proc p ON p.oid = castfunc
        WHERE (castsource IN ({_TYPE_NAMES}) OR casttarget IN ({_TYPE_NAMES}))
        AND 'ruvector' NOT IN (format_type(castsource, NULL), format_type(casttarget, NULL))""",
    "aggregates": f"""
        SELECT p.proname, format_type(p.proargtypes[0], NULL), aggkind, aggnumdirectargs, step.proname,
        final.proname, combine.proname, aggfinalmodify, aggsortop,
        format_type(aggtranstype, NULL), agginitval
        FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid LEFT JOIN pg_proc step ON step.oid = aggtransfn
        LEFT JOIN pg_proc final ON final.oid = aggfinalfn LEFT JOIN pg_proc combine ON combine.oid = aggcombinefn
        WHERE p.oid IN ({_MEMBERS.format("pg_proc")})""",
    "operator classes": f"""
        SELECT amname, opcname, format_type(opcintype, NULL), opcdefault, format_type(opckeytype, NULL), opfname
        FROM pg_opclass JOIN pg_am a ON a.oid = opcmethod JOIN pg_opfamily f ON f.oid = opcfamily
        WHERE pg_opclass.oid IN ({_MEMBERS.format("pg_opclass")})""",
    "operators of families": f"""
        SELECT f.opfname, amname, amopstrategy, amoppurpose, oprname, format_type(amoplefttype, NULL),
        format_type(amoprighttype, NULL), s.opfname
        FROM pg_amop JOIN pg_opfamily f ON f.oid = amopfamily JOIN pg_am a ON a.oid = amopmethod
        JOIN pg_operator o ON o.oid = amopopr LEFT JOIN pg_opfamily s ON s.oid = amopsortfamily
        WHERE f.oid IN ({_MEMBERS.format("pg_opfamily")})""",
    "functions of families": f"""
        SELECT opfname, amname, amprocnum, proname, format_type(amproclefttype, NULL),
        format_type(amprocrighttype, NULL)
        FROM pg_amproc JOIN pg_opfamily f ON f.oid = amprocfamily JOIN pg_am a ON a.oid = opfmethod
        JOIN pg_proc p ON p.oid = amproc WHERE f.oid IN ({_MEMBERS.format("pg_opfamily")})""",
    "access methods": f"""
        SELECT amname, amtype, amhandler::regproc::text FROM pg_am WHERE oid IN ({_MEMBERS.format("pg_am")})""",
}


def _rows(dsn: str, query: str) -> set[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        return set(connection.execute(query).fetchall())


@pytest.mark.parametrize("kind", QUERIES)
def test_pgvectors_objects(postgres: Postgres, ruvector: Server, kind: str) -> None:
    expected = _rows(postgres.dsn(), QUERIES[kind])
    found = _rows(ruvector.dsn(), QUERIES[kind])
    assert expected
    assert not expected - found, "missing here, or described otherwise"
    assert not found - expected, "not in pgvector"
