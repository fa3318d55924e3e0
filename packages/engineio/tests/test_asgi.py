"""``ASGIApp`` and the ASGI driver, called as a server calls them."""

from __future__ import annotations

import asyncio
from typing import Any

import engineio

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Server:
    """Calls an application with one scope; ``sent`` is what the application sends."""

    def __init__(self, *events: str) -> None:
        self._events = list(events)
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if not self._events:
            await asyncio.get_running_loop().create_future()
        return {"type": self._events.pop(0)}

    async def send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)

    async def serve(self, app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
        await asyncio.wait_for(app(scope, self.receive, self.send), SOON)
        return self.sent


async def test_the_lifespan_of_the_other_application_is_around_the_hooks() -> None:
    order: list[str] = []

    async def other(scope: Any, receive: Any, send: Any) -> None:
        for phase in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{phase}"
            order.append(f"other {phase}")
            await send({"type": f"lifespan.{phase}.complete"})

    async def on_shutdown() -> None:
        order.append("shutdown")

    app = engineio.ASGIApp(
        engineio.AsyncServer(async_mode="asgi"),
        other,
        on_startup=lambda: order.append("startup"),
        on_shutdown=on_shutdown,
    )

    server = Server("lifespan.startup", "lifespan.shutdown")
    sent = await server.serve(app, {"type": "lifespan"})

    assert order == ["other startup", "startup", "shutdown", "other shutdown"]
    assert [event["type"] for event in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_a_long_refusal_of_a_websocket_fits_into_a_close_frame() -> None:
    eio = engineio.AsyncServer(async_mode="asgi")
    eio.on("connect", lambda sid, environ: "é" * 1000)
    scope = {
        "type": "websocket",
        "path": "/engine.io/",
        "query_string": b"EIO=4&transport=websocket",
        "headers": [(b"accept-encoding", b"gzip")],
    }

    (event,) = await Server("websocket.connect").serve(engineio.ASGIApp(eio), scope)

    assert event["type"] == "websocket.close"
    assert len(event["reason"].encode()) <= 123
