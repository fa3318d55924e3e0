"""Our clients against the official Socket.IO server on Node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from colours import COLOURS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

WAYS = [
    pytest.param(["polling"], "default", id="polling"),
    pytest.param(["websocket"], "default", id="websocket"),
    pytest.param(None, "default", id="upgrade"),
    pytest.param(None, "msgpack", id="msgpack"),
]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("transports", "serializer"), WAYS)
async def test_scenario(
    scenario: Any,
    colour: str,
    transports: list[str] | None,
    serializer: str,
    shared_peer: Callable[..., Any],
    scenarios: ModuleType,
) -> None:
    world = scenarios.World(colour, shared_peer("node", serializer), transports, serializer)
    try:
        await scenario(world)
    finally:
        await world.close()
    scenarios.check_nothing_is_left()
