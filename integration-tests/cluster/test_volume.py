"""A hundred thousand events through each backend: complete, in order, in the same memory.

A server emits them.  A process without a server emits at the same time, and waits for the broker
with each event: fewer, unless there is time for all (``FULL_FAULTS=1``).
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from .backends import COLOURED
from .clients import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .clients import Client
    from .conftest import Cluster

FULL = os.environ.get("FULL_FAULTS") == "1"

COUNTS = [100_000, 100_000 if FULL else 10_000]
"""Numbers that the server emits, and the other."""

WARM_UP = 2_000
"""Numbers before the memory is looked at for the first time."""

STARTS = [0, 1_000_000]
"""The first numbers."""

TIMEOUT = 240
"""Seconds for all of them on a slow machine."""

GROWTH = {"blocks": COUNTS[0] // 10, "memory": 16_000_000}
"""By how many objects, and bytes, a process may grow from half time to the end.  It must not keep
something for each event; the bytes are also what waits at once, which comes and goes."""

VOLUMES = [(name, colour) for name, colour in COLOURED if colour in ("asyncio", "sync")]

pytestmark = pytest.mark.timeout(2 * TIMEOUT)


@pytest.fixture(scope="module", params=VOLUMES, ids="-".join)
def cluster(request: pytest.FixtureRequest, start_cluster: Callable[..., Any]) -> Iterator[Cluster]:
    backend, colour = request.param
    with start_cluster(backend, *[(colour, "ours")] * 3) as cluster:
        yield cluster


async def test_everything_arrives_in_order(cluster: Cluster, connect: Callable[..., Any]) -> None:
    nodes = [*cluster.servers, cluster.emitter]
    emitters = list(cluster.processes.values())
    client = await connect(cluster.servers[1])
    await cluster.servers[1].do("enter_room", client.sid, "volume")

    async def is_heard() -> bool:
        for node in emitters:
            await node.do("emit", "hello", str(emitters.index(node)), room=client.sid)
        while not client.events.empty():
            heard.add(client.events.get_nowait()[1])
        return len(heard) == 2

    heard: set[str] = set()
    await eventually(is_heard)
    expected = list(STARTS)

    async def emit(counts: list[int]) -> None:
        """Let both emit at once until they have emitted so many, and the client has got them."""
        emitting = [
            asyncio.create_task(node.do("many", start + count - first, "volume", first))
            for node, start, first, count in zip(emitters, STARTS, expected, counts, strict=True)
        ]
        ends = [start + count for start, count in zip(STARTS, counts, strict=True)]
        await asyncio.wait_for(receive(client, expected, ends), TIMEOUT)
        await asyncio.gather(*emitting)

    async def usage() -> list[dict[str, int]]:
        return [await node.do("usage") for node in nodes]

    await emit([WARM_UP, WARM_UP // 10])
    first = await usage()
    await emit([count // 2 for count in COUNTS])
    half = await usage()
    await emit(COUNTS)
    end = await usage()

    for name, limit in GROWTH.items():
        growth = [
            [after[name] - before[name] for before, after in zip(*pair, strict=True)]
            for pair in ((first, half), (half, end))
        ]
        print(f"{name}: {growth[0]} and then {growth[1]}")
        assert max(growth[1]) < limit
    for counts in [await node.do("health") for node in nodes]:
        assert (counts["dropped"], counts["uncertain"], counts["missed"]) == (0, 0, 0)


async def receive(client: Client, expected: list[int], ends: list[int]) -> None:
    """Return when the client has received all numbers up to these, each in its turn."""
    while expected != ends:
        name, number = await client.events.get()
        if name == "number":
            emitter = number >= STARTS[1]
            assert number == expected[emitter]
            expected[emitter] += 1
