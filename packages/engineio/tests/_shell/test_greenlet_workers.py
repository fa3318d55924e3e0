from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent
import gevent.event
import gevent.queue
import pytest

from engineio._shell import greenlet_workers as module
from engineio._shell.greenlet_workers import GreenletWorkers
from engineio.async_drivers.gevent import GeventHub

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Fail, do not hang."""
    with gevent.Timeout(SOON):
        yield


@pytest.fixture
def workers() -> GreenletWorkers:
    return GreenletWorkers(GeventHub())


def _wait_for_idle(workers: GreenletWorkers, count: int) -> None:
    while len(workers._idle) != count:
        gevent.sleep(0)


def test_jobs_begin_in_order(workers: GreenletWorkers) -> None:
    done: gevent.queue.Queue[int] = gevent.queue.Queue()

    for number in range(50):
        workers.start(done.put, number)

    assert [done.get() for _ in range(50)] == list(range(50))


def test_an_idle_greenlet_does_the_next_job(workers: GreenletWorkers) -> None:
    greenlets: gevent.queue.Queue[gevent.Greenlet] = gevent.queue.Queue()
    seen = []

    for _ in range(5):
        workers.start(lambda: greenlets.put(gevent.getcurrent()))
        seen.append(greenlets.get())
        _wait_for_idle(workers, 1)

    assert len(set(seen)) == 1


def test_jobs_that_wait_do_not_hold_up_others(workers: GreenletWorkers) -> None:
    event = gevent.event.Event()
    done = gevent.event.Event()

    workers.start(event.wait)
    workers.start(done.set)

    assert done.wait()
    event.set()


def test_what_a_job_raises_is_logged(
    workers: GreenletWorkers, caplog: pytest.LogCaptureFixture
) -> None:
    done = gevent.event.Event()

    with caplog.at_level(logging.ERROR, "engineio.workers"):
        workers.start(int, "not a number")
        _wait_for_idle(workers, 1)
        workers.start(done.set)
        assert done.wait()

    assert "ValueError" in caplog.text


def test_a_killed_greenlet_gets_no_job(workers: GreenletWorkers) -> None:
    greenlets: gevent.queue.Queue[gevent.Greenlet] = gevent.queue.Queue()
    done = gevent.event.Event()
    workers.start(lambda: greenlets.put(gevent.getcurrent()))
    greenlet = greenlets.get()
    _wait_for_idle(workers, 1)

    greenlet.kill()
    workers.start(done.set)

    assert done.wait()


def test_only_so_many_are_kept(workers: GreenletWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IDLE", 2)
    event = gevent.event.Event()
    greenlets: list[gevent.Greenlet] = []

    def wait() -> None:
        greenlets.append(gevent.getcurrent())
        event.wait()

    for _ in range(5):
        workers.start(wait)
    while len(greenlets) < 5:
        gevent.sleep(0)
    event.set()
    _wait_for_idle(workers, 2)
    while sum(greenlet.dead for greenlet in greenlets) < 3:
        gevent.sleep(0)

    assert len(workers._idle) == 2
