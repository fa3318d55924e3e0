"""The waiting that the clients do, and that a cancellation or an abort always ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from socketio import _aio as aio

SOON = 10
"""Seconds; only a failing test waits so long."""


async def turns(count: int) -> None:
    """Let the loop go round a number of times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_wait_set_tells_whether_the_event_is_set() -> None:
    event = aio.create_event()

    assert not await aio.wait_set(event, 0.001)
    asyncio.get_running_loop().call_soon(event.set)
    assert await aio.wait_set(event)
    assert await aio.wait_set(event, 0)


@pytest.mark.parametrize("between", range(4))
async def test_a_cancellation_that_meets_the_event_is_not_lost(between: int) -> None:
    event = aio.create_event()
    waiting = asyncio.ensure_future(aio.wait_set(event, SOON))
    await turns(3)

    event.set()
    await turns(between)
    waiting.cancel()
    await asyncio.wait({waiting})

    assert waiting.cancelled() or (between == 3 and waiting.result())


async def test_unless_returns_the_result_or_raises_the_exception() -> None:
    stop = aio.create_event()

    async def add(a: int, *, b: int) -> int:
        return a + b

    async def fail() -> None:
        raise ZeroDivisionError

    assert await aio.unless(stop, add, 1, b=2) == 3
    with pytest.raises(ZeroDivisionError):
        await aio.unless(stop, fail)


async def test_unless_stops_the_function_and_waits_for_its_end() -> None:
    stop = aio.create_event()
    ended = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await turns(3)
            ended.append(True)

    asyncio.get_running_loop().call_soon(stop.set)
    with pytest.raises(aio.Stopped):
        await aio.unless(stop, forever)

    assert ended == [True]


async def test_a_cancelled_unless_cancels_the_function() -> None:
    started = asyncio.Event()

    async def forever() -> None:
        started.set()
        await asyncio.Event().wait()

    waiting = asyncio.ensure_future(aio.unless(aio.create_event(), forever))
    await started.wait()
    waiting.cancel()
    await asyncio.wait({waiting})

    assert waiting.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_joining_the_current_task_returns() -> None:
    task = asyncio.current_task()
    assert task is not None

    await aio.join(task)

    assert aio.is_current(task)
    assert not aio.is_current(None)


async def test_current_value_calls_functions_and_coroutine_functions() -> None:
    async def later() -> int:
        return 3

    values: list[Any] = [1, lambda: 2, later, None]

    assert [await aio.current_value(value) for value in values] == [1, 2, 3, None]


async def test_handlers_start_in_order() -> None:
    log: list[int] = []
    done = asyncio.Event()

    async def handle(number: int) -> None:
        log.append(number)
        if number == 9:
            done.set()

    for number in range(10):
        aio.start_handler(handle, number)
    await asyncio.wait_for(done.wait(), SOON)

    assert log == list(range(10))
