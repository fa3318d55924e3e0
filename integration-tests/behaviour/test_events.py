"""Events and acknowledgements, in both directions, with every kind of data."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

VALUES = [
    "text", "smörgåsbord €𝄞", "", 0, -1, 1.5, True, None, [], {}, [1, [2, [3]]],
    {"a": {"b": [None, "\x00\x1e\n"]}}, 2**53,
]  # fmt: skip
BINARY = [
    [b"\x00\x01\xfe\xff"],
    [b""],
    [b"one", "text", b"two", {"three": [b"3", {"four": b"4"}]}],
    [bytes(range(256)) * 400],
]


async def test_every_json_value_comes_back_in_the_acknowledgement(connect):
    client = await connect()

    assert await client.call("echo", *VALUES) == VALUES
    assert await client.call("plain", *VALUES) == VALUES


@pytest.mark.parametrize("values", BINARY, ids=["one", "empty", "nested", "long"])
async def test_binary_travels_both_ways(connect, values):
    client = await connect()

    assert await client.call("echo", *values) == values
    await client.emit("bounce", "back", *values)

    assert await client.records.take(("event", "/", "back")) == (values,)


async def test_an_acknowledgement_without_values_is_empty(connect):
    client = await connect()

    assert await client.call("nothing", 1) == []


async def test_an_event_comes_back_as_an_event(connect):
    client = await connect()

    await client.emit("bounce", "back")
    await client.emit("bounce", "back", None, {"a": 1})

    assert await client.records.take(("event", "/", "back")) == ([],)
    assert await client.records.take(("event", "/", "back")) == ([None, {"a": 1}],)


async def test_events_to_the_server_are_handled_in_order(connect):
    client = await connect()

    for number in range(50):
        await client.emit("bounce", "back", number)
    received = [await client.records.take(("event", "/", "back")) for _ in range(50)]

    assert received == [([number],) for number in range(50)]


async def test_a_burst_from_the_client_arrives_complete_and_in_order(connect):
    client = await connect()

    # at once: the JavaScript client puts all of them into one POST
    await asyncio.gather(*[client.emit("bounce", "back", number) for number in range(100)])
    received = [await client.records.take(("event", "/", "back")) for _ in range(100)]

    assert received == [([number],) for number in range(100)]


async def test_a_burst_from_the_server_arrives_complete_and_in_order(connect):
    client = await connect()

    await client.call("burst", 300)
    received = [await client.records.take(("event", "/", "number")) for _ in range(300)]

    assert received == [([number],) for number in range(300)]


@pytest.mark.parametrize("answer", [[], ["one"], ["one", 2], [b"bytes", {"more": b"bytes"}]])
async def test_the_server_calls_and_gets_the_clients_answer(connect, answer):
    client = await connect()
    await client.answer("question", *answer)

    ((got,),) = await client.call("ask", "question", {"n": 1}, b"binary")

    # call() returns None, the value, or several values as one tuple
    assert got == (answer if len(answer) > 1 else answer[0] if answer else None)
    assert await client.records.take(("event", "/", "question")) == ([{"n": 1}, b"binary"],)


async def test_the_servers_callback_gets_the_clients_answer(connect):
    client = await connect()
    await client.answer("question", "yes", b"no")

    await client.emit("ask_back", "question")

    assert await client.records.take(("event", "/", "answered")) == (["yes", b"no"],)


async def test_the_catch_all_handler_gets_what_nobody_else_takes(connect):
    client = await connect()

    assert await client.call("no such event", 1, b"2") == ["caught", "no such event", 1, b"2"]


async def test_a_handler_that_is_waiting_does_not_block_the_client(connect):
    client = await connect()
    await client.answer("question", "late")

    await client.emit("ask_back", "never answered here")
    assert await client.call("echo", 1) == [1]
