"""Fixtures that more than one area uses: the oracle and our own server, one of each a test process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.oracle.postgres import Postgres, running_postgres
from tests.oracle.server import Server, running_server

# Many tests start servers, which takes them half the time when Python keeps what it has compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A test is not wrong because the machine is busy.
settings.register_profile("ruvector", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ruvector")


#: Left out of `make test-fast`, beside the tests that say so themselves: folders and files below tests/ that start many
#: servers or programs, build many indexes, or wait for many threads.
SLOW = (
    "catalog/test_system_queries.py",
    "crash",
    "drivers",
    "engine/test_concurrent_ddl.py",
    "engine/test_constant_rows.py",
    "engine/test_ddl.py",
    "engine/test_expression_indexes.py",
    "engine/test_index_kinds.py",
    "engine/test_knn.py",
    "engine/test_knn_batch.py",
    "engine/test_privileges.py",
    "engine/test_quantized_indexes.py",
    "engine/test_restart.py",
    "engine/test_savepoints.py",
    "engine/test_text_indexes.py",
    "engine/test_transactions.py",
    "fuzz",
    "index/test_life.py",
    "index/test_quantized.py",
    "index/test_recall.py",
    "server/test_access.py",
    "server/test_command.py",
    "server/test_first_superuser.py",
    "server/test_tls.py",
    "surface",
    "transcripts",
    "types/test_encodings.py",
)
#: Of those, the client that the tests are written with.
QUICK = ("drivers/test_psycopg.py",)


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow by where it stands, and of the `.test` files all runs but ours with the extended protocol.

    PostgreSQL's answers change with a new record only.
    """
    root = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(root)
        again = item.name.startswith("test_postgres_answers") or "-simple" in item.name
        slow = any(place.is_relative_to(path) for path in SLOW) and place.as_posix() not in QUICK
        if slow or (again and place.parts[0] == "congruence"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL 18 with pgvector 0.8.5, started at the first use."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def ruvector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server as a real process, started at the first use and shared: each test uses tables of its own."""
    with running_server(tmp_path_factory.mktemp("ruvector") / "data") as server:
        yield server
