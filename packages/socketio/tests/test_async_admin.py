"""What admins of an asyncio server are told, where the order or the end of things matters."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from http_support import request

import socketio
from socketio.exceptions import ConnectionRefusedError
from socketio.testing import AsyncTestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from socketio.async_admin import InstrumentedAsyncServer
    from socketio.testing import AsyncTestClient

STARTED = time.time()
"""When this module was imported: after socketio."""

INTERVAL = 2
"""Seconds between two statistics, by default."""


@pytest.fixture
def sio() -> socketio.AsyncServer:
    return socketio.AsyncServer(async_mode="asgi")


@pytest.fixture
async def server(sio: socketio.AsyncServer) -> AsyncIterator[AsyncTestServer]:
    async with AsyncTestServer(sio) as server:
        yield server
        observers: list[Any] = sio.observers
        for instrumented in observers:
            await instrumented.shutdown()


async def events(
    server: AsyncTestServer, admin: AsyncTestClient, namespace: str = "/admin"
) -> list[list[Any]]:
    """What an admin has been told since the last look, but for statistics."""
    await server.settle()
    told = await admin.received(namespace)
    return [event for event in told if event[0] != "server_stats"]


async def last_stats(
    server: AsyncTestServer, admin: AsyncTestClient, namespace: str = "/admin"
) -> dict[str, Any]:
    """The statistics of the next interval."""
    await server.advance(INTERVAL)
    told = await admin.received(namespace)
    stats: dict[str, Any] = [event for event in told if event[0] == "server_stats"][-1][1]
    return stats


def totals(stats: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for counter in stats["aggregatedEvents"]:
        counts[counter["type"]] = counts.get(counter["type"], 0) + counter["count"]
    return counts


async def connect_admin(server: AsyncTestServer, namespace: str = "/admin") -> AsyncTestClient:
    admin = await server.connect(namespace)
    await events(server, admin, namespace=namespace)
    return admin


def instrument(sio: socketio.AsyncServer, **options: Any) -> InstrumentedAsyncServer:
    return sio.instrument(**{"auth": False, **options})


async def test_two_observers_of_one_server_do_not_report_each_other(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    instrument(sio, namespace="/a1")
    instrument(sio, namespace="/a2")
    first = await connect_admin(server, "/a1")
    second = await connect_admin(server, "/a2")

    client = await server.connect()

    for admin, namespace in ((first, "/a1"), (second, "/a2")):
        [event] = await events(server, admin, namespace=namespace)
        assert (event[0], event[1]["id"]) == ("socket_connected", client.sid)
    late = await server.connect("/a1")
    [_, all_sockets] = await events(server, late, namespace="/a1")
    assert [socket["nsp"] for socket in all_sockets[1]] == ["/"]
    await server.advance(INTERVAL)
    stats = [event for event in await first.received("/a1") if event[0] == "server_stats"]
    assert [namespace["name"] for namespace in stats[0][1]["namespaces"]] == ["/"]


async def test_two_observers_count_the_same(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    instrument(sio, namespace="/a1", mode="production")
    admin = await connect_admin(server, "/a1")
    for _ in range(10):
        await server.connect()
    await last_stats(server, admin, "/a1")

    second = instrument(sio, namespace="/a2", mode="production")
    await server.connect()
    counts = totals(await last_stats(server, admin, "/a1"))
    assert (counts["rawConnection"], counts["packetsIn"]) == (1, 1)
    second.uninstrument()
    await server.connect()
    counts = totals(await last_stats(server, admin, "/a1"))
    assert (counts["rawConnection"], counts["packetsIn"]) == (1, 1)


async def test_a_second_observer_of_a_namespace_takes_the_place_of_the_first(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    first = instrument(sio, auth={"token": 1})
    second = instrument(sio)

    admin = await server.connect("/admin")

    assert sio.observers == [second]
    assert [event[0] for event in await events(server, admin)] == ["config", "all_sockets"]
    first.uninstrument()  # it is not the one any more
    await server.connect("/admin")


async def test_uninstrument_ends_the_statistics(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    instrumented = instrument(sio)
    admin = await connect_admin(server)
    await server.advance(INTERVAL)
    assert [event[0] for event in await admin.received("/admin")] == ["server_stats"]

    instrumented.uninstrument()
    await server.advance(5 * INTERVAL)

    assert await admin.received("/admin") == []
    assert instrumented.stats_task is None
    instrumented.instrument()
    again = await server.connect("/admin")
    await server.advance(INTERVAL)
    assert "server_stats" in [event[0] for event in await again.received("/admin")]


async def test_a_report_says_what_was_sent_whatever_becomes_of_it(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    async def take(sid: str, data: dict[str, Any]) -> None:
        data["items"].append("mine")
        answer = {"items": [bytearray(b"1")]}
        await sio.emit("answer", answer, to=sid)
        answer["items"].clear()

    sio.on("take", take)
    instrument(sio)
    admin = await connect_admin(server)
    client = await server.connect()
    await events(server, admin)

    await client.emit("take", {"items": ["theirs"]})

    received, sent = await events(server, admin)
    assert received[3] == ["take", {"items": ["theirs"]}]
    assert sent[3] == ["answer", {"items": [b"1"]}]


async def test_what_is_nested_too_deep_is_reported_by_its_name(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    instrumented = instrument(sio)
    admin = await connect_admin(server)
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]

    instrumented.received("sid", "/", ["deep", deep])

    [report] = await events(server, admin)
    assert report[3] == ["deep"]


async def test_nothing_is_reported_as_sent_that_could_not_be(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    instrument(sio)
    admin = await connect_admin(server)
    await server.connect()
    await events(server, admin)

    for callback in (None, print):
        with pytest.raises(TypeError):
            await sio.emit("event", object(), callback=callback)

    assert await events(server, admin) == []


@pytest.mark.parametrize("accepts", [True, False])
async def test_an_event_for_a_client_that_is_connecting_is_reported_when_it_gets_it(
    sio: socketio.AsyncServer, server: AsyncTestServer, accepts: bool
) -> None:
    async def connect(sid: str, environ: dict[str, Any]) -> bool:
        data = ["hello"]
        await sio.emit("event", data)
        await sio.emit("question", callback=print)
        data.clear()
        return accepts

    sio.on("connect", connect)
    instrument(sio)
    admin = await connect_admin(server)

    if not accepts:
        with pytest.raises(ConnectionRefusedError):
            await server.connect()
        assert await events(server, admin) == []
        return
    client = await server.connect()
    connected, *sent = await events(server, admin)
    assert (connected[0], connected[1]["id"]) == ("socket_connected", client.sid)
    assert [event[:4] for event in sent] == [
        ["event_sent", "/", client.sid, ["event", ["hello"]]],
        ["event_sent", "/", client.sid, ["question"]],
    ]


async def test_a_client_that_leaves_is_in_no_list(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    lists: list[Any] = []
    sio.on("disconnect", lambda sid, reason: lists.append(instrumented._all_sockets()))
    instrumented = instrument(sio)
    client = await server.connect()

    await client.disconnect()

    assert lists == [[]]


# what the statistics and the lists say


async def test_namespaces_of_classes_and_later_ones_are_counted(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    sio.register_namespace(socketio.AsyncNamespace("/class"))
    instrument(sio)
    admin = await connect_admin(server)
    await last_stats(server, admin)

    sio.register_namespace(socketio.AsyncNamespace("/later-class"))
    sio.on("event", print, namespace="/later-function")
    sio.on("event", print, namespace="*")
    for namespace in ("/class", "/later-class", "/later-class", "/"):
        await server.connect(namespace)

    assert (await last_stats(server, admin))["namespaces"] == [
        {"name": "/", "socketsCount": 1},
        {"name": "/class", "socketsCount": 1},
        {"name": "/later-class", "socketsCount": 2},
        {"name": "/later-function", "socketsCount": 0},
    ]


async def test_the_uptime_is_that_of_the_process(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    instrument(sio)
    admin = await connect_admin(server)

    uptime = (await last_stats(server, admin))["uptime"]

    assert time.time() - STARTED <= uptime <= time.clock_gettime(time.CLOCK_BOOTTIME)


async def test_bytes_are_those_of_utf_8(sio: socketio.AsyncServer, server: AsyncTestServer) -> None:
    sio.on("echo", lambda sid, text: text)
    instrument(sio, mode="production")
    admin = await connect_admin(server)
    client = await server.connect()
    counts = []

    for text in ("e" * 1000, "é" * 1000):
        await last_stats(server, admin)
        await client.call("echo", text)
        counts.append(totals(await last_stats(server, admin)))

    ascii, latin = counts
    assert latin["bytesIn"] - ascii["bytesIn"] == 1000
    assert 500 < latin["bytesOut"] - ascii["bytesOut"] < 1500  # the statistics are in it, too


async def test_each_packet_of_a_payload_is_counted(sio: socketio.AsyncServer) -> None:
    instrumented = instrument(sio, mode="production")
    _, _, opened = await request(sio)
    sid = json.loads(opened[1:])["sid"]

    await request(sio, f"&sid={sid}", b'40\x1e42["one"]\x1e42["two",1]')

    stats = instrumented._stats().args[0]
    assert stats["pollingClientsCount"] == 1
    counts = totals(stats)
    assert (counts["packetsIn"], counts["bytesIn"]) == (3, len(b'4042["one"]42["two",1]'))
    await instrumented.shutdown()


async def test_addresses_and_headers_are_those_of_the_client(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    instrument(sio)
    admin = await connect_admin(server)
    direct = {"REMOTE_ADDR": "198.51.100.1"}
    forwarded = {"X-Forwarded-For": "203.0.113.7, 10.0.0.1", "User-Agent": "of a test"}
    seen = []

    for headers in ({}, forwarded, {**forwarded, "CF-Connecting-IP": "203.0.113.9"}):
        await server.connect(headers=headers, environ=direct, query="a=1&b=2&b=3")
        [connected] = await events(server, admin)
        seen.append(connected[1]["handshake"])

    assert [handshake["address"] for handshake in seen] == [
        "198.51.100.1",
        "203.0.113.7",
        "203.0.113.9",
    ]
    assert seen[1]["headers"]["user-agent"] == "of a test"
    assert seen[1]["headers"]["x-forwarded-for"] == forwarded["X-Forwarded-For"]
    assert (seen[0]["query"]["a"], seen[0]["query"]["b"]) == ("1", ["2", "3"])


async def test_a_second_admin_gets_the_list_of_all_namespaces(
    sio: socketio.AsyncServer, server: AsyncTestServer
) -> None:
    sio.on("event", print, namespace="/other")
    instrument(sio)
    first = await connect_admin(server)
    clients = [await server.connect(namespace) for namespace in ("/", "/other")]
    await events(server, first)

    second = await server.connect("/admin")

    [config, all_sockets] = await events(server, second)
    assert (config[0], all_sockets[0]) == ("config", "all_sockets")
    assert {(client["nsp"], client["id"]) for client in all_sockets[1]} == {
        ("/", clients[0].sid),
        ("/other", clients[1].sid),
    }
    assert await events(server, first) == []
