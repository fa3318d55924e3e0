"""What the asyncio façade needs from asyncio, under names that have a counterpart in threads.

A file ``async_x.py`` takes tasks, locks and waiting only from here, so that its synchronous twin
is the same text with the same names from another module.
"""

from __future__ import annotations

import asyncio
import sys
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeAlias

from ._core.client_session import ClientSession

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from ._shell.http_aiohttp import HTTPPort

Condition: TypeAlias = asyncio.Condition
Event: TypeAlias = asyncio.Event
Lock: TypeAlias = asyncio.Lock
Queue: TypeAlias = "asyncio.Queue[Any]"
Task: TypeAlias = "asyncio.Task[Any]"
Target: TypeAlias = "Callable[..., Coroutine[Any, Any, Any]]"
Sleep: TypeAlias = "Callable[[float], Awaitable[None]]"

ASYNCIO = True

create_queue = asyncio.Queue
create_session = ClientSession
QueueEmpty = asyncio.QueueEmpty
Cancelled = asyncio.CancelledError

sleep = asyncio.sleep

task_reference_holder: set[asyncio.Task[Any]] = set()
"""Tasks that nobody waits for, until they are done."""


async def call(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function or a coroutine function of the application and return its result.

    A plain function that returns a coroutine (a ``functools.partial``, a callable object) is
    treated like a coroutine function.
    """
    result = function(*args)
    if type(result) is CoroutineType:
        return await result
    return result


if sys.version_info >= (3, 12):

    def start(target: Target, *args: Any) -> None:
        """Run ``target(*args)`` in a task of its own, at once up to its first wait."""
        _keep(asyncio.Task(target(*args), loop=asyncio.get_running_loop(), eager_start=True))

else:

    def start(target: Target, *args: Any) -> None:
        """Run ``target(*args)`` in a task of its own, from the next turn of the loop on."""
        _keep(asyncio.get_running_loop().create_task(target(*args)))


def create_starter() -> Callable[..., None]:
    """Return what starts the handlers of one connection."""
    return start


def start_later(target: Target, *args: Any, **kwargs: Any) -> Task:
    """Run ``target(*args, **kwargs)`` in a task of its own, from the next turn of the loop on."""
    return _keep(asyncio.get_running_loop().create_task(target(*args, **kwargs)))


def _keep(task: Task) -> Task:
    if not task.done():
        task_reference_holder.add(task)
        task.add_done_callback(task_reference_holder.discard)
    return task


def is_current(task: Task | None) -> bool:
    """Return True if ``task`` is the one that runs now."""
    return task is not None and task is asyncio.current_task()


async def join(task: Task, timeout: float | None = None) -> None:
    """Wait until ``task`` is done, whatever its result, for at most ``timeout`` seconds."""
    await asyncio.wait({task}, timeout=timeout)


async def stop(task: Task) -> None:
    """Cancel ``task``, which only does I/O, and wait until it is done."""
    task.cancel()
    await asyncio.wait({task})


async def wait_until(
    condition: Condition, predicate: Callable[[], bool], timeout: float | None = None
) -> bool:
    """Wait on a condition that the caller holds until ``predicate()``; False after ``timeout``."""
    if predicate():
        return True
    try:
        await asyncio.wait_for(condition.wait_for(predicate), timeout)
    except asyncio.TimeoutError:
        return False
    return True


def load_port() -> type[HTTPPort]:
    """Return the class that speaks HTTP and WebSocket.

    ``ModuleNotFoundError`` names what to install where aiohttp is missing.
    """
    try:
        from ._shell.http_aiohttp import HTTPPort
    except ModuleNotFoundError as error:
        if error.name != "aiohttp":
            raise
        raise ModuleNotFoundError(
            "AsyncClient needs aiohttp: pip install 'python-engineio[asyncio-client]'",
            name=error.name,
        ) from None
    return HTTPPort
