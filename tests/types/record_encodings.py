"""Writes `encoding_differences.json` from the real PostgreSQL: where Python's codecs differ from its tables.

python -m tests.types.record_encodings
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
from tests.oracle.postgres import running_postgres

from ruvector_engine.types import encodings

FILE = Path(str(files("ruvector_engine.types"))) / "encoding_differences.json"
MULTI_BYTE = ("EUC_JP", "EUC_KR", "EUC_CN", "SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB")

#: One attempt a character, each in a subtransaction: what has no equivalent is an error.
_FUNCTIONS = """
CREATE OR REPLACE FUNCTION written(e name) RETURNS TABLE (c text, b bytea) LANGUAGE plpgsql AS $$ BEGIN
    FOR i IN 1..65535 LOOP
        CONTINUE WHEN i BETWEEN 55296 AND 57343;
        BEGIN c := chr(i); b := convert_to(c, e); RETURN NEXT; EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION read(e name, sequences bytea[]) RETURNS TABLE (b bytea, t text) LANGUAGE plpgsql AS $$ BEGIN
    FOREACH b IN ARRAY sequences LOOP
        BEGIN t := convert_from(b, e); RETURN NEXT; EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP;
END $$;
"""


def sequences(name: str) -> Iterator[bytes]:
    """All that may be a character: single bytes, pairs, and what EUC_JP puts behind 0x8f."""
    yield from (bytes((byte,)) for byte in range(1, 256))
    if name in MULTI_BYTE:
        pairs = [bytes((high, low)) for high in range(128, 256) for low in range(1, 256)]
        yield from pairs
        if name == "EUC_JP":
            yield from (b"\x8f" + pair for pair in pairs)


def tables_of(connection: psycopg.Connection[Any], name: str) -> tuple[dict[str, bytes], dict[bytes, str]]:
    """PostgreSQL's tables of an encoding: characters to bytes, and bytes to characters."""
    connection.execute(_FUNCTIONS)
    written = connection.execute("SELECT c, b FROM written(%s)", (name,))
    to_bytes = {character: bytes(sequence) for character, sequence in written}
    read = connection.execute("SELECT b, t FROM read(%s, %s)", (name, list(sequences(name))), binary=True)
    return to_bytes, {bytes(sequence): text for sequence, text in read if len(text) == 1}


def differences(connection: psycopg.Connection[Any], name: str) -> dict[str, dict[str, str]]:
    """What must be corrected in the tables made of Python's codec."""
    to_bytes, to_text = tables_of(connection, name)
    own_bytes, own_text = encodings.python_tables(name)
    del own_bytes["\0"], own_text[b"\0"]
    characters = sorted(c for c in {*to_bytes, *own_bytes} if to_bytes.get(c) != own_bytes.get(c))
    found = sorted(s for s in {*to_text, *own_text} if to_text.get(s) != own_text.get(s))
    return {
        "encode": {c: to_bytes.get(c, b"").hex() for c in characters},
        "decode": {s.hex(): to_text.get(s, "") for s in found},
    }


def main() -> None:
    """Rewrite the file."""
    with running_postgres() as server, psycopg.connect(server.dsn(), autocommit=True) as connection:
        made = {name: differences(connection, name) for name in sorted(encodings.BASES)}
    FILE.write_text(json.dumps(made, ensure_ascii=False, separators=(",", ":"), indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
