"""Disconnecting clients of threads in a signal handler, which may have interrupted anything."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FAREWELL = 10.0
"""Seconds that clients get to disconnect: twice the default ``request_timeout``."""

_under_way = False


def say_farewell(clients: Sequence[Any]) -> None:
    """Disconnect clients, each in a thread; at once when called again meanwhile.

    The thread that was interrupted may hold a lock that disconnecting needs, and it goes on only
    after this returns: hence other threads, and a limit for waiting.
    """
    global _under_way
    if _under_way:
        return
    _under_way = True
    try:
        threads = [
            threading.Thread(target=client.disconnect, name="engineio-farewell", daemon=True)
            for client in clients
        ]
        deadline = monotonic() + FAREWELL
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(deadline - monotonic(), 0))
    finally:
        _under_way = False
