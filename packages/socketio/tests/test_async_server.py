"""The asyncio server on the real engine, without sockets: packets in, packets out."""

from __future__ import annotations

import asyncio
import builtins
import functools
import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import socketio
from engineio._core.session import CLOSED
from engineio.exceptions import ProtocolError
from socketio.exceptions import CallInterruptedError, ConnectionRefusedError, TimeoutError
from socketio.packet import ACK, CONNECT, EVENT, Packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from engineio._core.message import Message

LOG = "socketio.server"

TELLS_WHO_IS_CANCELLED = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="tasks do not tell whether they, or what they wait for, was"
)


class RecordingChannel:
    """Keeps what the engine writes."""

    buffered = 0
    unsent = 0

    def __init__(self) -> None:
        self.written: list[str | bytes] = []

    def write(self, messages: list[Message]) -> None:
        self.written += [m.payload if m.binary else m.text for m in messages]

    def close(self, code: int) -> None:
        self.written.append(f"closed {code}")

    def abort(self) -> None:
        self.written.append("aborted")


class Peer:
    """One client: what it sends goes to the server's layer, what it gets is in ``sent()``."""

    def __init__(self, sio: socketio.AsyncServer, environ: dict[str, Any] | None = None) -> None:
        engine = sio.eio.engine
        self.sio = sio
        self.session = engine.create(sio.eio.generate_id(), "websocket")
        self.layer.opened(self.session, environ or {})
        self.channel = RecordingChannel()
        engine.attach(self.session, self.channel)
        engine.accept(self.session, sio.eio.clock())
        self.sent()

    @property
    def layer(self) -> Any:
        return self.sio.eio._layer

    async def receive(self, *messages: str | bytes) -> None:
        for data in messages:
            pending = self.layer.received(self.session, data)
            if pending is not None:
                await pending

    async def done(self) -> None:
        """Return when the handlers of this client have ended."""
        connection = self.session.app
        while connection.running:
            connection.slot_is_free = asyncio.Event()
            await connection.slot_is_free.wait()

    async def join(self, namespace: str = "/") -> str:
        """Join a namespace and return the sid there."""
        await self.receive("0" if namespace == "/" else f"0{namespace},")
        self.sent()
        sid = self.sio.manager.sid_from_eio_sid(self.session.sid, namespace)
        assert sid is not None
        return sid

    def sent(self) -> list[str | bytes]:
        """What the client got since the last look, without Engine.IO's type digit."""
        self.sio.eio.engine.flush(self.sio.eio.clock())
        written, self.channel.written[:] = self.channel.written[:], []
        return [part[1:] if isinstance(part, str) and part[0] == "4" else part for part in written]

    async def lose(self, reason: str = "transport close") -> None:
        """The connection ends."""
        self.sio.eio.engine.close(self.session, reason)
        self.sio.eio.engine.closed.remove(self.session)
        pending = self.layer.closed(self.session, reason)
        if pending is not None:
            await pending
        self.sio.eio.engine.forget(self.session)


@pytest.fixture
async def sio() -> socketio.AsyncServer:
    return socketio.AsyncServer(async_mode="asgi", namespaces="*")


def assert_nothing_is_left(sio: socketio.AsyncServer) -> None:
    manager = sio.manager
    tables = (manager.rooms, manager.eio_to_sid, manager.pending_connect, manager.callbacks)
    assert not any(tables)
    assert not manager.pending_disconnect
    assert not sio.environ


# joining a namespace


async def test_a_client_is_accepted_without_a_handler(sio: socketio.AsyncServer) -> None:
    peer = Peer(sio)

    await peer.receive('0{"token":1}')

    sid = sio.manager.sid_from_eio_sid(peer.session.sid, "/")
    assert peer.sent() == [f'0{{"sid":"{sid}"}}']
    assert sid != peer.session.sid
    assert sio.manager.is_connected(sid, "/")
    assert sio.rooms(sid) == [sid]


def refuse_with(error: BaseException | type[BaseException]) -> Callable[..., Any]:
    def connect(*args: Any) -> None:
        raise error

    return connect


REFUSALS = [
    (lambda *args: False, '{"message":"Connection rejected by server"}'),
    (refuse_with(ConnectionRefusedError), '{"message":"Connection rejected by server"}'),
    (refuse_with(ConnectionRefusedError("a")), '{"message":"a"}'),
    (refuse_with(ConnectionRefusedError(7)), '{"message":"7"}'),
    (refuse_with(ConnectionRefusedError("a", {"x": 1})), '{"message":"a","data":{"x":1}}'),
    (refuse_with(ConnectionRefusedError("a", 1, 2)), '{"message":"a","data":[1,2]}'),
    (refuse_with(builtins.ConnectionRefusedError), '{"message":"Connection refused by server"}'),
    (refuse_with(ZeroDivisionError), '{"message":"Connection rejected by server"}'),
    (
        refuse_with(ConnectionRefusedError("data that cannot be sent", object())),
        '{"message":"Connection rejected by server"}',
    ),
]


@pytest.mark.parametrize(("handler", "payload"), REFUSALS)
async def test_a_refused_client_is_told_and_forgotten(
    sio: socketio.AsyncServer, handler: Callable[..., Any], payload: str
) -> None:
    ended: list[Any] = []
    sio.on("connect", handler)
    sio.on("disconnect", lambda *args: ended.append(args))
    peer = Peer(sio)

    await peer.receive("0")

    assert peer.sent() == ["4" + payload]
    assert not sio.manager.rooms
    await peer.lose()
    assert not ended
    assert_nothing_is_left(sio)


@pytest.mark.parametrize("value", [None, True, 0, "", "no", []])
async def test_only_false_refuses(sio: socketio.AsyncServer, value: Any) -> None:
    sio.on("connect", lambda *args: value)
    peer = Peer(sio)

    await peer.receive("0")

    assert str(peer.sent()[0]).startswith('0{"sid"')


