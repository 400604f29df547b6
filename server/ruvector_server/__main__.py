"""`python -m ruvector_server` is the command `ruvector-server`."""

from __future__ import annotations

import sys

from ruvector_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
