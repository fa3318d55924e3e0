"""Applications that are frozen into an archive, as PyInstaller does, name their drivers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INSTALLED = ["threading", "gevent", "aiohttp", "asgi"]
NAMES = {*INSTALLED, "eventlet", "gevent_uwsgi", "sanic", "tornado"}
"""What applications list as hidden imports."""


def test_drivers_are_found_by_name_in_an_archive(
    run: Callable[..., str], wheels: list[Path]
) -> None:
    path = os.pathsep.join(map(str, wheels))

    found = run("frozen_app.py", *INSTALLED, PYTHONPATH=path)

    assert set(found.split()) >= NAMES
