from __future__ import annotations

from engine_support import RecordingChannel

from engineio._core.message import Message, weight
from engineio._core.outbox import (
    EAGER_FLUSH,
    PACKETS_PER_POLL,
    drop_outbox,
    eager_flush,
    is_too_much,
    take_poll,
    waiting_bytes,
)
from engineio._core.session import Session


def _session(count: int) -> Session:
    session = Session("sid", "polling")
    session.outbox = [Message(b"4%03d" % number) for number in range(count)]
    session.queued = weight(session.outbox)
    return session


class CountedMessage(Message):
    """Counts how often its size is looked at, together with the others."""

    looks = 0

    @property
    def payload(self) -> bytes:  # type: ignore[override]
        CountedMessage.looks += 1
        return b"4"

    @payload.setter
    def payload(self, payload: bytes) -> None:
        pass


def test_a_poll_takes_as_much_as_a_client_accepts() -> None:
    session = _session(PACKETS_PER_POLL + 2)

    messages = take_poll(session)

    assert [message.payload for message in messages[:2]] == [b"4000", b"4001"]
    assert len(messages) == PACKETS_PER_POLL
    assert (len(session.outbox), session.queued) == (2, weight(session.outbox))
    assert len(take_poll(session)) == 2
    assert take_poll(session) == []
    assert session.queued == 0


def test_a_poll_costs_the_same_however_much_waits() -> None:
    looks = []
    for count in (20, 2000):
        session = _session(0)
        session.outbox = [CountedMessage(b"4") for _ in range(count)]
        CountedMessage.looks = 0
        take_poll(session)
        looks.append(CountedMessage.looks)

    assert looks[0] == looks[1] <= PACKETS_PER_POLL


def test_what_is_dropped_is_counted() -> None:
    session = _session(3)

    assert drop_outbox(session) == 3
    assert (session.outbox, session.queued) == ([], 0)
    assert drop_outbox(session) == 0


def test_bytes_wait_in_the_outbox_and_in_the_channel() -> None:
    session = _session(3)
    assert waiting_bytes(session) == weight(session.outbox)

    session.channel = RecordingChannel(buffered=5)
    assert waiting_bytes(session) == weight(session.outbox) + 5


def test_a_low_limit_lets_little_be_queued() -> None:
    assert eager_flush(None) == EAGER_FLUSH
    assert eager_flush(EAGER_FLUSH + 1) == EAGER_FLUSH
    assert eager_flush(1000) == 1000


def test_one_unit_that_is_larger_than_the_limit_may_wait_in_addition() -> None:
    session = _session(0)

    assert not is_too_much(session, 100, 100, 100)
    assert is_too_much(session, 101, 100, 100)
    assert not is_too_much(session, 600, 500, 100)
    assert not is_too_much(session, 600, 0, 100)
    assert is_too_much(session, 601, 0, 100)
    assert is_too_much(session, 1100, 500, 100)
