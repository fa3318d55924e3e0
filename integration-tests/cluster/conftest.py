"""Clusters: a broker, two servers and a process that only emits."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from .backends import BACKENDS
from .brokers.process import Unavailable
from .clients import Client
from .nodes import Node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from .brokers.process import Broker


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


@dataclass
class Cluster:
    """The processes that share a channel."""

    servers: list[Node]
    emitter: Node

    @property
    def processes(self) -> dict[str, Node]:
        """Those that emit, by name."""
        return {"server": self.servers[0], "emitter": self.emitter}


@pytest.fixture(scope="module")
def start_cluster(start_broker: Callable[..., Broker]) -> Iterator[Callable[..., Cluster]]:
    """Start clusters on the shared brokers; they end with the tests of the module."""
    with contextlib.ExitStack() as stack:
        clusters: dict[tuple[str, ...], Cluster] = {}

        def start(backend_name: str, *members: tuple[str, str]) -> Cluster:
            """Start two servers and an emitter, each of a colour and a package."""
            key = (backend_name, *map(str, members))
            if key not in clusters:
                backend = BACKENDS[backend_name]
                broker = start_broker(backend.broker)
                options = backend.options(broker, f"channel-{uuid.uuid4().hex[:8]}")
                nodes = []
                for role, (colour, package) in zip(
                    ("server", "server", "emitter"), members, strict=True
                ):
                    own = {**options, "write_only": True} if role == "emitter" else options
                    nodes.append(Node(role, colour, backend.managers[colour], own, package))
                    stack.callback(nodes[-1].stop)
                clusters[key] = Cluster(nodes[:2], nodes[2])
            return clusters[key]

        yield start


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
