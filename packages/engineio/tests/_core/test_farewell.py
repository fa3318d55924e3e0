from __future__ import annotations

import pytest
from engine_support import RecordingChannel

from engineio._core.counters import Counters
from engineio._core.farewell import CLOSE_TIMEOUT, Farewells
from engineio._core.message import Message
from engineio._core.outbox import PACKETS_PER_POLL
from engineio._core.reason import Reason
from engineio._core.session import CLOSED, CLOSING, Session, Transport

NORMAL = 1000


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def farewells(counters: Counters) -> Farewells:
    return Farewells(counters)


def _closed(
    transport: Transport, reason: str, channel: RecordingChannel | None = None, queued: int = 1
) -> Session:
    """A session as the engine leaves it: closed, with something in its outbox."""
    session = Session("sid", transport)
    session.state = CLOSED
    session.reason = reason
    session.channel = channel
    session.outbox = [Message(b"4x")] * queued
    return session


@pytest.mark.parametrize(
    ("reason", "written", "dropped"),
    [
        (Reason.SERVER_DISCONNECT, [b"4x", b"1"], 0),
        (Reason.PING_TIMEOUT, [b"4x", b"1"], 0),
        (Reason.CLIENT_DISCONNECT, [], 1),
        (Reason.TRANSPORT_ERROR, [], 1),
    ],
)
def test_a_websocket_is_told_unless_its_peer_knows(
    farewells: Farewells, counters: Counters, reason: str, written: list[bytes], dropped: int
) -> None:
    channel = RecordingChannel()
    session = _closed("websocket", reason, channel)

    farewells.say(session, NORMAL)

    assert (channel.written, channel.closed, session.channel) == (written, NORMAL, None)
    assert counters.messages_dropped == dropped


def test_a_websocket_that_is_lost_already_is_told_nothing(
    farewells: Farewells, counters: Counters
) -> None:
    farewells.say(_closed("websocket", Reason.TRANSPORT_CLOSE), NORMAL)

    assert counters.messages_dropped == 1
    assert farewells.shut == []


@pytest.mark.parametrize(
    ("reason", "written", "aborted", "dropped"),
    [
        (Reason.SERVER_DISCONNECT, [b"4x", b"1"], False, 0),
        (Reason.CLIENT_DISCONNECT, [b"6"], False, 1),
        (Reason.TRANSPORT_ERROR, [b"1"], False, 1),
        (Reason.PING_TIMEOUT, [], True, 1),
    ],
)
def test_a_waiting_get_is_answered(
    farewells: Farewells,
    counters: Counters,
    reason: str,
    written: list[bytes],
    aborted: bool,
    dropped: int,
) -> None:
    channel = RecordingChannel()
    session = _closed("polling", reason, channel)

    farewells.say(session, NORMAL)

    assert (channel.written, channel.aborted) == (written, aborted)
    assert (session.state, counters.messages_dropped) == (CLOSED, dropped)
    assert not farewells.linger(session, 0)


def test_nobody_is_told_where_nobody_waits(farewells: Farewells, counters: Counters) -> None:
    farewells.say(_closed("polling", Reason.TRANSPORT_ERROR), NORMAL)

    assert counters.messages_dropped == 1


def test_the_last_payload_waits_for_the_next_gets(farewells: Farewells, counters: Counters) -> None:
    session = _closed("polling", Reason.SERVER_DISCONNECT, queued=PACKETS_PER_POLL)
    farewells.say(session, NORMAL)
    assert session.state is CLOSING

    assert farewells.linger(session, 0)
    assert farewells.leaving == {"sid": session}

    first, second = RecordingChannel(), RecordingChannel()
    farewells.hand_over(session, first)
    assert (len(first.written), session.state) == (PACKETS_PER_POLL, CLOSING)
    farewells.hand_over(session, second)
    assert (second.written, session.state) == ([b"1"], CLOSED)
    assert farewells.leaving == {}
    farewells.tick(CLOSE_TIMEOUT)
    assert counters.messages_dropped == 0


def test_the_last_payload_is_not_kept_for_ever(farewells: Farewells, counters: Counters) -> None:
    session = _closed("polling", Reason.SERVER_DISCONNECT)
    farewells.say(session, NORMAL)
    farewells.linger(session, 0)

    farewells.tick(CLOSE_TIMEOUT - 1)
    assert farewells.leaving == {"sid": session}

    farewells.tick(CLOSE_TIMEOUT)
    assert (farewells.leaving, session.state) == ({}, CLOSED)
    assert counters.messages_dropped == 2


@pytest.mark.parametrize("ends", [None, "at once", "later"])
def test_a_closed_channel_is_cut_unless_it_ends(farewells: Farewells, ends: str | None) -> None:
    channel = RecordingChannel()
    farewells.shut_channel(channel, NORMAL)
    if ends == "at once":
        assert farewells.ended(channel)
    farewells.arm(5)
    assert farewells.shut == []
    if ends == "later":
        assert farewells.ended(channel)

    farewells.tick(5 + CLOSE_TIMEOUT)

    assert (channel.closed, channel.aborted) == (NORMAL, ends is None)
    assert not farewells.ended(channel)
