"""Greenlets that are kept for the next job: a new one costs more than most event handlers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_IDLE = 256
"""Idle greenlets that are kept, some 20 KB each."""

_logger = logging.getLogger("engineio.workers")


class Hub(Protocol):
    """What schedules the greenlets of a model."""

    def create(self, function: Callable[[], None]) -> Any:
        """Return a new greenlet that will run a function before long."""
        ...

    def resume(self, greenlet: Any) -> None:
        """Let a paused greenlet go on before long."""
        ...

    def pause(self) -> None:
        """Pause the greenlet that runs now, until it is resumed."""
        ...


class GreenletWorkers:
    """Runs jobs in greenlets.  Owner: the thread of the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._idle: list[Worker] = []

    def start(self, function: Callable[..., Any], *args: Any) -> None:
        """Run ``function(*args)`` in a greenlet before long; what it raises is logged.

        Jobs begin in the order in which they are started.
        """
        if self._idle:
            worker = self._idle.pop()
            worker.job = (function, args)
            self._hub.resume(worker.greenlet)
        else:
            worker = Worker(self._hub, self._idle)
            worker.job = (function, args)
            worker.greenlet = self._hub.create(worker.run)


class Worker:
    """One greenlet, and the job that it was given."""

    __slots__ = ("_hub", "_idle", "greenlet", "job")

    def __init__(self, hub: Hub, idle: list[Worker]) -> None:
        self._hub = hub
        self._idle = idle
        self.greenlet: Any = None
        self.job: tuple[Callable[..., Any], tuple[Any, ...]] | None = None

    def run(self) -> None:
        """Run jobs, unless enough others are idle."""
        try:
            self._work()
        finally:
            if self in self._idle:  # it was killed while it waited
                self._idle.remove(self)

    def _work(self) -> None:
        while True:
            while self.job is None:  # something else may have resumed the greenlet
                self._hub.pause()
            function, args = self.job
            self.job = None
            try:
                function(*args)
            except Exception:
                _logger.exception("a job of a greenlet failed")
            # what it was called with must not live until the next job
            del function, args
            if len(self._idle) >= MAX_IDLE:
                return
            self._idle.append(self)
