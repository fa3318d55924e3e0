"""A client whose handler takes longer than a heartbeat stays connected, on every transport."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

import socketio
from socketio.serve import FAST_WEBSOCKET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PING = 0.3
"""Seconds between two heartbeats, and those that a client has to answer one."""

HANDLER = 4 * PING
"""Seconds that the handler takes: more than either side waits for the other."""


@pytest.fixture(params=[FAST_WEBSOCKET, "websockets-sansio"], ids=["fast", "uvicorn"])
async def sio(request: pytest.FixtureRequest) -> AsyncIterator[socketio.AsyncServer]:
    """A server whose handlers run one after the other; ``sio.url`` is where it listens."""
    sio = socketio.AsyncServer(
        async_mode="asgi", async_handlers=False, ping_interval=PING, ping_timeout=PING
    )
    config = uvicorn.Config(
        socketio.ASGIApp(sio), port=0, ws=request.param, lifespan="off", log_config=None
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    serving = asyncio.ensure_future(server.main_loop())
    port = server.servers[0].sockets[0].getsockname()[1]
    sio.url = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    yield sio
    server.should_exit = True
    await serving
    await server.shutdown()


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_handler_may_take_longer_than_a_heartbeat(sio: Any, transport: str) -> None:
    reasons: list[str] = []

    @sio.event
    async def work(sid: str) -> str:
        await asyncio.sleep(HANDLER)
        return "done"

    @sio.event
    def disconnect(sid: str, reason: str) -> None:
        reasons.append(reason)

    client = socketio.AsyncClient(reconnection=False)
    await client.connect(sio.url, transports=[transport])

    assert await client.call("work", timeout=10 * HANDLER) == "done"
    assert await client.call("work", timeout=10 * HANDLER) == "done"

    assert reasons == []
    await client.disconnect()
