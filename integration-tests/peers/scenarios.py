"""What our clients must do with every server: ours, upstream's and the official one.

Each public coroutine is one test; ``World`` is what it may use.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from colours import client_namespace, connection_threads, simple_client, socketio_client

import socketio
import socketio.base_client

if TYPE_CHECKING:
    from collections.abc import Awaitable

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""

BINARY = [b"", b"\x00\x01\xff", {"a": b"x" * 70_000, "b": [1, b"\n", "ü"]}, "text", None, 1.5]


class World:
    """One server, one way to reach it, and the clients of one test."""

    def __init__(
        self, colour: str, peer: Any, transports: list[str] | None, serializer: str = "default"
    ) -> None:
        self.colour = colour
        self.peer = peer
        self.transports = transports
        self.serializer = serializer
        self.clients: list[Any] = []

    def client(self, **options: Any) -> Any:
        options = {"handle_sigint": False, "serializer": self.serializer, **options}
        self.clients.append(socketio_client(self.colour, **options))
        return self.clients[-1]

    def simple_client(self, **options: Any) -> Any:
        options = {"handle_sigint": False, "serializer": self.serializer, **options}
        self.clients.append(simple_client(self.colour, **options))
        return self.clients[-1]

    async def connect(self, client: Any, **options: Any) -> None:
        options = {"transports": self.transports, "wait_timeout": SOON, **options}
        await client.connect(self.peer.url, **options)

    async def connected(self, **options: Any) -> Any:
        client = self.client()
        await self.connect(client, **options)
        return client

    async def close(self) -> None:
        for client in self.clients:
            with suppress(socketio.exceptions.SocketIOError):
                await client.disconnect()


class Log:
    """Handlers that write down how they were called, and a way to wait for the next entry."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    def handler(self, name: str) -> Any:
        return lambda *args: self._queue.put_nowait((name, *args))

    def watch(self, client: Any, *events: str, namespace: str = "/") -> Log:
        for event in events:
            client.on(event, self.handler(event), namespace=namespace)
        return self

    async def next(self) -> tuple[Any, ...]:
        return await soon(self._queue.get())

    @property
    def entries(self) -> list[tuple[Any, ...]]:
        taken = []
        while not self._queue.empty():
            taken.append(self._queue.get_nowait())
        return taken


def check_nothing_is_left() -> None:
    """Fail if a client that has disconnected still has a task or thread or waits to reconnect."""
    assert not connection_threads(SOON)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left
    assert not socketio.base_client.reconnecting_clients


