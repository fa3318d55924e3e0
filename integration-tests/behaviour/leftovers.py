"""What clients leave in the process of the tests for a while after they have been closed."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from colours import connection_threads


def open_sockets() -> int:
    """The number of sockets of this process."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += str(link.readlink()).startswith("socket:")
    return count


async def nothing_left(sockets: int) -> None:
    """TLS connections say goodbye, and readers end, after their session has been closed."""
    while open_sockets() > sockets or connection_threads():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)
