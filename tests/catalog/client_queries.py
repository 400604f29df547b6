"""The catalog queries that clients send, from the files in queries/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "queries"
_QUERY = re.compile(r"^-- (?P<title>[^\n]+)\n(?P<text>(?![-\n])[^;]+);$", re.MULTILINE)
_RELATION = re.compile(r"\{([a-z]\w*)\}")


@dataclass(frozen=True, slots=True)
class ClientQuery:
    """One query. `text` has {name} where a client would write the OID of that relation."""

    client: str
    title: str
    text: str

    @property
    def relations(self) -> set[str]:
        """The relations whose OIDs the text needs."""
        return set(_RELATION.findall(self.text))

    def with_oids(self, oids: dict[str, int]) -> str:
        """The text as a client would send it."""
        return _RELATION.sub(lambda match: str(oids[match[1]]), self.text)


def client_queries() -> Iterator[ClientQuery]:
    """All of them."""
    for path in sorted(FOLDER.glob("*.sql")):
        for match in _QUERY.finditer(path.read_text(encoding="utf-8")):
            yield ClientQuery(path.stem, match["title"], match["text"])
