"""Writes the expectations of the `.test` files from the real PostgreSQL.

    python -m tests.congruence.record [FILE ...]

A record whose outcome is not of the kind its directive states (an error where `statement ok` stands) is refused, so
that a mistake in the SQL does not become the expectation. Records for our server alone keep what is written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.congruence.runner import Protocol, Sessions, applies, is_error, prepared_database, run
from tests.congruence.script import Record, parse, rewrite
from tests.oracle.postgres import running_postgres

SCRIPTS = Path(__file__).parent


def record_script(path: Path, dsn: str) -> list[str]:
    """Rewrite one file with the oracle's outcomes; return the complaints about it (then it is left as it was)."""
    source = path.read_text()
    records = parse(source)
    complaints = []
    outcomes = []
    with prepared_database(dsn, records) as sessions:
        for record in records:
            outcome = _outcome(record, sessions)
            if is_error(outcome) != (record.kind == "statement error") and not record.kind.startswith("copy in"):
                complaints.append(f"{path.name}:{record.line}: {record.kind}: {outcome[0]}")
            outcomes.append(outcome)
    if not complaints:
        path.write_text(rewrite(source, records, outcomes))
    return complaints


def _outcome(record: Record, sessions: Sessions) -> list[str]:
    protocol: Protocol = "extended" if record.only == "extended" else "simple"
    if applies(record, protocol, "postgres"):
        return run(record, sessions, protocol)
    return record.expected


def main() -> int:
    """Record the files named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.congruence.record")
    parser.add_argument("files", nargs="*", type=Path, help="the .test files; all of them by default")
    files = parser.parse_args().files or sorted(SCRIPTS.glob("*.test"))
    with running_postgres() as server:
        complaints = [line for path in files for line in record_script(path, server.dsn())]
    for line in complaints:
        print(line, file=sys.stderr)  # noqa: T201 - a command's output
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
