"""A server of threads: the order of events, what runs at once, and what threads share."""

from __future__ import annotations

import json
import logging
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from threads_support import SOON, Client, make_server

import socketio
from engineio._core.reason import Reason

if TYPE_CHECKING:
    from engineio._core.message import Message


def test_an_event_is_acknowledged_with_what_its_handler_returns() -> None:
    sio = make_server()
    sio.on("add", lambda sid, a, b: (a + b, b"\x00"))
    client = Client(sio)
    client.join()

    client.send('27["add",1,2]')

    assert client.next() == '61-7[3,{"_placeholder":true,"num":0}]'
    assert client.next() == b"\x00"


def test_handlers_run_at_once() -> None:
    sio = make_server()
    both = threading.Barrier(2)
    sio.on("meet", lambda sid: both.wait(SOON) >= 0)
    client = Client(sio)
    client.join()

    client.send('21["meet"]')
    client.send('22["meet"]')

    assert {client.next(), client.next()} == {"31[true]", "32[true]"}


def test_without_async_handlers_events_run_in_order_in_the_readers_thread() -> None:
    sio = make_server(async_handlers=False)
    ran: list[tuple[int, int]] = []
    sio.on("event", lambda sid, number: ran.append((number, threading.get_ident())))
    client = Client(sio)
    client.join()

    for number in range(10):
        client.send(f'2["event",{number}]')

    assert ran == [(number, threading.get_ident()) for number in range(10)]


def test_call_is_refused_without_async_handlers() -> None:
    sio = make_server(async_handlers=False)

    with pytest.raises(RuntimeError):
        sio.call("question", to="sid")


def test_reading_stops_at_the_limit_of_handlers() -> None:
    sio = make_server(max_handlers=2)
    go_on = threading.Event()
    sio.on("wait", lambda sid: go_on.wait(SOON))
    client = Client(sio)
    client.join()
    sent: list[int] = []

    def send() -> None:
        for number in range(3):
            client.send(f'2{number}["wait"]')
            sent.append(number)

    sender = threading.Thread(target=send)
    sender.start()
    connection = client.session.app
    while connection.slot_is_free is None:
        pass
    assert sent == [0]
    go_on.set()
    sender.join(SOON)

    assert {client.next() for _ in range(3)} == {"30[true]", "31[true]", "32[true]"}


def test_the_end_of_a_connection_frees_its_reader() -> None:
    sio = make_server(max_handlers=1)
    go_on = threading.Event()
    sio.on("wait", lambda sid: go_on.wait(SOON))
    client = Client(sio)
    client.join()
    reader = threading.Thread(target=client.send, args=('2["wait"]',))
    reader.start()
    connection = client.session.app
    while connection.slot_is_free is None:
        pass

    client.vanish()
    reader.join(SOON)

    assert not reader.is_alive()
    go_on.set()


def test_clients_whose_handlers_wait_leave_threads_for_others() -> None:
    sio = make_server(threads=12, max_handlers=4)
    go_on = threading.Event()
    sio.on("wait", lambda sid: go_on.wait(SOON))
    sio.on("echo", lambda sid, data: data)
    good = Client(sio, "good")
    good.join()
    greedy = [Client(sio, f"greedy{number}") for number in range(5)]
    for client in greedy:
        client.join()

    readers = [threading.Thread(target=send_many, args=(client, '2["wait"]')) for client in greedy]
    for reader in readers:
        reader.start()
    while any(client.session.app.slot_is_free is None for client in greedy):
        pass  # until each has as many as it may
    for _ in range(20):
        good.send('21["echo","x"]')
        assert good.next() == '31["x"]'

    assert all(reader.is_alive() for reader in readers)
    go_on.set()
    for reader in readers:
        reader.join(SOON)
        assert not reader.is_alive()


def send_many(client: Client, packet: str) -> None:
    for _ in range(10):
        client.send(packet)


def test_callbacks_of_acknowledgements_count_as_handlers() -> None:
    sio = make_server(max_handlers=2)
    client = Client(sio)
    sid = client.join()
    go_on = threading.Event()
    called: SimpleQueue[None] = SimpleQueue()

    def answered() -> None:
        called.put(None)
        go_on.wait(SOON)

    for _ in range(3):
        sio.emit("ask", to=sid, callback=answered)

    def answer_all() -> None:
        for number in range(1, 4):
            client.send(f"3{number}[]")

    reader = threading.Thread(target=answer_all)
    reader.start()
    for _ in range(2):
        called.get(timeout=SOON)
    while client.session.app.slot_is_free is None:
        pass

    assert called.empty()
    go_on.set()
    called.get(timeout=SOON)
    reader.join(SOON)


