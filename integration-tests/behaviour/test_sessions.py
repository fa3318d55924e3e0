"""User sessions: one dict per client, until after its disconnect handler."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.feature("user sessions"), pytest.mark.asyncio(loop_scope="session")]


async def test_a_session_belongs_to_one_client(connect):
    first, second = await connect(), await connect()

    await first.call("set_name", "Ada")
    await second.call("set_name", "Bob")

    assert await first.call("get_name") == ["Ada"]
    assert await second.call("get_name") == ["Bob"]


async def test_session_and_rooms_are_known_in_the_disconnect_handler(connect):
    watcher, client = await connect(), await connect()
    await watcher.call("join", "watchers")
    await client.call("set_name", "Ada")
    await client.call("join", "red")
    (me,) = await client.call("me")

    await client.close()

    ((sid, _reason, name, rooms),) = await watcher.records.take(("event", "/", "gone"))
    assert (sid, name, rooms) == (me["sid"], "Ada", ["red"])
