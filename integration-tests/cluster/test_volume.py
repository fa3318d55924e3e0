"""A hundred thousand events through each backend: complete, in order, in the same memory."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from .backends import COLOURED
from .clients import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Cluster

COUNT = 100_000

SMALL_COUNT = 100_000 if os.environ.get("FULL_FAULTS") == "1" else 10_000
"""Of a process that waits for the broker with each event, unless there is time for all."""

TIMEOUT = 240
"""Seconds for all of them on a slow machine."""

GROWTH = 16_000_000
"""Bytes by which a process may have grown: what waits at once, and what the allocator keeps."""

VOLUMES = [(name, colour) for name, colour in COLOURED if colour in ("asyncio", "sync")]

pytestmark = pytest.mark.timeout(2 * TIMEOUT)


@pytest.fixture(scope="module", params=VOLUMES, ids="-".join)
def cluster(request: pytest.FixtureRequest, start_cluster: Callable[..., Cluster]) -> Cluster:
    backend, colour = request.param
    return start_cluster(backend, *[(colour, "ours")] * 3)


@pytest.mark.parametrize(("origin", "count"), [("server", COUNT), ("emitter", SMALL_COUNT)])
async def test_everything_arrives_in_order(
    cluster: Cluster, connect: Callable[..., Any], origin: str, count: int
) -> None:
    node = cluster.processes[origin]
    client = await connect(cluster.servers[1])
    await cluster.servers[1].do("enter_room", client.sid, "volume")

    async def is_heard() -> bool:
        await node.do("emit", "hello", None, room=client.sid)
        return not client.events.empty()

    await eventually(is_heard)
    await node.do("many", count // 10, "volume", -count // 10)
    await through(client, -count // 10, 0)
    processes = [*cluster.servers, cluster.emitter]
    before = [await process.do("usage") for process in processes]

    emitting = asyncio.create_task(node.do("many", count, "volume"))
    await through(client, 0, count)
    await emitting

    after = [await process.do("usage") for process in processes]
    for now, then in zip(after, before, strict=True):
        assert now["memory"] - then["memory"] < GROWTH
    health = [await process.do("health") for process in processes]
    for counts in health:
        assert (counts["dropped"], counts["uncertain"], counts["missed"]) == (0, 0, 0)


async def through(client: Any, first: int, end: int) -> None:
    """Return when the client has received these numbers, and nothing else among them."""

    async def receive() -> None:
        expected = first
        while expected < end:
            event = await client.events.get()
            if event[0] == "number":
                assert event[1] == expected
                expected += 1

    await asyncio.wait_for(receive(), TIMEOUT)