def test_the_end_of_a_client_waits_for_no_handler() -> None:
    sio = make_server(threads=1, ping_interval=0.001, ping_timeout=0.001)
    reasons: SimpleQueue[str] = SimpleQueue()
    go_on = threading.Event()
    sio.on("wait", lambda sid: go_on.wait(SOON))
    sio.on("disconnect", lambda sid, reason: reasons.put(reason))
    client = Client(sio)
    client.join()

    # it returns when another may start, which is when it is cut
    client.send('2["wait"]')

    assert reasons.get(timeout=SOON) == Reason.PING_TIMEOUT
    go_on.set()


@pytest.mark.parametrize("async_handlers", [True, False])
def test_what_a_handler_raises_is_logged_once_and_the_connection_lives(
    async_handlers: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sio = make_server(async_handlers=async_handlers)
    sio.on("fail", lambda sid: 1 / 0)
    sio.on("echo", lambda sid, data: data)
    client = Client(sio)
    client.join()

    with caplog.at_level(logging.ERROR):
        client.send('21["fail"]')
        client.send('22["echo","still here"]')
        assert client.next() == '32["still here"]'
        while "ZeroDivisionError" not in caplog.text:
            pass

    assert caplog.text.count("Traceback") == 1


def test_call_returns_the_answer_of_the_client() -> None:
    sio = make_server()
    client = Client(sio)
    sid = client.join()
    answers: SimpleQueue[Any] = SimpleQueue()

    sio.start_background_task(lambda: answers.put(sio.call("ask", 5, to=sid, timeout=SOON)))
    assert client.next() == '21["ask",5]'
    client.send('31["yes",1]')

    assert answers.get(timeout=SOON) == ("yes", 1)


def test_call_gives_up_in_time_and_when_the_client_goes() -> None:
    sio = make_server()
    client = Client(sio)
    sid = client.join()

    with pytest.raises(socketio.exceptions.TimeoutError):
        sio.call("ask", to=sid, timeout=0.01)
    assert sio.manager.callbacks.get(sid, {}) == {}
    interrupted: SimpleQueue[type[BaseException]] = SimpleQueue()

    def call() -> None:
        try:
            sio.call("ask", to=sid)
        except socketio.exceptions.TimeoutError as error:
            interrupted.put(type(error))

    caller = threading.Thread(target=call)
    caller.start()
    client.next()
    client.next()
    client.vanish()

    assert interrupted.get(timeout=SOON) is socketio.exceptions.CallInterruptedError


def test_a_callback_gets_the_values_in_a_thread_of_its_own() -> None:
    sio = make_server()
    client = Client(sio)
    sid = client.join()
    called: SimpleQueue[tuple[Any, int]] = SimpleQueue()

    sio.emit("ask", to=sid, callback=lambda *args: called.put((args, threading.get_ident())))
    client.next()
    client.send("31[1,2]")

    args, thread = called.get(timeout=SOON)
    assert args == (1, 2)
    assert thread != threading.get_ident()


def test_nothing_reaches_a_client_before_its_connect() -> None:
    sio = make_server()
    stop = threading.Event()
    emitted: list[int] = []

    def emit() -> None:
        number = 0
        while not stop.is_set():
            sio.emit("news", number)
            emitted.append(number)
            number += 1

    @sio.event
    def connect(sid: str, environ: dict[str, Any]) -> None:
        seen = len(emitted)
        while len(emitted) < seen + 20:
            pass

    emitter = threading.Thread(target=emit)
    emitter.start()
    clients = [Client(sio, f"eio{number}") for number in range(20)]
    for client in clients:
        client.send("0")
    stop.set()
    emitter.join(SOON)

    for client in clients:
        assert str(client.next()).startswith("0{")
        first = json.loads(str(client.next())[1:])[1]
        rest = [client.next() for _ in range(client.packets.qsize())]
        assert rest == [f'2["news",{number}]' for number in range(first + 1, emitted[-1] + 1)]


def test_a_disconnect_handler_runs_once_whoever_comes_first() -> None:
    sio = make_server()
    told: list[str] = []
    sio.on("disconnect", lambda sid, reason: told.append(sid))

    for number in range(50):
        client = Client(sio, f"eio{number}")
        sid = client.join()
        together = threading.Barrier(3)

        def disconnect(sid: str = sid, together: threading.Barrier = together) -> None:
            together.wait(SOON)
            sio.disconnect(sid)

        threads = [threading.Thread(target=disconnect) for _ in range(2)]
        for thread in threads:
            thread.start()
        together.wait(SOON)
        client.vanish()
        for thread in threads:
            thread.join(SOON)

    assert len(told) == len(set(told)) == 50
    assert sio.manager.rooms == {}
    assert sio.environ == {}


def test_what_was_read_before_another_thread_ended_the_connection_is_dropped() -> None:
    sio = make_server()
    client = Client(sio)
    client.join()
    engine = sio.eio.engine
    message = engine.receive(client.session, '42["event"]', sio.eio.clock())
    assert message is not None

    sio.eio.disconnect(client.session.sid)

    assert sio.eio._received(client.session, message) is None


def test_nothing_is_sent_under_the_lock() -> None:
    sio = make_server()
    engine: Any = sio.eio.engine
    held: list[bool] = []

    class PumpedClient(Client):
        def write(self, messages: list[Message]) -> None:
            super().write(messages)
            engine.ready.append(self)

        def pump(self) -> None:
            held.append(engine.lock._is_owned())

    client = PumpedClient(sio)
    sid = client.join()
    sio.emit("news", to=sid)
    sio.disconnect(sid)

    assert set(held) == {False}


def test_rooms_survive_many_threads() -> None:
    sio = make_server()
    clients = [Client(sio, f"eio{number}") for number in range(10)]
    sids = [client.join() for client in clients]
    failures: list[BaseException] = []

    def stir(sid: str) -> None:
        try:
            for number in range(200):
                room = f"room{number % 7}"
                sio.enter_room(sid, room)
                sio.emit("news", number, to=room)
                assert room in sio.rooms(sid)
                list(sio.manager.get_participants("/", room))
                sio.leave_room(sid, room)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=stir, args=(sid,)) for sid in sids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)

    assert failures == []
    assert set(sio.manager.rooms["/"]) == {None, *sids}