@pytest.mark.parametrize(("handler", "payload"), REFUSALS)
async def test_with_always_connect_a_refusal_is_a_disconnect(
    handler: Callable[..., Any], payload: str
) -> None:
    sio = socketio.AsyncServer(async_mode="asgi", always_connect=True)
    sio.on("connect", handler)
    peer = Peer(sio)

    await peer.receive("0")

    accepted, refused = peer.sent()
    assert str(accepted).startswith('0{"sid"')
    assert refused == "1"
    assert not sio.manager.rooms


async def test_with_always_connect_the_client_is_connected_while_the_handler_runs() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", always_connect=True)
    seen: list[Any] = []

    @sio.event
    async def connect(sid: str, environ: Any) -> None:
        seen.extend([sio.manager.is_connected(sid, "/"), peer.sent()])

    peer = Peer(sio)
    await peer.receive("0")

    assert seen[0] is True
    assert len(seen[1]) == 1


async def test_the_exception_of_a_connect_handler_is_logged_once(
    sio: socketio.AsyncServer, caplog: pytest.LogCaptureFixture
) -> None:
    sio.on("connect", refuse_with(ZeroDivisionError("on purpose")))

    with caplog.at_level(logging.ERROR, LOG):
        await Peer(sio).receive("0")

    (record,) = caplog.records
    assert record.exc_info is not None


@pytest.mark.parametrize("auth", ["", "null", "{}", "[]", '""'])
async def test_no_auth_is_none(sio: socketio.AsyncServer, auth: str) -> None:
    seen: list[Any] = []
    sio.on("connect", lambda sid, environ, auth: seen.append(auth))

    await Peer(sio).receive("0" + auth)

    assert seen == [None]


async def test_a_connect_handler_may_leave_out_the_auth(sio: socketio.AsyncServer) -> None:
    seen: list[Any] = []

    @sio.event
    def connect(sid: str, environ: dict[str, Any]) -> None:
        seen.append(environ)

    await Peer(sio, {"x": 1}).receive('0{"token":1}')

    assert seen == [{"x": 1}]


async def test_a_type_error_inside_a_connect_handler_runs_it_once(
    sio: socketio.AsyncServer,
) -> None:
    runs: list[Any] = []

    @sio.event
    def connect(sid: str, environ: Any, auth: Any = None) -> None:
        runs.append(auth)
        raise TypeError

    await Peer(sio).receive("0")

    assert runs == [None]


async def test_a_namespace_that_does_not_exist_is_refused() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", namespaces=["/", "/open"])
    sio.on("x", lambda sid: None, namespace="/function")
    sio.on("x", lambda *args: None, namespace="*")
    sio.register_namespace(socketio.AsyncNamespace("/class"))
    peer = Peer(sio)

    for namespace in ("/open", "/function", "/class"):
        await peer.join(namespace)
    await peer.receive("0/nope,", "0/*,")

    refusal = '{"message":"Invalid namespace"}'
    assert peer.sent() == [f"4/nope,{refusal}", f"4/*,{refusal}"]


async def test_a_namespace_is_joined_once(sio: socketio.AsyncServer) -> None:
    peer = Peer(sio)
    sid = await peer.join()

    await peer.receive("0")

    assert peer.sent() == ['4{"message":"Unable to connect"}']
    assert sio.manager.is_connected(sid, "/")


async def test_one_connection_joins_a_limited_number_of_namespaces() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", namespaces="*", max_namespaces=2)
    peer = Peer(sio)
    await peer.join("/a")
    await peer.join("/b")

    await peer.receive("0/c,")

    assert peer.sent() == ['4/c,{"message":"Too many namespaces"}']


async def test_a_pending_client_gets_what_concerns_it_in_order_once_it_is_accepted(
    sio: socketio.AsyncServer,
) -> None:
    @sio.event
    async def connect(sid: str, environ: Any) -> None:
        await sio.enter_room(sid, "room")
        await sio.emit("direct", to=sid)
        await sio.emit("to all", 1)
        await sio.emit("to room", 2, to=["room", "other"])
        await sio.emit("skipped", skip_sid=sid)
        await sio.emit("to others", to="other")
        assert sio.rooms(sid) == [sid, "room"]

    peer = Peer(sio)
    await peer.receive("0")

    direct, accepted, *held = peer.sent()
    assert direct == '2["direct"]'
    assert str(accepted).startswith('0{"sid"')
    assert held == ['2["to all",1]', '2["to room",2]']


async def test_a_refused_client_never_gets_what_was_sent_to_all(sio: socketio.AsyncServer) -> None:
    @sio.event
    async def connect(sid: str, environ: Any) -> bool:
        await sio.emit("secret", callback=print)
        return False

    peer = Peer(sio)
    await peer.receive("0")

    assert peer.sent() == ['4{"message":"Connection rejected by server"}']
    assert not sio.manager.callbacks


