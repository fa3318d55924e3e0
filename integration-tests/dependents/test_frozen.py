"""Applications that are frozen into an archive, as PyInstaller does, name their drivers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import APPS

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [
    "threading",
    "gevent",
    "gevent_uwsgi",
    "eventlet",
    "asgi",
    "aiohttp",
    "tornado",
    "sanic",
]
"""What applications list as hidden imports."""


@pytest.mark.parametrize("name", NAMES)
def test_a_driver_is_imported_by_name_from_an_archive(name: str, wheels: list[Path]) -> None:
    """With the packages of the tests' own environment, which has all of the frameworks."""
    path = os.pathsep.join(map(str, wheels))
    outer = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}

    done = subprocess.run(
        [sys.executable, "frozen_app.py", name],
        cwd=APPS,
        env={**outer, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) >= set(NAMES)
