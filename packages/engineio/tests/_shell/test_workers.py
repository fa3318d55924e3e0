from __future__ import annotations

import logging
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from engineio._shell import workers as module
from engineio._shell.workers import Workers

if TYPE_CHECKING:
    import pytest

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


def test_a_job_gets_its_arguments_in_another_thread() -> None:
    results: SimpleQueue[tuple[str, int]] = SimpleQueue()

    Workers().start(lambda x: results.put((x, threading.get_ident())), "x")

    value, thread = results.get(timeout=SOON)
    assert value == "x"
    assert thread != threading.get_ident()


def test_one_thread_does_all_jobs_that_come_one_after_the_other() -> None:
    workers = Workers()
    results: SimpleQueue[int] = SimpleQueue()
    threads = set()

    for _ in range(100):
        workers.start(lambda: results.put(threading.get_ident()))
        threads.add(results.get(timeout=SOON))
        _wait_for_idle(workers, 1)

    assert len(threads) == 1


def test_jobs_that_wait_do_not_hold_up_others() -> None:
    workers = Workers()
    barrier = threading.Barrier(21)

    for _ in range(20):
        workers.start(barrier.wait, SOON)

    barrier.wait(SOON)


def test_start_waits_for_a_thread_at_the_limit() -> None:
    workers = Workers(limit=1)
    go_on = threading.Event()
    order: SimpleQueue[str] = SimpleQueue()

    def second() -> None:
        workers.start(order.put, "job")
        order.put("started")

    workers.start(go_on.wait, SOON)
    starter = threading.Thread(target=second)
    starter.start()
    while not workers._waiting:
        pass
    assert order.empty()
    go_on.set()
    starter.join(SOON)

    assert {order.get(timeout=SOON), order.get(timeout=SOON)} == {"job", "started"}


def test_a_job_can_be_left_to_the_first_thread_that_is_free() -> None:
    workers = Workers(limit=1)
    go_on = threading.Event()
    order: SimpleQueue[int] = SimpleQueue()
    workers.put(go_on.wait, SOON)

    for number in range(3):
        workers.put(order.put, number)
    assert order.empty()
    assert workers.free == 0
    go_on.set()

    assert [order.get(timeout=SOON) for _ in range(3)] == [0, 1, 2]
    _wait_for_idle(workers, 1)
    assert workers.free == 1
    workers.put(order.put, 3)
    assert order.get(timeout=SOON) == 3


def test_without_another_thread_a_job_is_left_to_one_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers()
    go_on = threading.Event()
    order: SimpleQueue[int] = SimpleQueue()
    workers.start(go_on.wait, SOON)
    monkeypatch.setattr(threading.Thread, "start", _fail_to_start)

    workers.put(order.put, threading.get_ident())
    assert order.empty()
    go_on.set()

    assert order.get(timeout=SOON) == threading.get_ident()


def test_without_any_thread_a_job_is_done_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threading.Thread, "start", _fail_to_start)
    done: list[int] = []

    Workers().put(done.append, 1)
    with caplog.at_level(logging.ERROR, "engineio.workers"):
        Workers().put(int, "not a number")

    assert done == [1]
    assert "ValueError" in caplog.text


def _fail_to_start(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_what_a_job_raises_is_logged_and_the_thread_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    workers = Workers()
    results: SimpleQueue[str] = SimpleQueue()

    with caplog.at_level(logging.ERROR, "engineio.workers"):
        workers.start(int, "not a number")
        _wait_for_idle(workers, 1)
        workers.start(results.put, "next")

    assert results.get(timeout=SOON) == "next"
    assert "ValueError" in caplog.text


def test_an_idle_thread_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_TIMEOUT", 0.01)
    workers = Workers()
    threads: SimpleQueue[threading.Thread] = SimpleQueue()

    workers.start(lambda: threads.put(threading.current_thread()))
    thread = threads.get(timeout=SOON)
    thread.join(SOON)

    assert not thread.is_alive()
    assert workers._count == 0


def _wait_for_idle(workers: Workers, count: int) -> None:
    while len(workers._idle) < count:
        pass
