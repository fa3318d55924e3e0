"""Socket.IO in front of a Quart application, which has its own startup and WebSocket."""

from __future__ import annotations

from typing import Any

from quart import Quart, websocket

import socketio

sio = socketio.AsyncServer(async_mode="asgi")
quart = Quart(__name__)
app = socketio.ASGIApp(sio, quart)


@quart.before_serving
async def startup() -> None:
    quart.config["STARTED"] = True


@quart.get("/announce/<text>")
async def announce(text: str) -> dict[str, str]:
    await sio.emit("announcement", text)
    return {"announced": text}


@quart.websocket("/plain")
async def plain() -> None:
    await websocket.send(f"got {await websocket.receive()}")


@sio.event
async def ask(sid: str, question: str) -> dict[str, Any]:
    async with quart.app_context():
        return {"question": question, "started": quart.config["STARTED"]}
