from __future__ import annotations

from engineio._core.message import Message, weight
from engineio._core.outbox import PACKETS_PER_POLL, drop_outbox, take_poll
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
