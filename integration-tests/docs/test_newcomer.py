"""What somebody does who comes to the project: installs it in an empty environment.

What he goes on with there are test_readme.py and test_tutorial.py.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from docs.blocks import ROOT, all_pages
from docs.programs import Program
from environments import copy_installed

if TYPE_CHECKING:
    from pathlib import Path

BUILDING = ("hatchling", "editables")

FROM_A_CLONE = {
    command
    for page in all_pages()
    for command in page.commands()
    if command.startswith("pip install ./packages")
}

pytestmark = pytest.mark.timeout(180)  # environments take their time where others work as well


def test_installing_from_a_clone(tmp_path: Path) -> None:
    Program("python -m venv .venv", tmp_path).finish()
    copy_installed(tmp_path / ".venv", *BUILDING, "python-socketio[fast,asyncio-client,testing]")
    variables = {
        "PATH": f"{tmp_path}/.venv/bin:{os.environ['PATH']}",
        "PYTHONPATH": "",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which means that it is off
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }

    command = max(FROM_A_CLONE, key=len)  # the others leave extras out

    output = Program(command, ROOT, **variables).finish()

    assert "WARNING" not in output  # an extra that is not known
    where = "python -c 'import socketio, engineio; print(socketio.__file__, engineio.__file__)'"
    paths = Program(where, tmp_path, **variables).finish().split()
    assert all(path.startswith(f"{tmp_path}/.venv/") for path in paths)


def test_nothing_is_missing(newcomer: dict[str, str], tmp_path: Path) -> None:
    assert "No broken requirements" in Program("pip check", tmp_path, **newcomer).finish()
