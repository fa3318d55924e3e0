from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from engine_support import RecordingChannel
from shell_support import make_engine, open_session

from engineio._core.reason import Reason
from engineio._core.session import OPEN
from engineio._shell.receiver import Receiver
from engineio.exceptions import ProtocolError

if TYPE_CHECKING:
    from engineio._core.engine import Engine
    from engineio._core.layer import Pending
    from engineio._core.session import Session


class Application:
    """Remembers its messages, and breaks off or waits where it is told to."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.upgraded: list[Session] = []
        self.error: Exception | None = None
        self.waits = False

    def __call__(self, session: Session, data: str | bytes) -> Pending:
        self.messages.append(data)
        if self.waits:
            return self._wait()
        if self.error is not None:
            raise self.error
        return None

    async def _wait(self) -> None:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error


def _receive(
    engine: Engine, session: Session, channel: Any, application: Application, probing: bool = False
) -> Receiver:
    return Receiver(
        engine,
        session,
        channel,
        application,
        lambda: 0.0,
        probing=probing,
        upgraded=application.upgraded.append,
    )


def test_messages_reach_the_application_and_control_packets_do_not() -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    application = Application()
    receiver = _receive(engine, session, channel, application)

    for data in ("4a", "3", b"\x00", "4", "1", "4late"):
        assert receiver.frame(data) is None

    assert application.messages == ["a", b"\x00", ""]
    assert session.reason == Reason.CLIENT_DISCONNECT


async def test_an_application_that_waits_is_finished_by_the_caller() -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    application = Application()
    application.waits = True
    receiver = _receive(engine, session, channel, application)

    pending = receiver.frame("4a")
    assert pending is not None
    await receiver.finish(pending)

    assert application.messages == ["a"]
    assert session.state is OPEN


@pytest.mark.parametrize("error", [None, ProtocolError("refused"), ZeroDivisionError()])
async def test_a_peer_is_not_expected_to_answer_while_the_application_waits(
    error: Exception | None,
) -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    application = Application()
    application.waits = True
    application.error = error
    receiver = _receive(engine, session, channel, application)
    pending = receiver.frame("4a")
    assert pending is not None

    finishing = asyncio.ensure_future(receiver.finish(pending))
    await asyncio.sleep(0)
    assert session.holds == 1

    await asyncio.wait({finishing})
    assert isinstance(finishing.exception(), ZeroDivisionError | None)
    assert session.holds == 0


@pytest.mark.parametrize("data", ["", "2", "5", "7", "hello", "3a", "0{}"])
def test_a_frame_that_breaks_the_protocol_ends_the_session(data: str) -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    application = Application()

    assert _receive(engine, session, channel, application).frame(data) is None

    assert (session.reason, channel.closed) == (Reason.TRANSPORT_ERROR, 1002)
    assert application.messages == []


@pytest.mark.parametrize("waits", [False, True])
async def test_a_message_that_the_application_refuses_ends_the_session(waits: bool) -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    application = Application()
    application.error = ProtocolError("not a packet")
    application.waits = waits
    receiver = _receive(engine, session, channel, application)

    pending = receiver.frame("4a")
    if pending is not None:
        await receiver.finish(pending)

    assert (session.reason, channel.closed) == (Reason.TRANSPORT_ERROR, 1002)
    assert engine.counters.protocol_errors == 1


def test_a_driver_may_find_a_frame_too_large() -> None:
    engine = make_engine()
    session, channel = open_session(engine)

    _receive(engine, session, channel, Application()).failed(ProtocolError("too large", 413))

    assert (session.reason, channel.closed) == (Reason.TRANSPORT_ERROR, 1009)


def test_the_end_of_the_websocket_ends_the_session() -> None:
    engine = make_engine()
    session, channel = open_session(engine)
    receiver = _receive(engine, session, channel, Application())

    channel.unsent = 2
    receiver.lost()
    receiver.lost()

    assert session.reason == Reason.TRANSPORT_CLOSE
    assert (engine.counters.closed, engine.counters.messages_dropped) == (1, 2)


# upgrade


def _probing() -> tuple[Engine, Session, RecordingChannel, Application, Receiver]:
    engine = make_engine()
    session, _ = open_session(engine, "polling")
    candidate = RecordingChannel()
    engine.start_probe(session, candidate, 0)
    application = Application()
    receiver = _receive(engine, session, candidate, application, probing=True)
    return engine, session, candidate, application, receiver


def test_a_probe_becomes_the_transport() -> None:
    _, session, candidate, application, receiver = _probing()

    for data in ("2probe", "5", "4a"):
        assert receiver.frame(data) is None

    assert (session.transport, session.channel) == ("websocket", candidate)
    assert application.upgraded == [session]
    assert candidate.written == [b"3probe"]
    assert application.messages == ["a"]


@pytest.mark.parametrize("frames", [["5"], ["4a"], [b"2probe"], ["2probe", "4a"]])
def test_a_probe_that_fails_leaves_long_polling_alone(frames: list[str | bytes]) -> None:
    _, session, candidate, application, receiver = _probing()

    for data in frames:
        assert receiver.frame(data) is None

    assert candidate.closed == 1002
    assert (session.transport, session.state, session.upgrading) == ("polling", OPEN, False)
    assert application.messages == []


def test_a_probe_may_be_too_large() -> None:
    _, session, candidate, _, receiver = _probing()

    receiver.failed(ProtocolError("too large", 413))

    assert candidate.closed == 1002
    assert (session.state, session.upgrading) == (OPEN, False)


def test_the_end_of_a_probe_leaves_long_polling_alone() -> None:
    _, session, _, _, receiver = _probing()

    receiver.lost()

    assert (session.state, session.upgrading) == (OPEN, False)
