from __future__ import annotations

import pytest
from engine_support import Options

from engineio._core.heartbeat import MAX_HOLD, Heartbeat
from engineio._core.session import Session


@pytest.fixture
def heartbeat() -> Heartbeat:
    return Heartbeat(Options(ping_interval=25, ping_timeout=20))  # type: ignore[arg-type]


@pytest.fixture
def session() -> Session:
    return Session("sid", "websocket")


def _pinged(heartbeat: Heartbeat, session: Session) -> None:
    """Let a session owe a PONG, due at 45."""
    heartbeat.start(session, 0)
    assert heartbeat.due(25) == ([session], [])


def test_a_session_is_pinged_and_has_to_answer(heartbeat: Heartbeat, session: Session) -> None:
    heartbeat.start(session, 0)
    assert heartbeat.due(24) == ([], [])
    assert heartbeat.pong_due(session) is None

    assert heartbeat.due(25) == ([session], [])
    assert heartbeat.pong_due(session) == 45
    assert heartbeat.due(44) == ([], [])

    assert heartbeat.due(45) == ([], [session])
    assert heartbeat.due(1000) == ([], [])


def test_an_answer_restarts_the_interval(heartbeat: Heartbeat, session: Session) -> None:
    assert not heartbeat.answered(session, 0)
    _pinged(heartbeat, session)

    assert heartbeat.answered(session, 30)

    assert heartbeat.due(54) == ([], [])
    assert heartbeat.due(55) == ([session], [])


@pytest.mark.parametrize("pinged", [False, True])
def test_a_session_that_has_ended_is_let_be(
    heartbeat: Heartbeat, session: Session, pinged: bool
) -> None:
    heartbeat.start(session, 0)
    if pinged:
        heartbeat.due(25)

    heartbeat.stop(session)

    assert heartbeat.due(100) == ([], [])


def test_who_is_not_heard_is_pinged_again_and_not_missed(
    heartbeat: Heartbeat, session: Session
) -> None:
    _pinged(heartbeat, session)
    heartbeat.hold(session, 30)
    heartbeat.hold(session, 40)

    assert heartbeat.due(45) == heartbeat.due(65) == ([session], [])
    assert heartbeat.pong_due(session) == 85


def test_an_answer_is_due_anew_when_nothing_is_held_back_any_more(
    heartbeat: Heartbeat, session: Session
) -> None:
    _pinged(heartbeat, session)
    heartbeat.hold(session, 30)
    heartbeat.hold(session, 30)
    heartbeat.release(session, 40)
    assert heartbeat.due(45) == ([session], [])

    heartbeat.release(session, 60)
    assert heartbeat.due(79) == ([], [])

    assert heartbeat.due(80) == ([], [session])


def test_nothing_is_owed_after_a_hold_without_a_ping(
    heartbeat: Heartbeat, session: Session
) -> None:
    heartbeat.start(session, 0)
    heartbeat.hold(session, 1)
    heartbeat.release(session, 2)

    assert heartbeat.pong_due(session) is None


def test_an_application_cannot_hold_back_for_ever(heartbeat: Heartbeat, session: Session) -> None:
    _pinged(heartbeat, session)
    heartbeat.hold(session, 30)

    assert heartbeat.due(29 + MAX_HOLD) == ([session], [])
    assert heartbeat.due(49 + MAX_HOLD) == ([], [session])
