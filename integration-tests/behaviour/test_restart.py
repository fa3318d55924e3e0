"""A server that stops does so in seconds; its clients come back when it does."""

from __future__ import annotations

import asyncio

import pytest

from .servers import Server

pytestmark = [
    pytest.mark.feature("reconnection"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.full_clients,
]


@pytest.fixture
def server(mode):
    """One of its own for each test, which stops it."""
    server = Server(mode, {})
    yield server
    server.kill()


async def test_clients_reconnect_after_a_restart(connect, server):
    client = await connect("/", "/chat", reconnection=True)
    (before,) = await client.call("me")

    await asyncio.to_thread(server.stop)
    for namespace in ("/", "/chat"):
        (reason,) = await client.records.take(("disconnect", namespace))
        assert reason in ("transport close", "transport error")
    await asyncio.to_thread(server.start)

    for namespace in ("/", "/chat"):
        await client.records.take(("connect", namespace))
    (after,) = await client.call("me")
    assert after["sid"] != before["sid"]
    assert await client.call("echo", b"still there", namespace="/chat") == ["chat", b"still there"]


async def test_clients_reconnect_after_a_crash(connect, server):
    client = await connect(reconnection=True)

    await asyncio.to_thread(server.kill)
    await client.records.take(("disconnect", "/"))
    await asyncio.to_thread(server.start)

    await client.records.take(("connect", "/"))
    assert await client.call("echo", 1) == [1]


@pytest.mark.feature("shutdown")
async def test_a_server_with_many_clients_stops_in_seconds_and_quietly(connect, server):
    clients = [await connect() for _ in range(20)]
    await clients[0].call("echo", 1)

    await asyncio.to_thread(server.stop)

    for client in clients:
        await client.records.take(("disconnect", "/"))
    await asyncio.to_thread(server.start)


@pytest.mark.feature("errors in handlers")
async def test_a_failing_handler_is_logged_once_and_the_client_goes_on(connect, server):
    client = await connect()

    await client.emit("fail")
    assert await client.call("echo", 1) == [1]

    await server.logs("ZeroDivisionError: on purpose")
    await client.close()
    await asyncio.to_thread(server.kill)
    log = "".join(server.log)
    assert log.count("ZeroDivisionError: on purpose") == 1
    assert log.count("Traceback") == 1
    await asyncio.to_thread(server.start)
