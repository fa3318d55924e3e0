"""The time of an event loop under test, which all servers in it share.

It stands still while code runs, however slow the machine is.  It passes when the test says so, and
while the loop waits for the outside world: a test may still talk to a database, or sleep.
"""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from engineio._core.engine import Engine

MAX_TURNS = 10_000
"""Turns of the event loop after which a test is told that it does not come to rest."""

TURNS_IN_THE_DARK = 100
"""Turns that are taken of an event loop that does not show what it has to do (uvloop)."""

SLACK = 0.001
"""Seconds by which a moment may be missed and still counts: sums of floats are not exact."""

TINY = 0.000_001
"""Seconds by which a moment has passed when it is acted on, for the same reason."""


class LoopClock:
    """Takes the place of an event loop's clock, as long as a server uses it.

    On a loop that cannot be told the time (uvloop), real time goes on for the servers, too, and
    only their own deadlines come earlier.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._selector: Any = getattr(loop, "_selector", None)
        self._now = loop.time()
        self._skipped = 0.0
        self._engines: list[Engine] = []

    def time(self) -> float:
        """Return the time, in seconds."""
        if self._selector is None:
            return time.monotonic() + self._skipped
        return self._now

    def add(self, engine: Engine) -> None:
        """Let the deadlines of a server's engine come in this time."""
        self._engines.append(engine)
        if len(self._engines) == 1 and self._selector is not None:
            select = self._selector.select

            def timed_select(timeout: float | None = None) -> Any:
                begun = time.monotonic()
                ready = select(timeout)
                if timeout is None or timeout > 0:
                    self._now += time.monotonic() - begun
                return ready

            self._selector.select = timed_select
            self._loop.time = self.time  # type: ignore[method-assign]

    def remove(self, engine: Engine) -> None:
        """Give the loop its own time back after the last server."""
        self._engines.remove(engine)
        if not self._engines and self._selector is not None:
            del self._selector.select
            del self._loop.time

    async def settle(self) -> None:
        """Return when nothing happens any more without a timer, a thread or the outside world."""
        ready = getattr(self._loop, "_ready", None)
        for turn in range(MAX_TURNS):
            await asyncio.sleep(0)
            if not ready and (ready is not None or turn >= TURNS_IN_THE_DARK):
                return
        raise TimeoutError(f"the event loop has not come to rest within {MAX_TURNS} turns")

    async def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever a server or the loop has something to do."""
        end = self.time() + seconds
        await self.settle()
        while (due := self._next_due()) <= end + SLACK:
            self._pass(max(due - self.time(), 0) + TINY)
            for engine in self._engines:
                engine.tick(self.time())
            await self.settle()
        self._pass(max(end - self.time(), 0))

    def _pass(self, seconds: float) -> None:
        self._now += seconds
        self._skipped += seconds

    def _next_due(self) -> float:
        deadlines = [engine.next_deadline() for engine in self._engines]
        timers: list[Any] = []
        if self._selector is not None:
            timers = getattr(self._loop, "_scheduled", [])
        return min(
            min((due for due in deadlines if due is not None), default=inf),
            min((timer.when() for timer in timers if not timer.cancelled()), default=inf),
        )


_clocks: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopClock] = WeakKeyDictionary()


def running_clock() -> LoopClock:
    """Return the clock of the running event loop."""
    loop = asyncio.get_running_loop()
    clock = _clocks.get(loop)
    if clock is None or not clock._engines:
        clock = _clocks[loop] = LoopClock(loop)
    return clock
