"""Our server and the real PostgreSQL both answer the same bytes by the messages written in the `.trace` files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.oracle.postgres import Postgres
from tests.oracle.server import Server
from tests.transcripts.runner import differences
from tests.transcripts.script import Conversation, parse, written

FILES = sorted(Path(__file__).parent.glob("*.trace"))
CONVERSATIONS = [
    pytest.param(conversation, id=f"{path.stem}: {conversation.name}")
    for path in FILES
    for conversation in parse(path.read_text())
]


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_postgres_answers_as_written(conversation: Conversation, postgres: Postgres) -> None:
    found = differences(conversation, postgres.port)
    assert not found, found[0]


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_ruvector_answers_as_written(conversation: Conversation, ruvector: Server) -> None:
    found = differences(conversation, ruvector.port)
    assert not found, found[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_as_the_recorder_writes_them(path: Path) -> None:
    assert written(parse(path.read_text())) == path.read_text()
