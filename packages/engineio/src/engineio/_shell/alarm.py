"""Wakes a threaded server for its deadlines: one thread or greenlet a server, while it has any."""

from __future__ import annotations

import logging
import math
from _thread import allocate_lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core.engine import Engine
    from .concurrency import Concurrency

TICK = 0.05
"""Seconds between two looks at the deadlines, at the least: nearby ones are handled together."""

_logger = logging.getLogger("engineio.alarm")


class Alarm:
    """Calls ``engine.tick`` when a deadline has come."""

    def __init__(self, engine: Engine, clock: Callable[[], float], model: Concurrency) -> None:
        self._engine = engine
        self._clock = clock
        self._model = model
        self._lock = allocate_lock()
        self._changed = model.event()
        self._at = math.inf
        """When the thread looks again by itself."""
        self._running: object = None
        """Stands for the thread; another one, or ``None``, tells it to end."""

    def rearm(self) -> None:
        """The next deadline may have come nearer."""
        due = self._engine.next_deadline()
        if due is None:
            return
        with self._lock:
            if self._running is None:
                self._at = due
                self._running = object()
                try:
                    self._model.spawn(self._run, self._running)
                except RuntimeError:  # there are too many threads: the next deadline tries again
                    self._running = None
                    _logger.exception("nobody looks at the deadlines")
            elif due < self._at - TICK:
                self._at = due
                self._changed.set()

    def stop(self) -> None:
        """Stop looking at the deadlines until there is something new."""
        with self._lock:
            self._running = None
            self._changed.set()

    def _run(self, running: object) -> None:
        while True:
            with self._lock:
                if self._running is not running:
                    return
                delay = max(self._at - self._clock(), TICK)
                self._changed.clear()
            if self._changed.wait(delay):
                continue
            with self._lock:
                self._at = math.inf
            try:
                self._engine.tick(self._clock())
            except Exception:
                _logger.exception("a deadline could not be acted on")
            due = self._engine.next_deadline()
            with self._lock:
                self._at = min(self._at, math.inf if due is None else due)
                if self._at == math.inf and self._running is running:
                    self._running = None
