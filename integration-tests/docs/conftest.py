"""What the tests of the documentation share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from docs.programs import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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
