"""The Socket.IO clients against our server, and what they do when there is no server."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from colours import COLOURS, socketio_client

from socketio.exceptions import (
    BadNamespaceError,
    ConnectionError,
    DisconnectedError,
    TimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import ModuleType

WAYS = [
    pytest.param(["polling"], "default", id="polling"),
    pytest.param(["websocket"], "default", id="websocket"),
    pytest.param(None, "default", id="upgrade"),
    pytest.param(None, "msgpack", id="msgpack"),
]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("transports", "serializer"), WAYS)
async def test_scenario(
    scenario: Any,
    colour: str,
    transports: list[str] | None,
    serializer: str,
    shared_peer: Callable[..., Any],
    scenarios: ModuleType,
) -> None:
    world = scenarios.World(colour, shared_peer("ours", serializer), transports, serializer)
    try:
        await scenario(world)
    finally:
        await world.close()
    scenarios.check_nothing_is_left()


@pytest.fixture(params=COLOURS)
async def world(
    request: pytest.FixtureRequest, shared_peer: Callable[..., Any], scenarios: ModuleType
) -> AsyncIterator[Any]:
    """A running server, reached by WebSocket; everything must be gone afterwards."""
    world = scenarios.World(request.param, shared_peer("ours"), ["websocket"])
    yield world
    await world.close()
    scenarios.check_nothing_is_left()


@pytest.fixture
def log(scenarios: ModuleType) -> Any:
    return scenarios.Log()


@pytest.fixture
def soon(scenarios: ModuleType) -> Any:
    return scenarios.soon


@asynccontextmanager
async def stopped(peer: Any, how: signal.Signals = signal.SIGTERM) -> AsyncIterator[None]:
    """Stop the server for as long as the block runs."""
    await asyncio.to_thread(peer.stop, how)
    try:
        yield
    finally:
        await asyncio.to_thread(peer.start)


# refusals


@pytest.mark.parametrize(
    ("refuse", "answer"),
    [
        ("false", {"message": "Connection rejected by server"}),
        ("plain", {"message": "Connection rejected by server"}),
        ("message", {"message": "no entry"}),
        ("data", {"message": "no entry", "data": {"code": 7}}),
        ("many", {"message": "no entry", "data": [1, 2]}),
    ],
)
async def test_every_form_of_refusal_reaches_the_handler(
    world: Any, log: Any, refuse: str, answer: Any
) -> None:
    client = world.client()
    log.watch(client, "connect_error")

    with pytest.raises(ConnectionError, match="One or more namespaces failed to connect: /$"):
        await world.connect(client, auth={"refuse": refuse})

    assert log.entries == [("connect_error", answer)]


async def test_an_unknown_namespace_is_refused_with_a_reason(world: Any, log: Any) -> None:
    client = world.client()
    log.watch(client, "connect_error", namespace="/unknown")

    with pytest.raises(ConnectionError, match="failed to connect: /unknown$"):
        await world.connect(client)

    assert log.entries == [("connect_error", {"message": "Invalid namespace"})]


@pytest.mark.parametrize("colour", COLOURS)
async def test_a_refusal_by_http_gives_the_decoded_body(log: Any, colour: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 403 Forbidden\r\nContent-Length: 14\r\n\r\n{"code": "no"}')
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    client = socketio_client(colour, handle_sigint=False)
    log.watch(client, "connect_error")

    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionError, match="Unexpected status code 403 in server response"):
            await client.connect(f"http://127.0.0.1:{port}")

    assert log.entries == [("connect_error", {"code": "no"})]


async def test_a_server_that_is_away_is_reported_to_every_namespace(world: Any, log: Any) -> None:
    client = world.client()
    for namespace in ("/", "/chat"):
        log.watch(client, "connect_error", namespace=namespace)

    async with stopped(world.peer):
        with pytest.raises(ConnectionError) as raised:
            await client.connect(world.peer.url)

    assert log.entries == [("connect_error", str(raised.value))] * 2


async def test_transports_that_do_not_exist_are_a_value_error(world: Any) -> None:
    with pytest.raises(ValueError, match="transports"):
        await world.client().connect(world.peer.url, transports=["pigeon"])


# waiting for the namespaces


async def test_a_connect_handler_without_end_does_not_hold_up_connect(world: Any, log: Any) -> None:
    client = world.client()
    forever = asyncio.Event()

    @client.event
    async def connect() -> None:
        log.handler("started")()
        await forever.wait()
        log.handler("ended")()

    await world.connect(client, wait_timeout=0.05)

    assert client.connected
    assert log.entries == [("started",)]
    forever.set()
    assert await log.next() == ("ended",)


@asynccontextmanager
async def slow_link(port: int, delay: float) -> AsyncIterator[str]:
    """The URL of a server that everything takes some seconds to get to, and back."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(65_536):
            loop.call_later(delay, writer.write, data)
        loop.call_later(delay, writer.close)

    relays = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relays.append(asyncio.current_task())
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))
        # the last chunks of both directions are still on their way
        await asyncio.gather(writer.wait_closed(), there[1].wait_closed())

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*relays)


