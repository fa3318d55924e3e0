"""Fixtures of the behaviour suite: {servers} x {clients} x {transports}.

A test that takes ``connect`` runs with every combination; one that takes only ``server`` runs
with every server.  After each test the server must hold nothing of it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from .clients import JSWorker, PythonClient
from .servers import MODES, Servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from .clients import Client
    from .servers import Server


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def options() -> dict[str, Any]:
    """Options of ``AsyncServer``; a test module overrides this for servers of its own."""
    return {}


@pytest.fixture
def server(servers: Servers, mode: str, options: dict[str, Any]) -> Server:
    return servers.get(mode, **options)


@pytest.fixture(params=["python", "js"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["polling", "websocket", "upgrade"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def js_worker() -> AsyncIterator[JSWorker]:
    worker = await JSWorker.start()
    yield worker
    await worker.stop()


@pytest.fixture
def make_client(js_worker: JSWorker, language: str) -> Callable[..., Client]:
    return js_worker.client if language == "js" else PythonClient


@pytest_asyncio.fixture(loop_scope="module")
async def connect(
    server: Server, make_client: Callable[..., Client], transport: str
) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Connect a client, to one or several namespaces, and wait until it has upgraded."""
    before = await server.held()
    clients: list[Client] = []

    async def connect(
        *namespaces: str, serializer: str = "default", reconnection: bool = False, **options: Any
    ) -> Client:
        client = make_client(serializer=serializer, reconnection=reconnection)
        clients.append(client)
        namespaces = namespaces or ("/",)
        await client.open(server.url, transport, namespaces, **options)
        for namespace in namespaces:
            await client.records.take(("connect", namespace))
        if transport == "upgrade":
            await client.upgraded()
        return client

    yield connect
    for client in clients:
        await client.close()
    await server.settled(before)
