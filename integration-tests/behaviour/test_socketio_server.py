"""What the server puts on the wire, against a client that knows nothing but WebSocket."""

from __future__ import annotations

import asyncio
import builtins
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed

import socketio
from socketio.exceptions import CallInterruptedError, ConnectionRefusedError
from socketio.serve import FAST_WEBSOCKET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Raw:
    """One WebSocket to the server, in Engine.IO packets."""

    def __init__(self, websocket: Any) -> None:
        self.websocket = websocket

    async def send(self, *packets: str | bytes) -> None:
        for packet in packets:
            await self.websocket.send(packet)

    async def receive(self) -> Any:
        return await asyncio.wait_for(self.websocket.recv(), SOON)

    async def join(self, namespace: str = "", auth: str = "") -> str:
        """Join a namespace and return the sid there."""
        await self.send(f"40{namespace}{',' if namespace else ''}{auth}")
        answer = await self.receive()
        sid: str = json.loads(answer[answer.index("{") :])["sid"]
        return sid

    async def closed(self) -> int:
        """Wait until the server closes; return the WebSocket close code."""
        with pytest.raises(ConnectionClosed):
            while True:
                await self.receive()
        code: int = self.websocket.close_code
        return code


@pytest.fixture(params=["websockets-sansio", FAST_WEBSOCKET], ids=["uvicorn", "fast"])
async def serve(request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that serves a Socket.IO server and opens raw connections to it."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
    websockets: list[Any] = []

    async def start(sio: socketio.AsyncServer) -> Callable[..., Any]:
        config = uvicorn.Config(
            socketio.ASGIApp(sio),
            port=0,
            ws=request.param,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        running.append((server, asyncio.ensure_future(server.main_loop())))
        port = server.servers[0].sockets[0].getsockname()[1]

        async def open_connection(**headers: str) -> Raw:
            url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
            websocket = await connect_websocket(
                url, additional_headers=headers, compression=None, max_size=None
            )
            websockets.append(websocket)
            raw = Raw(websocket)
            assert (await raw.receive()).startswith("0{")
            return raw

        return open_connection

    yield start
    for websocket in websockets:
        await websocket.close()
    for server, task in running:
        server.should_exit = True
        await task
        await server.shutdown()


def new_server(**options: Any) -> socketio.AsyncServer:
    return socketio.AsyncServer(async_mode="asgi", **options)


# joining


REFUSALS: list[tuple[Any, str]] = [
    (None, '{"message":"Connection rejected by server"}'),
    ((), '{"message":"Connection rejected by server"}'),
    (("a",), '{"message":"a"}'),
    (("a", {"code": 7}), '{"message":"a","data":{"code":7}}'),
    (("a", 1, "é"), '{"message":"a","data":[1,"é"]}'),
    ("builtin", '{"message":"Connection refused by server"}'),
    ("bug", '{"message":"Connection rejected by server"}'),
]


async def test_refusals_on_the_wire(serve: Callable[..., Any]) -> None:
    sio = new_server(logger=logging.getLogger("refusals.on.purpose"))
    logging.getLogger("refusals.on.purpose").setLevel(logging.CRITICAL)

    @sio.event
    async def connect(sid: str, environ: Any, auth: Any) -> bool:
        how = REFUSALS[auth["row"]][0]
        if how == "bug":
            raise ZeroDivisionError
        if how == "builtin":
            raise builtins.ConnectionRefusedError
        if how is not None:
            raise ConnectionRefusedError(*how)
        return False

    raw = await (await serve(sio))()
    for number, (_, payload) in enumerate(REFUSALS):
        await raw.send(f'40{{"row":{number}}}')
        assert json.loads((await raw.receive())[2:]) == json.loads(payload)

    assert not sio.manager.rooms


async def test_namespaces_that_do_not_exist_or_are_joined(serve: Callable[..., Any]) -> None:
    raw = await (await serve(new_server()))()
    await raw.join()
    await raw.send("40", "40/random,", '40/random?x=1,{"a":1}')

    assert await raw.receive() == '44{"message":"Unable to connect"}'
    for _ in range(2):
        assert await raw.receive() == '44/random,{"message":"Invalid namespace"}'


async def test_what_is_sent_while_a_client_joins_follows_the_acceptance(
    serve: Callable[..., Any],
) -> None:
    sio = new_server()

    @sio.event
    async def connect(sid: str, environ: Any) -> None:
        await sio.emit("you", to=sid)
        await sio.emit("all", environ["HTTP_X_NAME"])

    raw = await (await serve(sio))(**{"X-Name": "Ann"})
    await raw.send("40")

    assert await raw.receive() == '42["you"]'
    assert (await raw.receive()).startswith('40{"sid"')
    assert await raw.receive() == '42["all","Ann"]'


# every row of the order in which handlers are found


async def test_handlers_in_their_order(serve: Callable[..., Any]) -> None:
    sio = new_server(namespaces=["/", "/n"])

    class Class(socketio.AsyncNamespace):
        async def trigger_event(self, event: str, *args: Any) -> Any:
            if event in ("connect", "disconnect"):
                return None
            return ["class " + self.namespace, event, *args]

    @sio.on("e", namespace="/n")
    async def row_1(*args: Any) -> Any:
        return ["1", *args]

    @sio.on("*", namespace="/n")
    def row_2(*args: Any) -> Any:
        return ["2", *args]

    @sio.on("e", namespace="*")
    async def row_3(*args: Any) -> Any:
        return ["3", *args]

    @sio.on("*", namespace="*")
    def row_4(*args: Any) -> Any:
        return ["4", *args]

    sio.register_namespace(Class("/n"))
    sio.register_namespace(Class("*"))
    raw = await (await serve(sio))()
    sid = await raw.join("/n")

    async def answer() -> Any:
        await raw.send('42/n,0["e",5]')
        text = await raw.receive()
        return json.loads(text[text.index("[") :])[0]

    assert await answer() == ["1", sid, 5]
    del sio.handlers["/n"]["e"]
    assert await answer() == ["2", "e", sid, 5]
    del sio.handlers["/n"]["*"]
    assert await answer() == ["3", "/n", sid, 5]
    del sio.handlers["*"]["e"]
    assert await answer() == ["4", "e", "/n", sid, 5]
    del sio.handlers["*"]["*"]
    assert await answer() == ["class /n", "e", sid, 5]
    del sio.namespace_handlers["/n"]
    assert await answer() == ["class *", "e", "/n", sid, 5]
    del sio.namespace_handlers["*"]
    await raw.send('42/n,0["e",5]')
    await raw.join()


# binary, order, acknowledgements


async def test_attachments_stay_with_their_packet(serve: Callable[..., Any]) -> None:
    sio = new_server()

    @sio.event
    async def two(sid: str, data: Any) -> Any:
        results = [sio.emit("bin", [n, bytes([n])], to=sid) for n in range(3)]
        await asyncio.gather(*results)
        return data["x"], {"n": data["y"]}

    raw = await (await serve(sio))()
    await raw.join()
    placeholders = '{"_placeholder":true,"num":0},"y":{"_placeholder":true,"num":1}'
    await raw.send('452-9["two",{"x":' + placeholders + "}]", b"\x00", b"\xff" * 70_000)

    for n in range(3):
        assert await raw.receive() == f'451-["bin",[{n},{{"_placeholder":true,"num":0}}]]'
        assert await raw.receive() == bytes([n])
    text = await raw.receive()
    assert text.startswith("462-9[")
    assert [await raw.receive(), await raw.receive()] == [b"\x00", b"\xff" * 70_000]


async def test_a_call_is_answered_or_ends_with_its_client(serve: Callable[..., Any]) -> None:
    sio = new_server()
    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    @sio.event
    async def ask(sid: str) -> None:
        first = await sio.call("question", 1, to=sid)
        try:
            await sio.call("question", 2, to=sid)
        except CallInterruptedError:
            outcome.set_result(first)

    raw = await (await serve(sio))()
    await raw.join()
    await raw.send('42["ask"]')
    assert await raw.receive() == '421["question",1]'
    await raw.send('431["a","b"]')
    assert await raw.receive() == '422["question",2]'
    await raw.websocket.close()

    assert await asyncio.wait_for(outcome, SOON) == ("a", "b")


# the end


async def test_reasons(serve: Callable[..., Any]) -> None:
    sio = new_server(ping_interval=0.2, ping_timeout=0.1)
    reasons: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    @sio.on("disconnect", namespace="*")
    async def disconnect(namespace: str, sid: str, reason: str) -> None:
        assert sio.get_environ(sid, namespace) is not None
        await reasons.put((namespace, reason))

    async def reason() -> tuple[str, str]:
        return await asyncio.wait_for(reasons.get(), SOON)

    open_connection = await serve(sio)
    raw = await open_connection()
    sid = await raw.join()
    await raw.send("41")
    assert await reason() == ("/", "client disconnect")
    sid = await raw.join()
    await sio.disconnect(sid)
    assert await raw.receive() == "41"
    assert await reason() == ("/", "server disconnect")
    await raw.join()
    await raw.send("1")
    assert await reason() == ("/", "client disconnect")

    raw = await open_connection()
    await raw.join()
    await raw.websocket.close()
    assert await reason() == ("/", "transport close")

    raw = await open_connection()
    await raw.join()
    assert await reason() == ("/", "ping timeout")

    raw = await open_connection()
    await raw.join()
    await raw.send("4abc")
    assert await reason() == ("/", "transport error")
    assert not sio.environ
    assert not sio.manager.rooms


@pytest.mark.parametrize(
    "packets",
    [
        ['42["e"]'],
        ["430[]"],
        ["4abc"],
        ["40", "4"],
        ["40", "42{}"],
        ["40", "42[]"],
        ["40", "42[5]"],
        ["40", '42["disconnect"]'],
        ["40", '42["connect",{"forged":1},{}]'],
        ["40", '4299999999999999999999x["e"]'],
        ["40", '45101-["e"]'],
        ["40", '451-["e",{"_placeholder":true,"num":0}]', '42["e"]'],
        ["40", '451-["e",{"_placeholder":true,"num":-1}]', b"x"],
        ["40", b"never announced"],
        ["40", '44{"message":"x"}'],
        ["40", "42" + "[" * 1000],
    ],
)
async def test_who_breaks_the_protocol_is_disconnected(
    serve: Callable[..., Any], packets: list[str | bytes], caplog: pytest.LogCaptureFixture
) -> None:
    sio = new_server()
    sio.on("e", lambda *args: pytest.fail("handled"))
    raw = await (await serve(sio))()
    await raw.send(*packets)

    assert await raw.closed() == 1002
    assert not [record for record in caplog.records if record.exc_info]
    assert sio.eio.counters.protocol_errors == 1


async def test_who_does_not_join_or_complete_a_packet_is_disconnected(
    serve: Callable[..., Any],
) -> None:
    sio = new_server(connect_timeout=0.3, attachment_timeout=0.3)
    open_connection = await serve(sio)
    idle, stalled, left, busy = [await open_connection() for _ in range(4)]
    for raw in (stalled, left, busy):
        await raw.join()
    await stalled.send('451-["e",{"_placeholder":true,"num":0}]')
    await left.send("41")

    for raw in (idle, stalled, left):
        await raw.closed()
    await busy.send('420["nobody handles this"]', "41", "40")
    assert (await busy.receive()).startswith('40{"sid"')


async def test_a_client_with_many_slow_events_waits_and_nobody_else(
    serve: Callable[..., Any],
) -> None:
    sio = new_server(max_handlers=3)
    gate = asyncio.Event()
    started: list[int] = []

    @sio.event
    async def slow(sid: str, number: int) -> None:
        started.append(number)
        await gate.wait()

    @sio.event
    async def fast(sid: str) -> str:
        return "done"

    open_connection = await serve(sio)
    greedy, modest = await open_connection(), await open_connection()
    await greedy.join()
    await modest.join()
    await greedy.send(*[f'42["slow",{number}]' for number in range(10)], '420["fast"]')
    await modest.send('420["fast"]')
    assert await modest.receive() == '430["done"]'
    assert len(started) <= 3
    gate.set()

    assert await greedy.receive() == '430["done"]'
    assert started == list(range(10))


# handlers that wait for something that is cancelled


async def wait_in_vain(*args: Any) -> None:
    task = asyncio.ensure_future(asyncio.sleep(SOON))
    task.cancel()
    await task


@pytest.mark.parametrize("async_handlers", [True, False])
async def test_a_cancelled_event_handler_returns_nothing(
    serve: Callable[..., Any], async_handlers: bool
) -> None:
    sio = new_server(async_handlers=async_handlers)
    sio.on("wait", wait_in_vain)
    sio.on("echo", lambda sid, value: value)
    raw = await (await serve(sio))()
    await raw.join()

    await raw.send('420["wait"]', '421["echo",1]')

    assert {await raw.receive(), await raw.receive()} == {"430[]", "431[1]"}


async def test_a_cancelled_connect_handler_refuses(serve: Callable[..., Any]) -> None:
    sio = new_server(namespaces="*")
    sio.on("connect", wait_in_vain)
    raw = await (await serve(sio))()

    await raw.send("40")

    assert await raw.receive() == '44{"message":"Connection rejected by server"}'
    await raw.join("/other")


async def test_a_cancelled_disconnect_handler_does_not_keep_the_others_from_running(
    serve: Callable[..., Any],
) -> None:
    sio = new_server(namespaces="*")
    told = asyncio.Event()
    sio.on("disconnect", wait_in_vain)
    sio.on("disconnect", lambda sid, reason: told.set(), namespace="/other")
    raw = await (await serve(sio))()
    await raw.join()
    await raw.join("/other")

    await raw.send("41")
    await raw.join()
    await raw.websocket.close()

    await asyncio.wait_for(told.wait(), SOON)
    await asyncio.sleep(0)
    assert sio.manager.rooms == {}
    assert sio.environ == {}
