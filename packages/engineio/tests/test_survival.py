"""What applications reach for inside of a server: connections, handlers, options, module names."""

from __future__ import annotations

import importlib
import threading
import time
from importlib.metadata import version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from engine_support import RecordingChannel
from shell_support import settled

import engineio
from engineio._core.layer import Layer
from engineio._core.message import Message
from engineio.async_socket import AsyncSocket
from engineio.base_socket import QUEUED_BYTES, BaseSocket
from engineio.exceptions import ProtocolError
from engineio.packet import MESSAGE, Packet
from engineio.socket import Socket

if TYPE_CHECKING:
    from engineio._core.session import Session, Transport


def connect(eio: Any, sid: str = "sid", transport: Transport = "websocket") -> Any:
    session = eio.engine.create(sid, transport)
    eio.engine.attach(session, RecordingChannel())
    eio.engine.accept(session, eio.clock())
    return session


@pytest.fixture
def eio() -> engineio.Server:
    return engineio.Server(async_mode="threading")


@pytest.fixture
def async_eio() -> engineio.AsyncServer:
    return engineio.AsyncServer(async_mode="asgi")


# eio.sockets


def test_sockets_are_counted_listed_and_looked_up(eio: engineio.Server) -> None:
    one, two = connect(eio, "one"), connect(eio, "two")

    assert len(eio.sockets) == 2
    assert list(eio.sockets) == list(eio.sockets.keys()) == ["one", "two"]
    assert list(eio.sockets.values()) == [one, two]
    assert dict(eio.sockets.items()) == {"one": one, "two": two}
    assert eio._get_socket("one") is eio.sockets["one"] is one
    assert isinstance(one, Socket)
    with pytest.raises(KeyError):
        eio._get_socket("three")


def test_a_socket_tells_how_far_it_is(eio: engineio.Server) -> None:
    socket = connect(eio, transport="polling")
    assert (socket.connected, socket.upgraded, socket.upgrading) == (True, False, False)
    assert (socket.closing, socket.closed) == (False, False)

    seen = []
    eio.on("disconnect", lambda sid, reason: seen.append((socket.closing, socket.closed)))
    eio.disconnect("sid")

    assert seen == [(True, False)]
    assert (socket.closing, socket.closed) == (True, True)


def test_an_upgraded_socket_says_so(eio: engineio.Server) -> None:
    assert connect(eio, transport="websocket").upgraded


def test_the_user_session_is_an_attribute_of_the_socket(eio: engineio.Server) -> None:
    socket = connect(eio)
    eio.save_session("sid", {"user": "me"})
    assert socket.session == {"user": "me"}

    socket.session = {"user": "you"}

    assert eio.get_session("sid") == {"user": "you"}


def test_the_queue_tells_how_many_packets_wait(eio: engineio.Server) -> None:
    socket: Any = eio.engine.create("sid", "polling")
    socket.outbox.clear()
    assert (socket.queue.qsize(), socket.queue.empty()) == (0, True)

    eio.engine.send(socket, [Message(b"4a"), Message(b"4b")])

    assert (socket.queue.qsize(), socket.queue.empty()) == (2, False)


def test_the_queue_counts_what_the_network_has_not_taken(eio: engineio.Server) -> None:
    socket = connect(eio)

    socket.channel.buffered = 1
    assert socket.queue.qsize() == 1
    socket.channel.buffered = 3 * QUEUED_BYTES
    assert socket.queue.qsize() == 3


def test_the_time_of_a_ping_is_known_until_it_is_answered(eio: engineio.Server) -> None:
    now = 100.0
    eio.clock = lambda: now
    socket = connect(eio)
    assert socket.last_ping is None

    now += eio.ping_interval
    eio.engine.tick(now)
    now += 3
    assert socket.last_ping == pytest.approx(time.time() - 3, abs=1)

    eio.engine.receive(socket, "3", now)
    assert socket.last_ping is None


def test_applications_may_keep_something_on_a_socket(eio: engineio.Server) -> None:
    socket = connect(eio)

    socket.request = "mine"

    assert eio.sockets["sid"].request == "mine"  # type: ignore[attr-defined]


