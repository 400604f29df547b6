"""The recorded cases: a statement and PostgreSQL's answer, a line each of cases/*.jsonl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cases"
FILES = ("expressions", "queries", "vectors", "changes")


def load(name: str) -> list[tuple[str, Any]]:
    """The statements of a file with their answers; null where none was recorded yet."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [(sql, answer) for sql, answer in map(json.loads, lines)]


def save(name: str, cases: list[tuple[str, Any]]) -> None:
    """Rewrite a file."""
    lines = (json.dumps([sql, answer], ensure_ascii=False) for sql, answer in cases)
    (FOLDER / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
