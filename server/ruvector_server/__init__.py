"""The PostgreSQL face of the engine: bytes in, bytes out. Knows no index and no storage."""

from importlib.metadata import version

__version__ = version("ruvector-server")
