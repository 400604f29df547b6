"""Fixtures that more than one area uses: the oracle and our own server, one of each a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.oracle.postgres import Postgres, running_postgres
from tests.oracle.server import Server, running_server

# A test is not wrong because the machine is busy.
settings.register_profile("ruvector", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ruvector")


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
