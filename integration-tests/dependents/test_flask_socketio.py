"""Flask-SocketIO: its documented API, through its own test client and on servers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from cluster.brokers.process import Unavailable
from cluster.brokers.redis import Redis

import socketio
from socketio.exceptions import ConnectionError

from .conftest import servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

MODELS = ["threading", "gevent"]
TRANSPORTS = [["polling"], ["websocket"], ["polling", "websocket"]]
SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Client:
    """Our client; ``next()`` are the events that it gets, in order."""

    def __init__(self) -> None:
        self.welcome: dict[str, Any] = {}
        self.sio = socketio.AsyncClient(reconnection=False)
        self._events: asyncio.Queue[list[Any]] = asyncio.Queue()
        for namespace in ("/", "/functions", "/classes"):
            self.sio.on("*", self._take, namespace=namespace)
        self.sio.on("question", lambda: "42")

    async def _take(self, *event: Any) -> None:
        await self._events.put(list(event))

    async def next(self) -> list[Any]:
        return await asyncio.wait_for(self._events.get(), SOON)

    async def call(self, *args: Any, **options: Any) -> Any:
        return await self.sio.call(*args, timeout=SOON, **options)


@pytest.fixture(scope="module", params=MODELS)
def url(
    request: pytest.FixtureRequest,
    environ: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    with servers(environ, tmp_path_factory.mktemp("flask")) as start:
        yield start("flask_app.py", "{port}", request.param).url


@pytest.fixture
async def connect(url: str) -> AsyncIterator[Callable[..., Any]]:
    """Connect a client and take its welcome; all are disconnected with the test."""
    clients: list[Client] = []

    async def connect(query: str = "", **options: Any) -> Client:
        client = Client()
        clients.append(client)
        await client.sio.connect(url + query, wait_timeout=SOON, **options)
        if "/" in client.sio.namespaces:
            event, client.welcome = await client.next()
            assert event == "welcome"
            assert client.welcome["sid"] == client.sio.get_sid()
        return client

    yield connect
    for client in clients:
        await client.sio.disconnect()


async def get(url: str) -> Any:
    async with aiohttp.request("GET", url) as response:
        return await response.json()


@pytest.mark.parametrize("model", MODELS)
def test_its_test_client_drives_our_server(run: Callable[..., str], model: str) -> None:
    assert run("flask_checks.py", "", model).count("check_") == 15


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
async def test_events_go_both_ways(
    url: str, connect: Callable[..., Any], transports: list[str]
) -> None:
    client = await connect("?color=red", transports=transports, namespaces=["/"])

    await client.sio.send("hello")
    assert await client.next() == ["message", "HELLO"]
    await client.sio.emit("json", {"a": 1})
    assert await client.next() == ["json", {"a": 1}]
    await client.sio.emit("binary", b"ab")
    assert await client.next() == ["binary", {"got": [b"ab", b"ba"]}]
    assert await client.call("several", (1, b"2", [3])) == ([3], b"2", 1)
    assert await get(f"{url}/announce/hello") == {"announced": "hello"}
    assert await client.next() == ["announcement", "hello"]
    assert client.welcome["color"] == "red"


async def test_rooms(connect: Callable[..., Any]) -> None:
    client, other = [await connect(namespaces=["/"]) for _ in range(2)]

    assert await client.call("join", "lobby") == ["lobby", client.sio.get_sid()]
    await other.call("join", "lobby")
    assert await client.next() == ["joined", "lobby"]
    await other.call("leave", "lobby")
    await client.sio.emit("close", "lobby")
    assert await client.next() == ["closed", "lobby"]
    # the other one got nothing of it
    await other.sio.send("and now")
    assert await other.next() == ["message", "AND NOW"]


async def test_sessions_belong_to_a_client(connect: Callable[..., Any]) -> None:
    client, other = [await connect(namespaces=["/"]) for _ in range(2)]

    assert [await client.call("count") for _ in range(3)] == [1, 2, 3]
    assert await other.call("count") == 1


async def test_the_session_of_the_login_is_there(url: str, connect: Callable[..., Any]) -> None:
    async with aiohttp.request("GET", f"{url}/login/ada") as response:
        cookie = response.cookies["session"]

    client = await connect(namespaces=["/"], headers={"Cookie": f"session={cookie.value}"})

    assert client.welcome["name"] == "ada"


async def test_the_server_asks(connect: Callable[..., Any]) -> None:
    client = await connect(namespaces=["/"])

    await client.sio.emit("confirm")
    assert await client.next() == ["answered", "42"]
    assert await client.call("inquire") == {"answer": "42"}


async def test_background_tasks(connect: Callable[..., Any]) -> None:
    client = await connect(namespaces=["/"])

    await client.sio.emit("background", 3)

    assert [await client.next() for _ in range(3)] == [["progress", step] for step in range(3)]


async def test_error_handlers(connect: Callable[..., Any]) -> None:
    client = await connect(namespaces=["/"])

    await client.sio.emit("fail")

    assert await client.next() == ["failed", "LookupError in fail"]


async def test_the_default_error_handler(connect: Callable[..., Any]) -> None:
    client = await connect(namespaces=["/functions"])
    assert (await client.next())[0] == "about"

    await client.sio.emit("fail", namespace="/functions")

    assert await client.next() == ["failed", "LookupError in /functions"]


async def test_some_are_left_out(connect: Callable[..., Any]) -> None:
    client, other, third = [await connect(namespaces=["/"]) for _ in range(3)]

    await client.sio.emit("others", ("hi", other.sio.get_sid()))
    await client.sio.send("and now")

    assert await client.next() == ["message", "AND NOW"]
    assert [(await other.next())[0] for _ in range(2)] == ["to all others", "to all but one"]
    assert [(await third.next())[0] for _ in range(3)] == [
        "to all others", "to all but some", "to all but one",
    ]  # fmt: skip


async def test_namespaces_of_functions_and_classes(connect: Callable[..., Any]) -> None:
    client = await connect("?color=red", namespaces=["/functions", "/classes"])

    assert await client.next() == ["about", {"color": "red", "header": None}]
    assert await client.next() == ["hello", "from a class"]
    assert await client.call("registered", 1, namespace="/functions") == {"registered": 1}
    assert await client.call("ping", 1, namespace="/functions") == ("/functions", 1)
    assert await client.call("double", 21, namespace="/classes") == 42
    await client.sio.emit("shout", "hey", namespace="/classes")
    assert await client.next() == ["shouted", "hey"]


async def test_a_refused_client_learns_why(url: str, connect: Callable[..., Any]) -> None:
    refusals: list[Any] = []
    client = Client()
    client.sio.on("connect_error", refusals.append)

    with pytest.raises(ConnectionError):
        await client.sio.connect(url, auth={"token": "wrong"}, namespaces=["/"])

    assert refusals == [{"message": "wrong token"}]


@pytest.mark.parametrize("by", ["client", "server"])
async def test_disconnect_handlers(connect: Callable[..., Any], by: str) -> None:
    client, observer = [await connect(namespaces=["/"]) for _ in range(2)]
    await observer.call("join", "observers")
    sid = client.sio.get_sid()

    if by == "client":
        await client.sio.disconnect()
    else:
        await client.sio.emit("leave_me_alone")

    # clients of the tests before may still be leaving
    while (event := await observer.next())[1]["sid"] != sid:
        pass
    assert event == ["left", {"sid": sid, "reason": f"{by} disconnect"}]


# several servers


OUTSIDE = """
import sys
from flask_socketio import SocketIO

