"""The façade of threads and greenlets: sending, user sessions, disconnecting, background tasks."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from engine_support import RecordingChannel

import engineio
from engineio._core.reason import Reason
from engineio._shell.receiver import Receiver
from engineio.packet import MESSAGE, Packet

if TYPE_CHECKING:
    from engineio._core.session import Session, Transport

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""

MODELS = ["threading", "gevent", "eventlet"]


@pytest.fixture
def eio() -> engineio.Server:
    return engineio.Server(async_mode="threading", async_handlers=False)


def connect(
    eio: engineio.Server, sid: str = "sid", transport: Transport = "websocket"
) -> tuple[Session, RecordingChannel]:
    session = eio.engine.create(sid, transport)
    channel = RecordingChannel()
    eio.engine.attach(session, channel)
    eio.engine.accept(session, eio.clock())
    if transport == "polling":  # the first GET is answered, the next one waits
        channel = RecordingChannel()
        eio.engine.attach(session, channel)
    del channel.written[:]  # the OPEN packet
    return session, channel


def receive(eio: engineio.Server, session: Session, packet: str | bytes) -> None:
    """Let a client send something."""
    channel = RecordingChannel()
    Receiver(eio.engine, session, channel, eio._received, eio.clock, probing=False).frame(packet)


# sending


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        ("text", b"4text"),
        (b"\x00\xff", b"bAP8="),
        (bytearray(b"\x00\xff"), b"bAP8="),
        ({"foo": "bar"}, b'4{"foo":"bar"}'),
        ([1, None, "x"], b'4[1,null,"x"]'),
    ],
    ids=repr,
)
def test_each_type_of_message_is_sent(eio: engineio.Server, data: Any, packet: bytes) -> None:
    _, channel = connect(eio)

    eio.send("sid", data)

    assert channel.written == [packet]


def test_messages_of_one_sender_keep_their_order(eio: engineio.Server) -> None:
    _, channel = connect(eio)

    for number in range(100):
        eio.send("sid", str(number))

    assert channel.written == [f"4{number}".encode() for number in range(100)]


def test_a_message_has_left_when_send_returns_in_any_thread(eio: engineio.Server) -> None:
    _, channel = connect(eio)
    seen: list[bytes] = []

    def send() -> None:
        eio.send("sid", "hello")
        seen.extend(channel.written)

    thread = threading.Thread(target=send)
    thread.start()
    thread.join(SOON)

    assert seen == [b"4hello"]


@pytest.mark.parametrize("sid", ["unknown", "closed"])
def test_sending_to_nobody_is_a_warning(sid: str, caplog: pytest.LogCaptureFixture) -> None:
    eio = engineio.Server(async_mode="threading", logger=logging.getLogger("of the application"))
    connect(eio, "closed")
    eio.disconnect("closed")

    eio.send(sid, "hello")
    eio.send_packet(sid, Packet(MESSAGE, data="hello"))

    assert caplog.messages == [f"Cannot send to sid {sid}"] * 2


# user sessions


def test_a_user_session_is_kept_per_client(eio: engineio.Server) -> None:
    connect(eio, "one")
    connect(eio, "two")

    eio.save_session("one", {"name": "Ada"})

    assert eio.get_session("one") == {"name": "Ada"}
    assert eio.get_session("two") == {}


def test_a_with_block_saves_what_it_changes(eio: engineio.Server) -> None:
    connect(eio)

    with eio.session("sid") as session:
        session["name"] = "Ada"
    with pytest.raises(ZeroDivisionError), eio.session("sid") as session:
        session["age"] = 36
        raise ZeroDivisionError

    assert eio.get_session("sid") == {"name": "Ada", "age": 36}


def test_a_user_session_ends_with_its_connection(eio: engineio.Server) -> None:
    connect(eio)
    eio.save_session("sid", {"name": "Ada"})
    seen: list[Any] = []
    eio.on("disconnect", lambda sid, reason: seen.append(eio.get_session(sid)))

    eio.disconnect("sid")

    assert seen == [{"name": "Ada"}]
    for use in (eio.get_session, lambda sid: eio.save_session(sid, {}), eio.transport):
        with pytest.raises(KeyError):
            use("sid")


# handlers


def test_messages_arrive_as_what_they_were(eio: engineio.Server) -> None:
    session, _ = connect(eio)
    seen: list[tuple[str, Any]] = []
    eio.on("message", lambda sid, data: seen.append((sid, data)))

    for packet in ("4text", b"\x00\xff", '4{"foo":"bar"}'):
        receive(eio, session, packet)

    assert seen == [("sid", "text"), ("sid", b"\x00\xff"), ("sid", {"foo": "bar"})]


def test_a_failing_message_handler_is_logged_once_and_the_client_stays(
    eio: engineio.Server, caplog: pytest.LogCaptureFixture
) -> None:
    session, channel = connect(eio)

    @eio.on("message")
    def message(sid: str, data: str) -> None:
        raise ZeroDivisionError

    receive(eio, session, "4text")
    eio.send("sid", "still here")

    assert caplog.messages == ["message handler error"]
    assert caplog.records[0].exc_info is not None
    assert channel.written == [b"4still here"]


def test_handlers_of_one_client_run_at_once_if_they_may() -> None:
    eio = engineio.Server(async_mode="threading")
    session, _ = connect(eio)
    both = threading.Barrier(3)
    eio.on("message", lambda sid, data: both.wait(SOON))

    receive(eio, session, "4one")
    receive(eio, session, "4two")

    both.wait(SOON)


# disconnecting


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_disconnecting_tells_both_sides(eio: engineio.Server, transport: Transport) -> None:
    _, channel = connect(eio, transport=transport)
    seen: list[tuple[str, str]] = []
    eio.on("disconnect", lambda sid, reason: seen.append((sid, reason)))

    eio.disconnect("sid")
    eio.disconnect("sid")
    eio.disconnect("unknown")

    assert seen == [("sid", "server disconnect")]
    assert eio.sockets == {}
    assert channel.written == [b"1"]


def test_disconnecting_everybody(eio: engineio.Server) -> None:
    connect(eio, "one")
    connect(eio, "two")
    seen: list[str] = []
    eio.on("disconnect", lambda sid: seen.append(sid))

    eio.disconnect()

    assert sorted(seen) == ["one", "two"]
    assert eio.sockets == {}


@pytest.mark.parametrize("everybody", [False, True])
def test_a_disconnect_handler_may_disconnect(eio: engineio.Server, everybody: bool) -> None:
    connect(eio)
    seen: list[str] = []

    @eio.on("disconnect")
    def disconnect(sid: str, reason: str) -> None:
        eio.disconnect(None if everybody else sid)
        seen.append(reason)

    eio.disconnect("sid")

    assert seen == ["server disconnect"]


def test_a_failing_disconnect_handler_is_logged_and_everybody_leaves(
    eio: engineio.Server, caplog: pytest.LogCaptureFixture
) -> None:
    connect(eio, "one")
    connect(eio, "two")
    eio.on("disconnect", lambda sid, reason: 1 / 0)

    eio.disconnect()

    assert caplog.messages == ["disconnect handler error"] * 2
    assert eio.sockets == {}


def test_who_leaves_is_told_apart_from_who_is_sent_away(eio: engineio.Server) -> None:
    session, _ = connect(eio)
    seen: list[str] = []
    eio.on("disconnect", lambda sid, reason: seen.append(reason))

    receive(eio, session, "1")

    assert seen == [Reason.CLIENT_DISCONNECT] == [eio.reason.CLIENT_DISCONNECT]


# background tasks


@pytest.mark.parametrize("model", MODELS)
def test_a_background_task_gets_its_arguments_and_can_be_waited_for(model: str) -> None:
    eio = engineio.Server(async_mode=model)
    seen: list[Any] = []

    def task(*args: Any, **kwargs: Any) -> None:
        eio.sleep(0.001)
        seen.append((args, kwargs))

    eio.start_background_task(task, 123, name="Ada").join()

    assert seen == [((123,), {"name": "Ada"})]


@pytest.mark.parametrize("model", MODELS)
def test_a_queue_hands_things_from_one_task_to_another(model: str) -> None:
    eio = engineio.Server(async_mode=model)
    queue = eio.create_queue(maxsize=1)

    def produce() -> None:
        for number in range(10):
            queue.put(number)

    task = eio.start_background_task(produce)

    assert [queue.get() for _ in range(10)] == list(range(10))
    task.join()
    with pytest.raises(eio.get_queue_empty_exception()):
        queue.get_nowait()


@pytest.mark.parametrize("model", MODELS)
def test_an_event_wakes_who_waits_for_it(model: str) -> None:
    eio = engineio.Server(async_mode=model)
    asked, answered = eio.create_event(), eio.create_event()

    def answer() -> None:
        asked.wait()
        answered.set()

    task = eio.start_background_task(answer)
    assert not answered.wait(0.001)
    asked.set()

    assert answered.wait(SOON)
    task.join()
    answered.clear()
    assert not answered.is_set()


@pytest.mark.parametrize("model", MODELS)
def test_other_tasks_run_while_one_sleeps(model: str) -> None:
    eio = engineio.Server(async_mode=model)
    awake = eio.create_event()
    task = eio.start_background_task(awake.set)

    while not awake.is_set():
        eio.sleep(0.001)

    task.join()


def test_after_a_shutdown_clients_stay(eio: engineio.Server) -> None:
    _, channel = connect(eio)

    eio.shutdown()
    eio.send("sid", "hello")

    assert channel.written == [b"4hello"]
    assert list(eio.sockets) == ["sid"]