def test_closing_all_sockets_in_a_loop(eio: engineio.Server) -> None:
    reasons: list[str] = []
    eio.on("disconnect", lambda sid, reason: reasons.append(reason))
    for sid in ("one", "two", "three"):
        connect(eio, sid)

    for socket in eio.sockets.values():
        socket.close()  # type: ignore[attr-defined]

    assert reasons == ["server disconnect"] * 3
    assert eio.sockets == {}


async def test_closing_all_sockets_of_an_asyncio_server_in_a_loop(
    async_eio: engineio.AsyncServer,
) -> None:
    reasons: list[str] = []
    async_eio.on("disconnect", lambda sid, reason: reasons.append(reason))
    sockets = [connect(async_eio, sid) for sid in ("one", "two", "three")]
    assert all(isinstance(socket, AsyncSocket) for socket in sockets)

    for socket in async_eio.sockets.values():
        await socket.close(wait=False, abort=True, reason="maintenance")  # type: ignore[attr-defined]
    await async_eio._wait_ended(sockets)

    assert reasons == ["maintenance"] * 3
    assert async_eio.sockets == {}


def test_a_socket_sends_packets(eio: engineio.Server) -> None:
    socket = connect(eio)
    socket.channel.written.clear()

    socket.send(Packet(MESSAGE, data="hello"))

    assert socket.channel.written == [b"4hello"]


async def test_a_socket_of_an_asyncio_server_sends_packets(
    async_eio: engineio.AsyncServer,
) -> None:
    socket = connect(async_eio)
    async_eio.engine.flush(0)
    socket.channel.written.clear()

    await socket.send(Packet(MESSAGE, data="hello"))
    async_eio.engine.flush(0)

    assert socket.channel.written == [b"4hello"]


def test_a_socket_can_be_made_by_hand(eio: engineio.Server) -> None:
    socket = Socket(eio, "sid")

    assert (socket.sid, socket.server, socket.transport) == ("sid", eio, "polling")
    assert isinstance(socket, BaseSocket)
    assert BaseSocket.upgrade_protocols == ["websocket"]


def test_sockets_may_come_and_go_while_somebody_looks_at_them(eio: engineio.Server) -> None:
    for number in range(100):
        connect(eio, str(number))

    for listing in (eio.sockets, eio.sockets.keys(), eio.sockets.values(), eio.sockets.items()):
        before = len(eio.sockets)
        for _ in listing:
            if len(eio.sockets) == before:
                thread = threading.Thread(target=eio.disconnect, args=[next(iter(eio.sockets))])
                thread.start()
                thread.join()

    assert len(eio.sockets) == 96


# what tests put into eio.sockets


class Fake:
    closed = False

    def __init__(self) -> None:
        self.packets: list[Packet] = []

    def send(self, pkt: Packet) -> None:
        self.packets.append(pkt)


class AsyncFake(Fake):
    async def send(self, pkt: Packet) -> None:  # type: ignore[override]
        self.packets.append(pkt)


def test_a_fake_socket_gets_what_is_sent(eio: engineio.Server) -> None:
    fake = Fake()
    eio.sockets["fake"] = fake  # type: ignore[assignment]

    eio.send("fake", "hello")
    eio.send("fake", b"\0")
    eio.engine.broadcast(["fake"], [Message(b"4to all")])

    assert [pkt.data for pkt in fake.packets] == ["hello", b"\0", "to all"]
    assert {pkt.packet_type for pkt in fake.packets} == {MESSAGE}


async def test_a_fake_socket_of_an_asyncio_server_gets_what_is_sent(
    async_eio: engineio.AsyncServer,
) -> None:
    fake = AsyncFake()
    async_eio.sockets["fake"] = fake  # type: ignore[assignment]

    await async_eio.send("fake", "hello")
    await settled()

    assert [pkt.data for pkt in fake.packets] == ["hello"]


