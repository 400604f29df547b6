"""Writes the server's side of the conversations anew, from the real PostgreSQL.

python -m tests.transcripts.record [FILE ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.oracle.postgres import running_postgres
from tests.transcripts.runner import record
from tests.transcripts.script import parse, written

FOLDER = Path(__file__).parent


def main() -> None:
    """Record the files named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.transcripts.record")
    parser.add_argument("files", nargs="*", type=Path, help="the .trace files; all of them by default")
    files = parser.parse_args().files or sorted(FOLDER.glob("*.trace"))
    with running_postgres() as server:
        for path in files:
            conversations = parse(path.read_text())
            for conversation in conversations:
                record(conversation, server.port)
            path.write_text(written(conversations))


if __name__ == "__main__":
    main()
