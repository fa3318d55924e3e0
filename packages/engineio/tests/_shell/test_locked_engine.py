from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest
from engine_support import Options, RecordingChannel
from request_support import FakeRequest
from shell_support import text

from engineio._core.admission import Open, Refuse
from engineio._core.engine import Engine
from engineio._core.reason import Reason
from engineio._shell.locked_engine import LockedEngine

if TYPE_CHECKING:
    from engineio._core.message import Message
    from engineio._core.session import Session

UNLOCKED = {"flush", "admit"}
"""Public methods that are not called from outside, or call the application."""


class Server:
    """Remembers what the engine reports, and where."""

    def __init__(self, **options: object) -> None:
        self.here: list[Session] = []
        self.elsewhere: list[Session] = []
        self.rearmed = 0
        self.engine = LockedEngine(
            Options(**options),  # type: ignore[arg-type]
            lambda: 1.0,
            self.here.extend,
            self.elsewhere.extend,
            self._rearm,
        )

    def _rearm(self) -> None:
        self.rearmed += 1

    def open(self) -> tuple[Session, RecordingChannel]:
        session = self.engine.create("sid", "websocket")
        channel = RecordingChannel()
        self.engine.attach(session, channel)
        self.engine.accept(session, 0)
        channel.written.clear()
        return session, channel


def test_every_public_method_of_the_engine_is_locked() -> None:
    methods = {
        name
        for name, value in vars(Engine).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }

    assert methods - UNLOCKED == methods & set(vars(LockedEngine))


def test_what_is_sent_is_flushed_at_once() -> None:
    server = Server()
    session, channel = server.open()

    server.engine.send(session, [text("4a")])
    server.engine.broadcast(["sid", "unknown"], [text("4b")])

    assert channel.written == [b"4a", b"4b"]


def test_who_closes_tells_the_application() -> None:
    server = Server()
    session, _ = server.open()

    server.engine.close(session, Reason.SERVER_DISCONNECT)

    assert server.here == [session]
    assert server.engine.closed == []


def test_who_sends_too_much_does_not_run_the_handlers_of_the_slow_client() -> None:
    server = Server(max_send_buffer=1000)
    session, channel = server.open()
    channel.buffered = 1001

    server.engine.send(session, [text("4a")])

    assert server.elsewhere == [session]
    assert server.here == []


def test_a_deadline_does_not_run_handlers_either() -> None:
    server = Server()
    session, _ = server.open()

    server.engine.tick(25)
    server.engine.tick(45)

    assert server.elsewhere == [session]
    assert session.reason == Reason.PING_TIMEOUT


def test_a_new_deadline_is_reported() -> None:
    server = Server()

    server.open()

    assert server.rearmed == 1
    assert server.engine.next_deadline() == 25


def test_the_lock_is_free_when_the_application_is_told() -> None:
    server = Server()
    session, _ = server.open()
    held: list[bool] = []
    server.engine._on_closed = lambda closed: held.append(server.engine.lock._is_owned())

    server.engine.close(session, Reason.SERVER_DISCONNECT)

    assert held == [False]


def test_what_is_done_together_leaves_when_the_lock_is_free() -> None:
    server = Server(max_send_buffer=1000)
    session, _ = server.open()
    held: list[bool] = []
    channel = PumpedChannel(server.engine, held)
    session.channel = channel
    server.engine._on_closed_elsewhere = lambda closed: held.append(server.engine.lock._is_owned())

    with server.engine.together():
        server.engine.send(session, [text("4a")])
        server.engine.broadcast(["sid"], [text("4b")])
        with server.engine.together():
            channel.buffered = 1001
            server.engine.send(session, [text("4c")])
        assert held == []

    assert channel.written == [b"4a", b"4b", b"4c"]
    assert held == [False, False]


class PumpedChannel(RecordingChannel):
    """Takes note of whether the engine's lock is held when it sends."""

    def __init__(self, engine: LockedEngine, held: list[bool]) -> None:
        super().__init__()
        self._engine = engine
        self._held = held

    def write(self, messages: list[Message]) -> None:
        super().write(messages)
        self._engine.ready.append(self)

    def pump(self) -> None:
        self._held.append(self._engine.lock._is_owned())


@pytest.mark.parametrize("allowed", [False, True])
def test_the_application_is_asked_for_an_origin_without_the_lock(allowed: bool) -> None:
    held: list[bool] = []

    def ask(origin: str) -> bool:
        held.append(server.engine.lock._is_owned())
        return allowed

    server = Server(cors_allowed_origins=ask)

    decision = server.engine.admit(
        FakeRequest("EIO=4&transport=polling", headers={"origin": "http://localhost"})
    )

    assert isinstance(decision, Open if allowed else Refuse)
    assert held == [False]


def test_who_was_closed_is_told_although_sending_fails() -> None:
    server = Server(max_send_buffer=1000)
    session, channel = server.open()
    channel.buffered = 1001

    class Failing:
        def pump(self) -> None:
            raise ZeroDivisionError

    server.engine.ready.append(Failing())
    with pytest.raises(ZeroDivisionError):
        server.engine.send(session, [text("4a")])

    assert server.elsewhere == [session]
