"""Every function, operator, aggregate and cast of pgvector answers with PostgreSQL's digits, types and errors.

What there is comes from PostgreSQL's catalogs, the values from `samples`: each call goes to both servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from tests.congruence.runner import Sessions, is_error, run
from tests.congruence.script import Record
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server
from tests.surface.samples import BY_TYPE

_MEMBERS = "SELECT objid FROM pg_depend WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vector')"
FUNCTIONS = f"""
SELECT proname || '|' || array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) t), ',')
FROM pg_proc WHERE prokind = 'f' AND oid IN ({_MEMBERS}) AND NOT 'internal'::regtype = ANY (proargtypes) ORDER BY 1
"""
OPERATORS = f"""
SELECT oprname || '|' || format_type(oprleft, NULL) || ',' || format_type(oprright, NULL)
FROM pg_operator WHERE oid IN ({_MEMBERS}) ORDER BY 1
"""
AGGREGATES = f"""
SELECT proname || '|' || format_type(proargtypes[0], NULL)
FROM pg_proc WHERE prokind = 'a' AND oid IN ({_MEMBERS}) ORDER BY 1
"""
#: Types that values of pgvector's are cast from and to.
CAST_TYPES = (
    "vector", "halfvec", "sparsevec", "real[]", "double precision[]", "integer[]", "numeric[]", "text",
    "character varying",
)  # fmt: skip
#: Modifiers that a cast's target may have.
MODIFIERS = ("vector(3)", "halfvec(3)", "sparsevec(3)")
#: How many calls go into one SELECT.
BATCH = 50


def _run(sql: str, sessions: Sessions) -> list[str]:
    return run(Record(0, "query", sql, []), sessions, "simple")


class Both:
    """The two servers, asked the same."""

    def __init__(self, oracle: Sessions, ours: Sessions) -> None:
        self._oracle = oracle
        self._ours = ours

    def listed(self, query: str) -> list[list[str]]:
        """The oracle's rows of one text column, split at the bar."""
        return [line.replace("\\|", "|").rsplit("|", 1) for line in _run(query, self._oracle)[1:-1]]

    def differences(self, statements: Sequence[str]) -> list[str]:
        """The statements with another outcome here, and both outcomes."""
        return [
            f"{statement}\n  expected {expected}\n  answered {answered}"
            for statement in statements
            if (expected := _run(statement, self._oracle)) != (answered := _run(statement, self._ours))
        ]

    def compare(self, expressions: Sequence[str]) -> None:
        """Fail where an expression has another value or error; those with a value go in batches."""
        failing = [e for e in expressions if is_error(_run(f"SELECT {e}", self._oracle))]
        working = [e for e in expressions if e not in set(failing)]
        differing = self.differences([f"SELECT {e}" for e in failing])
        for start in range(0, len(working), BATCH):
            batch = working[start : start + BATCH]
            if self.differences([f"SELECT {', '.join(batch)}"]):
                differing += self.differences([f"SELECT {e}" for e in batch])
        assert not differing, f"{len(differing)} of {len(expressions)} differ:\n" + "\n".join(differing[:20])


@pytest.fixture(scope="module")
def both(postgres: Postgres, ruvector: Server) -> Iterator[Both]:
    oracle, ours = Sessions(postgres.dsn()), Sessions(ruvector.dsn())
    try:
        for sessions in (oracle, ours):
            _run("CREATE EXTENSION IF NOT EXISTS vector", sessions)
            sessions.notices("main")
        yield Both(oracle, ours)
    finally:
        oracle.close()
        ours.close()


def test_functions(both: Both) -> None:
    functions = both.listed(FUNCTIONS)
    assert len(functions) > 90
    both.compare(
        [
            f"{name}({', '.join(arguments)})"
            for name, types in functions
            for arguments in product(*(BY_TYPE[t] for t in types.split(",")))
        ]
    )


def test_a_null_argument_gives_null(both: Both) -> None:
    both.compare(
        [
            f"{name}({', '.join('NULL' if i == null else BY_TYPE[t][0] for i, t in enumerate(types.split(',')))})"
            for name, types in both.listed(FUNCTIONS)
            for null in range(types.count(",") + 1)
        ]
    )


def test_operators(both: Both) -> None:
    operators = both.listed(OPERATORS)
    assert len(operators) == 40
    both.compare(
        [
            f"{left} {name} {right}"
            for name, types in operators
            for left, right in product(*(BY_TYPE[t] for t in types.split(",")))
        ]
    )


def test_aggregates(both: Both) -> None:
    aggregates = both.listed(AGGREGATES)
    assert len(aggregates) == 4
    statements = []
    for name, type_name in aggregates:
        values = [*BY_TYPE[type_name], "NULL"]
        for size in (1, 2, 3):
            for chosen in product(values, repeat=size):
                rows = ", ".join(f"({value}::{type_name})" for value in chosen)
                statements.append(f"(SELECT {name}(v) FROM (VALUES {rows}) AS t(v))")
        statements.append(f"(SELECT {name}(v) FROM (SELECT {values[0]} AS v WHERE false) AS t)")
    both.compare(statements)


def _targets(source: str) -> list[str]:
    """What to cast to: one of the two is a type of pgvector's."""
    own = source in CAST_TYPES[:3]
    return [t for t in (*CAST_TYPES, *MODIFIERS) if t != source and (own or t.split("(")[0] in CAST_TYPES[:3])]


@pytest.mark.parametrize("source", CAST_TYPES)
def test_casts(both: Both, source: str) -> None:
    both.compare([f"{value}::{target}" for target in _targets(source) for value in BY_TYPE[source]])


@pytest.mark.parametrize("source", CAST_TYPES)
def test_contexts_of_casts(both: Both, source: str) -> None:
    """Where a value is assigned, where a function wants another type, and where types meet."""
    setup, statements = [], []
    for number, target in enumerate(_targets(source)):
        setup += [f"DROP TABLE IF EXISTS cast_target_{number}", f"CREATE TABLE cast_target_{number} (v {target})"]
        for value in BY_TYPE[source][:2]:
            statements.append(f"INSERT INTO cast_target_{number} VALUES ({value}) RETURNING v")
            statements.append(f"SELECT coalesce(NULL::{target}, {value})")
            statements.append(f"SELECT {value} UNION ALL SELECT NULL::{target}")
            statements.append(f"SELECT {value} = NULL::{target}")
            statements.append(f"SELECT {value} <-> NULL::{target}")
            statements.append(f"SELECT l2_distance({value}, NULL::{target})")
        statements.append(f"DROP TABLE cast_target_{number}")
    for statement in setup:
        both.differences([statement])
    differing = both.differences(statements)
    assert not differing, "\n".join(differing)
