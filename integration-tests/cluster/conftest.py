"""Clusters: a broker, two servers and a process that only emits."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from .backends import BACKENDS
from .brokers.process import Unavailable
from .clients import Client, eventually
from .nodes import Node
from .worlds import ROLES, Processes, World, check_good_day

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from .brokers.process import Broker
    from .brokers.relay import Relays


LONGEST = {"test_volume.py": 0, "test_faults.py": 1}
"""The place of a file in the order of tests, if it is not that of its name."""

TIMEOUT = 180
"""Seconds that a test may take: more than the start of a broker may."""


GROUP = re.compile(r"\[([\w ]+(?:, | and )[\w ]+-\w+|[\w ]+-(?:asyncio|sync|gevent|eventlet))\b")
"""What the name of a test of a cluster begins its parameters with: who is in it."""


class OneWorkerForEachCluster(LoadScopeScheduling):
    """Gives all tests of a file that share a cluster to one process of pytest-xdist.

    A mark could do the same (``--dist loadgroup``) if pytest-xdist 3.8 understood pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        group = GROUP.search(test)
        if group is None:
            return nodeid
        if file.endswith("test_volume.py"):  # each wants a processor for itself
            return f"{file} {group[1].rpartition('-')[2]}"
        return f"{file} {group[1]}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerForEachCluster:
    """Start each cluster once; begin with what takes longest, which was collected first."""
    config.option.loadscopereorder = False
    return OneWorkerForEachCluster(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder more time than others."""
    items.sort(key=lambda item: LONGEST.get(item.path.name, len(LONGEST)))
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="session")
def start_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Broker]]:
    """Return a broker of a class, started when first asked for and used by many tests."""
    running: dict[type[Broker], Broker] = {}
    with contextlib.ExitStack() as stack:

        def start(kind: type[Broker]) -> Broker:
            if kind not in running:
                broker = make_broker(kind, tmp_path_factory, stack)
                broker.start()
                running[kind] = broker
            return running[kind]

        yield start


@pytest.fixture
def new_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Broker]]:
    """Return a broker of a class that is this test's alone, and not started."""
    with contextlib.ExitStack() as stack:
        yield lambda kind: make_broker(kind, tmp_path_factory, stack)


def make_broker(
    kind: type[Broker], folders: pytest.TempPathFactory, stack: contextlib.ExitStack
) -> Broker:
    try:
        broker = kind(folders.mktemp(kind.__name__.lower()))
    except Unavailable as reason:
        pytest.skip(str(reason))
    stack.callback(broker.close)
    return broker


@pytest.fixture(scope="module")
def module_broker(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[type[Broker]], Broker]]:
    """Return a broker of a class for this module alone, not started yet."""
    with contextlib.ExitStack() as stack:
        yield lambda kind: make_broker(kind, tmp_path_factory, stack)


@dataclass
class Cluster:
    """The processes that share a channel."""

    servers: list[Node]
    emitter: Node

    @property
    def processes(self) -> dict[str, Node]:
        """Those that emit, by name."""
        return {"server": self.servers[0], "emitter": self.emitter}


@pytest.fixture(scope="session")
def start_cluster(start_broker: Callable[..., Broker]) -> Callable[..., Any]:
    """Start clusters on the shared brokers, each for the time of a ``with`` statement."""

    @contextlib.contextmanager
    def start(backend_name: str, *members: tuple[str, str]) -> Iterator[Cluster]:
        """Start two servers and an emitter, each of a colour and a package."""
        backend = BACKENDS[backend_name]
        broker = start_broker(backend.broker)
        options = backend.options(broker, f"channel-{uuid.uuid4().hex[:8]}")
        with contextlib.ExitStack() as stack:
            nodes = []
            for role, (colour, package) in zip(ROLES, members, strict=True):
                own = {**options, "write_only": True} if role == "emitter" else options
                nodes.append(Node(role, colour, backend.managers[colour], own, package))
                stack.callback(nodes[-1].stop)
            yield Cluster(nodes[:2], nodes[2])

    return start


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Client]]:
    """Connect clients; they leave with the test."""
    clients: list[Client] = []

    async def connect(node: Node, namespace: str = "/") -> Client:
        client = Client(namespace)
        await client.connect(node.url)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        await client.close()


# clusters whose broker has a bad day, for test modules with a fixture ``backend``


@pytest.fixture(scope="module")
def broker(backend: tuple[str, str], module_broker: Callable[..., Broker]) -> Iterator[Broker]:
    """A broker of its own for each backend and colour."""
    broker = module_broker(BACKENDS[backend[0]].broker)
    yield broker
    broker.close()


@pytest.fixture(scope="module")
def relays(broker: Broker) -> Relays:
    """Between the broker and all that connect to it."""
    return broker.interpose()


@pytest.fixture(scope="module")
def start_processes(
    backend: tuple[str, str], broker: Broker, relays: Relays
) -> Iterator[Callable[[], Processes]]:
    """Start the processes of a cluster, once: what one test leaves behind, the next would find."""
    started: list[Processes] = []

    def start() -> Processes:
        if not started:
            started.append(Processes(*backend, broker))
        return started[0]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
async def enter(
    broker: Broker, relays: Relays, connect: Callable[..., Any]
) -> Callable[[Processes], Awaitable[World]]:
    """Connect a client to each server, in a room that all emit to."""

    async def enter(processes: Processes) -> World:
        world = World(processes, broker, relays, [await connect(one) for one in processes.servers])
        for server, client in zip(world.servers, world.clients, strict=True):
            await server.do("enter_room", client.sid, world.room)
        return world

    return enter


@pytest.fixture
async def world(
    broker: Broker,
    relays: Relays,
    start_processes: Callable[[], Processes],
    enter: Callable[[Processes], Awaitable[World]],
) -> AsyncIterator[World]:
    """A cluster on a good day; in the end it must hold no more than on its first."""
    if broker.process is None:
        await asyncio.to_thread(broker.start)
    relays.listen()
    processes = start_processes()
    world = await enter(processes)
    await world.gather()
    await check_good_day(world)
    if not processes.usage:
        processes.usage = await world.usage()
    yield world
    await check_good_day(world)

    async def is_as_before() -> bool:
        usage = await world.usage()
        return all(
            now[name] <= then[name]
            for now, then in zip(usage, processes.usage, strict=True)
            for name in now
        )

    try:
        await eventually(is_as_before)
    except asyncio.TimeoutError:
        pytest.fail(f"{processes.usage} has become {await world.usage()}")
