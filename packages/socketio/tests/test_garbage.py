from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgi_support import WebSocket
from garbage_support import CollectedByHand

import socketio


@pytest.fixture
async def app() -> socketio.ASGIApp:
    sio = socketio.AsyncServer(async_mode="asgi")

    @sio.event
    async def echo(sid: str, *args: Any) -> Any:
        return args

    @sio.event
    async def ask(sid: str) -> None:
        await sio.emit("question", to=sid, callback=lambda answer: None)
        await sio.enter_room(sid, "room")

    return socketio.ASGIApp(sio, socketio_path="engine.io")


async def _connect(app: Any) -> None:
    async with WebSocket(app) as websocket:
        websocket.put("40")
        await websocket.until(lambda: len(websocket.texts()) == 2)
        websocket.put('421["echo","hello"]')
        websocket.put('42["ask"]')
        websocket.put('42["unknown"]')
        await websocket.until(lambda: len(websocket.texts()) == 4)


async def test_nothing_of_an_ended_connection_waits_for_the_garbage_collector(
    app: socketio.ASGIApp,
) -> None:
    await _connect(app)
    with CollectedByHand() as left:
        for _ in range(20):
            await _connect(app)
        await asyncio.sleep(0)
        left.collect()

    assert left.ours == []
