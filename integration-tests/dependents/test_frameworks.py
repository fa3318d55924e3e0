"""FastAPI, Starlette, Quart and Django, with a Socket.IO server inside or in front of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import socketio

if TYPE_CHECKING:
    from collections.abc import Callable

TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]]
SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Client:
    """Our client; ``heard`` are the announcements that it gets."""

    def __init__(self) -> None:
        self.sio = socketio.AsyncClient()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.sio.on("announcement", self.heard.put)

    async def check(self, url: str, path: str, transports: list[str], announce: str) -> Any:
        """Ask, be told what another request announces, and return the answer to the question."""
        await self.sio.connect(url, transports=transports, socketio_path=path)
        try:
            assert self.sio.transport() == transports[-1]
            async with aiohttp.request("GET", f"{url}{announce}/hello") as response:
                assert await response.json() == {"announced": "hello"}
            assert await asyncio.wait_for(self.heard.get(), SOON) == "hello"
            return await self.sio.call("ask", "how?", timeout=SOON)
        finally:
            await self.sio.disconnect()


UVICORN = ("-m", "uvicorn", "--port", "{port}", "--timeout-graceful-shutdown", "1")
HYPERCORN = ("-m", "hypercorn", "--bind", "127.0.0.1:{port}", "--graceful-timeout", "1")


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
async def test_fastapi_with_socketio_below_a_path(
    start: Callable[..., Any], transports: list[str]
) -> None:
    server = start(*UVICORN, "fastapi_app:app")

    answer = await Client().check(server.url, "/ws/socket.io", transports, "/announce")

    assert answer == {"question": "how?", "phases": ["startup"], "root_path": "/ws"}


@pytest.mark.parametrize("command", [UVICORN, HYPERCORN], ids=["uvicorn", "hypercorn"])
async def test_socketio_around_fastapi(start: Callable[..., Any], command: Any) -> None:
    server = start(*command, "fastapi_app:around")

    answer = await Client().check(server.url, "/ws/socket.io", TRANSPORTS[2], "/announce")

    assert answer == {"question": "how?", "phases": ["startup"], "root_path": ""}


@pytest.mark.parametrize("app", ["app", "starlette"])
async def test_the_cors_middleware_answers_for_socketio_too(
    start: Callable[..., Any], app: str
) -> None:
    url = start(*UVICORN, f"fastapi_app:{app}").url
    handshake = f"{url}/ws/socket.io/?EIO=4&transport=polling"
    preflight = {"Access-Control-Request-Method": "GET"}

    async with aiohttp.ClientSession() as http:
        for origin, allowed in [("https://friend.example", True), ("https://foe.example", False)]:
            headers = {"Origin": origin}
            async with http.get(handshake, headers=headers) as response:
                assert response.status == 200
                origins = response.headers.getall("Access-Control-Allow-Origin", [])
                assert origins == ([origin] if allowed else [])
            async with http.options(handshake, headers=headers | preflight) as response:
                assert response.status == (200 if allowed else 400)
                origins = response.headers.getall("Access-Control-Allow-Origin", [])
                assert origins == ([origin] if allowed else [])
        async with http.get(f"{url}/ws/elsewhere") as response:
            assert response.status == 404


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
@pytest.mark.parametrize("command", [UVICORN, HYPERCORN], ids=["uvicorn", "hypercorn"])
async def test_quart_behind_socketio(
    start: Callable[..., Any], command: Any, transports: list[str]
) -> None:
    server = start(*command, "quart_app:app")

    answer = await Client().check(server.url, "/socket.io", transports, "/announce")

    assert answer == {"question": "how?", "started": True}


async def test_quart_keeps_its_own_websockets(start: Callable[..., Any]) -> None:
    server = start(*UVICORN, "quart_app:app")

    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{server.url}/plain") as websocket,
    ):
        await websocket.send_str("this")
        assert await websocket.receive_str(timeout=SOON) == "got this"


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
async def test_django_by_asgi(start: Callable[..., Any], transports: list[str]) -> None:
    server = start(*UVICORN, "django_app:app")

    answer = await Client().check(server.url, "/socket.io", transports, "/async/announce")

    assert answer == {"question": "how?", "url": "/announce/x"}


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
@pytest.mark.parametrize("model", ["threading", "gevent"])
async def test_django_by_wsgi(start: Callable[..., Any], model: str, transports: list[str]) -> None:
    server = start("django_app.py", "{port}", model)

    answer = await Client().check(server.url, "/socket.io", transports, "/announce")

    assert answer == {"question": "how?", "url": "/announce/x"}
