"""The embedded database, as the tests of the engine have it."""

from tests.engine.conftest import connect, data_dir, database, db

__all__ = ["connect", "data_dir", "database", "db"]