def test_a_fake_socket_is_counted_read_and_removed(eio: engineio.Server) -> None:
    eio.sockets["fake"] = SimpleNamespace(color="red")  # type: ignore[assignment]

    assert "fake" in eio.sockets
    assert eio.transport("fake") == "polling"
    assert eio._get_socket("fake").color == "red"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        _ = eio._get_socket("fake").size  # type: ignore[attr-defined]
    eio.send("fake", "to nobody")
    del eio.sockets["fake"]
    assert len(eio.sockets) == 0


def test_a_request_for_a_closed_fake_socket_is_refused(eio: engineio.Server) -> None:
    eio.sockets["fake"] = SimpleNamespace(closed=True)  # type: ignore[assignment]
    environ = {"REQUEST_METHOD": "POST", "QUERY_STRING": "EIO=4&transport=polling&sid=fake"}
    statuses: list[str] = []

    eio.handle_request(environ, lambda status, headers: statuses.append(status))

    assert statuses[0].startswith("400 ")


# handlers of a layer


class Above:
    """A protocol above, with handlers that others may wrap."""

    def __init__(self, eio: engineio.AsyncServer) -> None:
        self.calls: list[tuple[Any, ...]] = []
        names = ("opened", "received", "closed")
        handlers = dict(zip(("connect", "message", "disconnect"), self.handlers(), strict=True))
        eio.attach_layer(Layer(*(self.recorder(name) for name in names), handlers=handlers))

    def recorder(self, name: str) -> Any:
        return lambda session, data: self.calls.append((name, session.sid, data))

    def handlers(self) -> tuple[Any, Any, Any]:
        return self.connect, self.message, self.disconnect

    def connect(self, sid: str, environ: Any) -> None:
        self.calls.append(("connect", sid, environ))

    async def message(self, sid: str, data: Any) -> None:
        if data == "bad":
            raise ProtocolError("bad")
        self.calls.append(("message", sid, data))

    def disconnect(self, sid: str, reason: str) -> None:
        self.calls.append(("disconnect", sid, reason))


async def live(eio: engineio.AsyncServer, *messages: str) -> None:
    """Connect a client, let it send messages, and disconnect it."""
    session: Session = eio.engine.create("sid", "websocket")
    assert await eio._connect(session, {"x": 1}) is None
    eio.engine.attach(session, RecordingChannel())
    eio.engine.accept(session, eio.clock())
    try:
        for message in messages:
            pending = eio._received(session, message)
            if pending is not None:
                await pending
    finally:
        await eio.disconnect("sid")


async def test_a_layer_is_called_past_its_handlers(async_eio: engineio.AsyncServer) -> None:
    above = Above(async_eio)

    await live(async_eio, "2[]")

    assert above.calls == [
        ("opened", "sid", {"x": 1}),
        ("received", "sid", "2[]"),
        ("closed", "sid", "server disconnect"),
    ]


async def test_a_replaced_handler_of_a_layer_is_called(async_eio: engineio.AsyncServer) -> None:
    above = Above(async_eio)
    behind = async_eio.handlers["message"]

    @async_eio.on("message")
    async def message(sid: str, data: Any) -> None:
        above.calls.append(("seen", sid, data))
        await behind(sid, data)

    await live(async_eio, "2[1]", "2[2]")

    assert above.calls == [
        ("connect", "sid", {"x": 1}),
        ("seen", "sid", "2[1]"),
        ("message", "sid", "2[1]"),
        ("seen", "sid", "2[2]"),
        ("message", "sid", "2[2]"),
        ("disconnect", "sid", "server disconnect"),
    ]


async def test_putting_the_handler_back_restores_the_layer(async_eio: engineio.AsyncServer) -> None:
    above = Above(async_eio)
    behind = async_eio.handlers["message"]
    async_eio.handlers["message"] = lambda sid, data: None
    async_eio.handlers["message"] = behind

    await live(async_eio, "2[]")

    assert ("received", "sid", "2[]") in above.calls


async def test_a_connect_handler_in_front_of_a_layer_may_refuse(
    async_eio: engineio.AsyncServer,
) -> None:
    Above(async_eio)
    async_eio.on("connect", lambda sid, environ: False)

    refusal = await async_eio._connect(async_eio.engine.create("sid", "polling"), {})

    assert refusal is not None