async def soon(awaitable: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(awaitable, SOON)


async def connecting_gives_a_sid_and_runs_the_connect_handler(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "connect")

    await world.connect(client, headers={"X-Test": "yes"}, auth={"token": 1})

    assert log.entries == [("connect",)]
    assert client.connected
    assert client.namespaces == {"/": client.get_sid()}
    assert client.sid == client.eio.sid
    who = await client.call("who", timeout=SOON)
    assert who == {"sid": client.get_sid(), "auth": {"token": 1}, "header": "yes"}


async def url_headers_and_auth_may_be_functions(world: World) -> None:
    client = world.client()

    async def auth() -> dict[str, int]:
        return {"n": 3}

    await client.connect(
        lambda: world.peer.url, headers=lambda: {"X-Test": "h"}, auth=auth,
        transports=world.transports, wait_timeout=SOON,
    )  # fmt: skip

    who = await client.call("who", timeout=SOON)
    assert (who["auth"], who["header"]) == ({"n": 3}, "h")


async def headers_none_and_a_path_in_the_url_work(world: World) -> None:
    client = world.client()

    await client.connect(
        f"{world.peer.url}/socket.io/", headers=None, transports=world.transports, wait_timeout=SOON
    )

    assert (await client.call("who", timeout=SOON))["header"] is None


async def a_second_connect_is_refused(world: World) -> None:
    client = await world.connected()

    with pytest.raises(socketio.exceptions.ConnectionError, match="Already connected"):
        await client.connect(world.peer.url)

    assert await client.call("echo", 1, timeout=SOON) == 1


async def events_come_back_with_all_arguments_in_order(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "back")
    await world.connect(client)

    await client.emit("bounce", ("back",))
    await client.emit("bounce", ("back", None))
    await client.emit("bounce", ("back", {"a": [1, "ü", None]}, 2))
    for number in range(100):
        await client.emit("bounce", ("back", number))

    assert [await log.next() for _ in range(3)] == [
        ("back",), ("back", None), ("back", {"a": [1, "ü", None]}, 2),
    ]  # fmt: skip
    assert [await log.next() for _ in range(100)] == [("back", n) for n in range(100)]


async def binary_travels_both_ways(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "back")
    await world.connect(client)

    assert await client.call("echo", tuple(BINARY), timeout=SOON) == tuple(BINARY)
    await client.emit("bounce", ("back", *BINARY))

    assert await log.next() == ("back", *BINARY)


async def acknowledgements_come_as_none_value_or_tuple(world: World) -> None:
    client = await world.connected()

    assert await client.call("nothing", timeout=SOON) is None
    assert await client.call("echo", "one", timeout=SOON) == "one"
    assert await client.call("echo", [1, 2], timeout=SOON) == [1, 2]
    assert await client.call("echo", (1, 2), timeout=SOON) == (1, 2)


async def callbacks_get_the_values(world: World) -> None:
    client = await world.connected()
    log = Log()
    done = asyncio.Event()

    async def later(*args: Any) -> None:
        log.handler("coroutine")(*args)
        done.set()

    await client.emit("echo", ("a", 1), callback=log.handler("function"))
    await client.emit("echo", "b", callback=later)
    await soon(done.wait())

    assert log.entries == [("function", "a", 1), ("coroutine", "b")]
    assert not any(client.callbacks.get("/", {}).values())


async def a_call_without_answer_times_out_and_is_forgotten(world: World) -> None:
    client = await world.connected()

    with pytest.raises(socketio.exceptions.TimeoutError):
        await client.call("silence", timeout=0.05)

    assert not any(client.callbacks.get("/", {}).values())
    assert await client.call("echo", 1, timeout=SOON) == 1


async def a_call_ends_early_when_the_connection_ends(world: World) -> None:
    client = await world.connected()
    call = asyncio.ensure_future(client.call("silence"))
    await client.call("nothing", timeout=SOON)

    await client.disconnect()

    with pytest.raises(socketio.exceptions.TimeoutError):
        await soon(call)


async def what_a_handler_returns_is_the_acknowledgement(world: World) -> None:
    client = world.client()
    client.on("nil", lambda *args: None)
    client.on("one", lambda *args: b"bytes")

    @client.event
    async def two(*args: Any) -> tuple[Any, ...]:
        return args

    await world.connect(client)

    assert await client.call("ask", ("nil",), timeout=SOON) == [None]
    assert await client.call("ask", ("one", 1), timeout=SOON) == [b"bytes"]
    assert await client.call("ask", ("two", 1, 2), timeout=SOON) == [[1, 2]]
    assert await client.call("ask", ("unknown", 1), timeout=SOON) == [None]


async def a_handler_may_wait_for_an_acknowledgement(world: World) -> None:
    client = world.client()
    log = Log()

    @client.event
    async def connect() -> None:
        log.handler("connect")(await client.call("echo", "from connect", timeout=SOON))

    @client.event
    async def back() -> None:
        log.handler("back")(await client.call("echo", "from back", timeout=SOON))

    await world.connect(client)
    await client.emit("bounce", ("back",))

    assert await log.next() == ("connect", "from connect")
    assert await log.next() == ("back", "from back")


async def a_failing_handler_is_logged_and_harmless(world: World) -> None:
    client = world.client()

    @client.event
    async def broken() -> None:
        raise ZeroDivisionError

    await world.connect(client)
    await client.emit("bounce", ("broken",))

    assert await client.call("echo", 1, timeout=SOON) == 1


async def namespaces_are_separate(world: World) -> None:
    client = world.client()
    log = Log()
    client.on("back", log.handler("root"))
    client.on("back", log.handler("chat"), namespace="/chat")

    await world.connect(client)

    assert set(client.namespaces) == {"/", "/chat"}
    assert client.get_sid("/") != client.get_sid("/chat")
    await client.emit("bounce", ("back", 1), namespace="/chat")
    assert await log.next() == ("chat", 1)
    await client.emit("bounce", ("back", 2))
    assert await log.next() == ("root", 2)
    assert await client.call("echo", "x", namespace="/chat", timeout=SOON) == "x"
    with pytest.raises(socketio.exceptions.BadNamespaceError, match="/other is not a connected"):
        await client.emit("x", namespace="/other")


async def catch_all_handlers_get_the_names(world: World) -> None:
    client = world.client()
    log = Log()
    client.on("known", log.handler("known"))
    client.on("*", log.handler("any event"))
    client.on("connect", log.handler("connect"), namespace="*")
    client.on("known", log.handler("any namespace"), namespace="*")
    client.on("*", log.handler("anything"), namespace="*")

    await world.connect(client, namespaces=["/", "/chat"])
    assert sorted(log.entries) == [("connect", "/"), ("connect", "/chat")]

    for namespace in ("/", "/chat"):
        await client.call("bounce", ("known", 1), namespace=namespace, timeout=SOON)
        await client.call("bounce", ("other", 2), namespace=namespace, timeout=SOON)

    assert [await log.next() for _ in range(4)] == [
        ("known", 1), ("any event", "other", 2),
        ("any namespace", "/chat", 1), ("anything", "other", "/chat", 2),
    ]  # fmt: skip


async def class_based_namespaces_work(world: World) -> None:
    log = Log()

    def on_connect() -> None:
        log.handler("connect")(client.get_sid("/chat") is not None)

    async def on_back(*args: Any) -> None:
        log.handler("back")(*args, await chat.call("echo", "asked"))

    client = world.client()
    chat = client_namespace(
        world.colour, "/chat", on_connect=on_connect, on_back=on_back,
        on_disconnect=lambda reason: log.handler("disconnect")(reason),
    )  # fmt: skip
    client.register_namespace(chat)

    await world.connect(client)
    assert await log.next() == ("connect", True)
    await chat.emit("bounce", ("back", 1))
    assert await log.next() == ("back", 1, "asked")
    await chat.disconnect()
    assert await log.next() == ("disconnect", "client disconnect")


async def disconnect_is_clean_and_final(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "disconnect", "__disconnect_final")
    await world.connect(client)

    await client.disconnect()

    assert log.entries == [("disconnect", "client disconnect"), ("__disconnect_final",)]
    assert (client.connected, client.namespaces, client.sid) == (False, {}, None)
    await soon(client.wait())
    with pytest.raises(socketio.exceptions.BadNamespaceError):
        await client.emit("x")
    await world.connect(client)
    assert await client.call("echo", "again", timeout=SOON) == "again"


async def a_disconnect_handler_may_disconnect(world: World) -> None:
    client = world.client()
    log = Log()

    @client.event
    async def disconnect(reason: str) -> None:
        await client.disconnect()
        log.handler("done")(reason)

    await world.connect(client)
    await soon(client.disconnect())

    assert log.entries == [("done", "client disconnect")]


async def the_server_disconnecting_one_namespace_leaves_the_others(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "disconnect", namespace="/chat").watch(client, "disconnect")
    await world.connect(client)

    await client.emit("kick", namespace="/chat")

    assert await log.next() == ("disconnect", "server disconnect")
    assert await client.call("echo", 1, timeout=SOON) == 1
    assert list(client.namespaces) == ["/"]


async def the_server_disconnecting_the_last_namespace_is_final(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "disconnect", "__disconnect_final")
    await world.connect(client)

    await client.emit("kick")
    await soon(client.wait())

    assert log.entries == [("disconnect", "server disconnect"), ("__disconnect_final",)]
    assert not client.connected
    assert client.eio.state == "disconnected"


async def a_closed_engine_connection_is_opened_again(world: World) -> None:
    client = world.client(reconnection_delay=0.01)
    log = Log().watch(client, "connect", "disconnect")
    await world.connect(client)
    assert await log.next() == ("connect",)
    first = client.get_sid()

    await client.emit("close")

    name, reason = await log.next()
    assert (name, reason.split()[0]) == ("disconnect", "transport")
    assert await log.next() == ("connect",)
    assert client.get_sid() not in (first, None)
    assert await client.call("echo", 1, timeout=SOON) == 1


async def a_restarted_server_is_found_again(world: World) -> None:
    client = world.client(reconnection_delay=0.01, reconnection_delay_max=0.1)
    log = Log().watch(client, "connect", "disconnect")
    await world.connect(client)
    assert await log.next() == ("connect",)
    interrupted = asyncio.ensure_future(client.call("silence"))
    await client.call("nothing", timeout=SOON)

    await asyncio.to_thread(world.peer.stop)

    name, reason = await log.next()
    assert name == "disconnect"
    assert reason in ("transport close", "transport error")
    with pytest.raises(socketio.exceptions.TimeoutError):
        await soon(interrupted)
    await asyncio.to_thread(world.peer.start)
    assert await log.next() == ("connect",)
    assert await client.call("echo", b"after", timeout=SOON) == b"after"


async def a_refusal_reaches_connect_error(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "connect", "connect_error")

    with pytest.raises(
        socketio.exceptions.ConnectionError, match="One or more namespaces failed to connect: /$"
    ):
        await world.connect(client, auth={"refuse": "data"})

    assert log.entries == [("connect_error", {"message": "no entry", "data": {"code": 7}})]
    assert client.failed_namespaces == ["/"]
    assert (client.connected, client.eio.state) == (False, "disconnected")
    await world.connect(client)
    assert log.entries == [("connect",)]


async def one_refused_namespace_fails_the_connection(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "connect", "disconnect")
    Log().watch(client, "x", namespace="/guarded")

    with pytest.raises(socketio.exceptions.ConnectionError, match="failed to connect: /guarded$"):
        await world.connect(client)

    assert log.entries in ([], [("connect",), ("disconnect", "client disconnect")])
    assert not client.namespaces


async def without_waiting_a_refusal_leaves_the_others(world: World) -> None:
    client = world.client()
    log = Log().watch(client, "connect_error", namespace="/guarded").watch(client, "connect")

    await world.connect(client, wait=False)

    assert client.connected
    assert {(await log.next())[0], (await log.next())[0]} == {"connect", "connect_error"}
    assert client.failed_namespaces == ["/guarded"]
    assert await client.call("echo", 1, timeout=SOON) == 1


async def no_answer_within_wait_timeout_fails(world: World) -> None:
    client = world.client()

    with pytest.raises(socketio.exceptions.ConnectionError, match="Unexpected connection error"):
        await world.connect(client, auth={"slow": "/"}, wait_timeout=0.05)

    assert client.eio.state == "disconnected"


async def the_simple_client_emits_calls_and_receives(world: World) -> None:
    async with world.simple_client() as client:
        await world.connect(client, namespace="/chat")
        assert client.sid
        assert client.transport == (world.transports or ["websocket"])[0]

        await client.emit("bounce", ("back", 1, b"2"))
        assert await client.call("echo", "x", timeout=SOON) == "x"
        assert await client.receive(timeout=SOON) == ["back", 1, b"2"]
        with pytest.raises(socketio.exceptions.TimeoutError):
            await client.receive(timeout=0.01)

    assert (client.sid, client.transport) == (None, "")
    with pytest.raises(socketio.exceptions.DisconnectedError):
        await soon(client.emit("x"))


async def a_waiting_receive_is_woken_by_the_final_disconnect(world: World) -> None:
    client = world.simple_client()
    await world.connect(client)
    receiving = asyncio.ensure_future(client.receive())

    await client.emit("kick")

    with pytest.raises(socketio.exceptions.DisconnectedError):
        await soon(receiving)


SCENARIOS = [
    scenario
    for name, scenario in list(globals().items())
    if asyncio.iscoroutinefunction(scenario) and name != "soon"
]
