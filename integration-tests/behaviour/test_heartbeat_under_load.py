"""A client that has vanished is noticed in time, however busy the server is with others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import engineio

PING = 0.1
NOTICED_WITHIN = 5.0
"""Seconds: far more than the two heartbeats that it takes, for a machine that is busy."""


async def handshake(app: engineio.ASGIApp) -> str:
    """Open a long-polling session, as a client that then never comes back; return its sid."""
    body = b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        nonlocal body
        body += event.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/engine.io/",
        "raw_path": b"/engine.io/",
        "root_path": "",
        "query_string": b"EIO=4&transport=polling",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    sid: str = json.loads(body[1:])["sid"]
    return sid


async def test_a_vanished_client_is_noticed_while_others_keep_connecting():
    eio = engineio.AsyncServer(async_mode="asgi", ping_interval=PING, ping_timeout=PING)
    app = engineio.ASGIApp(eio)
    noticed = asyncio.Event()
    reasons = {}

    @eio.on("disconnect")
    def disconnect(sid: str, reason: str) -> None:
        reasons[sid] = reason
        noticed.set()

    async def keep_connecting() -> None:
        while not noticed.is_set():
            await handshake(app)
            await asyncio.sleep(0)

    vanished = await handshake(app)
    await asyncio.wait_for(keep_connecting(), NOTICED_WITHIN)

    assert reasons[vanished] == "ping timeout"
    await eio.disconnect()
    await eio.shutdown()