async def test_a_slow_link_gets_more_time_than_wait_timeout(world: Any) -> None:
    delay = 0.1
    async with slow_link(int(world.peer.port), delay) as url:
        client = world.client()

        await client.connect(url, wait_timeout=delay / 10)

        assert await client.call("echo", 1, timeout=10) == 1
        await client.disconnect()


async def test_a_reconnection_gets_the_time_that_a_slow_link_needs(world: Any, log: Any) -> None:
    delay = 0.6  # there and back is more than the second that would be the default
    async with slow_link(int(world.peer.port), delay) as url:
        client = world.client(reconnection_attempts=1, reconnection_delay=0.01)
        log.watch(client, "connect", "connect_error", "disconnect")

        await client.connect(url, transports=["websocket"], wait_timeout=delay / 10)
        await client.emit("close")

        assert [(await log.next())[0] for _ in range(3)] == ["connect", "disconnect", "connect"]
        assert await client.call("echo", 1, timeout=10) == 1
        await client.disconnect()


async def test_a_reconnection_has_the_wait_timeout_of_connect(world: Any, log: Any) -> None:
    client = world.client(reconnection_attempts=1, reconnection_delay=0.01)
    log.watch(client, "connect", "connect_error", "disconnect")

    # the server thinks about each connection for longer than the default of one second
    await world.connect(client, auth={"slow": "/", "seconds": 1.5}, wait_timeout=10)
    await client.emit("close")

    assert [(await log.next())[0] for _ in range(3)] == ["connect", "disconnect", "connect"]
    assert await client.call("echo", 1, timeout=10) == 1


@pytest.mark.parametrize("world", ["asyncio"], indirect=True)
async def test_a_cancelled_connect_leaves_the_client_usable(world: Any, log: Any) -> None:
    client = world.client()
    log.watch(client, "connect", namespace="/chat")

    connecting = asyncio.ensure_future(
        world.connect(client, auth={"slow": "/"}, namespaces=["/chat", "/"])
    )
    assert await log.next() == ("connect",)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting

    assert (client.connected, client.namespaces, client.eio.state) == (False, {}, "disconnected")
    await world.connect(client)
    assert client.connected


async def test_a_second_connect_at_the_same_time_is_refused(world: Any, log: Any) -> None:
    client = world.client()
    log.watch(client, "connect", namespace="/chat")
    first = asyncio.ensure_future(
        world.connect(client, auth={"slow": "/"}, namespaces=["/chat", "/"])
    )
    assert await log.next() == ("connect",)

    with pytest.raises(ConnectionError, match="Already connecting"):
        await world.connect(client)

    await client.disconnect()
    with pytest.raises(ConnectionError):
        await first


