"""Requests to a server, without a web server."""

from __future__ import annotations

import asyncio
from typing import Any

import socketio

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


async def request(
    sio: socketio.AsyncServer,
    query: str = "",
    body: bytes = b"",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Ask as an ASGI server does; return status, headers and body of the answer."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if sent:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST" if body else "GET",
        "path": "/socket.io/",
        "query_string": f"EIO=4&transport=polling{query}".encode(),
        "headers": [(b"host", b"here"), *headers],
    }
    await asyncio.wait_for(socketio.ASGIApp(sio)(scope, receive, send), SOON)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]
