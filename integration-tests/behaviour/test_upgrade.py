"""Clients that start with long-polling move to WebSocket, and lose nothing on the way."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = [pytest.mark.feature("upgrade"), pytest.mark.asyncio(loop_scope="session")]

COUNT = 200

in_turn = pytest.mark.parametrize("options", [{"async_handlers": False}], ids=["in turn"])
"""Or the handlers, where they are threads, overtake each other."""


@pytest.mark.parametrize("transport", ["upgrade"])
async def test_both_sides_use_the_websocket_after_the_upgrade(connect):
    client = await connect()

    assert await client.transport() == "websocket"
    assert (await client.call("me"))[0]["transport"] == "websocket"


@pytest.mark.parametrize("transport", ["upgrade"])
@pytest.mark.parametrize("options", [{"allow_upgrades": False}], ids=["no-upgrades"])
async def test_a_server_that_allows_no_upgrade_keeps_polling(server, make_client, transport):
    client = make_client()

    await client.open(server.url, transport)
    await client.records.take(("connect", "/"))

    assert await client.transport() == "polling"
    assert (await client.call("me"))[0]["transport"] == "polling"


@in_turn
@pytest.mark.parametrize("transport", ["upgrade"])
async def test_messages_around_the_upgrade_keep_their_order(server, make_client, transport):
    """The JavaScript client upgrades while the events below travel; ours has upgraded before."""
    client = make_client()
    await client.open(server.url, transport)
    await client.records.take(("connect", "/"))

    for number in range(COUNT):
        await client.emit("bounce", "back", number, b"binary")
    await client.emit("burst", COUNT)
    back = [await client.records.take(("event", "/", "back")) for _ in range(COUNT)]
    numbers = [await client.records.take(("event", "/", "number")) for _ in range(COUNT)]

    assert back == [([number, b"binary"],) for number in range(COUNT)]
    assert numbers == [([number],) for number in range(COUNT)]
    await asyncio.wait_for(client.upgraded(), 10)
    assert await client.transport() == "websocket"


@in_turn
@pytest.mark.parametrize("transport", ["upgrade"])
async def test_a_broadcast_reaches_clients_that_are_upgrading(connect, server, make_client):
    sender = await connect()
    clients = [make_client() for _ in range(5)]
    for client in clients:
        await client.open(server.url, "upgrade")
        await client.records.take(("connect", "/"))

    for number in range(50):
        await sender.emit("tell", None, None, number)

    for client in clients:
        received = [await client.records.take(("event", "/", "told")) for _ in range(50)]
        assert received == [([number],) for number in range(50)]
