"""Keeps an application that sends in a tight loop from overrunning its own clients.

Without it, a loop that sends would never let others run, and every client would look slow.  A
sender therefore lets them run once per ``engine.TURN_BYTES``, and waits for clients with more than
``backlogs.HIGH_WATER`` bytes ahead of them, but for a client that does not catch up within
``PATIENCE`` only once: a stalled client does not stop the others, nor cost them anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._aio import Sleep
    from .._core.engine import Engine

PATIENCE = 0.1
"""Seconds that a sender waits for congested clients: 1 MiB at 10 MB/s."""

POLL_INTERVAL = 0.002
"""Seconds between two looks at the congested clients."""


class AsyncPace:
    """Decides whether a sender must wait."""

    def __init__(self, engine: Engine, clock: Callable[[], float], sleep: Sleep) -> None:
        self._engine = engine
        self._clock = clock
        self._sleep = sleep

    async def wait(self) -> None:
        """Return at once normally, else when the clients have caught up or were given up on."""
        engine = self._engine
        if not engine.crowded:
            return
        engine.turn_bytes = 0
        await self._sleep(0)
        deadline = self._clock() + PATIENCE
        while engine.still_congested():
            if self._clock() >= deadline:
                engine.give_up_congested()
                return
            await self._sleep(POLL_INTERVAL)
