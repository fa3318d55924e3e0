"""A client whose handler takes longer than a heartbeat stays connected, on every transport."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.feature("heartbeat"), pytest.mark.asyncio(loop_scope="session")]

INTERVAL, PATIENCE = 0.2, 0.6
"""Seconds between two heartbeats, and those that a client has to answer one."""

LONG = 2 * (INTERVAL + PATIENCE)
"""Seconds that a handler takes: more than either side waits for the other."""


@pytest.fixture
def options():
    """A server whose handlers run one after the other, as connect handlers always do."""
    return {"ping_interval": INTERVAL, "ping_timeout": PATIENCE, "async_handlers": False}


async def test_an_event_handler_may_take_longer_than_a_heartbeat(connect):
    client = await connect()

    (seconds,) = await client.call("rest", LONG)

    assert seconds >= INTERVAL + PATIENCE
    assert await client.call("echo", 1) == [1]


# an upgrade waits for the POST with the CONNECT, and PINGs wait for the upgrade, for ten seconds
@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_connect_handler_may_take_longer_than_a_heartbeat(connect):
    client = await connect("/tired", auth={"rest": LONG})

    assert await client.call("echo", 1, namespace="/tired") == [1]
