"""pg_hba.conf: who may connect to what from where, and how they prove who they are."""

from ruvector_server.hba.files import HbaError
from ruvector_server.hba.idents import Mappings, read_mappings
from ruvector_server.hba.parse import parse, read
from ruvector_server.hba.rules import Client, Method, Rule, Rules

__all__ = ["Client", "HbaError", "Mappings", "Method", "Rule", "Rules", "parse", "read", "read_mappings"]
