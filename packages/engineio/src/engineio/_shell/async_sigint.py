"""SIGINT on an asyncio loop: the clients say goodbye, then it does what it did before."""

from __future__ import annotations

import asyncio
import functools
import signal
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..typing import LoggerLike

    Previous = Callable[[int, Any], Any]


class AsyncSigint:
    """Disconnects asyncio clients on SIGINT.

    Only where Python's own behaviour is in place: an application that handles SIGINT by itself
    keeps its handler.
    """

    def __init__(self, clients: Sequence[Any]) -> None:
        self._clients = clients
        self._previous: WeakKeyDictionary[asyncio.AbstractEventLoop, Previous] = WeakKeyDictionary()
        self._farewell: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        """True once a loop has been given the handler."""
        return bool(self._previous)

    def install(self, logger: LoggerLike) -> None:
        """Take over SIGINT for the running loop, once; in the main thread only."""
        loop = asyncio.get_running_loop()
        if loop in self._previous or threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGINT)
        if not callable(previous) or not _is_pythons_own(previous):
            return
        try:
            loop.add_signal_handler(signal.SIGINT, self.interrupt)
        except NotImplementedError:
            logger.warning("Signal handler is not supported by this event loop")
            return
        self._previous[loop] = previous

    def interrupt(self) -> None:
        """Disconnect this loop's clients, then interrupt; at once when called a second time."""
        if self._farewell is not None and not self._farewell.done():
            self._farewell.cancel()
        else:
            self._farewell = asyncio.get_running_loop().create_task(self._leave())

    async def _leave(self) -> None:
        loop = asyncio.get_running_loop()
        leaving = [client for client in self._clients if _belongs_to(client, loop)]
        try:
            await asyncio.gather(
                *[client.disconnect() for client in leaving], return_exceptions=True
            )
        finally:
            loop.call_soon(self._previous[loop], signal.SIGINT, None)


def _belongs_to(client: Any, loop: asyncio.AbstractEventLoop) -> bool:
    task = client.write_loop_task
    return client.is_asyncio_based() and task is not None and task.get_loop() is loop


def _is_pythons_own(handler: Any) -> bool:
    """True for what raises KeyboardInterrupt: the default, or that of ``asyncio.run()``."""
    if isinstance(handler, functools.partial):
        handler = handler.func
    return handler is signal.default_int_handler or (
        getattr(handler, "__module__", None) == "asyncio.runners"
    )
