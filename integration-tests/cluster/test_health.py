"""What a manager says of itself after a loss, although it has nothing more to send."""

from __future__ import annotations

import asyncio
import uuid
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import pytest

import socketio

from .backends import BACKENDS
from .clients import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from .brokers.process import Broker

CASES = [
    (name, colour)
    for name, backend in BACKENDS.items()
    for colour in backend.managers
    if colour in ("asyncio", "sync")
]

RECOVERY = 30
"""Seconds in which a broker that is back must have been noticed."""

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore:.*Use files"),  # kafka-python's own
]


async def done(result: Any) -> Any:
    return await result if isawaitable(result) else result


@pytest.mark.parametrize(("name", "colour"), CASES)
async def test_an_idle_process_notices_that_the_broker_is_back(
    new_broker: Callable[..., Broker], name: str, colour: str
) -> None:
    backend = BACKENDS[name]
    broker = new_broker(backend.broker)
    relays = broker.interpose()
    await asyncio.to_thread(broker.start)
    options = backend.options(broker, f"channel-{uuid.uuid4().hex[:8]}")
    manager = getattr(socketio, backend.managers[colour])(**options)
    sio: Any
    if colour == "asyncio":
        sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager)
    else:
        sio = socketio.Server(async_mode="threading", client_manager=manager)
    manager.initialize()

    async def is_connected() -> bool:
        return manager.health.state == "connected" and manager.health.pending == 0

    async def is_measured() -> bool:
        await done(sio.emit("hello"))
        return manager.health.lag is not None

    async def is_away() -> bool:
        return manager.health.state == "away"

    async def nothing_is_on_its_way() -> bool:
        return bool(manager.health.lag == manager.health.lag)

    await eventually(is_measured)
    await eventually(is_connected)
    relays.hold()
    await done(sio.emit("lost"))
    await eventually(is_away, RECOVERY)
    relays.cut()
    relays.release()

    await eventually(is_connected, RECOVERY)

    await eventually(nothing_is_on_its_way)
    assert manager.health.uncertain in (0, 1)
    await done(sio.shutdown())