async def test_a_drop_while_connecting_fails_at_once_and_runs_the_disconnect_handlers(
    world: Any, log: Any, soon: Any
) -> None:
    client = world.client(reconnection_delay=0)
    log.watch(client, "connect", "disconnect", namespace="/chat")
    connecting = asyncio.ensure_future(
        world.connect(client, auth={"slow": "/"}, namespaces=["/chat", "/"])
    )
    assert await log.next() == ("connect",)

    async with stopped(world.peer, signal.SIGKILL):
        with pytest.raises(ConnectionError, match="Unexpected connection error"):
            await soon(connecting)

    assert [name for name, *_ in log.entries] == ["disconnect"]
    assert not client.connected


@pytest.mark.parametrize("colour", COLOURS)
async def test_disconnect_ends_a_handshake_that_hangs(colour: str, log: Any, soon: Any) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        log.handler("request")()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        log.handler("gone")()

    client = socketio_client(colour, handle_sigint=False, request_timeout=60)
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for _ in range(2):
            connecting = asyncio.ensure_future(client.connect(url))
            assert await log.next() == ("request",)
            await soon(client.disconnect())
            with pytest.raises(ConnectionError, match="aborted"):
                await soon(connecting)
            assert await log.next() == ("gone",)
        await soon(client.wait())


async def test_connect_waits_for_an_attempt_that_was_given_up(
    world: Any, log: Any, soon: Any
) -> None:
    client = world.client()
    log.watch(client, "connect", namespace="/chat")
    first = asyncio.ensure_future(
        world.connect(client, auth={"slow": "/"}, namespaces=["/chat", "/"])
    )
    assert await log.next() == ("connect",)

    leaving = asyncio.ensure_future(client.disconnect())
    while not client._reconnect_abort.is_set():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0)
    await soon(asyncio.gather(leaving, world.connect(client)))

    assert client.connected
    with pytest.raises(ConnectionError):
        await first


async def test_an_acknowledgement_never_goes_to_a_later_connection(world: Any, log: Any) -> None:
    client = world.client(reconnection_delay=0.01)
    log.watch(client, "connect")
    answer = asyncio.Event()

    @client.event
    async def question() -> str:
        log.handler("question")()
        await answer.wait()
        log.handler("answered")()
        return "stale"

    await world.connect(client)
    await client.emit("ask", ("question",))
    assert [await log.next(), await log.next()] == [("connect",), ("question",)]
    await client.emit("close")
    assert await log.next() == ("connect",)

    client.on("question", lambda: "fresh")
    asking = asyncio.ensure_future(client.call("ask", ("question",)))
    answer.set()

    assert await log.next() == ("answered",)
    assert await asking == ["fresh"]


# reconnecting


async def test_retry_waits_for_a_server_that_is_away(world: Any, log: Any, soon: Any) -> None:
    client = world.client(reconnection_delay=0.01, reconnection_delay_max=0.05)
    log.watch(client, "connect_error")

    async with stopped(world.peer):
        connecting = asyncio.ensure_future(world.connect(client, retry=True))
        for _ in range(3):
            await log.next()
    await soon(connecting)

    assert await client.call("echo", 1) == 1


async def test_retry_ends_after_the_last_attempt(world: Any, log: Any, soon: Any) -> None:
    client = world.client(reconnection_delay=0.01, reconnection_attempts=2)
    log.watch(client, "connect_error")

    async with stopped(world.peer):
        with pytest.raises(ConnectionError):
            await world.connect(client, retry=True)

    assert len(log.entries) == 3
    await soon(client.wait())


async def test_retry_does_not_argue_with_a_refusal(world: Any, log: Any) -> None:
    client = world.client(reconnection_delay=0.01)
    log.watch(client, "connect_error")

    with pytest.raises(ConnectionError, match="failed to connect: /"):
        await world.connect(client, retry=True, auth={"refuse": "plain"})

    assert len(log.entries) == 1


