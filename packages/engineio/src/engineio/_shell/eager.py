"""Starts coroutines at once, up to their first wait, as tasks do on Python 3.12 and newer.

On older versions a task costs several microseconds before its first line runs, and most event
handlers never wait.  Here a parked task, a worker, lends its identity to the first step of a
coroutine (with ``asyncio._enter_task``, which exists for that): ``asyncio.current_task()`` is
right, and so are ``asyncio.timeout()`` and anyio.  A coroutine that finishes within that step has
cost no task; one that waits is carried on by the worker.

hot path (benchmark "event with ack").
"""

from __future__ import annotations

import asyncio
import sys
import threading
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

MAX_IDLE = 64
"""Parked tasks that are kept for the next coroutines."""

_current_task = asyncio.current_task
_enter_task = asyncio._enter_task
_leave_task = asyncio._leave_task

_running: set[asyncio.Task[Any]] = set()
"""Tasks of our own that nobody waits for: the event loop keeps weak references only."""


def _keep(task: asyncio.Task[Any]) -> asyncio.Task[Any]:
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


if sys.version_info >= (3, 12):

    def start_eagerly(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[Any] | None:
        """Run a coroutine in a task of its own, at once up to its first wait.

        Returns the task, or ``None`` if it is done already.
        """
        task = asyncio.Task(coroutine, loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            return _keep(task)
        del task  # an exception refers to this frame, and the event loop is told when it has gone
        return None

else:

    def start_eagerly(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[Any] | None:
        """Run a coroutine in a task of its own, at once up to its first wait.

        Returns the task, or ``None`` if it is done already.
        """
        loop = asyncio.get_running_loop()
        pool = _local.pool
        if pool is None or pool.loop is not loop:
            pool = _local.pool = Pool(loop)
        return pool.start(coroutine)


class Pool:
    """The workers of one event loop.  Owner: the event loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.idle: list[Worker] = []

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[Any] | None:
        """Run a coroutine up to its first wait, and let a worker carry it on from there.

        What the coroutine raises goes where the exceptions of tasks go that nobody waits for.
        """
        loop = self.loop
        idle = self.idle
        # a coroutine that cancelled its task and did not wait has cancelled its worker
        while idle and idle[-1].parked.done():
            idle.pop()
        if not idle:
            task = _keep(loop.create_task(coroutine))
            Worker(self)
            return task
        # its task gets no name here: an exception that somebody keeps would keep it too
        worker = idle.pop()
        context = copy_context()
        current = _current_task(loop)
        if current is not None:
            _leave_task(loop, current)
        _enter_task(loop, worker.task)
        try:
            yielded = context.run(coroutine.send, None)
        except StopIteration:
            idle.append(worker)
            return None
        except BaseException as error:
            idle.append(worker)
            _report(worker.task, error)
            return None
        finally:
            _leave_task(loop, worker.task)
            if current is not None:
                _enter_task(loop, current)
        worker.carry_on(Suspended(coroutine, context, yielded))
        Worker(self)
        return worker.task


class Worker:
    """A task that waits for one suspended coroutine and carries it to its end.

    It ends with the coroutine, so that whoever knows the task can wait for it or cancel it.
    """

    __slots__ = ("_job", "_pool", "parked", "task")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._job: Suspended | None = None
        self.parked: asyncio.Future[None] = pool.loop.create_future()
        """What the task waits for; done once it has something to do or was cancelled."""
        self.task = pool.loop.create_task(self._work())
        _keep(self.task)

    def carry_on(self, job: Suspended) -> None:
        """Carry a coroutine on from where it is suspended."""
        self._job = job
        if not self.parked.done():
            self.parked.set_result(None)

    async def _work(self) -> None:
        idle = self._pool.idle
        if len(idle) >= MAX_IDLE:
            return
        idle.append(self)
        try:
            await self.parked
        except asyncio.CancelledError:
            if self._job is None:
                if self in idle:
                    idle.remove(self)
                raise
            self._job.cancel()
        assert self._job is not None
        # an exception refers to this frame: its task must not wait for the garbage collector
        del self.task
        await self._job


class Suspended:
    """A coroutine between two of its steps."""

    __slots__ = ("_awaited", "_cancelled", "_context", "_coroutine", "_waiting_for")

    def __init__(
        self, coroutine: Coroutine[Any, Any, None], context: Context, waiting_for: Any
    ) -> None:
        self._coroutine = coroutine
        self._context = context
        self._waiting_for = waiting_for
        self._cancelled = False
        # A future marks itself when it is awaited, and the task takes the mark off when it has
        # taken note: until then nobody else can await that future.
        self._awaited = getattr(waiting_for, "_asyncio_future_blocking", False)
        if self._awaited:
            waiting_for._asyncio_future_blocking = False

    def cancel(self) -> None:
        """Cancel what the coroutine waits for, as cancelling its task would have done."""
        if self._waiting_for is None or not self._waiting_for.cancel():
            self._cancelled = True

    def __await__(self) -> Generator[Any, Any, None]:
        run, coroutine = self._context.run, self._coroutine
        yielded = self._waiting_for
        try:
            if self._cancelled:
                yielded = run(coroutine.throw, asyncio.CancelledError())
            elif self._awaited:
                yielded._asyncio_future_blocking = True
            while True:
                try:
                    value = yield yielded
                except BaseException as error:  # noqa: PERF203 - a coroutine's way
                    yielded = run(coroutine.throw, error)
                else:
                    yielded = run(coroutine.send, value)
        except StopIteration:
            return


class _Local(threading.local):
    pool: Pool | None = None


_local = _Local()


def _report(task: asyncio.Task[Any], error: BaseException) -> None:
    """Do with an exception what a task does that nobody waits for."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    if not isinstance(error, asyncio.CancelledError):
        task.get_loop().call_exception_handler(
            {"message": "Task exception was never retrieved", "exception": error, "task": task}
        )
