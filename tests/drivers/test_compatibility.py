"""Every test that docs/compatibility.md names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.drivers.test_encrypted import DRIVERS
from tests.drivers.test_programs import CLIENTS

DRIVER_TESTS = Path(__file__).parent
ROOT = DRIVER_TESTS.parents[1]
DOCUMENT = (ROOT / "docs" / "compatibility.md").read_text()
NAMED = re.compile(r"`((?:tests/)?[\w/]+\.py)(?:::(\w+))?(?:\[([^`]*)\])?`")


def defined_in(name: str) -> set[str]:
    """The names of the tests in a file, which is beside this one unless its path says otherwise."""
    path = ROOT / name if name.startswith("tests/") else DRIVER_TESTS / name
    return set(re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))


def cells(line: str) -> list[str]:
    """A table's row."""
    return [cell.strip() for cell in line.strip()[1:-1].split("|")]


def rows() -> list[tuple[str, str]]:
    """File and test of every cell that names a test of its column's file."""
    found, files = [], list[str]()
    for line in DOCUMENT.splitlines():
        if not line.startswith("|"):
            files = []
            continue
        row = cells(line)
        if row[0] == "tests in":
            files = [cell.strip("`") for cell in row[1:]]
        for file, cell in zip(files, row[1:], strict=False):
            found += [(file, test) for test in re.findall(r"`(test_\w+)`", cell)]
    return found


@pytest.mark.parametrize(("file", "test"), sorted(set(rows())))
def test_a_column_names_tests_of_its_file(file: str, test: str) -> None:
    assert test in defined_in(file)


@pytest.mark.parametrize(("file", "test", "case"), sorted(set(NAMED.findall(DOCUMENT))))
def test_what_is_named_in_full(file: str, test: str, case: str) -> None:
    found = defined_in(file)
    assert found
    if test:
        assert test in found
    if test == "test_driver":
        assert case in DRIVERS


def test_every_client_has_its_column() -> None:
    (line,) = (line for line in DOCUMENT.splitlines() if line.startswith("| `CLIENT`"))
    columns = [cell.strip("`").removesuffix(" MODE") for cell in cells(line)[1:]]
    assert set(columns) == {name.split()[0] for name in CLIENTS}
    assert set(DRIVERS) == {case for _, test, case in NAMED.findall(DOCUMENT) if test == "test_driver"}
