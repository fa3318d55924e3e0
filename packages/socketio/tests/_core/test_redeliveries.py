from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from socketio._core.redeliveries import Redeliveries


def test_what_comes_again_was_received_before() -> None:
    redeliveries = Redeliveries(5)
    assert not redeliveries.is_repeated(b"a", False)
    assert redeliveries.has_unsettled

    redeliveries.connect()

    assert redeliveries.is_repeated(b"a", True)


def test_what_was_lost_on_its_way_was_not() -> None:
    redeliveries = Redeliveries(5)
    redeliveries.is_repeated(b"a", False)

    redeliveries.connect()

    assert redeliveries.is_repeated(b"a", True)
    assert not redeliveries.is_repeated(b"a", True)
    assert not redeliveries.is_repeated(b"b", True)


def test_what_is_settled_does_not_come_again() -> None:
    redeliveries = Redeliveries(5)
    redeliveries.is_repeated(b"a", False)
    redeliveries.settle()
    assert not redeliveries.has_unsettled

    redeliveries.connect()

    assert not redeliveries.is_repeated(b"a", True)


def test_what_comes_again_comes_first() -> None:
    redeliveries = Redeliveries(5)
    redeliveries.is_repeated(b"a", False)
    redeliveries.connect()

    assert not redeliveries.is_repeated(b"b", False)
    assert not redeliveries.is_repeated(b"a", True)


def test_a_connection_may_be_lost_again_before_it_has_come() -> None:
    redeliveries = Redeliveries(5)
    redeliveries.is_repeated(b"a", False)
    redeliveries.is_repeated(b"a", False)
    redeliveries.connect()
    assert redeliveries.is_repeated(b"a", True)

    redeliveries.connect()

    assert redeliveries.is_repeated(b"a", True)
    assert redeliveries.is_repeated(b"a", True)
    assert not redeliveries.is_repeated(b"a", True)


@given(
    sent=st.lists(st.sampled_from([b"a", b"b"]), max_size=30),
    received=st.integers(0, 30),
    settled=st.integers(0, 30),
)
def test_every_message_is_taken_once(sent: list[bytes], received: int, settled: int) -> None:
    received = min(received, len(sent))
    settled = min(settled, received)
    redeliveries = Redeliveries(30)
    taken = []
    for message in sent[:settled]:
        assert not redeliveries.is_repeated(message, False)
        taken.append(message)
    redeliveries.settle()
    for message in sent[settled:received]:
        assert not redeliveries.is_repeated(message, False)
        taken.append(message)

    redeliveries.connect()
    taken += [message for message in sent[settled:] if not redeliveries.is_repeated(message, True)]

    assert sorted(taken) == sorted(sent)