async def test_after_giving_up_a_new_connection_reconnects_again(
    world: Any, log: Any, soon: Any
) -> None:
    client = world.client(
        reconnection_attempts=2, reconnection_delay=0.01, reconnection_delay_max=0.01
    )
    log.watch(client, "connect", "connect_error", "__disconnect_final")
    await world.connect(client)

    async with stopped(world.peer):
        await soon(client.wait())
    assert [name for name, *_ in log.entries] == [
        "connect", "connect_error", "connect_error", "__disconnect_final",
    ]  # fmt: skip

    client.reconnection_attempts = 0
    await world.connect(client)
    assert await log.next() == ("connect",)
    async with stopped(world.peer):
        assert (await log.next())[0] == "connect_error"
    while await log.next() != ("connect",):
        pass
    assert await client.call("echo", 1) == 1


@pytest.mark.parametrize("method", ["disconnect", "shutdown"])
async def test_disconnect_stops_a_reconnection(
    world: Any, log: Any, soon: Any, method: str
) -> None:
    client = world.client(reconnection_delay=0.01, reconnection_delay_max=60)
    log.watch(client, "connect_error", "__disconnect_final")
    await world.connect(client)

    async with stopped(world.peer):
        assert (await log.next())[0] == "connect_error"
        waiting = asyncio.ensure_future(client.wait())
        await soon(getattr(client, method)())
        await soon(waiting)

    assert log.entries[-1] == ("__disconnect_final",)
    assert client._reconnect_task is None


async def test_a_connect_error_handler_may_stop_the_reconnection(world: Any, soon: Any) -> None:
    client = world.client(reconnection_delay=0.01)

    @client.event
    async def connect_error(data: Any) -> None:
        await client.disconnect()

    await world.connect(client)

    async with stopped(world.peer):
        await soon(client.wait())


async def test_a_disconnect_handler_may_stop_the_reconnection(
    world: Any, log: Any, soon: Any
) -> None:
    client = world.client(reconnection_delay=0.01)
    log.watch(client, "__disconnect_final")

    @client.event
    async def disconnect(reason: str) -> None:
        await client.disconnect()

    await world.connect(client)

    async with stopped(world.peer):
        await soon(client.wait())

    assert log.entries == [("__disconnect_final",)]


async def test_a_new_connect_takes_over_from_a_reconnection(
    world: Any, log: Any, soon: Any
) -> None:
    client = world.client(reconnection_delay=60, reconnection_delay_max=60)
    log.watch(client, "connect", "disconnect")
    await world.connect(client)

    async with stopped(world.peer):
        while (await log.next())[0] != "disconnect":
            pass
    await soon(world.connect(client))

    assert await client.call("echo", 1) == 1
    assert client._reconnect_task is None


async def test_wait_follows_reconnections_and_may_be_cancelled(
    world: Any, log: Any, soon: Any
) -> None:
    client = world.client(reconnection_delay=0.01)
    log.watch(client, "connect", "connect_error")
    await world.connect(client)
    waiting = [asyncio.ensure_future(client.wait()) for _ in range(2)]

    async with stopped(world.peer):
        while (await log.next())[0] != "connect_error":
            pass
        waiting[0].cancel()
    while await log.next() != ("connect",):
        pass

    assert not waiting[1].done()
    await client.disconnect()
    await soon(waiting[1])


async def test_url_headers_and_auth_are_asked_for_again(world: Any, log: Any) -> None:
    client = world.client(reconnection_delay=0.01)
    log.watch(client, "connect")
    numbers = iter(range(100))
    await client.connect(
        lambda: world.peer.url,
        headers=lambda: {"X-Test": "again"},
        auth=lambda: {"number": next(numbers)},
    )

    await client.emit("close")
    assert [await log.next(), await log.next()] == [("connect",)] * 2

    who = await client.call("who")
    assert (who["auth"], who["header"]) == ({"number": 1}, "again")


async def test_without_reconnection_a_drop_is_final(world: Any, log: Any, soon: Any) -> None:
    client = world.client(reconnection=False)
    log.watch(client, "disconnect", "__disconnect_final")
    await world.connect(client)

    async with stopped(world.peer):
        await soon(client.wait())

    assert [name for name, *_ in log.entries] == ["disconnect", "__disconnect_final"]
    assert not client.connected


