from __future__ import annotations

import pytest
from engine_support import RecordingChannel

from engineio._core.session import CLOSED, CLOSING, OPEN, OPENING, Session, State


@pytest.mark.parametrize(
    ("state", "connected"), [(OPENING, False), (OPEN, True), (CLOSING, True), (CLOSED, False)]
)
def test_a_session_takes_requests_from_acceptance_to_its_last_poll(
    state: State, connected: bool
) -> None:
    session = Session("sid", "polling")
    session.state = state

    assert session.connected is connected


def test_a_session_is_upgrading_while_it_has_a_candidate() -> None:
    session = Session("sid", "polling")
    assert not session.upgrading

    session.candidate = RecordingChannel()

    assert session.upgrading
