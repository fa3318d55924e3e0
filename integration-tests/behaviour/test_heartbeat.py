"""The heartbeat keeps the living and finds the dead."""

from __future__ import annotations

import json

import pytest

from .raw import POLLING, WebSocket, fetch, open_polling

pytestmark = [pytest.mark.feature("heartbeat"), pytest.mark.asyncio(loop_scope="session")]

INTERVAL = 0.3
PATIENT, IMPATIENT = 20, 1
PINGS = 3


@pytest.fixture
def options():
    return {"ping_interval": INTERVAL, "ping_timeout": IMPATIENT}


@pytest.mark.parametrize(
    "options", [{"ping_interval": INTERVAL, "ping_timeout": PATIENT}], ids=["patient"]
)
async def test_a_client_that_answers_stays(connect, server):
    client = await connect()
    query = await open_polling(server, join=True)

    # another client's pings tell how much time has passed
    for _ in range(PINGS):
        assert (await fetch(server, query)).body == b"2"
        await fetch(server, query, "POST", body=b"3")

    assert await client.call("echo", 1) == [1]
    await fetch(server, query, "POST", body=b"1")


async def test_the_handshake_tells_the_times_in_milliseconds(server):
    reply = await fetch(server, POLLING)

    opened = json.loads(reply.body[1:])
    assert (opened["pingInterval"], opened["pingTimeout"]) == (300, 1000)
    await fetch(server, f"{POLLING}&sid={opened['sid']}", "POST", body=b"1")


@pytest.mark.websocket
async def test_a_websocket_that_does_not_answer_is_closed(server):
    async with WebSocket(server) as websocket:
        await websocket.open()
        await websocket.join()

        assert await websocket.text() == "2"

        assert await websocket.text() == "1"
        assert await websocket.close_code() == 1000
    await server.settled({"sessions": 0, "environs": 0})


async def test_a_long_poll_that_does_not_answer_is_closed(server):
    query = await open_polling(server, join=True)

    assert (await fetch(server, query)).body == b"2"
    reply = await fetch(server, query)

    assert reply.body in (b"1", b"6") or reply.status == 400
    assert (await fetch(server, query)).status == 400
    await server.settled({"sessions": 0, "environs": 0})


@pytest.mark.websocket
async def test_the_others_hear_that_it_was_the_heartbeat(server):
    async with WebSocket(server) as watcher, WebSocket(server) as silent:
        for websocket in (watcher, silent):
            await websocket.open()
            await websocket.join()
        await watcher.frame('42["join","watchers"]')
        await silent.frame('42["set_name","silent"]')

        while not (text := await watcher.text()).startswith('42["gone"'):
            if text == "2":
                await watcher.frame("3")

        assert json.loads(text[2:])[2:4] == ["ping timeout", "silent"]
    await server.settled({"sessions": 0, "environs": 0})
