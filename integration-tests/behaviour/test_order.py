"""In which order events are handled, and which of them at the same time.

With ``async_handlers`` (the default) handlers start in the order of the events, each as a task, a
greenlet or a thread of its own; threads may then overtake each other.  Without it each client's
handlers run one after the other.
"""

from __future__ import annotations

import asyncio

import pytest

pytestmark = [pytest.mark.feature("order, concurrency"), pytest.mark.asyncio(loop_scope="session")]

COUNT = 100
IN_TURN = {"async_handlers": False}
in_turn = pytest.mark.parametrize("options", [IN_TURN], ids=["in turn"])


async def bounced(client, count=COUNT):
    received = [await client.records.take(("event", "/", "back")) for _ in range(count)]
    return [number for ((number,),) in received]


async def test_handlers_start_in_the_order_of_the_events(connect, server):
    client = await connect()

    for number in range(COUNT):
        await client.emit("bounce", "back", number)
    numbers = await bounced(client)

    if server.kind.async_mode == "threading":
        numbers.sort()
    assert numbers == list(range(COUNT))


async def test_a_burst_of_a_client_arrives_complete(connect):
    client = await connect()

    # at once: the JavaScript client puts all of them into one POST
    await asyncio.gather(*[client.emit("bounce", "back", number) for number in range(COUNT)])

    assert sorted(await bounced(client)) == list(range(COUNT))


@in_turn
async def test_one_after_the_other_they_end_in_the_order_of_the_events(connect):
    client = await connect()

    await client.emit("rest_and_bounce", 0.05, "back", 0)
    for number in range(1, COUNT):
        await client.emit("bounce", "back", number)

    assert await bounced(client) == list(range(COUNT))


@in_turn
async def test_one_after_the_other_is_for_each_client_alone(connect):
    slow, quick = await connect(), await connect()

    await slow.emit("wait_and_bounce", "slow", "back", "slow")
    await quick.call("release", "slow")

    assert await bounced(slow, 1) == ["slow"]


async def test_a_handler_that_waits_does_not_keep_its_client_from_others(connect):
    client = await connect()

    await client.emit("wait_and_bounce", "slow", "back", "slow")
    await client.emit("bounce", "back", "quick")

    assert await bounced(client, 1) == ["quick"]
    await client.call("release", "slow")
    assert await bounced(client, 1) == ["slow"]