async def test_what_a_layer_refuses_ends_the_connection_however_it_was_called(
    async_eio: engineio.AsyncServer, caplog: pytest.LogCaptureFixture
) -> None:
    above = Above(async_eio)
    behind = async_eio.handlers["message"]

    async def message(sid: str, data: Any) -> None:
        if data == "own mistake":
            raise LookupError(data)
        await behind(sid, data)

    async_eio.on("message", message)

    with pytest.raises(ProtocolError):
        await live(async_eio, "own mistake", "good", "bad")
    assert ("message", "sid", "good") in above.calls
    assert "own mistake" in caplog.text


# options


async def test_options_may_be_assigned_at_any_time(async_eio: engineio.AsyncServer) -> None:
    async_eio.ping_interval = 3
    async_eio.ping_timeout = 2
    async_eio.max_http_buffer_size = 5000
    async_eio.allow_upgrades = False

    handshake = async_eio.engine.create("sid", "polling").outbox[0].payload

    for field in (b'"pingInterval":3000', b'"pingTimeout":2000', b'"maxPayload":5000'):
        assert field in handshake
    assert b'"upgrades":[]' in handshake


def test_cors_can_be_switched_off_later(eio: engineio.Server) -> None:
    environ = {
        "REQUEST_METHOD": "OPTIONS",
        "QUERY_STRING": "EIO=4&transport=polling",
        "HTTP_ORIGIN": "https://elsewhere",
        "HTTP_HOST": "here",
    }
    statuses: list[str] = []

    def start_response(status: str, headers: Any) -> None:
        statuses.append(status[:3])

    eio.handle_request(environ, start_response)
    eio.cors_allowed_origins = []
    eio.handle_request(environ, start_response)

    assert statuses == ["400", "200"]


def test_the_watching_of_clients_has_its_older_switch(eio: engineio.Server) -> None:
    assert eio.start_service_task is True

    eio.start_service_task = False

    assert not engineio.Server(async_mode="threading", monitor_clients=False).start_service_task


# names


@pytest.mark.parametrize(
    ("older", "name"),
    [
        ("engineio.asyncio_client", "engineio.async_client"),
        ("engineio.asyncio_server", "engineio.async_server"),
        ("engineio.asyncio_socket", "engineio.async_socket"),
        *(
            (f"engineio.async_{mode}", f"engineio.async_drivers.{mode}")
            for mode in ("threading", "gevent", "eventlet", "aiohttp", "sanic", "tornado", "asgi")
        ),
    ],
)
def test_a_module_is_there_under_its_older_name(older: str, name: str) -> None:
    assert importlib.import_module(older) is importlib.import_module(name)


@pytest.mark.parametrize(
    "name",
    [
        "exceptions",
        "packet",
        "payload",
        "json",
        "static_files",
        "middleware",
        "server",
        "async_server",
        "base_server",
        "client",
        "async_client",
        "base_client",
        "socket",
        "async_socket",
        "base_socket",
        *(
            f"async_drivers.{mode}"
            for mode in ("threading", "gevent", "eventlet", "aiohttp", "sanic", "tornado", "asgi")
        ),
    ],
)
def test_a_module_can_be_imported(name: str) -> None:
    importlib.import_module(f"engineio.{name}")


def test_the_older_names_of_classes() -> None:
    from engineio.asyncio_server import AsyncServer

    assert AsyncServer is engineio.AsyncServer


def test_the_package_tells_its_version() -> None:
    assert engineio.__version__ == version("python-engineio")


async def test_the_environ_of_an_asgi_request_can_be_made() -> None:
    from engineio.async_drivers.asgi import translate_request

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/engine.io/",
        "query_string": b"a=b",
        "headers": [(b"x-forwarded-for", b"1"), (b"x-forwarded-for", b"2")],
    }

    environ = await translate_request(scope, None, None)  # type: ignore[arg-type]

    assert environ["HTTP_X_FORWARDED_FOR"] == "1,2"
    assert environ["asgi.scope"] is scope