async def test_a_connect_handler_that_hangs_while_much_is_sent_loses_its_client(
    sio: socketio.AsyncServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socketio.async_members.MAX_HELD", 3)
    sio.on("connect", lambda sid, environ: forever.wait())
    forever = asyncio.Event()
    peer = Peer(sio)
    joining = asyncio.ensure_future(peer.receive("0"))
    await asyncio.sleep(0)

    for number in range(4):
        await sio.emit("news", number)

    assert peer.session.state is CLOSED
    forever.set()
    await joining


async def test_a_client_is_closed_when_too_many_bytes_are_held_for_it(
    sio: socketio.AsyncServer,
) -> None:
    sio.eio.max_send_buffer = 1_000
    sio.on("connect", lambda sid, environ: forever.wait())
    forever = asyncio.Event()
    peer = Peer(sio)
    joining = asyncio.ensure_future(peer.receive("0"))
    await asyncio.sleep(0)
    connection = peer.session.app

    await sio.emit("news", "x" * 900)
    assert peer.session.state is not CLOSED
    await sio.emit("news", "x" * 900)
    assert peer.session.state is CLOSED
    await asyncio.sleep(0)
    await sio.emit("news", "x" * 900)

    assert connection.held == {}
    assert sio.eio.counters.slow_clients_closed == 1
    assert sio.eio.counters.messages_dropped == 2
    forever.set()
    await joining


async def test_a_connection_that_ends_during_the_connect_handler_is_disconnected_after_it(
    sio: socketio.AsyncServer,
) -> None:
    events: list[Any] = []
    proceed = asyncio.Event()

    @sio.event
    async def connect(sid: str, environ: Any) -> None:
        await proceed.wait()
        events.append(("connect", sio.get_environ(sid)))

    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        events.append(("disconnect", reason))

    peer = Peer(sio, {"x": 1})
    joining = asyncio.ensure_future(peer.receive("0"))
    await asyncio.sleep(0)
    await peer.lose("ping timeout")
    assert events == []
    await sio.emit("nobody is there")
    proceed.set()
    await joining

    assert events == [("connect", {"x": 1}), ("disconnect", "ping timeout")]
    assert_nothing_is_left(sio)


@TELLS_WHO_IS_CANCELLED
async def test_a_cancelled_connect_handler_leaves_nothing_behind(
    sio: socketio.AsyncServer,
) -> None:
    sio.on("connect", lambda sid, environ: asyncio.Event().wait())
    peer = Peer(sio)
    joining = asyncio.ensure_future(peer.receive("0"))
    await asyncio.sleep(0)

    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining

    await peer.lose()
    assert_nothing_is_left(sio)


# which handler is called


async def test_functions_are_found_in_the_documented_order(sio: socketio.AsyncServer) -> None:
    def named(name: str) -> Callable[..., Any]:
        return lambda *args: (name, *args)

    sio.register_namespace(Classed("/"))
    sio.register_namespace(Classed("*"))
    peer = Peer(sio)
    sid = await peer.join()
    rows = [
        ("e", "/", (sid, 1)),
        ("*", "/", ("e", sid, 1)),
        ("e", "*", ("/", sid, 1)),
        ("*", "*", ("e", "/", sid, 1)),
    ]
    for event, namespace, _ in rows:
        sio.on(event, named(event + namespace), namespace=namespace)
    for number, (event, namespace, args) in enumerate(rows):
        await peer.receive(f'2{number}["e",1]')
        (ack,) = peer.sent()
        assert Packet(encoded_packet=ack).data == [event + namespace, *args]
        del sio.handlers[namespace][event]

    await peer.receive('24["e",1]')
    await peer.done()
    (ack,) = peer.sent()
    assert Packet(encoded_packet=ack).data == ["class", sid, 1]
    del sio.namespace_handlers["/"]
    await peer.receive('25["e",1]')
    await peer.done()
    (ack,) = peer.sent()
    assert Packet(encoded_packet=ack).data == ["class", "/", sid, 1]
    del sio.namespace_handlers["*"]
    await peer.receive('26["e",1]')
    assert peer.sent() == []


class Classed(socketio.AsyncNamespace):
    def on_e(self, *args: Any) -> Any:
        return "class", *args

    async def on_name(self, sid: str) -> str:
        return self.namespace


async def test_connect_and_disconnect_reach_catch_all_namespaces_but_no_catch_all_event(
    sio: socketio.AsyncServer,
) -> None:
    seen: list[Any] = []
    sio.on("*", lambda *args: seen.append(("wrong", *args)))
    sio.on("*", lambda *args: seen.append(("wrong", *args)), namespace="*")
    sio.on("connect", lambda *args: seen.append(("connect", *args)), namespace="*")
    sio.on("disconnect", lambda *args: seen.append(("disconnect", *args)), namespace="*")
    peer = Peer(sio, {"x": 1})
    sid = await peer.join()

    await peer.receive("1")

    assert seen == [
        ("connect", "/", sid, {"x": 1}, None),
        ("disconnect", "/", sid, "client disconnect"),
    ]


async def test_class_based_handlers_may_leave_out_auth_and_reason(
    sio: socketio.AsyncServer,
) -> None:
    seen: list[Any] = []

    class Short(socketio.AsyncNamespace):
        def on_connect(self, sid: str, environ: Any) -> None:
            seen.append("connect")

        async def on_disconnect(self, sid: str) -> None:
            seen.append("disconnect")

    sio.register_namespace(Short("/short"))
    peer = Peer(sio)
    await peer.receive('0/short,{"token":1}', "1/short,")

    assert seen == ["connect", "disconnect"]


async def test_a_class_without_a_method_for_an_event_acknowledges_it(
    sio: socketio.AsyncServer,
) -> None:
    sio.register_namespace(Classed("/c"))
    peer = Peer(sio)
    await peer.join("/c")

    await peer.receive('2/c,0["unknown"]', '2/c,1["name"]')
    await peer.done()

    assert peer.sent() == ["3/c,0[]", '3/c,1["/c"]']


async def test_handlers_can_be_replaced_at_run_time(sio: socketio.AsyncServer) -> None:
    peer = Peer(sio)
    await peer.join()
    sio.on("e", lambda sid: 1)
    await peer.receive('20["e"]')
    sio.handlers["/"]["e"] = lambda sid: 2
    await peer.receive('21["e"]')

    assert peer.sent() == ["30[1]", "31[2]"]


def test_only_namespaces_of_the_same_kind_can_be_registered() -> None:
    sio = socketio.AsyncServer(async_mode="asgi")

    with pytest.raises(ValueError, match="Not a namespace"):
        sio.register_namespace(object())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Not a valid namespace"):
        sio.register_namespace(socketio.base_namespace.BaseServerNamespace("/"))


# events and acknowledgements

RESULTS = [
    (None, "[]"),
    ("x", '["x"]'),
    (0, "[0]"),
    ((), "[]"),
    ((1, "a"), '[1,"a"]'),
    ([1, 2], "[[1,2]]"),
    ({"a": None}, '[{"a":null}]'),
]


@pytest.mark.parametrize(("result", "values"), RESULTS)
@pytest.mark.parametrize("coroutine", [False, True])
@pytest.mark.parametrize("async_handlers", [False, True])
async def test_what_a_handler_returns_is_the_acknowledgement(
    result: Any, values: str, coroutine: bool, async_handlers: bool
) -> None:
    sio = socketio.AsyncServer(async_mode="asgi", async_handlers=async_handlers)

    async def waits(sid: str, data: Any) -> Any:
        await asyncio.sleep(0)
        return result

    sio.on("e", waits if coroutine else lambda sid, data: result)
    peer = Peer(sio)
    await peer.join()
    await peer.receive('20["e",1]', '2["e",2]')
    await peer.done()

    assert peer.sent() == ["30" + values]


async def test_bytes_travel_as_attachments_both_ways(sio: socketio.AsyncServer) -> None:
    sio.on("e", lambda sid, data: (data["b"] + b"!", 1))
    peer = Peer(sio)
    await peer.join()

    await peer.receive('51-7["e",{"b":{"_placeholder":true,"num":0}}]', b"\x00\xff")

    assert peer.sent() == ['61-7[{"_placeholder":true,"num":0},1]', b"\x00\xff!"]


async def test_a_function_that_returns_a_coroutine_is_a_coroutine_handler(
    sio: socketio.AsyncServer,
) -> None:
    async def handler(extra: str, sid: str) -> str:
        await asyncio.sleep(0)
        return extra

    sio.on("partial", functools.partial(handler, "p"))
    sio.on("lambda", lambda sid: handler("l", sid))
    sio.on("task", lambda sid: asyncio.ensure_future(handler("t", sid)))
    peer = Peer(sio)
    await peer.join()
    await peer.receive('20["partial"]', '21["lambda"]', '22["task"]')
    await peer.done()

    assert sorted(map(str, peer.sent())) == ['30["p"]', '31["l"]', '32["t"]']


@pytest.mark.parametrize("async_handlers", [False, True])
@pytest.mark.parametrize("coroutine", [False, True])
async def test_a_failing_handler_is_logged_once_and_not_acknowledged(
    async_handlers: bool, coroutine: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sio = socketio.AsyncServer(async_mode="asgi", async_handlers=async_handlers)

    async def fails_later(sid: str) -> None:
        raise ZeroDivisionError

    sio.on("e", fails_later if coroutine else refuse_with(ZeroDivisionError))
    sio.on("fine", lambda sid: 1)
    peer = Peer(sio)
    await peer.join()
    with caplog.at_level(logging.ERROR, LOG):
        await peer.receive('20["e"]')
        await peer.done()
        await peer.receive('21["fine"]', '22["fine","too","many"]')

    assert peer.sent() == ["31[1]"]
    failed, too_many = caplog.records
    assert failed.exc_info is not None
    assert too_many.exc_info is not None


async def test_a_client_cannot_forge_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, LOG):
        sio = socketio.AsyncServer(async_mode="asgi", namespaces="*")

        @sio.on("*", namespace="*")
        def fail(*args: Any) -> None:
            raise ZeroDivisionError

        peer = Peer(sio)
        sid = await peer.join("/a\nb")
        await peer.receive('2/a\nb,["x\\ny"]', '2/c\nd,["z"]')

    received, failed, unknown = [record.getMessage() for record in caplog.records]
    assert received == f'received event "x\\ny" from {sid} [/a\\nb]'
    assert failed == "Handler of event x\\ny failed"
    assert unknown.startswith("Packet for namespace /c\\nd from")


async def test_a_result_that_cannot_be_sent_is_logged_and_not_acknowledged(
    sio: socketio.AsyncServer, caplog: pytest.LogCaptureFixture
) -> None:
    sio.on("e", lambda sid: object())
    peer = Peer(sio)
    await peer.join()

    with caplog.at_level(logging.ERROR, LOG):
        await peer.receive('20["e"]')

    assert peer.sent() == []
    assert len(caplog.records) == 1


async def test_a_cancelled_handler_acknowledges_with_nothing(sio: socketio.AsyncServer) -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    @sio.event
    async def e(sid: str) -> str:
        tasks.append(asyncio.current_task())
        await asyncio.Event().wait()
        return "never"

    peer = Peer(sio)
    await peer.join()
    await peer.receive('20["e"]')
    await asyncio.sleep(0)
    (task,) = tasks
    assert task is not None
    task.cancel()
    await peer.done()

    assert peer.sent() == ["30[]"]


@TELLS_WHO_IS_CANCELLED
async def test_a_handler_that_runs_inline_is_cancelled_with_its_reader() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", async_handlers=False)
    sio.on("e", lambda sid: asyncio.Event().wait())
    peer = Peer(sio)
    await peer.join()
    reading = asyncio.ensure_future(peer.receive('20["e"]'))
    await asyncio.sleep(0)

    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_without_async_handlers_events_are_handled_one_after_the_other() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", async_handlers=False)
    order: list[str] = []

    @sio.event
    async def e(sid: str, number: int) -> None:
        order.append(f"start {number}")
        await asyncio.sleep(0)
        order.append(f"end {number}")

    peer = Peer(sio)
    await peer.join()
    await peer.receive('2["e",1]', '2["e",2]')

    assert order == ["start 1", "end 1", "start 2", "end 2"]


async def test_with_async_handlers_events_start_in_order_and_run_together(
    sio: socketio.AsyncServer,
) -> None:
    order: list[str] = []
    proceed = asyncio.Event()

    @sio.event
    async def e(sid: str, number: int) -> None:
        order.append(f"start {number}")
        await proceed.wait()
        order.append(f"end {number}")

    peer = Peer(sio)
    await peer.join()
    await peer.receive('2["e",1]', '2["e",2]')
    await asyncio.sleep(0)
    assert order == ["start 1", "start 2"]
    proceed.set()
    await peer.done()

    assert order[2:] == ["end 1", "end 2"]


async def test_reading_pauses_while_a_client_has_too_many_handlers_running() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", max_handlers=2)
    gates = [asyncio.Event() for _ in range(2)]

    @sio.event
    async def e(sid: str, number: int) -> None:
        await gates[number].wait()

    peer = Peer(sio)
    await peer.join()
    await peer.receive('2["e",0]')
    reading = asyncio.ensure_future(peer.receive('2["e",1]'))
    await asyncio.sleep(0)
    assert not reading.done()
    gates[0].set()
    await reading

    assert peer.session.app.running == 1
    gates[1].set()


async def test_callbacks_of_acknowledgements_count_as_handlers() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", max_handlers=2)
    gates = [asyncio.Event() for _ in range(2)]
    peer = Peer(sio)
    sid = await peer.join()
    for gate in gates:
        await sio.emit("question", to=sid, callback=gate.wait)
    answers = [str(part).replace("2", "3", 1).partition("[")[0] + "[]" for part in peer.sent()]
    await peer.receive(answers[0])
    reading = asyncio.ensure_future(peer.receive(answers[1]))
    await asyncio.sleep(0)
    assert not reading.done()

    gates[0].set()
    await reading

    assert peer.session.app.running == 1
    gates[1].set()
    await peer.done()


async def test_the_answer_to_a_call_does_not_wait_for_handlers() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", max_handlers=2)
    peer = Peer(sio)
    await peer.join()
    sio.on("e", lambda sid: sio.call("question", to=sid, timeout=10))
    await peer.receive('20["e"]')
    await asyncio.sleep(0)
    answer = next(str(part) for part in peer.sent() if "question" in str(part))

    await peer.receive(answer.replace("2", "3", 1).partition("[")[0] + '["answer"]')
    await peer.done()

    assert peer.sent() == ['30["answer"]']


async def test_a_pause_ends_with_the_connection() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", max_handlers=1)
    gate = asyncio.Event()
    sio.on("e", lambda sid: gate.wait())
    peer = Peer(sio)
    await peer.join()
    reading = asyncio.ensure_future(peer.receive('2["e"]'))
    await asyncio.sleep(0)

    await peer.lose()

    await reading
    gate.set()


@pytest.mark.parametrize("data", ['2["e"]', "30[]", "1", "4", '4{"message":"x"}'])
async def test_nothing_but_connect_may_come_first(sio: socketio.AsyncServer, data: str) -> None:
    with pytest.raises(ProtocolError):
        await Peer(sio).receive(data)


async def test_packets_for_a_namespace_that_was_left_are_dropped_and_logged_once(
    sio: socketio.AsyncServer, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []
    sio.on("e", lambda sid: seen.append(sid))
    peer = Peer(sio)
    await peer.join()
    with caplog.at_level(logging.WARNING, LOG):
        await peer.receive("1", '20["e"]', '2["e"]', "31[]", '2/other,["e"]')

    assert not seen
    assert peer.sent() == []
    assert len(caplog.records) == 1


@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error"])
async def test_a_client_cannot_forge_reserved_events(sio: socketio.AsyncServer, name: str) -> None:
    sio.on(name, lambda *args: pytest.fail("forged") if len(args) < 2 else None)
    peer = Peer(sio)
    await peer.join()

    with pytest.raises(ProtocolError):
        await peer.receive(f'2["{name}"]')


# emitting


async def test_recipients(sio: socketio.AsyncServer) -> None:
    peers = [Peer(sio) for _ in range(3)]
    a, b, c = [await peer.join() for peer in peers]
    await sio.enter_room(a, "red")
    await sio.enter_room(b, "red")
    await sio.enter_room(b, "blue")

    async def reached(**options: Any) -> str:
        await sio.emit("e", **options)
        names = ""
        for name, peer in zip("abc", peers, strict=True):
            names += name * len(peer.sent())
        return names

    assert await reached() == "abc"
    assert await reached(to="red") == await reached(room="red") == "ab"
    assert await reached(to="blue", room="red") == "b"
    assert await reached(to=["red", "blue"]) == await reached(to={"red", "blue"}) == "ab"
    assert await reached(to=("blue", c)) == "bc"
    for nobody in ("", [], (), set(), "unknown", ["unknown"]):
        assert await reached(to=nobody) == await reached(room=nobody) == ""
    for skipped in ([a, b], (a, b), {a, b}, frozenset((a, b))):
        assert await reached(skip_sid=skipped) == "c"
    assert await reached(to="red", skip_sid=a) == "b"
    assert await reached(namespace="/other") == ""


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        (None, '2["e"]'),
        ((), '2["e"]'),
        ((None,), '2["e",null]'),
        ("x", '2["e","x"]'),
        ([1, 2], '2["e",[1,2]]'),
        ((1, [2]), '2["e",1,[2]]'),
    ],
)
async def test_arguments_of_an_emit(sio: socketio.AsyncServer, data: Any, packet: str) -> None:
    peer = Peer(sio)
    await peer.join()

    await sio.emit("e", data)

    assert peer.sent() == [packet]


