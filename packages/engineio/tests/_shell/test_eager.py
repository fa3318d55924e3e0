"""Starting coroutines at once: everything a task promises, on both event loops.

``Pool`` is what ``start_eagerly`` uses below Python 3.12; it is tested on every version.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import uvloop

from engineio._shell.eager import MAX_IDLE, Pool, start_eagerly

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    Start: TypeAlias = Callable[[Coroutine[Any, Any, None]], None]

VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="nothing")


@pytest.fixture(params=["start_eagerly", "pool"])
async def start(request: pytest.FixtureRequest) -> Start:
    """A way to start coroutines whose first worker is ready."""
    start: Start = start_eagerly
    if request.param == "pool":
        start = Pool(asyncio.get_running_loop()).start
    await _warm_up(start)
    return start


@pytest.fixture
async def pool() -> Pool:
    pool = Pool(asyncio.get_running_loop())
    await _warm_up(pool.start)
    return pool


async def _warm_up(start: Start) -> None:
    start(asyncio.sleep(0))
    await _settled()


async def _settled() -> None:
    """Let everything that need not wait run to its end."""
    for _ in range(10):
        await asyncio.sleep(0)


class Errors:
    """What the event loop was told of."""

    def __init__(self) -> None:
        self.seen: list[BaseException] = []
        asyncio.get_running_loop().set_exception_handler(self)

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.seen.append(context["exception"])

    def collected(self) -> list[BaseException]:
        gc.collect()
        return self.seen


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


# the first step


async def test_a_coroutine_runs_at_once_up_to_its_first_wait(start: Start) -> None:
    steps: list[str] = []
    gate = asyncio.Event()

    async def handle() -> None:
        steps.append("first")
        await gate.wait()
        steps.append("second")

    start(handle())
    assert steps == ["first"]

    gate.set()
    await _settled()
    assert steps == ["first", "second"]


async def test_without_a_ready_worker_a_coroutine_runs_in_the_next_turn() -> None:
    steps: list[str] = []

    async def handle(name: str) -> None:
        steps.append(name)

    cold = Pool(asyncio.get_running_loop())
    cold.start(handle("a"))
    cold.start(handle("b"))
    assert steps == []

    await asyncio.sleep(0)
    assert steps == ["a", "b"]


async def test_a_coroutine_that_does_not_wait_costs_no_worker(pool: Pool) -> None:
    ready = list(pool.idle)

    async def handle() -> None:
        pass

    for _ in range(100):
        pool.start(handle())

    assert pool.idle == ready


# identity


async def test_the_task_is_the_same_before_and_after_a_wait(start: Start) -> None:
    tasks: list[asyncio.Task[Any]] = []
    gate = asyncio.Event()

    async def handle() -> None:
        tasks.append(_this_task())
        await gate.wait()
        tasks.append(_this_task())
        await asyncio.sleep(0)
        tasks.append(_this_task())

    mine = _this_task()
    start(handle())
    assert _this_task() is mine

    gate.set()
    await _settled()
    assert tasks == [tasks[0]] * 3
    assert tasks[0] is not mine


async def test_a_callback_can_start_a_coroutine(start: Start) -> None:
    loop = asyncio.get_running_loop()
    seen: asyncio.Future[list[object]] = loop.create_future()
    tasks: list[object] = []

    async def handle() -> None:
        tasks.append(asyncio.current_task())

    def callback() -> None:
        tasks.append(asyncio.current_task())
        start(handle())
        tasks.append(asyncio.current_task())
        seen.set_result(tasks)

    loop.call_soon(callback)

    before, within, after = await seen
    assert before is None and after is None
    assert isinstance(within, asyncio.Task)


async def test_the_task_ends_with_its_coroutine(start: Start) -> None:
    gate = asyncio.Event()
    tasks: list[asyncio.Task[Any]] = []

    async def handle() -> None:
        tasks.append(_this_task())
        await gate.wait()

    start(handle())
    await _settled()
    assert not tasks[0].done()

    gate.set()
    done, _ = await asyncio.wait(tasks, timeout=5)
    assert done == set(tasks)


async def test_nested_starts_have_tasks_of_their_own(start: Start) -> None:
    order: list[str] = []
    tasks: list[asyncio.Task[Any]] = []
    gate = asyncio.Event()
    await _prepare_workers(start, 2)

    async def inner() -> None:
        order.append("inner")
        tasks.append(_this_task())
        await gate.wait()
        tasks.append(_this_task())

    async def outer() -> None:
        order.append("outer")
        tasks.append(_this_task())
        start(inner())
        order.append("outer again")
        tasks.append(_this_task())
        await gate.wait()

    start(outer())
    gate.set()
    await _settled()

    assert order == ["outer", "inner", "outer again"]
    outside, inside, outside_again, inside_again = tasks
    assert outside is outside_again and inside is inside_again and outside is not inside


async def _prepare_workers(start: Start, count: int) -> None:
    gate = asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    for _ in range(count):
        start(wait())
    gate.set()
    await _settled()


async def test_the_context_is_a_copy_of_the_callers(start: Start) -> None:
    seen: list[str] = []
    gate = asyncio.Event()

    async def handle() -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set("handler's")
        await gate.wait()
        seen.append(VARIABLE.get())

    VARIABLE.set("caller's")
    start(handle())
    assert VARIABLE.get() == "caller's"

    VARIABLE.set("changed")
    gate.set()
    await _settled()
    assert seen == ["caller's", "handler's"]


# waiting


async def test_many_can_wait_for_the_same_future(start: Start) -> None:
    shared: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    results: list[tuple[int, int]] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def handle(number: int) -> None:
        tasks.add(_this_task())
        results.append((number, await shared))

    await _prepare_workers(start, 20)
    for number in range(500):
        start(handle(number))
    shared.set_result(7)
    await _settled()

    assert sorted(results) == [(number, 7) for number in range(500)]
    assert len(tasks) == 500


async def test_a_future_may_be_done_before_its_worker_takes_over(start: Start) -> None:
    loop = asyncio.get_running_loop()
    good: asyncio.Future[str] = loop.create_future()
    bad: asyncio.Future[str] = loop.create_future()
    results: list[str] = []

    async def handle() -> None:
        results.append(await good)
        try:
            await bad
        except KeyError:
            results.append("error")

    start(handle())
    good.set_result("result")
    bad.set_exception(KeyError())
    await _settled()

    assert results == ["result", "error"]


async def test_wait_for_ends_a_wait(start: Start) -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def handle() -> None:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        except asyncio.TimeoutError:
            ended.set_result("timeout")

    start(handle())

    assert await ended == "timeout"


class Strange:
    """Awaitable, but not in the way of asyncio."""

    def __await__(self) -> Generator[object, None, None]:
        yield object()


async def test_waiting_for_something_strange_is_an_error_of_the_coroutine(start: Start) -> None:
    errors: list[str] = []

    async def handle() -> None:
        try:
            await Strange()
        except RuntimeError as error:
            errors.append(str(error))

    start(handle())
    await _settled()

    assert "bad yield" in errors[0]


async def test_no_more_workers_are_kept_than_the_limit(pool: Pool) -> None:
    await _prepare_workers(pool.start, 3 * MAX_IDLE)

    assert len(pool.idle) == MAX_IDLE


# cancellation


@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("waits_for", ["future", "turn"])
async def test_a_task_can_be_cancelled_from_outside(
    start: Start, turns: int, waits_for: str
) -> None:
    steps: list[str] = []
    tasks: list[asyncio.Task[Any]] = []

    async def handle() -> None:
        tasks.append(_this_task())
        try:
            while True:
                await (asyncio.sleep(0) if waits_for == "turn" else asyncio.Event().wait())
        except asyncio.CancelledError:
            steps.append("cancelled")
            raise
        finally:
            steps.append("cleaned up")

    start(handle())
    for _ in range(turns):
        await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.wait(tasks, timeout=5)

    assert tasks[0].cancelled()
    assert steps == ["cancelled", "cleaned up"]


async def test_a_task_can_be_cancelled_when_its_future_is_done(start: Start) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    tasks: list[asyncio.Task[Any]] = []

    async def handle() -> None:
        tasks.append(_this_task())
        await future

    start(handle())
    future.set_result(None)
    tasks[0].cancel()
    await asyncio.wait(tasks, timeout=5)

    assert tasks[0].cancelled()


async def test_a_coroutine_may_survive_its_cancellation(start: Start) -> None:
    steps: list[str] = []
    tasks: list[asyncio.Task[Any]] = []

    async def handle() -> None:
        tasks.append(_this_task())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            steps.append("cancelled")
        await asyncio.sleep(0)
        steps.append("went on")

    start(handle())
    tasks[0].cancel()
    await asyncio.wait(tasks, timeout=5)

    assert steps == ["cancelled", "went on"]
    assert not tasks[0].cancelled()


async def test_a_coroutine_can_cancel_itself_before_it_waits(start: Start) -> None:
    steps: list[str] = []

    async def handle() -> None:
        _this_task().cancel()
        steps.append("still running")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            steps.append("cancelled")
            raise

    start(handle())
    await _settled()

    assert steps == ["still running", "cancelled"]


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("waits", [False, True])
async def test_who_cancels_itself_at_its_end_cancels_nobody_else(
    start: Start, waits: bool, raises: bool
) -> None:
    errors = Errors()
    steps: list[str] = []

    async def cancel_myself() -> None:
        if waits:
            await asyncio.sleep(0)
        _this_task().cancel()
        start(innocent())
        if raises:
            raise asyncio.CancelledError

    async def innocent() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        steps.append("unharmed")

    start(cancel_myself())
    start(innocent())
    await _settled()
    start(innocent())
    await _settled()

    assert steps == ["unharmed"] * 3
    assert errors.collected() == []


if sys.version_info >= (3, 11):

    async def test_a_timeout_ends_a_wait_and_leaves_no_mark(start: Start) -> None:
        ended: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

        async def handle() -> None:
            try:
                async with asyncio.timeout(0.001):
                    await asyncio.Event().wait()
            except TimeoutError:
                await asyncio.sleep(0)
                ended.set_result(("timeout", _this_task().cancelling()))

        start(handle())

        assert await ended == ("timeout", 0)

    async def test_a_group_cancels_the_task_that_waits_for_it(start: Start) -> None:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def fail() -> None:
            raise KeyError

        async def handle() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(fail())
                    await asyncio.Event().wait()
            except Exception as group:
                ended.set_result(type(group).__name__)

        start(handle())

        assert await ended == "ExceptionGroup"


# exceptions


async def test_an_exception_goes_to_the_event_loop_and_not_to_the_caller(start: Start) -> None:
    errors = Errors()
    gate = asyncio.Event()
    steps: list[str] = []

    async def fail(error: Exception, waits: bool) -> None:
        if waits:
            await gate.wait()
        raise error

    async def succeed() -> None:
        steps.append("at once")

    early, late = KeyError("early"), KeyError("late")
    start(fail(early, waits=False))
    start(fail(late, waits=True))
    gate.set()
    await _settled()
    start(succeed())

    assert sorted(map(str, errors.collected())) == ["'early'", "'late'"]
    assert steps == ["at once"]


async def test_an_interrupt_reaches_the_caller(start: Start) -> None:
    mine = _this_task()

    async def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(interrupt())

    assert _this_task() is mine


# event loops


@pytest.mark.timeout(10)
@pytest.mark.parametrize("swallows", [False, True])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_the_loop_can_be_left_while_a_coroutine_waits(
    run: Callable[[Coroutine[Any, Any, None]], None], swallows: bool
) -> None:
    steps: list[str] = []

    async def handle() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            steps.append("cancelled")
            if not swallows:
                raise

    async def main() -> None:
        pool = Pool(asyncio.get_running_loop())
        for start in (start_eagerly, pool.start):
            await _warm_up(start)
            start(handle())
            await _settled()

    run(main())

    assert steps == ["cancelled"] * 2


def test_loops_in_several_threads_keep_to_themselves() -> None:
    together = threading.Barrier(2, timeout=10)
    wrong: list[object] = []
    finished: list[int] = []

    async def handle(loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(2):
            if asyncio.get_running_loop() is not loop or _this_task().get_loop() is not loop:
                wrong.append(loop)
            await asyncio.sleep(0)
        finished.append(1)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(50):
            together.wait()
            start_eagerly(handle(loop))
            await _settled()

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(finished) == 100
