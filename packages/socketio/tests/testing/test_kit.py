"""The test kit for threads, used as an application's tests use it."""

from __future__ import annotations

import builtins
import threading
from typing import Any

import pytest

import socketio
from socketio.exceptions import (
    BadNamespaceError,
    CallInterruptedError,
    ConnectionError,
    ConnectionRefusedError,
    DisconnectedError,
    TimeoutError,
)
from socketio.testing import TestServer


class App:
    """A small chat, with what a test may want to look at."""

    def __init__(self, async_mode: str = "threading", **options: Any) -> None:
        self.sio = sio = socketio.Server(async_mode=async_mode, **options)
        self.ended: list[tuple[str, str]] = []
        sio.on("connect", self.connect)
        sio.on("disconnect", lambda sid, reason: self.ended.append((sid, reason)))
        sio.on("say", self.say)
        sio.on("echo", lambda sid, *args: args)
        sio.on("ask", self.ask)
        sio.on("later", self.later)
        sio.on("echo", lambda sid, *args: args, namespace="/other")

    def connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        if not auth:
            raise ConnectionRefusedError("who are you?", {"code": 7})
        self.environ = environ
        self.sio.save_session(sid, {"name": auth["name"]})
        self.sio.enter_room(sid, "lobby")

    def say(self, sid: str, text: Any) -> str:
        session = self.sio.get_session(sid)
        self.sio.emit("said", (session["name"], text), to="lobby", skip_sid=sid)
        return "delivered"

    def ask(self, sid: str, question: str) -> Any:
        try:
            return self.sio.call("question", question, to=sid, timeout=30)
        except CallInterruptedError:
            raise
        except TimeoutError:
            return "no answer"

    def later(self, sid: str, seconds: float) -> None:
        self.sio.sleep(seconds)
        self.sio.emit("now", to=sid)


def test_clients_talk_to_each_other_through_the_application() -> None:
    app = App()
    with TestServer(app.sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        bob = server.connect(auth={"name": "Bob"})

        assert ada.call("say", "hi") == "delivered"

        assert bob.receive() == ["said", "Ada", "hi"]
        assert ada.received() == []


@pytest.mark.parametrize("mode", ["eventlet", "gevent"])
def test_servers_of_greenlets_are_tested_on_threads(mode: str) -> None:
    pytest.importorskip(mode)
    app = App(mode)
    with TestServer(app.sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        ada.on("question", lambda question: 42)
        ada.emit("later", 600)

        assert ada.call("ask", "why?") == 42
        server.advance(600)
        assert ada.received() == [["question", "why?"], ["now"]]


def test_a_refused_client_raises_what_the_handler_raised() -> None:
    with TestServer(App().sio) as server:
        with pytest.raises(ConnectionRefusedError, match=r"who are you\?") as refusal:
            server.connect()

        assert refusal.value.error_args == {"message": "who are you?", "data": {"code": 7}}


def test_an_unknown_namespace_is_refused() -> None:
    with TestServer(App().sio) as server:
        with pytest.raises(ConnectionRefusedError, match="Invalid namespace"):
            server.connect("/nowhere")


def test_a_foreign_origin_is_refused_before_the_application_sees_it() -> None:
    with TestServer(App().sio) as server:
        with pytest.raises(ConnectionError, match="400 BAD REQUEST"):
            server.connect(headers={"Origin": "http://elsewhere"})


def test_the_connect_handler_sees_headers_query_and_environ() -> None:
    app = App()
    with TestServer(app.sio) as server:
        server.connect(
            auth={"name": "Ada"},
            headers={"Cookie": "a=b"},
            query="token=1",
            environ={"REMOTE_ADDR": "10.0.0.7"},
        )

    assert app.environ["HTTP_COOKIE"] == "a=b"
    assert app.environ["QUERY_STRING"].endswith("&token=1")
    assert app.environ["REMOTE_ADDR"] == "10.0.0.7"
    assert app.environ["wsgi.input"].read() == b""


def test_binary_goes_both_ways() -> None:
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        bob = server.connect(auth={"name": "Bob"})

        ada.emit("say", {"picture": b"\x00\x01"})

        assert bob.receive() == ["said", "Ada", {"picture": b"\x00\x01"}]
        assert ada.call("echo", (b"\x02", 3)) == (b"\x02", 3)


@pytest.mark.parametrize("serializer", ["default", "msgpack"])
def test_every_serializer_works(serializer: str) -> None:
    with TestServer(App(serializer=serializer).sio) as server:
        ada = server.connect(auth={"name": "Ada"})

        assert ada.call("echo", {"a": b"\x00"}) == {"a": b"\x00"}


def test_the_application_asks_and_the_client_answers() -> None:
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})

        @ada.on("question")
        def answer(question: str) -> str:
            return f"{question} 42"

        assert ada.call("ask", "why?") == "why? 42"
        assert ada.received() == [["question", "why?"]]


