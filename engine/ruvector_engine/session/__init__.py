"""One client's session: what it knows (`state`), what it does (`session`), and how its transactions end."""

from ruvector_engine.session.prepared import Prepared
from ruvector_engine.session.session import Session

__all__ = ["Prepared", "Session"]
