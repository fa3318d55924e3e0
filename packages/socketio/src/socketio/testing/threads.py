"""Threads for a server under test: who is still at work is known, and time passes when told to.

They take the place of the server's own model, whichever that is.  A thread that waits for an event
or a moment of this model does not count as being at work; one that waits elsewhere (for a file, a
lock) does.
"""

from __future__ import annotations

import contextlib
import threading
import time
from math import inf
from typing import TYPE_CHECKING, Any

from engineio._shell.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 5.0
"""Real seconds that handlers get to finish; then the test is told which of them has not."""

TASK_PATIENCE = 0.2
"""Real seconds that a background task gets to finish or to wait for something of this model.  One
that does neither waits for something else; the test no longer waits for it."""

SLACK = 0.001
"""Seconds by which a moment may be missed and still counts: sums of floats are not exact."""

TINY = 0.000_001
"""Seconds by which a moment has passed when it is acted on, for the same reason."""


class Stopped(BaseException):
    """The test is over: what a job waits for will not come."""


class Job:
    """One function that runs, or waits."""

    def __init__(self, name: str, is_task: bool) -> None:
        self.name = name
        self.is_task = is_task


class Waiter:
    """One job that waits for an event, for a moment, or for whichever comes first."""

    def __init__(self, job: Job, event: Event, due: float) -> None:
        self.job = job
        self.event = event
        self.due = due
        self.happened = False


class Threads:
    """Implements ``Concurrency`` for a test."""

    def __init__(self) -> None:
        self._now = time.monotonic()
        self._changed = threading.Condition()
        self._workers = Workers()
        self._local = threading.local()
        self._busy: set[Job] = set()
        self._waiters: set[Waiter] = set()
        self._stopped = False

    def clock(self) -> float:
        """Return the time."""
        return self._now

    def enter(self) -> None:
        """Do nothing: all threads are alike."""

    def spawn(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a function in the background; ``settle`` waits for it."""
        self._start(Job(getattr(function, "__qualname__", repr(function)), False), function, args)

    run_handler = spawn
    run_later = spawn

    def free_handlers(self) -> float:
        """Return infinity: a test has few."""
        return inf

    def task(
        self, target: Callable[..., Any], args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Task:
        """Return a background task of the application, to be started."""
        return Task(self, target, args, kwargs or {})

    def event(self) -> Event:
        """Return a new event."""
        return Event(self)

    def sleep(self, seconds: float = 0) -> None:
        """Pause the caller: jobs until the time has come, the test's own thread really."""
        if seconds <= 0 or self._job is None:
            time.sleep(seconds)
        else:
            self.event().wait(seconds)

    def stream(self, socket: Any) -> Any:
        """There are no sockets."""
        raise NotImplementedError

    def settle(self) -> None:
        """Return when no job is at work."""
        with self._changed:
            if self._changed.wait_for(lambda: not self._busy, TASK_PATIENCE):
                return
            self._busy -= {job for job in self._busy if job.is_task}
            if not self._changed.wait_for(lambda: not self._busy, PATIENCE):
                names = ", ".join(sorted(job.name for job in self._busy))
                raise TimeoutError(f"still at work after {PATIENCE:.0f} seconds: {names}")

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever a job waits for a moment."""
        end = self._now + seconds
        self.settle()
        while (due := self._next_due()) <= end + SLACK:
            with self._changed:
                self._now = max(self._now, due) + TINY
                for waiter in [w for w in self._waiters if w.due <= self._now]:
                    self._wake(waiter)
            self.settle()
        self._now = max(self._now, end)

    def stop(self) -> None:
        """End the jobs that wait; from now on none can."""
        with self._changed:
            self._stopped = True
            for waiter in list(self._waiters):
                self._wake(waiter)

    # for events and tasks

    def set_event(self, event: Event) -> None:
        """Set an event and wake those who wait for it."""
        with self._changed:
            event.is_on = True
            for waiter in [w for w in self._waiters if w.event is event]:
                waiter.happened = True
                self._wake(waiter)
            self._changed.notify_all()

    def wait(self, event: Event, timeout: float | None) -> bool:
        """Wait for an event: a job in this model's time, the test's own thread in real seconds."""
        job = self._job
        with self._changed:
            if job is None:
                return self._changed.wait_for(event.is_set, timeout)
            if event.is_on or (timeout is not None and timeout <= 0):
                return event.is_on
            waiter = Waiter(job, event, inf if timeout is None else self._now + timeout)
            self._waiters.add(waiter)
            self._busy.discard(job)
            self._changed.notify_all()
            self._changed.wait_for(lambda: waiter not in self._waiters)
            if self._stopped:
                raise Stopped()
            return waiter.happened

    def start_task(self, name: str, function: Callable[[], None]) -> None:
        """Run the function of a background task."""
        self._start(Job(name, True), function, ())

    @property
    def _job(self) -> Job | None:
        """What the calling thread runs; ``None`` for a thread that is not of this model."""
        return getattr(self._local, "job", None)

    def _start(self, job: Job, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        with self._changed:
            self._busy.add(job)
        self._workers.start(self._run, job, function, args)

    def _run(self, job: Job, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._local.job = job
        try:
            with contextlib.suppress(Stopped):
                function(*args)
        finally:
            self._local.job = None
            with self._changed:
                self._busy.discard(job)
                self._changed.notify_all()

    def _wake(self, waiter: Waiter) -> None:
        # who wakes a job counts it as being at work: there is no moment without either
        self._waiters.discard(waiter)
        self._busy.add(waiter.job)
        self._changed.notify_all()

    def _next_due(self) -> float:
        with self._changed:
            return min((waiter.due for waiter in self._waiters), default=inf)


class Event:
    """An event with the methods of ``threading.Event``."""

    def __init__(self, threads: Threads) -> None:
        self.is_on: bool = False
        self._threads = threads

    def set(self) -> None:
        """Set it."""
        self._threads.set_event(self)

    def clear(self) -> None:
        """Take it back."""
        self.is_on = False

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self.is_on

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, for at most ``timeout`` seconds; return whether it is."""
        return self._threads.wait(self, timeout)


class Task:
    """What ``start_background_task`` returns."""

    def __init__(
        self, threads: Threads, target: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> None:
        self._threads = threads
        self._target = target
        self._args = args
        self._kwargs = kwargs
        self._done = threads.event()

    def start(self) -> None:
        """Start it."""
        name = getattr(self._target, "__qualname__", repr(self._target))
        self._threads.start_task(name, self._run)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, for at most ``timeout`` seconds."""
        self._done.wait(timeout)

    def _run(self) -> None:
        try:
            self._target(*self._args, **self._kwargs)
        finally:
            self._done.set()
