"""Threads that are kept for the next job, so that a job costs no thread of its own."""

from __future__ import annotations

import itertools
import logging
import threading
from _thread import allocate_lock
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Job: TypeAlias = "tuple[Callable[..., Any], tuple[Any, ...]]"

MAX_WORKERS = 1_000
"""Threads that may run jobs at once: some 10 to 50 MB of stacks in use.  ``start`` then waits."""

IDLE_TIMEOUT = 10.0
"""Seconds that an idle thread waits for another job before it ends."""

_numbers = itertools.count(1)
_logger = logging.getLogger("engineio.workers")


class Workers:
    """Runs jobs in daemon threads: the one that became idle last takes the next job.

    :param limit: threads at most; when all of them are busy ``start`` waits for one, and ``put``
        leaves the job to the first that is not.
    """

    def __init__(self, limit: float = MAX_WORKERS) -> None:
        self._limit = limit
        self._count = 0
        self._idle: list[Worker] = []
        self._backlog: deque[Job] = deque()
        self._lock = allocate_lock()
        self._worker_is_idle = threading.Condition(self._lock)
        self._waiting = 0

    def start(self, function: Callable[..., Any], *args: Any) -> None:
        """Run ``function(*args)`` in a thread; what it raises is logged.

        Jobs that are started one after the other by one thread begin in that order.
        """
        job = (function, args)
        with self._lock:
            while not self._idle and self._count >= self._limit:
                self._waiting += 1
                self._worker_is_idle.wait()
                self._waiting -= 1
            if self._hand_to_idle(job):
                return
            self._count += 1
        self._grow(job)

    def put(self, function: Callable[..., Any], *args: Any) -> None:
        """Run ``function(*args)`` in a thread, as soon as there is one; never waits for that.

        Where not even one thread can be had, it is run here.
        """
        job = (function, args)
        with self._lock:
            if self._hand_to_idle(job):
                return
            if self._count >= self._limit:
                self._backlog.append(job)
                return
            self._count += 1
        try:
            self._grow(job)
        except RuntimeError:
            with self._lock:
                if self._hand_to_idle(job):
                    return
                if self._count:
                    self._backlog.append(job)
                    return
            run(job)

    @property
    def free(self) -> float:
        """How many more jobs may begin at this moment."""
        return self._limit - self._count + len(self._idle)

    def _hand_to_idle(self, job: Job) -> bool:
        if not self._idle:
            return False
        worker = self._idle.pop()
        worker.job = job
        worker.wake.release()
        return True

    def _grow(self, job: Job) -> None:
        worker = Worker(self)
        worker.job = job
        name = f"engineio-worker-{next(_numbers)}"
        try:
            threading.Thread(target=worker.run, name=name, daemon=True).start()
        except BaseException:
            with self._lock:
                self._count -= 1
            raise

    def idle(self, worker: Worker) -> bool:
        """A thread has done its job; False if it has been given another one."""
        with self._lock:
            if self._backlog:
                worker.job = self._backlog.popleft()
                return False
            self._idle.append(worker)
            if self._waiting:
                self._worker_is_idle.notify()
            return True

    def retire(self, worker: Worker) -> bool:
        """A thread has waited long enough; False if it was given a job in this moment."""
        with self._lock:
            if worker not in self._idle:
                return False
            self._idle.remove(worker)
            self._count -= 1
            return True


class Worker:
    """One thread, and the job that it was given."""

    __slots__ = ("_workers", "job", "wake")

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.job: Job | None = None
        self.wake = allocate_lock()
        self.wake.acquire()

    def run(self) -> None:
        """Run jobs until there are none for a while."""
        while True:
            if self.job is not None:
                # what it is called with must not live until the next job
                job, self.job = self.job, None
                run(job)
                del job
                if not self._workers.idle(self):
                    continue
            if not self.wake.acquire(timeout=IDLE_TIMEOUT) and self._workers.retire(self):
                return


def run(job: Job) -> None:
    """Do a job, and log what it raises."""
    function, args = job
    try:
        function(*args)
    except Exception:
        _logger.exception("a job of a worker thread failed")
