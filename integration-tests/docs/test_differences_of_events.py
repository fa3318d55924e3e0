"""What docs/differences.md says of Socket.IO and no test of a single part can show."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import aiohttp.web
import pytest
from cluster.brokers.process import Unavailable
from cluster.brokers.redis import Redis
from cluster_support import AsyncMemoryManager, MemoryManager
from cluster_support import Broker as MemoryBroker
from colours import socketio_client
from framework_support import SOON, Raw, until
from werkzeug.serving import make_server

import socketio
from socketio.exceptions import ConnectionError, ConnectionRefusedError
from socketio.testing import AsyncTestServer, TestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

COLOURS = ["asyncio", "threads"]


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def served(colour: str) -> AsyncIterator[tuple[Any, str]]:
    """A server on a free port, and its URL."""
    if colour == "asyncio":
        sio: Any = socketio.AsyncServer(async_mode="aiohttp")
        app = aiohttp.web.Application()
        sio.attach(app)
        runner = aiohttp.web.AppRunner(app)
        await runner.setup()
        await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
        yield sio, f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()
    else:
        sio = socketio.Server(async_mode="threading")
        web = make_server("127.0.0.1", 0, socketio.WSGIApp(sio), threaded=True)
        serving = threading.Thread(target=web.serve_forever)
        serving.start()
        yield sio, f"http://127.0.0.1:{web.server_port}"
        await asyncio.to_thread(web.shutdown)
        serving.join()
        await asyncio.to_thread(sio.shutdown)
        web.server_close()


async def call(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a method of a server of either colour."""
    if asyncio.iscoroutinefunction(function):
        return await function(*args, **options)
    return await asyncio.to_thread(function, *args, **options)


async def test_a_binary_broadcast_reaches_clients_of_both_transports(
    served: tuple[Any, str],
) -> None:
    sio, url = served
    event = ["picture", {"first": b"\x00\xff", "second": [b"", "text", b"\x1e4"]}]
    clients = [socketio.AsyncSimpleClient(handle_sigint=False) for _ in range(4)]
    for client, transport in zip(clients, ["polling", "websocket"] * 2, strict=True):
        await client.connect(url, transports=[transport])

    for _ in range(3):
        await call(sio.emit, *event)

    for client in clients:
        for _ in range(3):
            assert await client.receive(timeout=SOON) == event
    for client in clients:
        await client.disconnect()


# connecting


def fail(sid: str, environ: dict[str, Any]) -> None:
    raise LookupError("no database")


async def test_who_meets_an_exception_in_the_connect_handler_is_refused_and_forgotten() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")
    sio.on("connect", fail)
    async with AsyncTestServer(sio) as server:
        with pytest.raises(ConnectionRefusedError, match="Connection rejected by server"):
            await server.connect()

        assert list(sio.manager.get_participants("/", None)) == []
        assert sio.manager.rooms == {}
        # the connection could still join another namespace, for the time that everybody has
        assert len(sio.environ) == 1
        await server.advance(45)
        assert not sio.environ
        assert not sio.eio.sockets


def test_in_threads_who_meets_an_exception_is_refused_and_forgotten() -> None:
    sio = socketio.Server(async_mode="threading")
    sio.on("connect", fail)
    with TestServer(sio) as server:
        with pytest.raises(ConnectionRefusedError, match="Connection rejected by server"):
            server.connect()

        assert list(sio.manager.get_participants("/", None)) == []
        assert sio.manager.rooms == {}


@pytest.mark.parametrize("auth", ['"token"', "[1]", "true"])
async def test_an_auth_that_is_no_object_is_accepted(served: tuple[Any, str], auth: str) -> None:
    sio, url = served
    seen: list[Any] = []
    sio.on("connect", lambda sid, environ, auth: seen.append(auth))
    async with Raw(int(url.rpartition(":")[2]), "/socket.io/") as websocket:
        await websocket.open()
        await websocket.text()
        await websocket.frame(f"40{auth}")
        assert (await websocket.text()).startswith('40{"sid":')

    assert [type(value) for value in seen] == [type(json.loads(auth))]


async def test_a_disconnect_with_a_payload_disconnects(served: tuple[Any, str]) -> None:
    sio, url = served
    reasons: list[str] = []
    sio.on("disconnect", lambda sid, reason: reasons.append(reason))
    async with Raw(int(url.rpartition(":")[2]), "/socket.io/") as websocket:
        await websocket.open()
        await websocket.text()
        await websocket.frame("40")
        await websocket.text()
        await websocket.frame('41{"because": "enough"}')
        await until(lambda: bool(reasons))
        # the connection is still there for other namespaces
        await websocket.frame("40")
        assert (await websocket.text()).startswith('40{"sid":')

    assert reasons[0] == "client disconnect"
    assert sio.eio.counters.protocol_errors == 0


