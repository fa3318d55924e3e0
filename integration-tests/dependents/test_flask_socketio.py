"""Flask-SocketIO: its documented API, through its own test client and on servers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import socketio
from socketio.exceptions import ConnectionError

from .conftest import servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

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
    assert run("flask_checks.py", "", model).count("check_") == 10


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


async def test_namespaces_of_functions_and_classes(connect: Callable[..., Any]) -> None:
    client = await connect(namespaces=["/functions", "/classes"])

    assert await client.next() == ["hello", "from a class"]
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
