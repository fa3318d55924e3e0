"""What the asyncio façade needs from asyncio, under names that have a counterpart in threads.

A file ``async_x.py`` takes tasks, events and waiting only from here, so that its synchronous twin
is the same text with the same names from another module.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeAlias

from engineio._aio import ASYNCIO as ASYNCIO
from engineio._shell.eager import start_eagerly as start_eagerly

from ._core.acks import AckTable as AckTable
from ._core.registry import Registry as Registry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from engineio import AsyncClient

Event: TypeAlias = asyncio.Event
Task: TypeAlias = "asyncio.Task[Any]"
Target: TypeAlias = "Callable[..., Coroutine[Any, Any, Any]]"
Cancelled = asyncio.CancelledError

current_task = asyncio.current_task
sleep = asyncio.sleep


async def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function or a coroutine function of the application and return its result.

    A plain function that returns a coroutine (a ``functools.partial``, a callable object) is
    treated like a coroutine function.
    """
    result = function(*args)
    if type(result) is CoroutineType:
        return await result
    return result


if sys.version_info >= (3, 11):

    def is_cancelled() -> bool:
        """Return True if it is the caller that is cancelled, not something that it waited for."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

else:

    def is_cancelled() -> bool:
        """Return False: the caller cannot be told from what it waited for."""
        return False


if sys.version_info >= (3, 12):

    def start(coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Run a coroutine in a task of its own, at once up to its first wait.

        The caller keeps a reference to the task until it is done.
        """
        return asyncio.Task(coroutine, loop=asyncio.get_running_loop(), eager_start=True)

else:

    def start(coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Run a coroutine in a task of its own, from the next turn of the loop on.

        The caller keeps a reference to the task until it is done.
        """
        return asyncio.get_running_loop().create_task(coroutine)


def create_event() -> Event:
    """Return a new event, not set."""
    return asyncio.Event()


async def wait_event(event: Event, timeout: float | None = None) -> bool:
    """Wait until ``event`` is set, for at most ``timeout`` seconds; return whether it is."""
    if event.is_set():
        return True
    try:
        await asyncio.wait_for(event.wait(), timeout)
    except asyncio.TimeoutError:
        return event.is_set()
    return True


# for the managers of a cluster

PUBSUB_NAME = "asyncpubsub"

CANCEL_TIMEOUT = 1.0
"""Seconds that cancelled work gets to clean up."""

create_lock = nullcontext
"""What guards a table that threads share: here there is only one."""

create_mutex = asyncio.Lock

_daemons: set[asyncio.Task[Any]] = set()


def current_loop() -> asyncio.AbstractEventLoop:
    """Return what the connections of a manager belong to."""
    return asyncio.get_running_loop()


def start_daemon(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Task:
    """Run ``function(*args)`` in the background, without a server."""
    task = asyncio.get_running_loop().create_task(function(*args))
    _daemons.add(task)
    task.add_done_callback(_daemons.discard)
    return task


def cancel(task: Task) -> None:
    """Cancel a background task of a server."""
    task.cancel()


async def end(iterator: AsyncIterator[Any]) -> None:
    """End an asynchronous generator where it waits; other iterators end by themselves."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()


# for the clients


Abort: TypeAlias = asyncio.Event
"""An event that gives up a connection attempt when it is set."""


_handlers: set[asyncio.Task[Any]] = set()
"""Running handlers: the event loop keeps weak references only."""


class Stopped(Exception):
    """What ``unless`` was waiting for has been given up."""


def create_starter() -> Callable[..., None]:
    """Return what starts the handlers of one connection."""
    return start_handler


def start_handler(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> None:
    """Run ``function(*args)`` without holding up the caller; calls start in order."""
    task = start(function(*args))
    if not task.done():
        _handlers.add(task)
        task.add_done_callback(_handlers.discard)


start_in_order = start_handler
"""Run a handler that never waits so that it has ended before the next one starts."""


async def wait_set(event: Event, timeout: float | None = None) -> bool:
    """Wait until ``event`` is set, for at most ``timeout`` seconds; return whether it is.

    A cancellation always ends it: ``asyncio.wait_for()`` before Python 3.12 loses one that comes
    in the same turn of the loop as the event.
    """
    if event.is_set():
        return True
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiter}, timeout=timeout)
    finally:
        if not waiter.done():
            waiter.cancel()
            await asyncio.wait({waiter})
    return event.is_set()


async def current_value(value: Any) -> Any:
    """Return ``value``, or what it returns if it is a function of the application."""
    return await call(value) if callable(value) else value


def is_current(task: Task | None) -> bool:
    """Return True if ``task`` is the one that runs now."""
    return task is not None and task is asyncio.current_task()


async def join(task: Task) -> None:
    """Wait until ``task`` has ended, however it ends; return at once if it is the caller."""
    if not is_current(task):
        await asyncio.wait({task})


async def unless(stop: Event, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return ``await function(*args, **kwargs)``; raise ``Stopped`` once ``stop`` is set.

    The function has ended, cancelled if need be, when this returns or raises.
    """
    work = asyncio.ensure_future(function(*args, **kwargs))
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
    if work.cancelled():
        raise Stopped()
    return work.result()


async def connect_unless(stop: Abort, engine: AsyncClient, *args: Any, **kwargs: Any) -> None:
    """Connect an Engine.IO client; raise ``Stopped``, with nothing open, once ``stop`` is set."""
    await unless(stop, engine.connect, *args, **kwargs)


class MessageSender:
    """``send()`` of a client's namespace, whose parameters have always differed between colours."""

    namespace: str
    client: Any

    async def send(
        self,
        data: Any,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> None:
        """Send a ``message`` event, as ``AsyncClient.send``."""
        await self.client.send(data, namespace=namespace or self.namespace, callback=callback)
