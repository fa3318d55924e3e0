from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socketio._core.backoff import Backoff


def make_backoff(
    first: float = 1, limit: float = 5, jitter: float = 0, random: float = 0.5
) -> Backoff:
    return Backoff(first, limit, jitter, lambda: random)


def test_delays_double_up_to_the_limit() -> None:
    backoff = make_backoff()

    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]


def test_a_reset_begins_again() -> None:
    backoff = make_backoff()
    backoff.next()
    backoff.next()

    backoff.reset()

    assert backoff.next() == 1


@pytest.mark.parametrize(
    ("random", "delays"), [(0, [0.5, 1, 2]), (0.5, [1, 2, 4]), (1, [1.5, 3, 6])]
)
def test_the_random_part_is_a_fraction_of_the_delay(random: float, delays: list[float]) -> None:
    backoff = make_backoff(jitter=0.5, random=random)

    assert [backoff.next() for _ in delays] == delays


def test_a_delay_is_never_negative() -> None:
    assert make_backoff(jitter=3, random=0).next() == 0


def test_years_of_attempts_do_not_overflow() -> None:
    backoff = make_backoff(limit=float("inf"))

    delays = [backoff.next() for _ in range(2000)]

    assert delays[-1] == delays[64] == 2.0**64


@given(
    first=st.floats(0, 1e6),
    limit=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
    random=st.floats(0, 1),
    attempts=st.integers(1, 100),
)
def test_a_delay_stays_within_the_limit_and_its_random_part(
    first: float, limit: float, jitter: float, random: float, attempts: int
) -> None:
    backoff = make_backoff(first, limit, jitter, random)

    delays = [backoff.next() for _ in range(attempts)]

    assert all(0 <= delay <= limit * (1 + jitter) for delay in delays)
    assert delays == sorted(delays)
