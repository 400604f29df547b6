"""pg_hba.conf: who may connect to what from where, and how they prove who they are."""

from ruvector_server.hba.parse import HbaError, parse, read
from ruvector_server.hba.rules import Client, Method, Rule, Rules

__all__ = ["Client", "HbaError", "Method", "Rule", "Rules", "parse", "read"]
