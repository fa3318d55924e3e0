"""What applications and packages reach for inside of a server, or put in its place."""

from __future__ import annotations

import asyncio
import functools
import importlib
import sys
from importlib.metadata import version
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest

import engineio
import socketio
from socketio.base_manager import BaseManager
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._core.message import Message

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Channel:
    """The client's end: ``packets`` is what it got."""

    buffered = 0
    unsent = 0

    def __init__(self, packets: Any) -> None:
        self.packets = packets

    def write(self, messages: list[Message]) -> None:
        for message in messages:
            self.packets.put_nowait(message.payload if message.binary else message.text[1:])

    def close(self, code: int) -> None: ...

    def abort(self) -> None: ...


class Client:
    """A client of a server of threads, as the engine sees it."""

    def __init__(self, sio: socketio.Server, environ: dict[str, Any] | None = None) -> None:
        self.eio: engineio.Server = sio.eio
        self.channel = Channel(Queue())
        self.session = self.eio.engine.create(self.eio.generate_id(), "websocket")
        assert self.eio._connect(self.session, environ or {}) is None
        self.eio.engine.attach(self.session, self.channel)
        self.eio.engine.accept(self.session, self.eio.clock())
        self.next()

    def send(self, *packets: str | bytes) -> None:
        for packet in packets:
            self.eio._received(self.session, packet)

    def next(self) -> Any:
        return self.channel.packets.get(timeout=SOON)

    def lose(self) -> None:
        self.eio.engine.close(self.session, "transport close")


class AsyncClient:
    """The same of an asyncio server."""

    def __init__(self, sio: socketio.AsyncServer) -> None:
        self.eio: engineio.AsyncServer = sio.eio
        self.channel = Channel(asyncio.Queue())
        self.session = self.eio.engine.create(self.eio.generate_id(), "websocket")

    async def connect(self, environ: dict[str, Any] | None = None) -> AsyncClient:
        assert await self.eio._connect(self.session, environ or {}) is None
        self.eio.engine.attach(self.session, self.channel)
        self.eio.engine.accept(self.session, self.eio.clock())
        await self.next()
        return self

    async def send(self, *packets: str | bytes) -> None:
        for packet in packets:
            pending = self.eio._received(self.session, packet)
            if pending is not None:
                await pending

    async def next(self) -> Any:
        return await asyncio.wait_for(self.channel.packets.get(), SOON)

    async def lose(self) -> None:
        self.eio.engine.close(self.session, "transport close")
        await self.eio._wait_ended([self.session])


def make_server(**options: Any) -> socketio.Server:
    return socketio.Server(async_mode="threading", **options)


@pytest.fixture
async def sio() -> socketio.AsyncServer:
    return socketio.AsyncServer(async_mode="asgi", namespaces="*")


# who is there


def test_the_rooms_of_the_manager_show_who_is_in_them() -> None:
    sio = make_server()
    client, other = Client(sio, {"name": "me"}), Client(sio)
    client.send("0")
    other.send("0")
    sid = sio.manager.sid_from_eio_sid(client.session.sid, "/")
    sio.enter_room(sid, "lobby")

    rooms = sio.manager.rooms["/"]

    assert rooms["lobby"] == {sid: client.session.sid}
    assert len(rooms[None]) == 2
    assert list(rooms[sid]) == [sid]
    assert "nobody" not in rooms
    assert sio.environ[rooms[sid][sid]] == {"name": "me"}
    assert list(sio.manager.get_participants("/", "lobby")) == [(sid, client.session.sid)]
    assert sorted(sio.manager.get_namespaces()) == ["/"]
    assert sio.manager.eio_sid_from_sid(sid, "/") == client.session.sid
    assert sio.manager.is_connected(sid, "/")
    sio.manager.initialize()
    sio.manager.initialize()


def test_connections_can_be_counted_and_closed() -> None:
    sio = make_server()
    reasons: list[str] = []
    sio.on("disconnect", lambda sid, reason: reasons.append(reason))
    clients = [Client(sio), Client(sio)]
    for client in clients:
        client.send("0")
    assert len(sio.eio.sockets) == 2
    assert list(sio.eio.sockets.keys()) == [client.session.sid for client in clients]
    assert sio.eio._get_socket(clients[0].session.sid).queue.qsize() == 0

    for socket in sio.eio.sockets.values():
        socket.close()

    assert reasons == ["server disconnect"] * 2
    assert sio.environ == {}


