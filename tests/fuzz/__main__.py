"""Coverage-guided fuzzing by atheris, as long as one likes.

    python -m tests.fuzz TARGET [option of libFuzzer ...]

for example `python -m tests.fuzz messages -max_total_time=600`. Inputs that reach new code are kept in
`.fuzz/TARGET`, which begins with the seeds; an input that breaks a rule is written to `.fuzz/crash-...`: put it below
`tests/fuzz/found/TARGET/`, where the tests run it, and mend what it shows.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import atheris

FOLDER = Path(".fuzz")


def main() -> None:
    """Fuzz until libFuzzer ends."""
    with atheris.instrument_imports(include=["ruvector_server", "ruvector_engine.errors"]):
        from tests.fuzz.corpus import write
        from tests.fuzz.targets import TARGETS

    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {{{','.join(TARGETS)}}} [option of libFuzzer ...]")
    name, options = sys.argv[1], sys.argv[2:]
    logging.disable(logging.WARNING)  # refused logins
    corpus = FOLDER / name
    write(corpus, name)
    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            f"-artifact_prefix={FOLDER}/",
            "-timeout=20",
            "-rss_limit_mb=2048",
            "-max_len=4096",
            *options,
        ],
        TARGETS[name],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
