"""Threads for the handlers of one connection, which act in order as long as they are quick."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from .workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT = 0.01
"""Seconds that a handler may take before the next one starts: two of the intervals at which
CPython lets another thread run (``sys.getswitchinterval()``)."""

SHORTEST_WAIT = 0.0001
"""The same where handlers have been taking longer than that, again and again."""

_workers = Workers()


class HandlerThreads:
    """Starts handlers one after the other.  Owner: the thread that reads.

    A handler may wait for anything, also for what comes after its own event: the next one starts
    when it has ended, or when it has been running for ``LONGEST_WAIT``.  Each that takes longer
    halves the time for the next, and each that does not doubles it again, so that many slow ones
    hold up nobody.
    """

    def __init__(self) -> None:
        self._wait = LONGEST_WAIT

    def start(self, target: Callable[..., Any], *args: Any) -> None:
        """Run ``target(*args)`` in a thread; return when the next may start.

        Waits while as many threads as may be are busy; what ``target`` raises is logged.
        """
        begun, ended = Lock(), Lock()
        begun.acquire()
        ended.acquire()

        def run() -> None:
            begun.release()
            try:
                target(*args)
            finally:
                ended.release()

        _workers.start(run)
        begun.acquire()
        if ended.acquire(timeout=self._wait):
            self._wait = min(self._wait * 2, LONGEST_WAIT)
        else:
            self._wait = max(self._wait / 2, SHORTEST_WAIT)
