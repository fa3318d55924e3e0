"""Events and acknowledgements, in both directions, with every kind of data."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.feature("events"), pytest.mark.asyncio(loop_scope="session")]

VALUES = [
    "text", "smörgåsbord €𝄞", "", 0, -1, 1.5, True, None, [], {}, [1, [2, [3]]],
    {"a": {"b": [None, "\x00\x1e\n"]}}, 2**53,
]  # fmt: skip
BINARY = [
    [b"\x00\x01\xfe\xff"],
    pytest.param([b""], marks=pytest.mark.not_on("daphne", ("websocket", "upgrade"))),
    [b"one", "text", b"two", {"three": [b"3", {"four": b"4"}]}],
    [bytes(range(256)) * 400],
]


@pytest.mark.feature("acknowledgements")
async def test_every_json_value_comes_back_in_the_acknowledgement(connect):
    client = await connect()

    assert await client.call("echo", *VALUES) == VALUES
    assert await client.call("plain", *VALUES) == VALUES


@pytest.mark.parametrize("values", BINARY, ids=["one", "empty", "nested", "long"])
@pytest.mark.feature("binary")
async def test_binary_travels_both_ways(connect, values):
    client = await connect()

    assert await client.call("echo", *values) == values
    await client.emit("bounce", "back", *values)

    assert await client.records.take(("event", "/", "back")) == (values,)


@pytest.mark.feature("acknowledgements")
async def test_an_acknowledgement_without_values_is_empty(connect):
    client = await connect()

    assert await client.call("nothing", 1) == []


async def test_an_event_comes_back_as_an_event(connect):
    client = await connect()

    await client.emit("bounce", "back")
    assert await client.records.take(("event", "/", "back")) == ([],)

    await client.emit("bounce", "back", None, {"a": 1})
    assert await client.records.take(("event", "/", "back")) == ([None, {"a": 1}],)


async def test_a_burst_from_the_server_arrives_complete_and_in_order(connect):
    client = await connect()

    await client.call("burst", 300)
    received = [await client.records.take(("event", "/", "number")) for _ in range(300)]

    assert received == [([number],) for number in range(300)]


@pytest.mark.full_clients
@pytest.mark.parametrize("answer", [[], ["one"], ["one", 2], [b"bytes", {"more": b"bytes"}]])
@pytest.mark.feature("`call`")
async def test_the_server_calls_and_gets_the_clients_answer(connect, answer):
    client = await connect()
    await client.answer("question", *answer)

    ((got,),) = await client.call("ask", "question", {"n": 1}, b"binary")

    # call() returns None, the value, or several values as one tuple
    assert got == (answer if len(answer) > 1 else answer[0] if answer else None)
    assert await client.records.take(("event", "/", "question")) == ([{"n": 1}, b"binary"],)


@pytest.mark.full_clients
@pytest.mark.feature("acknowledgements")
async def test_the_servers_callback_gets_the_clients_answer(connect):
    client = await connect()
    await client.answer("question", "yes", b"no")

    await client.emit("ask_back", "question")

    assert await client.records.take(("event", "/", "answered")) == (["yes", b"no"],)


@pytest.mark.feature("catch-all handlers")
async def test_the_catch_all_handler_gets_what_nobody_else_takes(connect):
    client = await connect()

    assert await client.call("no such event", 1, b"2") == ["caught", "no such event", 1, b"2"]


@pytest.mark.full_clients
@pytest.mark.feature("order, concurrency")
async def test_a_handler_that_is_waiting_does_not_block_the_client(connect):
    client = await connect()
    await client.answer("question", "late")

    await client.emit("ask_back", "never answered here")
    assert await client.call("echo", 1) == [1]
