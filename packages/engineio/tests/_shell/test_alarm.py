from __future__ import annotations

import logging
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING

from engineio._shell.alarm import Alarm
from engineio.async_drivers.threading import ThreadConcurrency

if TYPE_CHECKING:
    import pytest

SOON = 10
"""Seconds in which everything must happen; only a failing test waits so long."""


class Engine:
    """Has one deadline, and tells when it is looked at."""

    def __init__(self, due: float | None) -> None:
        self.due = due
        self.ticks: SimpleQueue[float] = SimpleQueue()

    def next_deadline(self) -> float | None:
        return self.due

    def tick(self, now: float) -> None:
        self.due = None
        self.ticks.put(now)


def make_alarm(engine: Engine) -> Alarm:
    return Alarm(engine, time.monotonic, ThreadConcurrency())  # type: ignore[arg-type]


def test_a_deadline_is_met() -> None:
    due = time.monotonic() + 0.1
    engine = Engine(due)

    make_alarm(engine).rearm()

    assert engine.ticks.get(timeout=SOON) >= due


def test_a_nearer_deadline_wakes_the_thread() -> None:
    engine = Engine(time.monotonic() + 1000)
    alarm = make_alarm(engine)
    alarm.rearm()

    engine.due = time.monotonic() + 0.1
    alarm.rearm()

    assert engine.ticks.get(timeout=SOON)


def test_there_is_no_thread_without_deadlines() -> None:
    engine = Engine(time.monotonic())
    alarm = make_alarm(engine)
    make_alarm(Engine(None)).rearm()

    alarm.rearm()
    engine.ticks.get(timeout=SOON)
    while alarm._running is not None:
        pass
    engine.due = time.monotonic()
    alarm.rearm()

    assert engine.ticks.get(timeout=SOON)


def test_nothing_is_looked_at_after_stop() -> None:
    model = ThreadConcurrency()
    ended = threading.Event()

    def spawn(function: object, *args: object) -> None:
        def run() -> None:
            function(*args)  # type: ignore[operator]
            ended.set()

        threading.Thread(target=run).start()

    model.spawn = spawn  # type: ignore[assignment]
    engine = Engine(time.monotonic() + 1000)
    alarm = Alarm(engine, time.monotonic, model)  # type: ignore[arg-type]
    alarm.rearm()

    alarm.stop()

    assert ended.wait(SOON)
    assert engine.ticks.empty()


def test_what_a_deadline_raises_is_logged_and_the_next_one_is_met(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(Engine):
        def tick(self, now: float) -> None:
            super().tick(now)
            self.due = now
            if self.ticks.qsize() == 1:
                raise ZeroDivisionError

    engine = Failing(time.monotonic())
    alarm = make_alarm(engine)

    with caplog.at_level(logging.ERROR, "engineio.alarm"):
        alarm.rearm()
        deadline = time.monotonic() + SOON
        while engine.ticks.qsize() < 2:
            assert time.monotonic() < deadline
    alarm.stop()

    assert "ZeroDivisionError" in caplog.text


def test_without_a_thread_the_next_deadline_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    model = ThreadConcurrency()

    def fail(function: object, *args: object) -> None:
        raise RuntimeError("can't start new thread")

    model.spawn = fail  # type: ignore[method-assign,assignment]
    engine = Engine(time.monotonic())
    alarm = Alarm(engine, time.monotonic, model)  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR, "engineio.alarm"):
        alarm.rearm()
    assert "can't start new thread" in caplog.text

    del model.spawn
    alarm.rearm()

    assert engine.ticks.get(timeout=SOON)