async def test_a_failing_function_for_the_url_does_not_end_the_reconnection(
    world: Any, log: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client(reconnection_delay=0.01)
    log.watch(client, "connect")
    urls = iter([world.peer.url, ZeroDivisionError(), world.peer.url])

    def url() -> str:
        value = next(urls)
        if isinstance(value, Exception):
            raise value
        return str(value)

    await client.connect(url)
    await client.emit("close")

    assert [await log.next(), await log.next()] == [("connect",)] * 2
    logged = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert logged == [ZeroDivisionError]


# handlers


async def test_a_disconnect_handler_without_a_parameter_works(world: Any, log: Any) -> None:
    client = world.client()
    client.on("disconnect", lambda: log.handler("disconnect")())
    await world.connect(client)

    await client.disconnect()

    assert log.entries == [("disconnect",)]


async def test_data_that_cannot_be_sent_raises_and_keeps_no_callback(world: Any) -> None:
    client = await world.connected()

    with pytest.raises(TypeError):
        await client.emit("echo", object(), callback=print)

    assert not any(client.callbacks.get("/", {}).values())


async def test_emit_before_connecting_is_an_error(world: Any) -> None:
    with pytest.raises(BadNamespaceError, match="/ is not a connected namespace."):
        await world.client().emit("x")


# the simple client


@pytest.fixture
async def simple(world: Any) -> Any:
    return world.simple_client(reconnection_delay=0.01)


async def test_a_simple_client_connects_once(world: Any, simple: Any) -> None:
    await world.connect(simple)

    with pytest.raises(RuntimeError):
        await world.connect(simple)


async def test_a_simple_client_waits_for_the_reconnection(
    world: Any, simple: Any, soon: Any
) -> None:
    await world.connect(simple)
    first = simple.sid

    async with stopped(world.peer):
        receiving = asyncio.ensure_future(simple.receive())
        calling = asyncio.ensure_future(simple.call("echo", 1))
    await soon(simple.emit("bounce", ("back", 2)))

    assert await soon(calling) == 1
    assert await soon(receiving) == ["back", 2]
    assert simple.sid != first


async def test_a_simple_client_can_receive_what_came_before_the_end(
    world: Any, simple: Any, soon: Any
) -> None:
    await world.connect(simple)
    for number in range(3):
        await simple.emit("bounce", ("back", number))
    await simple.call("nothing")

    await simple.disconnect()

    assert [await simple.receive() for _ in range(3)] == [["back", n] for n in range(3)]
    for method in (simple.receive(), simple.emit("x"), simple.call("x")):
        with pytest.raises(DisconnectedError):
            await soon(method)


async def test_a_full_buffer_drops_the_oldest_events_and_counts_them(
    world: Any, simple: Any, caplog: Any
) -> None:
    simple.max_input_buffer = 3
    await world.connect(simple)

    for number in range(5):
        await simple.emit("bounce", ("back", number))
    await simple.call("nothing")

    assert simple.dropped_events == 2
    assert [await simple.receive() for _ in range(3)] == [["back", n] for n in (2, 3, 4)]
    assert [record.levelname for record in caplog.records if "oldest" in record.message] == [
        "ERROR"
    ]


async def test_a_simple_client_that_cannot_connect_is_disconnected(
    world: Any, simple: Any, soon: Any
) -> None:
    with pytest.raises(ConnectionError):
        await world.connect(simple, auth={"refuse": "plain"})

    assert (simple.connected, simple.sid, simple.transport) == (False, None, "")
    with pytest.raises(DisconnectedError):
        await soon(simple.receive())
    with pytest.raises(DisconnectedError):
        await soon(simple.emit("x"))


async def test_a_simple_call_is_not_repeated_when_the_connection_is_lost(
    world: Any, simple: Any, soon: Any
) -> None:
    await world.connect(simple)
    calling = asyncio.ensure_future(simple.call("silence"))
    await simple.call("nothing")

    await simple.emit("close")

    with pytest.raises(TimeoutError):
        await soon(calling)
    assert await simple.call("echo", 1) == 1