outside = SocketIO(message_queue=sys.argv[1])
outside.emit("announcement", "from outside")
outside.emit("announcement", "to one", to=sys.argv[2])
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    try:
        broker = Redis(tmp_path)
    except Unavailable as reason:
        pytest.skip(str(reason))
    broker.start()
    yield broker
    broker.close()


async def ask(broker: Redis, command: str) -> bytes:
    """What Redis answers to a command."""
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    writer.write(f"{command}\r\n".encode())
    answer = await asyncio.wait_for(reader.read(1_000), SOON)
    writer.close()
    return answer


@pytest.mark.parametrize("model", MODELS)
async def test_a_message_queue_joins_servers_and_other_processes(
    redis: Redis, start: Callable[..., Any], run: Callable[..., str], model: str
) -> None:
    servers = [start("flask_app.py", "{port}", model, redis.url) for _ in range(2)]
    clients = [Client() for _ in servers]
    for client, server in zip(clients, servers, strict=True):
        await client.sio.connect(server.url, namespaces=["/"], wait_timeout=SOON)
        assert (await client.next())[0] == "welcome"
    # each server listens to the channel of Flask-SocketIO
    deadline = asyncio.get_running_loop().time() + SOON
    while await ask(redis, "PUBSUB NUMSUB flask-socketio") != NUMSUB:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)

    assert await get(f"{servers[0].url}/announce/hello") == {"announced": "hello"}
    for client in clients:
        assert await client.next() == ["announcement", "hello"]
    await asyncio.to_thread(run, "-c", OUTSIDE, redis.url, clients[1].sio.get_sid())
    assert await clients[0].next() == ["announcement", "from outside"]
    assert [(await clients[1].next())[1] for _ in range(2)] == ["from outside", "to one"]
    for client in clients:
        await client.sio.disconnect()


NUMSUB = b"*2\r\n$14\r\nflask-socketio\r\n:2\r\n"


async def test_the_server_can_be_stopped(environ: dict[str, str], tmp_path: Path) -> None:
    with servers(environ, tmp_path) as start:
        server = start("flask_app.py", "{port}", "gevent")
        client = Client()
        await client.sio.connect(server.url, namespaces=["/"], wait_timeout=SOON)

        assert await get(f"{server.url}/stop") == {}

        assert await asyncio.to_thread(server.wait) == 0
        await client.sio.disconnect()


def test_nothing_is_missing(run: Callable[..., str]) -> None:
    """What requires python-socketio and python-engineio takes ours for them."""
    assert "No broken requirements" in run("-m", "pip", "check")
    shown = run("-m", "pip", "show", "python-socketio")
    assert "Flask-SocketIO" in shown
    assert "nicegui" in shown