async def test_send_emits_a_message(sio: socketio.AsyncServer) -> None:
    peer = Peer(sio)
    sid = await peer.join("/chat")

    await sio.send(("a", b"b"), to=sid, namespace="/chat")

    assert peer.sent() == ['51-/chat,["message","a",{"_placeholder":true,"num":0}]', b"b"]


@pytest.mark.parametrize("event", ["connect", "connect_error", "disconnect", "newListener"])
async def test_reserved_events_cannot_be_emitted(sio: socketio.AsyncServer, event: str) -> None:
    with pytest.raises(ValueError, match="reserved"):
        await sio.emit(event)


async def test_what_cannot_be_encoded_raises_in_the_caller(sio: socketio.AsyncServer) -> None:
    await Peer(sio).join()

    with pytest.raises(TypeError):
        await sio.emit("e", object())


@pytest.mark.parametrize("coroutine", [False, True])
async def test_a_callback_is_called_with_each_acknowledgement(
    sio: socketio.AsyncServer, coroutine: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Any] = []

    async def answered(*args: Any) -> None:
        answers.append(args)

    first, second = Peer(sio), Peer(sio)
    await first.join()
    await second.join()
    await sio.emit("e", callback=answered if coroutine else lambda *args: answers.append(args))
    assert first.sent() == second.sent() == ['21["e"]']
    await first.receive("31[1,2]")
    await second.receive("31[]")
    with caplog.at_level(logging.WARNING, LOG):
        await second.receive("31[]", "30[]")
        await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert answers == [(1, 2), ()]
    await sio.emit("e", callback=answered)
    assert second.sent() == ['22["e"]']


