"""One DuckDB with the sample's tables for a test module; changes are rolled back by the tests that make them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.sql.sample import Duck


@pytest.fixture(scope="module")
def duck() -> Iterator[Duck]:
    """The sample database."""
    opened = Duck()
    yield opened
    opened.close()