def test_a_client_can_be_connected_through_the_manager() -> None:
    sio = make_server()

    sid = sio.manager.connect("eio sid", "/")

    assert sid is not None
    assert sio.manager.connect("eio sid", "/") is None
    assert sio.manager.is_connected(sid, "/")
    assert sio.manager.pre_connect("other", "/") is not None


async def test_a_manager_may_be_replaced_and_its_emit_wrapped(sio: socketio.AsyncServer) -> None:
    emitted: list[Any] = []

    class Recording(socketio.AsyncManager):
        async def emit(
            self, event: str, data: Any, namespace: str, *args: Any, **kwargs: Any
        ) -> None:
            emitted.append((event, data, namespace, kwargs["room"]))
            await super().emit(event, data, namespace, *args, **kwargs)

    manager = sio.manager = Recording()
    manager.set_server(sio)
    client = await AsyncClient(sio).connect()
    await client.send("0")
    await client.next()

    await sio.emit("news", 1, to="nobody")
    await sio.emit("news", 2)

    assert await client.next() == '2["news",2]'
    assert emitted == [("news", 1, "/", "nobody"), ("news", 2, "/", None)]


async def test_a_manager_that_refuses_a_client_is_obeyed(sio: socketio.AsyncServer) -> None:
    class Strict(socketio.AsyncManager):
        async def pre_connect(self, eio_sid: str, namespace: str) -> str | None:
            return None

    manager = sio.manager = Strict()
    manager.set_server(sio)
    client = await AsyncClient(sio).connect()

    await client.send("0")

    assert await client.next() == '4{"message":"Unable to connect"}'


def test_handlers_can_be_read_replaced_and_removed() -> None:
    sio = make_server()
    calls: list[str] = []
    sio.on("e", lambda sid: calls.append("first"))
    assert sio.handlers["/"]["e"]("sid") is None
    client = Client(sio)
    client.send("0")
    client.next()

    sio.handlers["/"]["e"] = lambda sid: calls.append("second")
    client.send('20["e"]')
    assert client.next() == "30[]"
    del sio.handlers["/"]["e"]
    client.send('21["e"]', '22["other"]')

    assert calls == ["first", "second"]


# methods that are wrapped or replaced


