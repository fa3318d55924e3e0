"""What an ASGI server does, for the tests of ASGI applications."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Server:
    """Calls an application with one scope; ``sent`` is what the application sends."""

    def __init__(self, *events: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = False
        """True once the server refuses what is sent, because its peer has gone."""
        self.refused: list[dict[str, Any]] = []
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for event in events:
            self.push({"type": event})

    def push(self, event: dict[str, Any]) -> None:
        """Let the application receive an event."""
        self._events.put_nowait(event)

    async def send(self, event: dict[str, Any]) -> None:
        if self.gone:
            self.refused.append(event)
            raise OSError("the peer has gone")
        self.sent.append(event)

    async def serve(self, app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
        """Run the application until it ends."""
        await asyncio.wait_for(app(scope, self._events.get, self.send), SOON)
        return self.sent


class WebSocket(Server):
    """A WebSocket that is open while the block runs; leaving it ends it, unless it has ended.

    The block begins when the application has sent something, in answer to ``first`` if need be.
    """

    def __init__(self, app: Any, sid: str | None = None, first: str | None = None) -> None:
        super().__init__("websocket.connect")
        if first is not None:
            self.put(first)
        query = "EIO=4&transport=websocket" + (f"&sid={sid}" if sid else "")
        self._app = app
        self._scope = {**websocket_scope(), "query_string": query.encode()}

    async def __aenter__(self) -> WebSocket:
        self._serving = asyncio.create_task(self.serve(self._app, self._scope))
        await self.until(lambda: len(self.sent) == 2)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.push({"type": "websocket.disconnect", "code": 1005})
        await self._serving

    def put(self, data: str | bytes) -> None:
        """Let the peer send a frame."""
        self.push({"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data})

    def texts(self) -> list[str]:
        return [event["text"] for event in self.sent if event.get("text") is not None]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop turn until something has come true."""
        await asyncio.wait_for(self._until(condition), SOON)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0)


def websocket_scope() -> dict[str, Any]:
    return {
        "type": "websocket",
        "path": "/engine.io/",
        "query_string": b"EIO=4&transport=websocket",
        "headers": [(b"accept-encoding", b"gzip")],
    }


async def fetch(app: Any, query: str, method: str = "GET", body: bytes = b"") -> bytes:
    """One HTTP request; return the body of the answer."""
    server = Server()
    server.push({"type": "http.request", "body": body})
    scope = {
        "type": "http",
        "method": method,
        "path": "/engine.io/",
        "query_string": f"EIO=4&transport=polling{query}".encode(),
        "headers": [],
    }
    sent = await server.serve(app, scope)
    answer: bytes = sent[1]["body"]
    return answer


async def open_polling(app: Any) -> str:
    """Open a session by long-polling and return its sid."""
    sid: str = json.loads((await fetch(app, ""))[1:])["sid"]
    return sid
