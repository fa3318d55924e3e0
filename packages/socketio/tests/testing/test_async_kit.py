"""The test kit for asyncio, used as an application's tests use it."""

from __future__ import annotations

import asyncio
import builtins
import time
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
from socketio.testing import AsyncTestServer


class App:
    """A small chat, with what a test may want to look at."""

    def __init__(self, **options: Any) -> None:
        self.sio = sio = socketio.AsyncServer(async_mode="asgi", **options)
        self.ended: list[tuple[str, str]] = []
        sio.on("connect", self.connect)
        sio.on("disconnect", lambda sid, reason: self.ended.append((sid, reason)))
        sio.on("say", self.say)
        sio.on("echo", lambda sid, *args: args)
        sio.on("ask", self.ask)
        sio.on("later", self.later)
        sio.on("echo", lambda sid, *args: args, namespace="/other")

    async def connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        if not auth:
            raise ConnectionRefusedError("who are you?", {"code": 7})
        self.environ = environ
        await self.sio.save_session(sid, {"name": auth["name"]})
        await self.sio.enter_room(sid, "lobby")

    async def say(self, sid: str, text: Any) -> str:
        session = await self.sio.get_session(sid)
        await self.sio.emit("said", (session["name"], text), to="lobby", skip_sid=sid)
        return "delivered"

    async def ask(self, sid: str, question: str) -> Any:
        try:
            return await self.sio.call("question", question, to=sid, timeout=30)
        except CallInterruptedError:
            raise
        except TimeoutError:
            return "no answer"

    async def later(self, sid: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.sio.emit("now", to=sid)


async def test_clients_talk_to_each_other_through_the_application() -> None:
    app = App()
    async with AsyncTestServer(app.sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        bob = await server.connect(auth={"name": "Bob"})

        assert await ada.call("say", "hi") == "delivered"

        assert await bob.receive() == ["said", "Ada", "hi"]
        assert await ada.received() == []


async def test_a_refused_client_raises_what_the_handler_raised() -> None:
    async with AsyncTestServer(App().sio) as server:
        with pytest.raises(ConnectionRefusedError, match=r"who are you\?") as refusal:
            await server.connect()

        assert refusal.value.error_args == {"message": "who are you?", "data": {"code": 7}}


async def test_an_unknown_namespace_is_refused() -> None:
    async with AsyncTestServer(App().sio) as server:
        with pytest.raises(ConnectionRefusedError, match="Invalid namespace"):
            await server.connect("/nowhere")


async def test_a_foreign_origin_is_refused_before_the_application_sees_it() -> None:
    async with AsyncTestServer(App().sio) as server:
        with pytest.raises(ConnectionError, match="400 BAD REQUEST"):
            await server.connect(headers={"Origin": "http://elsewhere"})


async def test_the_connect_handler_sees_headers_query_and_environ() -> None:
    app = App()
    async with AsyncTestServer(app.sio) as server:
        await server.connect(
            auth={"name": "Ada"},
            headers={"Cookie": "a=b"},
            query="token=1",
            environ={"REMOTE_ADDR": "10.0.0.7"},
        )

    assert app.environ["HTTP_COOKIE"] == "a=b"
    assert app.environ["QUERY_STRING"].endswith("&token=1")
    assert app.environ["REMOTE_ADDR"] == "10.0.0.7"
    assert (b"cookie", b"a=b") in app.environ["asgi.scope"]["headers"]


async def test_binary_goes_both_ways() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        bob = await server.connect(auth={"name": "Bob"})

        await ada.emit("say", {"picture": b"\x00\x01"})

        assert await bob.receive() == ["said", "Ada", {"picture": b"\x00\x01"}]
        assert await ada.call("echo", (b"\x02", 3)) == (b"\x02", 3)


@pytest.mark.parametrize("serializer", ["default", "msgpack"])
async def test_every_serializer_works(serializer: str) -> None:
    async with AsyncTestServer(App(serializer=serializer).sio) as server:
        ada = await server.connect(auth={"name": "Ada"})

        assert await ada.call("echo", {"a": b"\x00"}) == {"a": b"\x00"}


async def test_the_application_asks_and_the_client_answers() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})

        @ada.on("question")
        def answer(question: str) -> str:
            return f"{question} 42"

        assert await ada.call("ask", "why?") == "why? 42"
        assert await ada.received() == [["question", "why?"]]