def test_a_refused_client_is_told_why() -> None:
    sio = make_server()

    @sio.event
    def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        raise socketio.exceptions.ConnectionRefusedError("no", auth)

    client = Client(sio)
    client.send('0{"token":1}')

    assert client.next() == '4{"message":"no","data":{"token":1}}'
    assert sio.manager.rooms == {}


def test_the_session_of_a_client_is_kept() -> None:
    sio = make_server()
    sid = Client(sio).join()

    with sio.session(sid) as session:
        session["name"] = "x"

    assert sio.get_session(sid) == {"name": "x"}
    sio.save_session(sid, {})
    assert sio.get_session(sid) == {}


def test_disconnect_tells_client_and_application() -> None:
    sio = make_server()
    reasons: list[str] = []
    sio.on("disconnect", lambda sid, reason: reasons.append(reason))
    client = Client(sio)

    sio.disconnect(client.join())

    assert client.next() == "1"
    assert reasons == [Reason.SERVER_DISCONNECT]


def test_a_replaced_method_sees_what_passes() -> None:
    sio = make_server()
    sent: list[Any] = []
    sio._send_packet = lambda eio_sid, pkt: sent.append(pkt.data)  # type: ignore[method-assign]
    sio.on("echo", lambda sid, data: data)

    sio._handle_eio_connect("made up", {})
    sio._handle_eio_message("made up", "0")
    sio._handle_eio_message("made up", '21["echo","x"]')
    while len(sent) < 2:
        pass

    assert sent[1] == ["x"]
    sio._handle_eio_disconnect("made up", "transport close")
    assert sio.environ == {}


def test_background_tasks_can_be_waited_for() -> None:
    sio = make_server()
    ran: list[int] = []

    task = sio.start_background_task(ran.append, 1)
    task.join(SOON)
    sio.sleep(0)

    assert ran == [1]
    sio.shutdown()
