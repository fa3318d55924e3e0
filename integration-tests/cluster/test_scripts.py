"""Programs that emit and end: what they have emitted arrives, although they say no farewell."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import pytest

import socketio

from .backends import BACKENDS
from .clients import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .brokers.process import Broker

EMITS = 3

SCRIPT = """
import json, sys, socketio
manager = getattr(socketio, sys.argv[1])(write_only=True, **json.loads(sys.argv[2]))
for number in range(3):
    manager.emit("n", number)
"""

ASYNCIO_SCRIPT = """
import asyncio, json, sys, socketio
manager = getattr(socketio, sys.argv[1])(write_only=True, **json.loads(sys.argv[2]))
for number in range(3):
    asyncio.run(manager.emit("n", number))
"""

CASES = [
    (name, colour)
    for name, backend in BACKENDS.items()
    for colour in backend.managers
    if colour in ("asyncio", "sync")
]

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore:.*Use files"),  # kafka-python's own
]


@pytest.fixture(params=CASES, ids="-".join)
async def listener(
    request: pytest.FixtureRequest, start_broker: Callable[..., Broker]
) -> AsyncIterator[tuple[Any, list[str]]]:
    """A manager that listens, and the arguments of a script for the same channel."""
    name, colour = request.param
    backend = BACKENDS[name]
    options = backend.options(start_broker(backend.broker), f"channel-{uuid.uuid4().hex[:8]}")
    class_name = backend.managers[colour]
    manager = getattr(socketio, class_name)(**options)
    sio: Any
    if colour == "asyncio":
        sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager)
    else:
        sio = socketio.Server(async_mode="threading", client_manager=manager)
    manager.initialize()

    async def hears_itself() -> bool:
        await done(sio.emit("hello"))
        return manager.health.last_message is not None and manager._reader.own_seq > 0

    await eventually(hears_itself)
    script = ASYNCIO_SCRIPT if colour == "asyncio" else SCRIPT
    yield manager, ["-c", script, class_name, json.dumps(options)]
    await done(sio.shutdown())


async def done(result: Any) -> None:
    if isawaitable(result):
        await result


async def test_a_script_emits_and_ends(listener: tuple[Any, list[str]]) -> None:
    manager, arguments = listener

    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()

    async def has_all() -> bool:
        return manager.health.received == EMITS

    await eventually(has_all)
    assert (process.returncode, errors.decode()) == (0, "")
    assert manager.health.missed == 0
