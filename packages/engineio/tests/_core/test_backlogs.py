from __future__ import annotations

import pytest
from engine_support import RecordingChannel

from engineio._core.backlogs import EAGER_FLUSH, HIGH_WATER, Backlogs, waiting_bytes
from engineio._core.session import Session

A, B = Session("a", "websocket"), Session("b", "polling")


@pytest.mark.parametrize(
    ("limit", "eager", "mark"),
    [
        (None, EAGER_FLUSH, HIGH_WATER),
        (2 * HIGH_WATER, EAGER_FLUSH, HIGH_WATER),
        (2 * EAGER_FLUSH, EAGER_FLUSH, 2 * EAGER_FLUSH),
        (1000, 1000, 1000),
    ],
)
def test_little_is_looked_at_where_little_may_wait(
    limit: int | None, eager: int, mark: int
) -> None:
    backlogs = Backlogs(5)
    for again in (limit, limit):
        backlogs.set_limit(again)

    assert (backlogs.eager, backlogs.mark) == (eager, mark)


def test_without_a_limit_nothing_is_too_much() -> None:
    assert not Backlogs(None).is_too_much(A, 10**12, 10**12)


def test_one_unit_that_is_larger_than_the_limit_may_wait_in_addition() -> None:
    backlogs = Backlogs(100)

    assert not backlogs.is_too_much(A, 100, 100)
    assert backlogs.is_too_much(A, 101, 100)
    assert not backlogs.watched
    assert not backlogs.is_too_much(A, 600, 500)
    assert backlogs.watched
    assert not backlogs.is_too_much(A, 600, 0)
    assert backlogs.is_too_much(A, 601, 0)
    assert backlogs.is_too_much(A, 1100, 500)
    assert backlogs.is_too_much(B, 101, 0)


def test_the_allowance_ends_with_the_large_unit() -> None:
    backlogs = Backlogs(100)
    backlogs.is_too_much(A, 600, 500)

    assert not backlogs.is_too_much(A, 100, 0)

    assert not backlogs.watched
    assert backlogs.is_too_much(A, 101, 0)


def test_who_is_far_behind_is_congested_until_he_has_caught_up() -> None:
    backlogs = Backlogs(None)
    channel = A.channel = RecordingChannel(buffered=HIGH_WATER + 1)
    backlogs.is_too_much(A, HIGH_WATER + 1, 0)
    backlogs.is_too_much(B, HIGH_WATER, 0)
    assert backlogs.congested == {A}
    assert backlogs.still_congested() == {A}

    channel.buffered = HIGH_WATER

    assert backlogs.still_congested() == backlogs.congested == set()
    A.channel = None


def test_who_was_given_up_is_congested_again_once_he_has_caught_up() -> None:
    backlogs = Backlogs(None)
    backlogs.is_too_much(A, HIGH_WATER + 1, 0)

    backlogs.give_up()
    backlogs.is_too_much(A, HIGH_WATER + 2, 0)
    assert backlogs.congested == set()
    assert backlogs.watched

    backlogs.is_too_much(A, HIGH_WATER, 0)
    assert not backlogs.watched
    backlogs.is_too_much(A, HIGH_WATER + 1, 0)
    assert backlogs.congested == {A}


def test_nothing_is_known_of_a_session_that_has_ended() -> None:
    backlogs = Backlogs(HIGH_WATER)
    backlogs.is_too_much(A, 2 * HIGH_WATER, 2 * HIGH_WATER)
    backlogs.give_up()
    backlogs.is_too_much(B, 2 * HIGH_WATER, 2 * HIGH_WATER)

    for session in (A, B):
        backlogs.forget(session)

    assert backlogs.congested == set()
    assert not backlogs.is_too_much(A, 1, 0)
    assert not backlogs.watched


def test_bytes_wait_in_the_outbox_and_in_the_channel() -> None:
    session = Session("sid", "polling")
    session.queued = 12
    assert waiting_bytes(session) == 12

    session.channel = RecordingChannel(buffered=5)
    assert waiting_bytes(session) == 17
