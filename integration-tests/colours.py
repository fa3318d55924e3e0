"""The same tests for both colours: a client of threads under the methods of the asyncio one.

``Threaded(engineio.Client())`` looks like an ``engineio.AsyncClient``: what is a coroutine there
runs in a thread here, and the handlers run on the event loop while their thread waits.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import engineio
from engineio._shell.async_send_queue import AsyncSendQueue
from engineio._shell.send_queue import SendQueue

if TYPE_CHECKING:
    from collections.abc import Callable

COLOURS = ["asyncio", "threads"]
COUNTERPARTS: dict[type, type] = {
    engineio.Client: engineio.AsyncClient,
    SendQueue: AsyncSendQueue,
}


LOOPS = ("engineio-read-loop", "engineio-write-loop", "engineio-reconnect")
"""Threads of a connection; those that run handlers are kept for a while."""

_threads = ThreadPoolExecutor(32, thread_name_prefix="test")


class Threaded:
    """A client of threads in the shape of an asyncio client."""

    def __init__(self, client: Any) -> None:
        vars(self)["client"] = client
        vars(self)["_loop"] = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.client, name)
        if type(value) in COUNTERPARTS:
            return Threaded(value)
        counterpart = COUNTERPARTS[type(self.client)]
        if inspect.iscoroutinefunction(getattr(counterpart, name, None)):
            return functools.partial(self._run, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.client, name, value)

    async def _run(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        args = tuple(map(self._threaded, args))
        kwargs = {name: self._threaded(value) for name, value in kwargs.items()}
        call = functools.partial(method, *args, **kwargs)
        return await self._loop.run_in_executor(_threads, call)

    def on(self, event: str, handler: Any = None, **options: Any) -> Any:
        """Register a handler of the test, or return a decorator that does."""

        def register(handler: Any) -> Any:
            self.client.on(event, self._threaded(handler), **options)
            return handler

        return register if handler is None else register(handler)

    def attach_layer(self, layer: Any) -> None:
        """Attach a layer whose methods are coroutines."""
        for name in ("opened", "received", "closed"):
            setattr(layer, name, self._threaded(getattr(layer, name)))
        self.client.attach_layer(layer)

    def start_background_task(self, target: Any, *args: Any) -> Any:
        return self.client.start_background_task(self._threaded(target), *args)

    def _threaded(self, function: Any) -> Any:
        """Return a function that does in a thread what ``function`` does on the event loop."""
        if isinstance(function, functools.partial) and function.func == self._run:
            return function.args[0]
        if not callable(function) or inspect.isclass(function):
            return function

        @functools.wraps(function)
        def run(*args: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(_call(function, *args), self._loop).result()

        return run


async def _call(function: Any, *args: Any) -> Any:
    result = function(*args)
    return await result if inspect.isawaitable(result) else result


def engineio_client(colour: str, **options: Any) -> Any:
    """Return an Engine.IO client of a colour."""
    if colour == "asyncio":
        return engineio.AsyncClient(**options)
    return Threaded(engineio.Client(**options))


def connection_threads() -> list[str]:
    """The threads that connections of this process have now."""
    return [thread.name for thread in threading.enumerate() if thread.name in LOOPS]
