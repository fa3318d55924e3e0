"""Leaving on SIGINT, in a signal handler, which may have interrupted anything."""

from __future__ import annotations

import signal
import threading
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAREWELL = 10.0
"""Seconds that clients get to disconnect: twice the default ``request_timeout``."""

_under_way = False


def may_take_sigint() -> bool:
    """Return True where a signal handler can be installed, and SIGINT is not ignored."""
    return (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    )


def say_farewell(functions: Sequence[Callable[[], object]]) -> None:
    """Run functions, each in a thread; do nothing when called again meanwhile.

    The thread that was interrupted may hold a lock that disconnecting needs, and it goes on only
    after this returns: hence other threads, and a limit for waiting.
    """
    global _under_way
    if _under_way:
        return
    _under_way = True
    try:
        threads = [
            threading.Thread(target=function, name="engineio-farewell", daemon=True)
            for function in functions
        ]
        deadline = monotonic() + FAREWELL
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(deadline - monotonic(), 0))
    finally:
        _under_way = False
