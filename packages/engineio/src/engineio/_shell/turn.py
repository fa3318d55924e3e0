"""When an asyncio server flushes and looks at its deadlines.

A turn is one pass of the event loop: what is sent within it leaves in one flush at its end, so
that many events cost each recipient one write.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._core.engine import Engine

TICK = 0.05
"""Seconds between two looks at the deadlines, at the least: nearby ones are handled together."""


class Turn:
    """Flushes an engine when that is due.  Owner: the event loop's thread."""

    def __init__(
        self, engine: Engine, clock: Callable[[], float], end_closed: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._end_closed = end_closed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def wake(self) -> None:
        """The engine has something to do: schedule the end of this turn, once."""
        self._use_running_loop()
        if not self._scheduled and self._loop is not None:
            self._scheduled = True
            self._loop.call_soon(self.run)

    def _use_running_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # the first loop, or another one after that has ended
            self._loop = loop
            self._scheduled = False
            self._timer = None

    def run(self) -> None:
        """End the turn."""
        self._scheduled = False
        engine = self._engine
        if engine.closed:
            self._end_closed()
        engine.flush(self._clock())
        if engine.rearm:
            self._arm()

    def stop(self) -> None:
        """Stop looking at the deadlines until there is something new."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._engine.rearm = False
        due = self._engine.next_deadline()
        if due is None or self._loop is None:
            return
        now = self._clock()
        at = max(due, now + TICK)
        if self._timer is not None:
            # an earlier timer stays: a busy server must not push its deadlines back
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_later(at - now, self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self._engine.tick(self._clock())
        finally:  # what it raises, the event loop reports
            self._arm()