# clusters


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        try:
            broker = Redis(tmp_path)
        except Unavailable as reason:
            pytest.skip(str(reason))
        stack.callback(broker.close)
        broker.start()
        yield broker.url


async def test_a_write_only_manager_disconnects_a_client(colour: str, redis: str) -> None:
    manager = socketio.AsyncRedisManager(redis)
    sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager)
    reasons: list[str] = []
    sio.on("disconnect", lambda sid, reason: reasons.append(reason))
    outside: Any = (
        socketio.AsyncRedisManager(redis, write_only=True)
        if colour == "asyncio"
        else socketio.RedisManager(redis, write_only=True)
    )
    async with AsyncTestServer(sio) as server:
        ada, bob = await server.connect(), await server.connect()
        await until(lambda: manager.health.state == "connected")

        await call(outside.disconnect, ada.sid, "/")

        await until(lambda: ada.sid is None)
        assert reasons == ["server disconnect"]
        assert bob.sid is not None
        await call(outside.stop)
        await manager.stop()


async def test_a_callback_that_waits_holds_up_nobody() -> None:
    broker = MemoryBroker()
    here, there = (
        socketio.AsyncServer(async_mode="asgi", client_manager=AsyncMemoryManager(broker))
        for _ in range(2)
    )
    waiting, go_on, answers = asyncio.Event(), asyncio.Event(), []

    async def answered(answer: Any) -> None:
        waiting.set()
        await go_on.wait()
        answers.append(answer)

    async with AsyncTestServer(here) as one, AsyncTestServer(there) as two:
        ada, bob = await one.connect(), await two.connect()
        bob.on("ask", lambda: 42)
        await until(lambda: len(broker.subscribers) == 2)
        await here.emit("ask", to=bob.sid, callback=answered)
        await asyncio.wait_for(waiting.wait(), SOON)

        # this process still hears of the others, and answers of other clients arrive
        await there.emit("news", 1)
        assert await ada.receive(timeout=SOON) == ["news", 1]
        assert await here.call("ask", to=bob.sid, timeout=SOON) == 42

        assert answers == []
        go_on.set()
        await until(lambda: answers == [42])
        for sio in (here, there):
            await sio.shutdown()


async def test_a_callback_that_blocks_its_thread_holds_up_nobody() -> None:
    await asyncio.to_thread(check_blocking_callback)


def check_blocking_callback() -> None:
    broker = MemoryBroker()
    here, there = (
        socketio.Server(async_mode="threading", client_manager=MemoryManager(broker))
        for _ in range(2)
    )
    waiting, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def answered(answer: Any) -> None:
        waiting.set()
        assert go_on.wait(SOON)
        done.set()

    with TestServer(here) as one, TestServer(there) as two:
        ada, bob = one.connect(), two.connect()
        bob.on("ask", lambda: 42)
        asyncio.run(until(lambda: len(broker.subscribers) == 2))
        here.emit("ask", to=bob.sid, callback=answered)
        assert waiting.wait(SOON)

        there.emit("news", 1)
        assert ada.receive(timeout=SOON) == ["news", 1]

        assert not done.is_set()
        go_on.set()
        assert done.wait(SOON)
        for sio in (here, there):
            sio.shutdown()


# clients


async def disconnect_and_close(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
    """A server that disconnects whoever has connected, and closes the socket at once."""
    websocket = aiohttp.web.WebSocketResponse()
    await websocket.prepare(request)
    opened = {"sid": "x", "upgrades": [], "pingInterval": 25_000, "pingTimeout": 20_000}
    await websocket.send_str("0" + json.dumps(opened))
    assert (await websocket.receive_str()).startswith("40")
    await websocket.send_str('40{"sid":"y"}')
    await websocket.send_str("41")
    assert request.transport is not None
    request.transport.close()
    return websocket


async def test_a_disconnect_and_the_end_of_the_socket_are_one_end(colour: str) -> None:
    app = aiohttp.web.Application()
    app.router.add_get("/socket.io/", disconnect_and_close)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    ends: list[str] = []
    reasons: list[str] = []
    for _ in range(50):
        client = socketio_client(colour, reconnection=False, handle_sigint=False)
        client.on("disconnect", reasons.append)
        client.on("__disconnect_final", lambda: ends.append("final"))

        with contextlib.suppress(ConnectionError):  # the end may come before connect() returns
            await client.connect(url, transports=["websocket"])
        await asyncio.wait_for(client.wait(), SOON)
        await client.disconnect()

    assert reasons == ["server disconnect"] * 50
    assert ends == ["final"] * 50
    await runner.cleanup()
