"""The worst days of a broker: after each of them traffic flows again, and what was lost is counted.

Pauses are short here; with ``FULL_FAULTS=1``, as in ``make matrix``, they take 30 seconds.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from socketio.base_pubsub_manager import JITTER, MAX_DELAY, SEND_TIMEOUT

from .backends import BACKENDS
from .clients import PATIENCE, Client, eventually
from .nodes import Node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from .brokers.process import Broker
    from .brokers.relay import Relays

FULL = os.environ.get("FULL_FAULTS") == "1"

FAULTY = [
    ("redis", "asyncio"),
    ("redis", "sync"),
    ("rabbitmq", "asyncio"),
    ("rabbitmq", "sync"),
    ("kafka", "asyncio"),
    ("kafka", "sync"),
    ("zeromq", "sync"),
    *([(name, "gevent") for name in ("redis", "rabbitmq", "kafka", "zeromq")] if FULL else []),
]
"""Backends and colours."""

RECOVERY = MAX_DELAY * (1 + JITTER) + SEND_TIMEOUT
"""Seconds within which a broker that is back is noticed, as documented."""

EVENTS = 300
"""Emitted by each of the two that emit."""

OTHERS = 1_000_000
"""The first number of the second one."""

PAUSE = 0.01
"""Seconds between two of them."""

PROMPT = 2.0
"""Seconds that no emit may take: ``PATIENCE`` of the manager, and a busy machine."""

pytestmark = pytest.mark.timeout(180)


@dataclass
class World:
    """A cluster on a broker of its own, with a client on each server."""

    broker: Broker
    relays: Relays
    servers: list[Node]
    emitter: Node
    clients: list[Client]
    arrived: list[list[list[Any]]]
    """What each client has received since it was last looked at."""
    room: str = "room"

    @property
    def nodes(self) -> list[Node]:
        return [*self.servers, self.emitter]

    async def state(self, node: Node) -> str:
        return str((await node.do("health"))["state"])

    async def usage(self) -> list[dict[str, int]]:
        """What each process holds."""
        return [await node.do("usage") for node in self.nodes]

    async def gather(self) -> None:
        """Return once everybody reaches everybody."""
        # what was kept of an earlier gathering comes late, and proves nothing
        greeting = uuid.uuid4().hex

        async def all_hear_all() -> bool:
            for number in range(len(self.nodes)):
                await self.nodes[number].do("emit", greeting, number, room=self.room)
            self.collect()
            heard = [{event[1] for event in log if event[0] == greeting} for log in self.arrived]
            return heard == [{0, 1, 2}] * 2

        await eventually(all_hear_all, RECOVERY)

    def collect(self) -> None:
        for client, log in zip(self.clients, self.arrived, strict=True):
            while not client.events.empty():
                log.append(client.events.get_nowait())

    def forget(self, name: str) -> None:
        for log in self.arrived:
            log[:] = [event for event in log if event[0] != name]

    async def good_day(self) -> None:
        """Nothing happens, and everything arrives."""
        assert await self.traffic(nothing_happens, 50) == [0, 0]

    async def traffic(
        self, fault: Callable[[], Awaitable[None]], events: int = EVENTS
    ) -> list[int]:
        """Let something happen while two processes emit; return how much each client missed.

        What has not arrived must have been counted, and nobody may have been held up.
        """
        self.collect()
        self.forget("number")
        before = [await node.do("health") for node in self.nodes]
        emitting = [
            asyncio.create_task(node.do("many", events, self.room, start, PAUSE))
            for node, start in ((self.servers[0], 0), (self.emitter, OTHERS))
        ]
        await fault()
        slowest = await asyncio.gather(*emitting)
        await self.gather()

        after = [await node.do("health") for node in self.nodes]
        counts = ("missed", "uncertain", "dropped")
        lost = [
            {name: now[name] - then[name] for name in counts}
            for now, then in zip(after, before, strict=True)
        ]
        numbers = [[event[1] for event in log if event[0] == "number"] for log in self.arrived]
        print(f"lost {lost}, slowest {slowest}, arrived {[len(n) for n in numbers]}")
        assert slowest[0] < PROMPT
        missed = [2 * events - len(received) for received in numbers]
        assert [number for number in numbers[0] if number < OTHERS] == list(range(events))
        for received, count, counted in zip(numbers, missed, lost, strict=False):
            for start in (0, OTHERS):
                own = [number for number in received if start <= number < start + events]
                assert own == sorted(set(own))
            assert count <= counted["missed"]
        return missed


@pytest.fixture(params=FAULTY, ids="-".join)
async def start_world(
    request: pytest.FixtureRequest,
    new_broker: Callable[..., Broker],
    connect: Callable[..., Any],
) -> AsyncIterator[Callable[..., Awaitable[World]]]:
    backend_name, colour = request.param
    backend = BACKENDS[backend_name]
    broker = new_broker(backend.broker)
    relays = broker.interpose()
    nodes: list[Node] = []

    async def start(*, running: bool = True) -> World:
        if running:
            broker.start()
        options = backend.options(broker, f"channel-{uuid.uuid4().hex[:8]}")
        for role in ("server", "server", "emitter"):
            own = {**options, "write_only": True} if role == "emitter" else options
            nodes.append(Node(role, colour, backend.managers[colour], own))
        clients = [await connect(node) for node in nodes[:2]]
        world = World(broker, relays, nodes[:2], nodes[2], clients, [[], []])
        for server, client in zip(world.servers, clients, strict=True):
            await server.do("enter_room", client.sid, world.room)
        if running:
            await world.gather()
            await world.good_day()
        return world

    yield start
    for node in nodes:
        node.stop()


async def nothing_happens() -> None:
    """A good day."""


async def test_the_broker_is_killed_and_started_again(start_world: Callable[..., Any]) -> None:
    world = await start_world()
    before = await world.usage()

    async def crash() -> None:
        await asyncio.sleep(1)
        world.broker.kill()
        await asyncio.sleep(1.5)
        await asyncio.to_thread(world.broker.start)

    await world.traffic(crash)

    await leaves_nothing_behind(world, before)


async def test_connections_are_cut(start_world: Callable[..., Any]) -> None:
    world = await start_world()
    before = await world.usage()

    async def cut() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            assert world.relays.cut()

    await world.traffic(cut)

    await leaves_nothing_behind(world, before)


async def test_the_broker_stands_still_for_a_moment(start_world: Callable[..., Any]) -> None:
    world = await start_world()
    before = await world.usage()

    async def pause() -> None:
        await asyncio.sleep(1)
        world.broker.pause()
        await asyncio.sleep(2)
        world.broker.resume()

    assert await world.traffic(pause) == [0, 0]

    await leaves_nothing_behind(world, before)


@pytest.mark.skipif(not FULL, reason="takes 30 seconds: FULL_FAULTS=1")
async def test_the_broker_stands_still(start_world: Callable[..., Any]) -> None:
    world = await start_world()
    before = await world.usage()

    async def pause() -> None:
        await asyncio.sleep(1)
        world.broker.pause()
        await asyncio.sleep(30)
        assert await world.state(world.servers[0]) == "away"
        world.broker.resume()

    await world.traffic(pause)

    await leaves_nothing_behind(world, before)


async def test_the_cable_is_out(start_world: Callable[..., Any]) -> None:
    world = await start_world()
    before = await world.usage()

    async def hold() -> None:
        await asyncio.sleep(1)
        world.relays.hold()

        async def are_away() -> bool:
            # one that says nothing may not notice
            for node in world.nodes:
                await node.do("emit", "hello", None, room=world.room)
            return all([await world.state(node) == "away" for node in world.nodes])

        await eventually(are_away, 2 * SEND_TIMEOUT + PATIENCE)
        world.relays.cut()
        world.relays.release()

    await world.traffic(hold)

    await leaves_nothing_behind(world, before)


async def test_the_broker_is_started_after_the_servers(start_world: Callable[..., Any]) -> None:
    world = await start_world(running=False)

    async def start() -> None:
        await asyncio.sleep(1)
        await asyncio.to_thread(world.broker.start)

    assert await world.traffic(start) == [0, 0]
    before = await world.usage()

    await leaves_nothing_behind(world, before)


async def leaves_nothing_behind(world: World, before: list[dict[str, int]]) -> None:
    """A later good day is as good as the first, and nothing has been collected."""
    await world.good_day()

    async def is_as_before() -> bool:
        after = await world.usage()
        return all(
            now[name] <= then[name] + 1
            for now, then in zip(after, before, strict=True)
            for name in ("tasks", "files")
        )

    await eventually(is_as_before)