async def test_the_exception_of_a_callback_is_logged(
    sio: socketio.AsyncServer, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer(sio)
    await peer.join()
    await sio.emit("e", callback=refuse_with(ZeroDivisionError))
    with caplog.at_level(logging.ERROR, LOG):
        await peer.receive("31[]")
        await asyncio.sleep(0)

    assert len(caplog.records) == 1


@pytest.mark.parametrize(("values", "result"), [("", None), ("1", 1), ("1,2", (1, 2))])
async def test_call_returns_what_the_client_answers(
    sio: socketio.AsyncServer, values: str, result: Any
) -> None:
    peer = Peer(sio)
    sid = await peer.join()
    call = asyncio.ensure_future(sio.call("ask", 5, to=sid))
    await asyncio.sleep(0)
    assert peer.sent() == ['21["ask",5]']

    await peer.receive(f"31[{values}]")

    assert await call == result


async def test_a_call_that_is_not_answered_in_time_is_forgotten(
    sio: socketio.AsyncServer,
) -> None:
    sid = await Peer(sio).join()

    with pytest.raises(TimeoutError):
        await sio.call("ask", sid=sid, timeout=0.001)

    assert not any(sio.manager.callbacks.values())


async def test_a_cancelled_call_is_forgotten(sio: socketio.AsyncServer) -> None:
    sid = await Peer(sio).join()
    call = asyncio.ensure_future(sio.call("ask", to=sid))
    await asyncio.sleep(0)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert not any(sio.manager.callbacks.values())


async def test_a_call_ends_when_the_client_goes(sio: socketio.AsyncServer) -> None:
    peer = Peer(sio)
    sid = await peer.join()
    call = asyncio.ensure_future(sio.call("ask", to=sid, timeout=None))
    await asyncio.sleep(0)

    await peer.lose()

    with pytest.raises(CallInterruptedError):
        await call
    with pytest.raises(CallInterruptedError):
        await sio.call("ask", to=sid)


async def test_call_needs_a_recipient_and_async_handlers(sio: socketio.AsyncServer) -> None:
    with pytest.raises(ValueError, match="broadcast"):
        await sio.call("ask")
    sio.async_handlers = False
    with pytest.raises(RuntimeError, match="async_handlers"):
        await sio.call("ask", to="sid")


# rooms, sessions, environ


async def test_rooms(sio: socketio.AsyncServer) -> None:
    a, b = await Peer(sio).join(), await Peer(sio).join()
    await sio.enter_room(a, "red")
    await sio.enter_room(b, "red")
    assert sio.rooms(a) == [a, "red"]
    assert set(sio.manager.rooms["/"]["red"]) == {a, b}

    await sio.leave_room(a, "red")
    await sio.leave_room(a, "never entered")
    assert sio.rooms(a) == [a]
    await sio.close_room("red")
    assert sio.rooms(b) == [b]
    assert "red" not in sio.manager.rooms["/"]
    assert sio.rooms("unknown") == []
    with pytest.raises(ValueError, match="sid"):
        await sio.enter_room(a, b)
    with pytest.raises(ValueError, match="namespace"):
        await sio.enter_room(a, "red", namespace="/empty")
    with pytest.raises(KeyError):
        await sio.enter_room("unknown", "ghost")
    assert "ghost" not in sio.manager.rooms["/"]
    with pytest.raises(ValueError, match="closed"):
        await sio.close_room(a)


async def test_each_namespace_has_its_session_until_the_disconnect_handler_has_run(
    sio: socketio.AsyncServer,
) -> None:
    seen: list[Any] = []

    @sio.event
    async def disconnect(sid: str) -> None:
        seen.extend([await sio.get_session(sid), sio.get_environ(sid), sio.rooms(sid)])

    peer = Peer(sio, {"x": 1})
    sid = await peer.join()
    chat = await peer.join("/chat")
    await sio.enter_room(sid, "red")
    async with sio.session(sid) as session:
        session["name"] = "a"
    await sio.save_session(chat, {"name": "b"}, namespace="/chat")
    assert await sio.get_session(chat, "/chat") == {"name": "b"}
    assert sio.get_environ(sid) is sio.get_environ(chat, "/chat")
    assert sio.transport(sid) == "websocket"
    await peer.lose()

    assert seen == [{"name": "a"}, {"x": 1}, [sid, "red"]]
    with pytest.raises(KeyError):
        await sio.get_session(sid)
    with pytest.raises(KeyError):
        sio.transport(sid)
    assert sio.get_environ(sid) is None
    assert_nothing_is_left(sio)


# disconnecting


async def test_the_server_disconnects_a_client_from_one_namespace(
    sio: socketio.AsyncServer,
) -> None:
    seen: list[Any] = []

    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        seen.append((reason, sio.manager.is_connected(sid, "/"), peer.sent()))
        await sio.disconnect(sid)
        await peer.receive('20["e"]')

    sio.on("e", lambda sid: pytest.fail("a leaving client's event"))
    peer = Peer(sio)
    sid = await peer.join()
    chat = await peer.join("/chat")
    await sio.disconnect(sid)
    await sio.disconnect(sid)
    await sio.disconnect("unknown", ignore_queue=True)

    assert seen == [("server disconnect", False, ["1"])]
    assert sio.manager.is_connected(chat, "/chat")
    await sio.disconnect(chat, "/chat")
    assert peer.sent() == ["1/chat,"]


@pytest.mark.parametrize("reason", ["transport close", "ping timeout", "server disconnect"])
async def test_a_failing_disconnect_handler_stops_nothing(
    sio: socketio.AsyncServer, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    def disconnect(namespace: str, sid: str, reason: str) -> None:
        seen.append((namespace, reason))
        raise ZeroDivisionError

    sio.on("disconnect", disconnect, namespace="*")
    peer = Peer(sio)
    await peer.join("/b")
    await peer.join("/a")
    with caplog.at_level(logging.ERROR, LOG):
        await peer.lose(reason)

    assert seen == [("/b", reason), ("/a", reason)]
    assert len(caplog.records) == 2
    assert_nothing_is_left(sio)


async def test_a_type_error_inside_a_disconnect_handler_runs_it_once(
    sio: socketio.AsyncServer,
) -> None:
    runs: list[str] = []

    @sio.event
    def disconnect(sid: str, reason: str = "none") -> None:
        runs.append(reason)
        raise TypeError

    peer = Peer(sio)
    await peer.join()
    await peer.receive("1", "1")

    assert runs == ["client disconnect"]


async def test_a_client_can_join_again_after_it_has_left(sio: socketio.AsyncServer) -> None:
    peer = Peer(sio)
    first = await peer.join()
    await peer.receive("1")

    assert await peer.join() != first


# deadlines


async def test_a_connection_that_joins_nothing_is_closed() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", connect_timeout=5)
    now = sio.eio.clock()
    sio.eio.clock = lambda: now
    idle, joined, left, refused = (Peer(sio) for _ in range(4))
    await joined.join()
    await left.join()
    await left.receive("1")
    await refused.receive("0/nope,")

    sio.eio.engine.tick(now + 4)
    assert idle.session.state is not CLOSED
    sio.eio.engine.tick(now + 5)

    states = [peer.session.state is CLOSED for peer in (idle, joined, left, refused)]
    assert states == [True, False, True, True]
    assert idle.session.reason == "transport error"


async def test_announced_attachments_must_come_in_time() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", attachment_timeout=5)
    now = sio.eio.clock()
    sio.eio.clock = lambda: now
    sio.on("e", lambda sid, data: None)
    header = '51-["e",{"_placeholder":true,"num":0}]'
    complete, incomplete = Peer(sio), Peer(sio)
    for peer in (complete, incomplete):
        await peer.join()
        await peer.receive(header)
    await complete.receive(b"")

    sio.eio.engine.tick(now + 5)

    assert complete.session.state is not CLOSED
    assert incomplete.session.state is CLOSED


async def test_attachments_do_not_replace_joining_a_namespace() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", connect_timeout=5)
    now = sio.eio.clock()
    sio.eio.clock = lambda: now
    peer = Peer(sio)
    await peer.join()
    await peer.receive("1", '51-["e",{"_placeholder":true,"num":0}]', b"")

    sio.eio.engine.tick(now + 5)

    assert peer.session.state is CLOSED


@pytest.mark.parametrize("namespace", ["/nope", "/refusing"])
async def test_nothing_but_a_namespace_ends_the_wait_for_one(namespace: str) -> None:
    sio = socketio.AsyncServer(async_mode="asgi", connect_timeout=5, attachment_timeout=50)
    now = sio.eio.clock()
    sio.eio.clock = lambda: now
    sio.on("connect", lambda sid, environ: False, namespace="/refusing")
    peer = Peer(sio)
    for _ in range(4):
        await peer.receive(f"0{namespace},")
        await peer.receive('51-["e",{"_placeholder":true,"num":0}]', b"")
        await peer.receive(f'51-{namespace},["e",{{"_placeholder":true,"num":0}}]')
        now += 1
        sio.eio.engine.tick(now)
        await peer.receive(b"")
    assert peer.session.state is not CLOSED

    sio.eio.engine.tick(now + 1)

    assert peer.session.state is CLOSED


async def test_attachments_of_a_client_that_has_joined_nothing_must_come_in_time() -> None:
    sio = socketio.AsyncServer(async_mode="asgi", connect_timeout=50, attachment_timeout=5)
    now = sio.eio.clock()
    sio.eio.clock = lambda: now
    peer = Peer(sio)
    await peer.receive("0/nope,", '51-["e",{"_placeholder":true,"num":0}]')

    sio.eio.engine.tick(now + 5)

    assert peer.session.state is CLOSED


async def test_limits_of_packets() -> None:
    sio = socketio.AsyncServer(
        async_mode="asgi",
        max_attachments=1,
        max_attachment_bytes=10,
        max_json_depth=3,
        max_json_int_digits=5,
    )
    header = '51-["e",{"_placeholder":true,"num":0}]'
    too_much: list[list[str | bytes]] = [
        ['52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'],
        [header, bytes(11)],
        ['2["e",[[[]]]]'],
        ['2["e",123456]'],
    ]
    for messages in too_much:
        peer = Peer(sio)
        await peer.join()
        with pytest.raises(ProtocolError):
            await peer.receive(*messages)


# overriding


async def test_a_method_replaced_on_the_instance_is_called_until_it_is_removed(
    sio: socketio.AsyncServer,
) -> None:
    seen: list[Any] = []

    async def trigger(event: str, namespace: str, *args: Any) -> str:
        seen.append((event, namespace, args[1:]))
        return "replaced"

    sio.on("e", lambda sid: "original")
    peer = Peer(sio)
    await peer.join()
    sio._trigger_event = trigger  # type: ignore[method-assign]
    await peer.receive('20["e",1]')
    await asyncio.sleep(0)
    assert peer.sent() == ['30["replaced"]']
    del sio._trigger_event
    await peer.receive('21["e"]')

    assert peer.sent() == ['31["original"]']
    assert seen == [("e", "/", (1,))]


async def test_a_test_client_can_drive_the_server_without_connections(
    sio: socketio.AsyncServer,
) -> None:
    sent: list[Any] = []

    async def send_packet(eio_sid: str, pkt: Packet) -> None:
        sent.append((eio_sid, pkt.packet_type, pkt.data))

    async def send_eio_packet(eio_sid: str, eio_pkt: Any) -> None:
        sent.append((eio_sid, eio_pkt.data))

    sio._send_packet = send_packet  # type: ignore[method-assign]
    sio._send_eio_packet = send_eio_packet  # type: ignore[method-assign]
    sio.async_handlers = False
    sio.on("e", lambda sid, data: data)
    await sio._handle_eio_connect("fake", {"x": 1})
    await sio._handle_eio_message("fake", "0")
    sid = sio.manager.sid_from_eio_sid("fake", "/")
    assert sio.get_environ(sid) == {"x": 1}
    await sio._handle_eio_message("fake", '27["e",[1]]')
    await sio.emit("news", 1)
    await sio._handle_eio_disconnect("fake", "test")
    await sio._handle_eio_disconnect("fake", "again")

    assert sent == [
        ("fake", CONNECT, {"sid": sid}),
        ("fake", ACK, [[1]]),
        ("fake", '2["news",1]'),
    ]
    assert_nothing_is_left(sio)


async def test_a_test_client_can_connect_again_to_join_another_namespace(
    sio: socketio.AsyncServer,
) -> None:
    sent: list[Any] = []

    async def send_packet(eio_sid: str, pkt: Packet) -> None:
        sent.append((pkt.namespace, pkt.packet_type))

    sio._send_packet = send_packet  # type: ignore[method-assign]
    sio.async_handlers = False
    sio.namespaces = "*"
    seen: list[Any] = []
    sio.on("connect", lambda namespace, sid, environ: seen.append(environ), namespace="*")
    sio.on("e", lambda sid: 1)

    await sio._handle_eio_connect("fake", {"x": 1})
    await sio._handle_eio_message("fake", "0")
    await sio._handle_eio_connect("fake", {"x": 2})
    await sio._handle_eio_message("fake", "0/chat,")
    await sio._handle_eio_message("fake", '27["e"]')
    await sio._handle_eio_disconnect("fake", "test")

    assert seen == [{"x": 1}, {"x": 2}]
    assert sent == [("/", CONNECT), ("/chat", CONNECT), ("/", ACK)]
    assert_nothing_is_left(sio)


# options


@pytest.mark.parametrize(
    "options",
    [
        {"message_queue": None},
        {"message_queue": "redis://", "client_manager": socketio.AsyncManager()},
    ],
)
def test_the_option_that_flask_socketio_hands_on_is_no_mistake(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        socketio.AsyncServer(async_mode="asgi", **options)


def test_a_message_queue_that_nobody_has_made_a_manager_of_is_named() -> None:
    with pytest.warns(RuntimeWarning, match="message_queue"):
        socketio.AsyncServer(async_mode="asgi", message_queue="redis://")


def test_an_unknown_option_is_named_in_a_warning() -> None:
    with pytest.warns(RuntimeWarning, match="conect_timeout") as warned:
        socketio.AsyncServer(async_mode="asgi", conect_timeout=1)

    assert len(warned) == 1


@pytest.mark.parametrize("serializer", ["pickle", "cbor", "x", 5])
def test_an_unknown_serializer_is_refused(serializer: Any) -> None:
    with pytest.raises(ValueError, match="serializer"):
        socketio.AsyncServer(async_mode="asgi", serializer=serializer)


async def test_msgpack_in_one_binary_message(sio: socketio.AsyncServer) -> None:
    sio = socketio.AsyncServer(async_mode="asgi", serializer="msgpack")
    sio.on("e", lambda sid, data: data)
    peer = Peer(sio)
    packet = sio.packet_class
    await peer.receive(packet(CONNECT, None, "/").encode())
    peer.sent()

    await peer.receive(packet(EVENT, ["e", b"b"], "/", 0).encode())

    (ack,) = peer.sent()
    assert packet(encoded_packet=ack).data == [b"b"]


async def test_the_manager_is_initialized_with_the_first_connection() -> None:
    class Manager(socketio.AsyncManager):
        initialized = 0

        def initialize(self) -> None:
            self.initialized += 1

    manager = Manager()
    sio = socketio.AsyncServer(client_manager=manager, async_mode="asgi")
    assert manager.initialized == 0
    Peer(sio)
    Peer(sio)

    assert manager.initialized == 1
    assert manager.server is sio
