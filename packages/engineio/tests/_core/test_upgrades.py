from __future__ import annotations

import pytest
from engine_support import RecordingChannel

from engineio._core.message import Message
from engineio._core.session import CLOSED, OPEN, OPENING, Session, State
from engineio._core.upgrades import Upgrades
from engineio.exceptions import ProtocolError


def _session() -> Session:
    session = Session("sid", "polling")
    session.state = OPEN
    return session


@pytest.fixture
def upgrades() -> Upgrades:
    return Upgrades()


@pytest.fixture
def websocket() -> RecordingChannel:
    return RecordingChannel()


def test_a_websocket_takes_over_in_two_steps(
    upgrades: Upgrades, websocket: RecordingChannel
) -> None:
    session = _session()

    assert upgrades.start(session, websocket, 10)
    assert (session.upgrading, upgrades.deadlines.next()) == (True, 10)

    assert not upgrades.step(session, websocket, "2probe")
    assert (session.held, session.transport, websocket.written) == (True, "polling", [b"3probe"])

    assert upgrades.step(session, websocket, "5")
    assert (session.held, session.upgrading, upgrades.deadlines.next()) == (False, False, None)
    assert (session.transport, session.channel) == ("websocket", websocket)


@pytest.mark.parametrize(("queued", "answer"), [([], [b"6"]), ([Message(b"4x")], [b"4x"])])
def test_a_probe_releases_the_waiting_get(
    upgrades: Upgrades, websocket: RecordingChannel, queued: list[Message], answer: list[bytes]
) -> None:
    session = _session()
    session.outbox = queued
    session.channel = get = RecordingChannel()
    upgrades.start(session, websocket, 10)

    upgrades.step(session, websocket, "2probe")

    assert get.written == answer
    assert (session.channel, session.outbox) == (None, [])


@pytest.mark.parametrize("state", [OPENING, CLOSED])
def test_only_an_open_session_can_be_upgraded(
    upgrades: Upgrades, websocket: RecordingChannel, state: State
) -> None:
    session = _session()
    session.state = state

    assert not upgrades.start(session, websocket, 10)
    assert upgrades.deadlines.next() is None


def test_a_websocket_cannot_be_upgraded(upgrades: Upgrades, websocket: RecordingChannel) -> None:
    session = _session()
    session.transport = "websocket"

    assert not upgrades.start(session, websocket, 10)


def test_the_first_websocket_wins(upgrades: Upgrades, websocket: RecordingChannel) -> None:
    session = _session()
    upgrades.start(session, websocket, 10)

    assert not upgrades.start(session, RecordingChannel(), 20)

    assert (session.candidate, upgrades.deadlines.next()) == (websocket, 10)


@pytest.mark.parametrize("frames", [["5"], ["4x"], [b"2probe"], ["2probe", "4x"], ["2probe", b"5"]])
def test_anything_else_than_the_next_step_is_an_error(
    upgrades: Upgrades, websocket: RecordingChannel, frames: list[str | bytes]
) -> None:
    session = _session()
    upgrades.start(session, websocket, 10)
    for frame in frames[:-1]:
        upgrades.step(session, websocket, frame)

    with pytest.raises(ProtocolError, match="expected an upgrade packet"):
        upgrades.step(session, websocket, frames[-1])


@pytest.mark.parametrize("gone", ["websocket", "session"])
def test_nothing_follows_an_upgrade_that_was_given_up(
    upgrades: Upgrades, websocket: RecordingChannel, gone: str
) -> None:
    session = _session()
    upgrades.start(session, websocket, 10)
    if gone == "websocket":
        assert upgrades.end(session) is websocket
    else:
        session.state = CLOSED

    with pytest.raises(ProtocolError, match="not upgrading"):
        upgrades.step(session, websocket, "2probe")


def test_the_end_of_an_upgrade_that_never_began_changes_nothing(upgrades: Upgrades) -> None:
    session = _session()

    assert upgrades.end(session) is None
    assert (session.held, session.state) == (False, OPEN)
