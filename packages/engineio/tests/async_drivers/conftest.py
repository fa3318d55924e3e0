"""The framework drivers are tested on both event loops: what they take over is theirs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories = {"asyncio": asyncio.new_event_loop}
    if item.path.name == "test_frameworks.py":
        factories["uvloop"] = uvloop.new_event_loop
    return factories
