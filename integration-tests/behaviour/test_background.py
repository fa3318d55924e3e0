"""Background tasks and ``sleep``: the server goes on meanwhile."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.feature("background tasks, `sleep`"),
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_a_background_task_emits_after_the_handler_has_returned(connect):
    client = await connect()

    assert await client.call("count_down", 5) == []

    counted = [await client.records.take(("event", "/", "count")) for _ in range(6)]
    assert [number for ((number,),) in counted] == [5, 4, 3, 2, 1, 0]


async def test_sleep_pauses_one_handler_only(connect):
    resting, awake = await connect(), await connect()

    await resting.emit("wait_and_bounce", "resting", "back", "rested")
    await awake.call("release", "resting")

    assert await resting.records.take(("event", "/", "back")) == (["rested"],)
    (seconds,) = await resting.call("rest", 0.1)
    assert seconds > 0.09  # loops round
