"""Ask PostgreSQL all recorded cases again and rewrite their answers: `python -m tests.types.record`.

To add a case, write its line with an empty answer first.
"""

from __future__ import annotations

import dataclasses

import psycopg
from tests.oracle.postgres import running_postgres
from tests.types import recorded_copy
from tests.types.recorded import FAMILIES, FOLDER, answer_there, load


def main() -> None:
    """Rewrite every file."""
    with running_postgres() as server, psycopg.connect(server.dsn(), prepare_threshold=None) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.commit()
        for family in FAMILIES:
            cases = [dataclasses.replace(case, answer=answer_there(connection, case)) for case in load(family)]
            lines = "".join(f"{case.line()}\n" for case in cases)
            (FOLDER / f"{family}.jsonl").write_text(lines, encoding="utf-8")
        copies = [
            dataclasses.replace(case, answer=recorded_copy.answer_there(connection, case))
            for case in recorded_copy.load()
        ]
        recorded_copy.FILE.write_text("".join(f"{case.line()}\n" for case in copies), encoding="utf-8")


if __name__ == "__main__":
    main()
