"""user_documents.md leaves out no block of the user documents, and its tests exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs.blocks import ROOT

HERE = Path(__file__).parent
TABLE = (HERE / "user_documents.md").read_text()
ROW = re.compile(r"^\| (\d+) \| .* \| (.*) \|$", re.MULTILINE)
BLOCKS = {
    "Engine.IO deployment guide 3.0": 22,
    "Engine.IO server guide 4.13": 50,
    "Socket.IO server guide 5.0": 62,
    "Engine.IO manual 2020": 80,
    "Socket.IO manual 2023": 96,
}
"""How many blocks of code each document has."""

CLUSTER = ["test_operations.py", "test_scripts.py"]


def rows_of(document: str) -> list[tuple[str, str]]:
    """The numbers and tests of a document's table."""
    section = TABLE.partition(f"## {document}\n")[2].partition("\n## ")[0]
    return ROW.findall(section)


@pytest.fixture(scope="module")
def existing() -> set[str]:
    """The tests that pytest finds, with and without their parameters."""
    folder = ROOT / "integration-tests"
    files = [*HERE.glob("test_user_*.py"), folder / "behaviour" / "test_static_files.py"]
    files += [folder / "cluster" / name for name in CLUSTER]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:xdist", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    tests = {line.rpartition("::")[2] for line in found.stdout.splitlines() if "::" in line}
    assert tests, found.stdout + found.stderr
    return tests | {test.partition("[")[0] for test in tests}


@pytest.mark.parametrize("document", BLOCKS)
def test_every_block_has_its_row(document: str) -> None:
    numbers = [int(number) for number, _ in rows_of(document)]

    assert numbers == list(range(1, BLOCKS[document] + 1))


@pytest.mark.parametrize("document", BLOCKS)
def test_every_row_has_tests_that_exist(document: str, existing: set[str]) -> None:
    for number, tests in rows_of(document):
        names = set(re.findall(r"`([^`]+)`", tests))
        assert names, f"block {number} has no test"
        assert names <= existing, f"block {number}: {names - existing}"


def test_no_other_document_is_in_the_table() -> None:
    assert re.findall(r"^## (.*)$", TABLE, re.MULTILINE) == list(BLOCKS)
