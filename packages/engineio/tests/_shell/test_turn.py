from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from engine_support import Options, RecordingChannel
from shell_support import text

from engineio._core.engine import Engine
from engineio._core.reason import Reason
from engineio._shell.turn import TICK, Turn

if TYPE_CHECKING:
    from engineio._core.message import Message
    from engineio._core.session import Session


SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class CountingChannel(RecordingChannel):
    """Remembers which messages were written as one unit, and can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.units: list[list[str]] = []
        self.news = asyncio.Event()

    def write(self, messages: list[Message]) -> None:
        super().write(messages)
        self.units.append([message.text for message in messages])
        self.news.set()


class Server:
    """An engine whose turns are ended by the running event loop."""

    def __init__(self, **options: object) -> None:
        self.options = Options(**options)  # type: ignore[arg-type]
        self.engine = Engine(self.options, self._wake)
        self.turn = Turn(self.engine, self.clock, self._end_closed)
        self.ended: list[Session] = []

    def clock(self) -> float:
        return asyncio.get_running_loop().time()

    def _wake(self) -> None:
        self.turn.wake()

    def _end_closed(self) -> None:
        self.ended += self.engine.closed
        self.engine.closed = []

    async def open(self, sid: str = "sid") -> tuple[Session, CountingChannel]:
        session = self.engine.create(sid, "websocket")
        channel = CountingChannel()
        self.engine.attach(session, channel)
        self.engine.accept(session, self.clock())
        await asyncio.sleep(0)
        channel.units.clear()
        channel.news.clear()
        return session, channel


@pytest.fixture
async def server() -> Server:
    return Server()


# flushing


async def test_what_is_sent_within_a_turn_leaves_in_one_write_at_its_end(server: Server) -> None:
    session, channel = await server.open()
    other, other_channel = await server.open("other")

    server.engine.send(session, [text("4a")])
    server.engine.send(session, [text("4b")])
    server.engine.send(other, [text("4c")])
    assert channel.units == []

    await asyncio.sleep(0)
    assert (channel.units, other_channel.units) == ([["4a", "4b"]], [["4c"]])


async def test_what_several_connections_cause_leaves_when_the_turn_ends(server: Server) -> None:
    _, channel = await server.open()
    _, other_channel = await server.open("other")

    server.engine.broadcast(["sid", "other"], [text("4a")])
    server.engine.broadcast(["sid", "other"], [text("4b")])
    assert channel.units == other_channel.units == []

    await asyncio.sleep(0)
    assert channel.units == other_channel.units == [["4a", "4b"]]


async def test_the_ends_of_sessions_are_told_once(server: Server) -> None:
    session, _ = await server.open()

    server.engine.close(session, Reason.SERVER_DISCONNECT)
    assert server.ended == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert server.ended == [session]


async def test_what_is_sent_outside_of_an_event_loop_is_an_error_of_the_caller() -> None:
    server = Server()
    await server.open()

    def send_from_a_thread() -> None:
        server.engine.broadcast(["sid"], [text("4a")])

    with pytest.raises(RuntimeError):
        await asyncio.get_running_loop().run_in_executor(None, send_from_a_thread)


# deadlines


async def test_a_session_is_pinged_and_closed_if_it_does_not_answer() -> None:
    server = Server(ping_interval=0.001, ping_timeout=0.001)
    session, channel = await server.open()

    await channel.news.wait()
    assert channel.units == [["2"]]

    channel.news.clear()
    await channel.news.wait()
    await asyncio.sleep(0)
    assert channel.units == [["2"], ["1"]]
    assert session.reason == Reason.PING_TIMEOUT
    assert server.ended == [session]


async def test_a_nearer_deadline_replaces_the_timer() -> None:
    server = Server(ping_interval=1_000)
    session, channel = await server.open()

    server.engine.expect(session, 0.001, server.clock())
    closed = asyncio.get_running_loop().create_future()
    channel.close = closed.set_result  # type: ignore[method-assign]

    assert await closed == 1002
    assert session.reason == Reason.TRANSPORT_ERROR


async def test_a_busy_server_keeps_its_deadlines() -> None:
    server = Server(ping_interval=0.001)
    busy, _ = await server.open("busy")
    _, channel = await server.open()
    end = server.clock() + 20 * TICK

    # each of these has a new deadline in it, and takes a turn
    while not channel.news.is_set() and server.clock() < end:
        server.engine.expect(busy, 1_000, server.clock())
        await asyncio.sleep(0)

    assert channel.units == [["2"]]


async def test_what_a_deadline_raises_is_reported_and_the_next_one_is_met() -> None:
    server = Server(ping_interval=4 * TICK, upgrade_timeout=0.001)
    _, channel = await server.open()
    polling = server.engine.create("polling", "polling")
    server.engine.accept(polling, server.clock())
    candidate = RecordingChannel()
    candidate.close = None  # type: ignore[method-assign,assignment]
    server.engine.start_probe(polling, candidate, server.clock())
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: errors.append(context))

    await asyncio.wait_for(channel.news.wait(), SOON)

    assert channel.units == [["2"]]
    assert len(errors) == 1


async def test_a_stopped_turn_looks_at_no_deadline() -> None:
    server = Server(ping_interval=0.001)
    _, channel = await server.open()
    loop = asyncio.get_running_loop()
    later = loop.create_future()

    server.turn.stop()
    server.turn.stop()
    loop.call_later(2 * TICK, later.set_result, None)
    await later

    assert channel.units == []


def test_a_server_can_go_on_in_another_event_loop() -> None:
    server = Server()

    async def first() -> None:
        session, _ = await server.open("first")
        server.engine.send(session, [text("4never flushed")])

    async def second() -> list[list[str]]:
        session, channel = await server.open("second")
        server.engine.send(session, [text("4a")])
        await asyncio.sleep(0)
        return channel.units

    asyncio.run(first())

    assert asyncio.run(second()) == [["4a"]]
