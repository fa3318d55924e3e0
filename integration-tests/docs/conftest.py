"""What the tests of the documentation share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from docs.blocks import read_page
from docs.programs import Program, free_port
from docs.user_documents.parts import PORT
from environments import build_wheels, copy_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment variables of somebody who has begun as the tutorial says.

    The commands are the page's own. In place of the registry there are our wheels, and what the
    tests have installed.
    """
    home = tmp_path_factory.mktemp("newcomer")
    wheels = build_wheels(tmp_path_factory.mktemp("registry"))
    make, _, install = read_page("docs/tutorial.md").commands()[:3]
    Program(make, home).finish()
    requirements = (install.partition('"')[2].rstrip('"'), "python-socketio[redis]")
    copy_installed(home / ".venv", *requirements)
    variables = {
        "PATH": f"{home}/.venv/bin:{os.environ['PATH']}:/usr/sbin",
        "PYTHONPATH": "",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels[0].parent),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    output = Program(install, home, **variables).finish()
    assert "WARNING" not in output  # an extra that is not known
    return variables


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start commands in the test's folder; what still runs at the end is stopped."""
    programs: list[Program] = []

    def started(command: str, port: int | None = None, **environment: str) -> Program:
        """``port``: wait until it listens there."""
        program = Program(command, tmp_path, **environment)
        programs.append(program)
        if port is not None:
            program.wait_for_port(port)
        return program

    yield started
    for program in reversed(programs):
        program.stop()


@pytest.fixture
def serve(start: Callable[..., Program], tmp_path: Path) -> Callable[..., tuple[Program, str]]:
    """Write module.py and start a command, with a free port in place of theirs."""

    def served(text: str, command: str = "python module.py") -> tuple[Program, str]:
        port = free_port()
        (tmp_path / "module.py").write_text(text.replace(PORT, str(port)))
        started = start(command.replace(PORT, str(port)), port)
        return started, f"http://127.0.0.1:{port}"

    return served
