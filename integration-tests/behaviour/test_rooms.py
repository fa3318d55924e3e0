"""Rooms: who gets what."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.feature("rooms"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.full_clients,
]


async def told(clients):
    """What each client was told; a call through the same connection comes after it."""
    for client in clients:
        await client.call("nothing")
    return [[args for (args,) in client.records.all(("event", "/", "told"))] for client in clients]


async def sids(clients):
    return [(await client.call("me"))[0]["sid"] for client in clients]


async def test_only_the_members_of_a_room_are_told(connect):
    clients = [await connect() for _ in range(3)]
    await clients[0].call("join", "red")
    await clients[1].call("join", "red")

    await clients[2].call("tell", "red", None, "hello", b"bytes")

    assert await told(clients) == [[["hello", b"bytes"]], [["hello", b"bytes"]], []]


async def test_everybody_is_told_but_those_who_are_skipped(connect):
    clients = [await connect() for _ in range(3)]
    everybody = await sids(clients)

    await clients[0].call("tell", None, everybody[0], "one skipped")
    await clients[0].call("tell", None, everybody[:2], "two skipped")

    assert await told(clients) == [
        [], [["one skipped"]], [["one skipped"], ["two skipped"]],
    ]  # fmt: skip


async def test_who_is_in_several_of_the_rooms_is_told_once(connect):
    clients = [await connect() for _ in range(3)]
    for client, rooms in zip(clients, (["red", "blue"], ["blue"], ["green"]), strict=True):
        for room in rooms:
            await client.call("join", room)

    await clients[2].call("tell", ["red", "blue", "no such room"], None, "once")

    assert await told(clients) == [[["once"]], [["once"]], []]


async def test_a_sid_is_a_room(connect):
    clients = [await connect() for _ in range(2)]
    _, second = await sids(clients)

    await clients[0].call("tell", second, None, "you")

    assert await told(clients) == [[], [["you"]]]


async def test_an_empty_list_of_rooms_is_nobody(connect):
    clients = [await connect() for _ in range(2)]

    await clients[0].call("tell", [], None, "nobody")

    assert await told(clients) == [[], []]


async def test_who_left_a_room_is_not_told(connect):
    clients = [await connect() for _ in range(2)]
    for client in clients:
        await client.call("join", "red")
    await clients[0].call("leave", "red")

    await clients[1].call("tell", "red", None, "hello")

    assert await told(clients) == [[], [["hello"]]]
    assert (await clients[1].call("me"))[0]["rooms"] == sorted(
        ["red", (await clients[1].call("me"))[0]["sid"]]
    )


async def test_a_closed_room_has_no_members(connect):
    clients = [await connect() for _ in range(2)]
    for client in clients:
        await client.call("join", "red")

    await clients[0].call("close_room", "red")
    await clients[0].call("tell", "red", None, "hello")

    assert await told(clients) == [[], []]
