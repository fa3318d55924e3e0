from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from socketio._core.outbox import Outbox


def filled(*messages: bytes, max_count: int = 10, max_bytes: int = 1000) -> Outbox:
    outbox = Outbox(max_count, max_bytes)
    for message in messages:
        outbox.add(message)
    return outbox


def test_messages_leave_in_order_and_not_too_many_at_once() -> None:
    outbox = filled(b"1", b"2", b"3")

    assert outbox.take(2, 1000) == [b"1", b"2"]
    assert outbox.take(2, 1000) == [b"3"]
    assert outbox.take(2, 1000) == []
    assert (len(outbox), outbox.bytes) == (0, 0)


def test_not_too_much_leaves_at_once() -> None:
    outbox = filled(b"1" * 4, b"2" * 4, b"3" * 4, b"4" * 50, b"5")

    assert outbox.take(9, 11) == [b"1" * 4, b"2" * 4]
    assert outbox.take(9, 11) == [b"3" * 4]
    assert outbox.take(9, 11) == [b"4" * 50]
    assert outbox.take(9, 11) == [b"5"]
    assert outbox.bytes == 0


def test_what_could_not_be_sent_goes_first() -> None:
    outbox = filled(b"1", b"2", b"3")

    outbox.put_back(outbox.take(2, 1000))

    assert outbox.take(3, 1000) == [b"1", b"2", b"3"]


def test_over_the_limit_the_oldest_are_dropped_and_counted() -> None:
    outbox = filled(b"1", b"2", b"3", b"4", max_count=2)

    assert outbox.dropped == 2
    assert outbox.take(9, 1000) == [b"3", b"4"]


def test_bytes_are_limited_too() -> None:
    outbox = filled(b"1" * 6, b"2" * 6, max_bytes=10)

    assert outbox.dropped == 1
    assert outbox.bytes == 6


def test_a_single_message_may_be_over_the_limit() -> None:
    outbox = filled(b"1" * 50, max_bytes=10)

    assert outbox.dropped == 0
    assert len(outbox.take(1, 1000)[0]) == 50


def test_what_is_put_back_counts_towards_the_limits() -> None:
    outbox = filled(b"1", b"2", max_count=2)
    taken = outbox.take(2, 1000)
    outbox.add(b"3")

    outbox.put_back(taken)

    assert outbox.dropped == 1
    assert outbox.take(9, 1000) == [b"2", b"3"]


def test_clearing_is_not_dropping() -> None:
    outbox = filled(b"1", b"2")

    outbox.clear()

    assert (len(outbox), outbox.bytes, outbox.dropped) == (0, 0, 0)


def test_what_is_given_up_is_counted() -> None:
    outbox = filled(b"1", b"2")

    outbox.drop()

    assert (len(outbox), outbox.bytes, outbox.dropped) == (0, 0, 2)


@given(st.lists(st.one_of(st.binary(min_size=1, max_size=9), st.integers(1, 5))))
def test_nothing_is_reordered_and_everything_is_counted(steps: list[bytes | int]) -> None:
    outbox = Outbox(4, 20)
    added: list[bytes] = []
    left: list[bytes] = []
    for step in steps:
        if isinstance(step, bytes):
            added.append(step)
            outbox.add(step)
        else:
            taken = outbox.take(step, 1000)
            outbox.put_back(taken[1:])
            left += taken[:1]
    left += outbox.take(len(outbox), 1000)

    rest = iter(added)
    assert all(message in rest for message in left)
    assert len(left) + outbox.dropped == len(added)
    assert outbox.bytes == 0