def test_the_test_calls_a_client_by_itself() -> None:
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        ada.on("question", lambda: (1, 2))

        assert server.sio.call("question", to=ada.sid) == (1, 2)


def test_a_callback_gets_what_the_handler_returns() -> None:
    answers: list[Any] = []
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})

        ada.emit("say", "hi", callback=answers.append)

    assert answers == ["delivered"]


def test_what_the_tests_own_functions_raise_fails_the_test() -> None:
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        ada.on("question", lambda question: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            ada.emit("ask", "why?")
        with pytest.raises(TypeError):
            ada.emit("echo", callback=lambda a: a)


def test_time_passes_when_the_test_says_so() -> None:
    app = App()
    with TestServer(app.sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        dead = server.connect(auth={"name": "Dead"})
        sid = dead.sid
        dead.silent = True

        server.advance(44)
        assert app.ended == []
        server.advance(1)

        assert app.ended == [(sid, "ping timeout")]
        assert ada.connected
        assert not dead.connected
        server.advance(1000)
        assert ada.connected


def test_what_the_application_sleeps_for_comes_true_in_time() -> None:
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        ada.emit("later", 600)
        ada.emit("later", 60)

        server.advance(59)
        assert ada.received() == []
        server.advance(1)
        assert ada.received() == [["now"]]
        server.advance(540)
        assert ada.received() == [["now"]]


def test_a_background_task_does_its_round_at_each_interval() -> None:
    sio = App().sio

    def tell() -> None:
        while True:
            sio.sleep(10)
            sio.emit("round")

    with TestServer(sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        sio.start_background_task(tell)

        server.advance(60)

        assert ada.received() == [["round"]] * 6


def test_a_call_to_a_client_that_does_not_answer_times_out() -> None:
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        answers: list[Any] = []
        ada.silent = True
        ada.emit("ask", "why?", callback=answers.append)
        assert answers == []

        server.advance(30)

        assert answers == ["no answer"]


def test_a_connection_that_joins_nothing_is_closed_in_time() -> None:
    with TestServer(App().sio) as server:
        idle = server.connect(None)

        server.advance(44)
        assert idle.connected
        server.advance(1)

        assert not idle.connected


def test_a_client_that_leaves_is_a_client_disconnect() -> None:
    app = App()
    with TestServer(app.sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        sid = ada.sid
        assert sid is not None

        ada.disconnect()

        assert app.ended == [(sid, "client disconnect")]
        assert not ada.connected
        assert ada.sid is None
        assert app.sio.rooms(sid) == []
        ada.disconnect()


def test_a_client_that_is_cut_off_is_a_transport_close() -> None:
    app = App()
    with TestServer(app.sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        sid = ada.sid

        ada.drop()

        assert app.ended == [(sid, "transport close")]
        with pytest.raises(BadNamespaceError):
            ada.emit("say", "hi")
        with pytest.raises(DisconnectedError):
            ada.receive()
        ada.drop()


def test_a_client_that_the_server_disconnects_is_out_of_the_namespace() -> None:
    app = App()
    with TestServer(app.sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        sid = ada.sid
        assert sid is not None

        app.sio.disconnect(sid)
        server.settle()

        assert ada.sid is None
        assert ada.connected
        assert app.ended == [(sid, "server disconnect")]


def test_one_connection_is_in_several_namespaces() -> None:
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})

        sid = ada.join("/other")

        assert sid == ada.get_sid("/other") != ada.sid
        assert ada.call("echo", 5, namespace="/other") == 5
        server.sio.emit("x", namespace="/other")
        assert ada.received("/other") == [["x"]]
        assert ada.received() == []
        ada.leave("/other")
        assert ada.get_sid("/other") is None
        assert ada.sid is not None


def test_rooms_are_those_of_the_server() -> None:
    sio = App().sio
    with TestServer(sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        assert ada.sid is not None

        assert set(sio.rooms(ada.sid)) == {ada.sid, "lobby"}
        sio.emit("x", 1, to="lobby")
        assert ada.receive() == ["x", 1]


def test_an_answer_that_does_not_come_is_a_timeout() -> None:
    with TestServer(App().sio) as server:
        ada = server.connect(auth={"name": "Ada"})

        with pytest.raises(TimeoutError):
            ada.call("nobody", timeout=0)
        with pytest.raises(TimeoutError):
            ada.receive(timeout=0)


def test_what_takes_real_time_is_waited_for() -> None:
    sio = App().sio

    @sio.event
    def work(sid: str) -> int:
        return 42

    with TestServer(sio) as server:
        ada = server.connect(auth={"name": "Ada"})

        assert ada.call("work") == 42


def test_a_call_ends_when_the_connection_does() -> None:
    sio = App().sio

    @sio.event
    def leave(sid: str) -> None:
        sio.eio.disconnect()

    with TestServer(sio) as server:
        ada = server.connect(auth={"name": "Ada"})

        with pytest.raises(CallInterruptedError):
            ada.call("leave")


def test_a_handler_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socketio.testing.threads.PATIENCE", 0.01)
    sio = App().sio
    go = threading.Event()

    @sio.event
    def stuck(sid: str) -> None:
        go.wait()

    with TestServer(sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        with pytest.raises(builtins.TimeoutError, match="still at work after 0 seconds"):
            ada.emit("stuck")
        go.set()


def test_a_background_task_that_waits_elsewhere_holds_nothing_up() -> None:
    sio = App().sio
    go = threading.Event()

    def listen() -> None:
        go.wait()
        sio.emit("heard")

    with TestServer(sio) as server:
        ada = server.connect(auth={"name": "Ada"})
        task = sio.start_background_task(listen)

        assert ada.received() == []
        go.set()
        task.join()
        assert ada.received() == [["heard"]]


def test_background_tasks_end_with_the_test() -> None:
    sio = App().sio
    ended = threading.Event()

    def tell() -> None:
        try:
            while True:
                sio.sleep(10)
        finally:
            ended.set()

    with TestServer(sio):
        sio.start_background_task(tell)

    assert ended.wait(10)


def test_afterwards_the_server_is_as_before() -> None:
    sio = App().sio
    before = (dict(vars(sio.eio)), sio.eio.engine._clock)

    with TestServer(sio) as server:
        server.connect(auth={"name": "Ada"})
        server.advance(100)

    engine = sio.eio.engine
    assert {name: vars(sio.eio)[name] for name in before[0]} == before[0]
    assert engine._clock == before[1]
    assert not engine.sessions
    assert not sio.environ
    assert engine.next_deadline() is None


def test_the_same_server_is_tested_again_and_again() -> None:
    app = App()
    for _ in range(3):
        with TestServer(app.sio) as server:
            ada = server.connect(auth={"name": "Ada"})
            assert ada.call("say", "hi") == "delivered"
