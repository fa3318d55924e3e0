"""A client that sends too much is disconnected, and nobody else notices."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.feature("limits"), pytest.mark.asyncio(loop_scope="session")]

LIMIT = 10_000


@pytest.fixture
def options():
    return {"max_http_buffer_size": LIMIT}


async def test_a_message_within_the_limit_arrives(connect):
    client = await connect()

    assert await client.call("echo", b"x" * (LIMIT // 2)) == [b"x" * (LIMIT // 2)]


@pytest.mark.full_clients
@pytest.mark.parametrize("payload", ["x" * (LIMIT + 1), b"x" * (LIMIT + 1)], ids=["text", "binary"])
async def test_a_message_over_the_limit_ends_only_that_client(connect, payload):
    greedy, modest = await connect(), await connect()
    await modest.call("join", "watchers")
    (me,) = await greedy.call("me")

    await greedy.emit("echo", payload)

    (reason,) = await greedy.records.take(("disconnect", "/"))
    assert reason in ("transport close", "transport error")
    ((sid, *_),) = await modest.records.take(("event", "/", "gone"))
    assert sid == me["sid"]
    assert await modest.call("echo", 1) == [1]
