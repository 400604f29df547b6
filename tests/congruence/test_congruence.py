"""Our server and the real PostgreSQL both give the answers written in the `.test` files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.congruence.runner import (
    Protocol,
    RunnerError,
    ServerKind,
    applies,
    prepared_database,
    run,
)
from tests.congruence.script import Record, parse
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server

SCRIPTS = sorted(Path(__file__).parent.glob("*.test"))

#: A catalog's rows stand where the heap had room, which hangs on the files that ran before.
_CATALOG = re.compile(
    r"\bpg_(aggregate|am|amop|amproc|attrdef|attribute|auth\w+|cast|class|collation|constraint|cursors|database"
    r"|default_acl|depend|description|enum|extension|index\w*|inherits|language|locks|namespace|opclass|operator"
    r"|opfamily|prepared_statements|proc|range|rewrite|roles|sequence\w*|settings|shdepend|stat_\w+|tables|trigger"
    r"|ts_\w+|type|user|views)\b(?!\s*\()|\binformation_schema\.(?!_)\w+",
    re.IGNORECASE,
)


def differences(path: Path, dsn: str, protocol: Protocol, server: ServerKind) -> list[str]:
    """Run a file and return one passage for each record that came out otherwise than written."""
    found = []
    records = [record for record in parse(path.read_text()) if applies(record, protocol, server)]
    with prepared_database(dsn, records) as sessions:
        for record in records:
            try:
                outcome = run(record, sessions, protocol)
            except RunnerError as error:
                found.append(_passage(path, record, [str(error)]))
                break
            if outcome != record.expected:
                found.append(_passage(path, record, outcome))
    return found


def _passage(path: Path, record: Record, outcome: list[str]) -> str:
    expected = "\n    ".join(record.expected)
    actual = "\n    ".join(outcome)
    return f"{path.name}:{record.line}\n  {record.sql}\n  expected:\n    {expected}\n  got:\n    {actual}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_rows_of_catalogs_are_asked_for_in_an_order(path: Path) -> None:
    unordered = [
        f"{path.name}:{record.line}"
        for record in parse(path.read_text())
        if record.kind == "query" and _CATALOG.search(record.sql) and not re.search(r"(?i)order\s+by", record.sql)
        if re.fullmatch(r"SELECT (\d+)", record.expected[-1]) and record.expected[-1] not in {"SELECT 0", "SELECT 1"}
    ]
    assert not unordered


@pytest.mark.parametrize("protocol", ["simple", "extended"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_postgres_answers_as_written(path: Path, protocol: Protocol, postgres: Postgres) -> None:
    found = differences(path, postgres.dsn(), protocol, "postgres")
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize("protocol", ["simple", "extended"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_ruvector_answers_as_written(path: Path, protocol: Protocol, ruvector: Server) -> None:
    found = differences(path, ruvector.dsn(), protocol, "ruvector")
    assert not found, "\n\n".join(found)