async def test_the_test_calls_a_client_by_itself() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        ada.on("question", lambda: (1, 2))

        assert await server.sio.call("question", to=ada.sid) == (1, 2)


async def test_a_callback_gets_what_the_handler_returns() -> None:
    answers: list[Any] = []
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})

        await ada.emit("say", "hi", callback=answers.append)

    assert answers == ["delivered"]


async def test_what_the_tests_own_functions_raise_fails_the_test() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        ada.on("question", lambda question: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            await ada.emit("ask", "why?")
        with pytest.raises(TypeError):
            await ada.emit("echo", callback=lambda a: a)


async def test_time_passes_when_the_test_says_so() -> None:
    app = App()
    async with AsyncTestServer(app.sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        dead = await server.connect(auth={"name": "Dead"})
        sid = dead.sid
        dead.silent = True

        await server.advance(44)
        assert app.ended == []
        await server.advance(1)

        assert app.ended == [(sid, "ping timeout")]
        assert ada.connected
        assert not dead.connected
        await server.advance(1000)
        assert ada.connected


async def test_what_the_application_sleeps_for_comes_true_in_time() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        await ada.emit("later", 600)
        await ada.emit("later", 60)

        await server.advance(59)
        assert await ada.received() == []
        await server.advance(1)
        assert await ada.received() == [["now"]]
        await server.advance(540)
        assert await ada.received() == [["now"]]


async def test_a_slow_machine_does_not_make_time_pass() -> None:
    async with AsyncTestServer(App().sio) as server:
        await server.connect(auth={"name": "Ada"})
        before = server.sio.eio.clock()

        time.sleep(0.05)  # noqa: ASYNC251 - this is what it is about
        await server.settle()

        assert server.sio.eio.clock() == before


async def test_a_test_may_wait_for_the_outside_world() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        await ada.emit("later", 0.01)

        await asyncio.sleep(0.02)

        assert await ada.received() == [["now"]]


async def test_two_servers_share_the_time() -> None:
    first, second = App(), App(ping_interval=10)
    async with AsyncTestServer(first.sio) as one, AsyncTestServer(second.sio) as two:
        dead = await two.connect(auth={"name": "Dead"})
        sid, dead.silent = dead.sid, True

        await one.advance(30)

        assert second.ended == [(sid, "ping timeout")]


def test_on_uvloop_the_deadlines_of_the_server_come_when_told_to() -> None:
    uvloop = pytest.importorskip("uvloop")
    app = App()

    async def main() -> None:
        async with AsyncTestServer(app.sio) as server:
            ada = await server.connect(auth={"name": "Ada"})
            dead = await server.connect(auth={"name": "Dead"})
            sid, dead.silent = dead.sid, True
            await server.advance(45)
            assert ada.connected
            assert app.ended == [(sid, "ping timeout")]

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


async def test_a_background_task_does_its_round_at_each_interval() -> None:
    sio = App().sio

    async def tell() -> None:
        while True:
            await sio.sleep(10)
            await sio.emit("round")

    async with AsyncTestServer(sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        task = sio.start_background_task(tell)

        await server.advance(60)

        assert await ada.received() == [["round"]] * 6
        task.cancel()


async def test_a_call_to_a_client_that_does_not_answer_times_out() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        answers: list[Any] = []
        ada.silent = True
        await ada.emit("ask", "why?", callback=answers.append)
        assert answers == []

        await server.advance(30)

        assert answers == ["no answer"]


async def test_a_connection_that_joins_nothing_is_closed_in_time() -> None:
    async with AsyncTestServer(App().sio) as server:
        idle = await server.connect(None)

        await server.advance(44)
        assert idle.connected
        await server.advance(1)

        assert not idle.connected


async def test_a_client_that_leaves_is_a_client_disconnect() -> None:
    app = App()
    async with AsyncTestServer(app.sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        sid = ada.sid
        assert sid is not None

        await ada.disconnect()

        assert app.ended == [(sid, "client disconnect")]
        assert not ada.connected
        assert ada.sid is None
        assert app.sio.rooms(sid) == []
        await ada.disconnect()


async def test_a_client_that_is_cut_off_is_a_transport_close() -> None:
    app = App()
    async with AsyncTestServer(app.sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        sid = ada.sid

        await ada.drop()

        assert app.ended == [(sid, "transport close")]
        with pytest.raises(BadNamespaceError):
            await ada.emit("say", "hi")
        with pytest.raises(DisconnectedError):
            await ada.receive()
        await ada.drop()


async def test_a_client_that_the_server_disconnects_is_out_of_the_namespace() -> None:
    app = App()
    async with AsyncTestServer(app.sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        sid = ada.sid
        assert sid is not None

        await app.sio.disconnect(sid)
        await server.settle()

        assert ada.sid is None
        assert ada.connected
        assert app.ended == [(sid, "server disconnect")]


async def test_one_connection_is_in_several_namespaces() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})

        sid = await ada.join("/other")

        assert sid == ada.get_sid("/other") != ada.sid
        assert await ada.call("echo", 5, namespace="/other") == 5
        await server.sio.emit("x", namespace="/other")
        assert await ada.received("/other") == [["x"]]
        assert await ada.received() == []
        await ada.leave("/other")
        assert ada.get_sid("/other") is None
        assert ada.sid is not None


async def test_rooms_are_those_of_the_server() -> None:
    sio = App().sio
    async with AsyncTestServer(sio) as server:
        ada = await server.connect(auth={"name": "Ada"})
        assert ada.sid is not None

        assert set(sio.rooms(ada.sid)) == {ada.sid, "lobby"}
        await sio.emit("x", 1, to="lobby")
        assert await ada.receive() == ["x", 1]


async def test_an_answer_that_does_not_come_is_a_timeout() -> None:
    async with AsyncTestServer(App().sio) as server:
        ada = await server.connect(auth={"name": "Ada"})

        with pytest.raises(TimeoutError):
            await ada.call("nobody", timeout=0)
        with pytest.raises(TimeoutError):
            await ada.receive(timeout=0)


async def test_what_takes_real_time_is_waited_for() -> None:
    sio = App().sio

    @sio.event
    async def work(sid: str) -> int:
        return await asyncio.to_thread(lambda: 42)

    async with AsyncTestServer(sio) as server:
        ada = await server.connect(auth={"name": "Ada"})

        assert await ada.call("work") == 42


async def test_a_call_ends_when_the_connection_does() -> None:
    sio = App().sio

    @sio.event
    async def leave(sid: str) -> None:
        await sio.eio.disconnect()

    async with AsyncTestServer(sio) as server:
        ada = await server.connect(auth={"name": "Ada"})

        with pytest.raises(CallInterruptedError):
            await ada.call("leave")


async def test_a_loop_that_never_rests_is_an_error_and_the_server_is_given_back() -> None:
    sio = App().sio

    async def spin() -> None:
        while True:  # noqa: ASYNC110 - this is what it is about
            await asyncio.sleep(0)

    server = AsyncTestServer(sio)
    async with server:
        task = asyncio.get_running_loop().create_task(spin())
        with pytest.raises(builtins.TimeoutError, match="come to rest"):
            await server.settle()
        task.cancel()


async def test_afterwards_the_server_is_as_before() -> None:
    sio = App().sio
    loop = asyncio.get_running_loop()
    before = (dict(vars(sio.eio)), loop.time, loop._selector.select)  # type: ignore[attr-defined]

    async with AsyncTestServer(sio) as server:
        await server.connect(auth={"name": "Ada"})
        await server.advance(100)

    engine = sio.eio.engine
    assert {name: vars(sio.eio)[name] for name in before[0]} == before[0]
    assert (loop.time, loop._selector.select) == before[1:]  # type: ignore[attr-defined]
    assert not engine.sessions
    assert not sio.environ
    assert engine.next_deadline() is None


async def test_the_same_server_is_tested_again_and_again() -> None:
    app = App()
    for _ in range(3):
        async with AsyncTestServer(app.sio) as server:
            ada = await server.connect(auth={"name": "Ada"})
            assert await ada.call("say", "hi") == "delivered"
