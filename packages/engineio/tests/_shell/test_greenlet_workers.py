from __future__ import annotations

import logging

import gevent
import pytest

from engineio._shell import greenlet_workers as module
from engineio._shell.greenlet_workers import GreenletWorkers
from engineio.async_drivers.gevent import GeventHub


@pytest.fixture
def workers() -> GreenletWorkers:
    return GreenletWorkers(GeventHub())


def test_jobs_begin_in_order(workers: GreenletWorkers) -> None:
    done: list[int] = []

    for number in range(50):
        workers.start(done.append, number)
    gevent.sleep(0.01)

    assert done == list(range(50))


def test_an_idle_greenlet_does_the_next_job(workers: GreenletWorkers) -> None:
    greenlets = []

    for _ in range(5):
        workers.start(lambda: greenlets.append(gevent.getcurrent()))
        gevent.sleep(0)
        gevent.sleep(0)

    assert len(greenlets) == 5
    assert len(set(greenlets)) == 1


def test_jobs_that_wait_do_not_hold_up_others(workers: GreenletWorkers) -> None:
    event = gevent.event.Event()
    done: list[str] = []

    workers.start(event.wait)
    workers.start(done.append, "other")
    gevent.sleep(0.01)

    assert done == ["other"]
    event.set()


def test_what_a_job_raises_is_logged(
    workers: GreenletWorkers, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    with caplog.at_level(logging.ERROR, "engineio.workers"):
        workers.start(int, "not a number")
        gevent.sleep(0.01)
        workers.start(done.append, "next")
        gevent.sleep(0.01)

    assert done == ["next"]
    assert "ValueError" in caplog.text


def test_a_killed_greenlet_gets_no_job(workers: GreenletWorkers) -> None:
    greenlets = []
    done: list[str] = []
    workers.start(lambda: greenlets.append(gevent.getcurrent()))
    gevent.sleep(0.01)

    greenlets[0].kill()
    workers.start(done.append, "next")
    gevent.sleep(0.01)

    assert done == ["next"]


def test_only_so_many_are_kept(workers: GreenletWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IDLE", 2)
    event = gevent.event.Event()

    for _ in range(5):
        workers.start(event.wait)
    gevent.sleep(0.01)
    event.set()
    gevent.sleep(0.01)

    assert len(workers._idle) == 2