class Overriding(socketio.AsyncServer):
    """Replaces every method that is there to be replaced, and notes the calls."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[Any] = []
        super().__init__(**options)

    async def _handle_eio_connect(self, eio_sid: str, environ: Any) -> None:
        self.calls.append(("eio connect", environ))
        await super()._handle_eio_connect(eio_sid, environ)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        self.calls.append(("eio message", data))
        await super()._handle_eio_message(eio_sid, data)

    async def _handle_eio_disconnect(self, eio_sid: str, *args: Any) -> None:
        self.calls.append(("eio disconnect", *args))
        await super()._handle_eio_disconnect(eio_sid, *args)

    async def _handle_connect(self, eio_sid: str, *args: Any) -> None:
        self.calls.append(("connect", *args))
        await super()._handle_connect(eio_sid, *args)

    async def _handle_event(self, eio_sid: str, *args: Any) -> None:
        self.calls.append(("event", *args))
        await super()._handle_event(eio_sid, *args)

    async def _handle_ack(self, eio_sid: str, *args: Any) -> None:
        self.calls.append(("ack", *args))
        await super()._handle_ack(eio_sid, *args)

    async def _handle_disconnect(self, eio_sid: str, *args: Any) -> None:
        self.calls.append(("disconnect", *args))
        await super()._handle_disconnect(eio_sid, *args)

    async def _handle_event_internal(self, *args: Any) -> None:
        self.calls.append(("internal", *args[3:]))
        await super()._handle_event_internal(*args)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        self.calls.append(("trigger", event, namespace, len(args)))
        return await super()._trigger_event(event, namespace, *args)

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        self.calls.append(("send", pkt.packet_type, pkt.data))
        await super()._send_packet(eio_sid, pkt)

    async def _send_eio_packet(self, eio_sid: str, eio_pkt: Any) -> None:
        self.calls.append(("send eio", eio_pkt.data))
        await super()._send_eio_packet(eio_sid, eio_pkt)


async def test_a_subclass_can_override_every_step() -> None:
    sio = Overriding(async_mode="asgi")
    acknowledged: list[Any] = []
    sio.on("e", lambda sid, data: data)
    client = await AsyncClient(sio).connect({"x": 1})
    await client.send('0{"token":1}')
    hello = await client.next()
    await client.send('20["e",1]')
    assert await client.next() == "30[1]"
    await sio.emit("news", b"b")
    assert await client.next() == '51-["news",{"_placeholder":true,"num":0}]'
    assert await client.next() == b"b"
    await sio.emit("asked", 2, callback=acknowledged.append)
    assert await client.next() == '21["asked",2]'
    await client.send("31[3]", "1")
    await client.lose()

    sid = hello[len('0{"sid":"') : -len('"}')]
    assert acknowledged == [3]
    assert sio.calls == [
        ("eio connect", {"x": 1}),
        ("eio message", '0{"token":1}'),
        ("connect", "/", {"token": 1}),
        ("trigger", "connect", "/", 3),
        ("send", CONNECT, {"sid": sid}),
        ("send eio", hello),
        ("eio message", '20["e",1]'),
        ("event", "/", 0, ["e", 1]),
        ("internal", ["e", 1], "/", 0),
        ("trigger", "e", "/", 2),
        ("send", ACK, [1]),
        ("send eio", "30[1]"),
        ("send eio", '51-["news",{"_placeholder":true,"num":0}]'),
        ("send eio", b"b"),
        ("send", EVENT, ["asked", 2]),
        ("send eio", '21["asked",2]'),
        ("eio message", "31[3]"),
        ("ack", "/", 1, [3]),
        ("eio message", "1"),
        ("disconnect", "/"),
        ("trigger", "disconnect", "/", 2),
        ("eio disconnect", "transport close"),
    ]
    assert sio.environ == {}


def test_a_subclass_of_the_server_of_threads_can_override_every_step() -> None:
    calls: list[str] = []
    answers: Queue[str] = Queue()

    def noting(name: str) -> Callable[..., Any]:
        def method(self: Any, *args: Any) -> Any:
            calls.append(name)
            return getattr(socketio.Server, name)(self, *args)

        return method

    names = [
        "_handle_eio_connect",
        "_handle_eio_message",
        "_handle_eio_disconnect",
        "_handle_connect",
        "_handle_disconnect",
        "_handle_event",
        "_handle_event_internal",
        "_handle_ack",
        "_trigger_event",
        "_send_packet",
        "_send_eio_packet",
    ]
    Subclass: Any = type("Subclass", (socketio.Server,), {name: noting(name) for name in names})
    sio: socketio.Server = Subclass(async_mode="threading", async_handlers=False)
    sio.on("e", lambda sid: None)
    client = Client(sio)

    client.send("0", '20["e"]')
    sio.emit("asked", callback=answers.put)
    client.send('31["answer"]')
    assert answers.get(timeout=SOON) == "answer"
    client.send("1")
    client.lose()

    assert set(names) == set(calls)
    assert calls[:4] == [
        "_handle_eio_connect",
        "_handle_eio_message",
        "_handle_connect",
        "_trigger_event",
    ]
    assert sio.environ == {}


async def test_a_method_replaced_on_the_instance_is_called_until_it_is_removed(
    sio: socketio.AsyncServer,
) -> None:
    sio.on("e", lambda sid: "handler")
    client = await AsyncClient(sio).connect()
    await client.send("0")
    await client.next()
    original = sio._handle_event
    seen: list[Any] = []

    async def handle_event(
        eio_sid: str, namespace: str | None, id: int | None, data: list[Any]
    ) -> None:
        seen.append((eio_sid, namespace, id, data))
        await original(eio_sid, namespace, id, data)

    sio._handle_event = handle_event  # type: ignore[method-assign]
    await client.send('20["e"]')
    assert await client.next() == '30["handler"]'
    del sio._handle_event
    await client.send('21["e"]')

    assert await client.next() == '31["handler"]'
    assert seen == [(client.session.sid, "/", 0, ["e"])]


async def test_a_replaced_handle_event_can_connect_a_client_that_did_not_ask(
    sio: socketio.AsyncServer,
) -> None:
    sio.on("e", lambda sid: "handler")
    original = sio._handle_event

    async def handle_event(eio_sid: str, namespace: str, id: int, data: list[Any]) -> None:
        sid = sio.manager.sid_from_eio_sid(eio_sid, namespace)
        if not sio.manager.is_connected(sid, namespace):
            await sio._handle_connect(eio_sid, namespace, None)
        await original(eio_sid, namespace, id, data)

    sio._handle_event = handle_event  # type: ignore[assignment,method-assign]
    client = await AsyncClient(sio).connect()
    await client.send('20["e"]')

    assert (await client.next()).startswith('0{"sid":')
    assert await client.next() == '30["handler"]'


async def test_a_replaced_handle_connect_can_refuse(sio: socketio.AsyncServer) -> None:
    original = sio._handle_connect

    async def gatekeeper(eio_sid: str, namespace: str | None, data: Any) -> None:
        if namespace == "/closed":
            pkt = sio.packet_class(CONNECT_ERROR, {"message": "closed"}, namespace)
            await sio._send_packet(eio_sid, pkt)
        else:
            await original(eio_sid, namespace, data)

    sio._handle_connect = gatekeeper  # type: ignore[method-assign]
    client = await AsyncClient(sio).connect()
    await client.send("0/closed,", "0")

    assert await client.next() == '4/closed,{"message":"closed"}'
    assert (await client.next()).startswith('0{"sid":')


async def test_the_engines_handlers_can_be_wrapped(sio: socketio.AsyncServer) -> None:
    sio.on("e", lambda sid, data: data)
    behind = sio.eio.handlers["message"]
    seen: list[Any] = []

    async def message(eio_sid: str, data: Any) -> None:
        seen.append((eio_sid, data))
        await behind(eio_sid, data)

    sio.eio.handlers["message"] = message
    client = await AsyncClient(sio).connect()
    await client.send("0", '20["e",1]')
    await client.next()

    assert await client.next() == "30[1]"
    assert seen == [(client.session.sid, "0"), (client.session.sid, '20["e",1]')]


async def test_the_engines_connect_handler_can_refuse(sio: socketio.AsyncServer) -> None:
    sio.eio.on("connect", lambda eio_sid, environ: environ.get("admitted", False))

    assert await sio.eio._connect(sio.eio.engine.create("sid", "polling"), {}) is not None
    assert list(sio.eio.handlers) == ["connect", "message", "disconnect"]


def test_the_engines_handlers_of_a_server_of_threads_can_be_wrapped() -> None:
    sio = make_server(async_handlers=False)
    ended: list[Any] = []
    connect, disconnect = sio.eio.handlers["connect"], sio.eio.handlers["disconnect"]

    @sio.eio.on("connect")
    def connected(eio_sid: str, environ: Any) -> None:
        connect(eio_sid, environ)
        sio._handle_connect(eio_sid, "/", None)

    @sio.eio.on("disconnect")
    def disconnected(eio_sid: str, reason: str) -> None:
        ended.append(reason)
        disconnect(eio_sid, reason)

    client = Client(sio)
    client.lose()

    assert client.next().startswith('0{"sid":')
    assert ended == ["transport close"]
    assert sio.environ == {}


async def test_what_the_engine_sends_can_be_counted(sio: socketio.AsyncServer) -> None:
    behind = sio.eio.send_packet
    sizes: list[int] = []

    async def send_packet(eio_sid: str, pkt: Any) -> None:
        sizes.append(len(pkt.encode()))
        await behind(eio_sid, pkt)

    sio.eio.send_packet = send_packet  # type: ignore[method-assign]
    client = await AsyncClient(sio).connect()
    await client.send("0")
    hello = await client.next()
    await sio.emit("e", 1)

    assert await client.next() == '2["e",1]'
    assert sizes == [len(f"4{hello}"), len('42["e",1]')]


def test_an_engine_of_ones_own() -> None:
    class Engine(engineio.Server):
        pass

    class Server(socketio.Server):
        def _engineio_server_class(self) -> type[engineio.Server]:
            return Engine

    assert type(Server(async_mode="threading").eio) is Engine


# tests that go about without a client


def test_a_test_client_drives_the_server_without_connections() -> None:
    sio = make_server()
    sent: list[Any] = []

    def send_packet(eio_sid: str, pkt: Packet) -> None:
        encoded = pkt.encode()
        copy = Packet(encoded_packet=encoded if isinstance(encoded, str) else encoded[0])
        sent.append((eio_sid, copy.packet_type, copy.data))

    def send_eio_packet(eio_sid: str, eio_pkt: Any) -> None:
        if isinstance(eio_pkt.data, str):
            send_packet(eio_sid, Packet(encoded_packet=eio_pkt.data))

    sio._send_packet = send_packet  # type: ignore[method-assign]
    sio._send_eio_packet = send_eio_packet  # type: ignore[method-assign]
    sio.environ["fake"] = {}
    sio.async_handlers = False
    sio.eio.async_handlers = False
    sio.on("e", lambda sid, data: data)
    sio._handle_eio_connect("fake", {"x": 1})
    sio._handle_eio_message("fake", Packet(CONNECT, namespace="/").encode())
    sid = sio.manager.sid_from_eio_sid("fake", "/")
    assert sio.get_environ(sid) == {"x": 1}

    sio._handle_eio_message("fake", '27["e",[1]]')
    sio.emit("news", 1)
    sio.emit("asked", 2, callback=print)
    sio.disconnect(sid)
    sio._handle_eio_disconnect("fake")
    sio._handle_eio_disconnect("fake")

    assert sent == [
        ("fake", CONNECT, {"sid": sid}),
        ("fake", ACK, [[1]]),
        ("fake", EVENT, ["news", 1]),
        ("fake", EVENT, ["asked", 2]),
        ("fake", DISCONNECT, None),
    ]
    assert sio.environ == {}


async def test_a_test_calls_the_steps_one_by_one(sio: socketio.AsyncServer) -> None:
    events: list[str] = []
    sio.on("connect", lambda sid, environ: events.append("connect"))
    sio.on("disconnect", lambda sid, reason: events.append(reason))

    await sio._handle_eio_connect(eio_sid="fake", environ={})
    await sio._handle_connect(eio_sid="fake", namespace="/", data=None)
    sid = sio.manager.sid_from_eio_sid("fake", "/")
    assert sio.manager.is_connected(sid, "/")
    await sio._handle_disconnect(eio_sid="fake", namespace="/")
    await sio._handle_eio_disconnect(eio_sid="fake")

    assert events == ["connect", "client disconnect"]


async def test_a_test_puts_a_client_into_the_manager(sio: socketio.AsyncServer) -> None:
    received: list[Any] = []
    sio.async_handlers = False
    sio.on("e", lambda sid, data: received.append((sid, data)))
    sid = await sio.manager.connect("fake", "/")

    await sio._handle_eio_message("fake", '2["e",1]')
    await sio._handle_event("fake", "/", None, ["e", 2])
    await sio._handle_eio_message("unknown", '2["e",3]')
    await sio._handle_ack("unknown", "/", 1, [])
    await sio._handle_disconnect("unknown", "/")

    assert received == [(sid, 1), (sid, 2)]
    assert list(sio.environ) == ["fake"]


async def test_a_test_triggers_events(sio: socketio.AsyncServer) -> None:
    @sio.event
    async def disconnect(sid: str) -> str:
        return f"{sid} left"

    assert await sio._trigger_event("disconnect", "/", "sid", "reason") == "sid left"
    assert await sio._trigger_event("unknown", "/", "sid") is sio.not_handled


# options assigned later


def test_options_assigned_later_take_effect() -> None:
    sio = make_server()
    sio.always_connect = True
    sio.namespaces = ["/chat"]
    sio.async_handlers = False
    sio.on("connect", lambda *args: False, namespace="/chat")
    client = Client(sio)

    client.send("0", "0/chat,")

    assert client.next() == '4{"message":"Invalid namespace"}'
    assert client.next().startswith('0/chat,{"sid":')
    assert client.next() == "1/chat,"


def test_a_packet_class_assigned_later_is_used_from_the_next_connection_on() -> None:
    class Shouting(Packet):
        def encode(self) -> Any:
            return super().encode().upper()  # type: ignore[union-attr]

    sio = make_server()
    sio.packet_class = Shouting
    client = Client(sio)

    client.send("0/unknown,")

    assert client.next() == '4/UNKNOWN,{"MESSAGE":"INVALID NAMESPACE"}'


def test_a_larger_message_size_lets_larger_attachments_in() -> None:
    sio = make_server(max_http_buffer_size=10, async_handlers=False)
    sizes: list[int] = []
    sio.on("e", lambda sid, data: sizes.append(len(data)))
    sio.eio.max_http_buffer_size = 1000
    client = Client(sio)
    client.send("0")

    client.send('51-["e",{"_placeholder":true,"num":0}]', bytes(900))

    assert sizes == [900]


# names


@pytest.mark.parametrize(
    "name",
    [
        "server",
        "client",
        "manager",
        "namespace",
        "pubsub_manager",
        "redis_manager",
        "aiopika_manager",
    ],
)
def test_a_module_is_there_under_its_older_name(name: str) -> None:
    older = importlib.import_module(f"socketio.asyncio_{name}")

    assert older is importlib.import_module(f"socketio.async_{name}")


@pytest.mark.parametrize(
    "name",
    [
        "exceptions",
        "packet",
        "msgpack_packet",
        "base_manager",
        "manager",
        "async_manager",
        "pubsub_manager",
        "async_pubsub_manager",
        "redis_manager",
        "async_redis_manager",
        "kombu_manager",
        "kafka_manager",
        "zmq_manager",
        "async_aiopika_manager",
        "server",
        "async_server",
        "base_server",
        "client",
        "async_client",
        "base_client",
        "simple_client",
        "async_simple_client",
        "namespace",
        "async_namespace",
        "base_namespace",
        "middleware",
        "asgi",
        "tornado",
        "admin",
        "async_admin",
    ],
)
def test_a_module_can_be_imported(name: str) -> None:
    importlib.import_module(f"socketio.{name}")


def test_the_package_tells_its_version() -> None:
    assert socketio.__version__ == version("python-socketio")


def test_the_manager_of_a_process_has_an_older_name() -> None:
    manager = socketio.BaseManager()

    assert make_server(client_manager=manager).manager is manager


def test_a_manager_has_the_methods_of_the_base_class() -> None:
    class Manager(BaseManager):
        pass

    manager = Manager()
    manager.set_server(make_server())
    sid = manager.pre_connect("eio sid", "/")

    assert manager.is_pre_connected(sid, "/")
    assert manager.connect(sid, "/") == sid
    assert manager.is_connected(sid, "/")


# handlers behind handlers


def test_a_package_may_put_handlers_of_its_own_around_those_of_the_application() -> None:
    """As Flask-SocketIO does: the sid does not reach the application, arguments may be missing."""
    sio = make_server()
    calls: list[tuple[Any, ...]] = []

    def register(event: str, handler: Callable[..., Any]) -> None:
        @functools.wraps(handler)
        def wrapper(sid: str, *args: Any) -> Any:
            calls.append((event, len(args)))
            return handler(*args[-1:])

        sio.on(event, wrapper)

    register("connect", lambda auth: calls.append((auth,)))
    register("disconnect", lambda: calls.append(()))
    client = Client(sio)

    client.send('0{"token":1}', "1")

    assert calls == [("connect", 2), ({"token": 1},), ("disconnect", 1), ("disconnect", 0), ()]


@pytest.mark.parametrize(
    ("module", "name"), [("redis_manager", "valkey"), ("async_redis_manager", "aiovalkey")]
)
def test_what_a_package_has_is_found_where_it_was(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    manager: Any = importlib.import_module(f"socketio.{module}")
    package = importlib.import_module("valkey.asyncio" if name == "aiovalkey" else "valkey")

    assert getattr(manager, name) is package
    assert manager.ValkeyError is importlib.import_module("valkey.exceptions").ValkeyError
    assert not hasattr(manager, "rediss")

    monkeypatch.setitem(sys.modules, package.__name__, None)
    assert getattr(manager, name) is None
