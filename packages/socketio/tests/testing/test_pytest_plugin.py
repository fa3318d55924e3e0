"""The fixtures that the installed package gives to every pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import socketio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from socketio.testing import AsyncTestServer, TestServer


def test_a_server_is_under_test_until_the_test_ends(
    socketio_test_server: Callable[[socketio.Server], TestServer],
) -> None:
    sio = socketio.Server(async_mode="threading")
    sio.on("echo", lambda sid, value: value)
    server = socketio_test_server(sio)

    assert server.connect().call("echo", 1) == 1


async def test_an_asyncio_server_is_under_test_until_the_test_ends(
    async_socketio_test_server: Callable[[socketio.AsyncServer], Awaitable[AsyncTestServer]],
) -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    sio.on("echo", lambda sid, value: value)
    server = await async_socketio_test_server(sio)

    ada = await server.connect()

    assert await ada.call("echo", 1) == 1
