"""Both sides hear once that and why a client has gone."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.feature("disconnect reasons"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.full_clients,
]


async def watch(connect):
    watcher = await connect()
    await watcher.call("join", "watchers")
    return watcher


async def gone(watcher, event="gone"):
    """The sid and the reason that the disconnect handler got, which must have run only once."""
    ((sid, reason, *_),) = await watcher.records.take(("event", "/", event))
    await watcher.call("nothing")
    assert not watcher.records.all(("event", "/", event))
    return sid, reason


async def sid_of(client):
    return (await client.call("me"))[0]["sid"]


async def test_the_client_disconnects(connect):
    watcher, client = await watch(connect), await connect()
    sid = await sid_of(client)

    await client.close()

    assert await gone(watcher) == (sid, "client disconnect")
    assert await client.records.take(("disconnect", "/")) == ("client disconnect",)


async def test_the_server_disconnects_a_client(connect):
    watcher, client = await watch(connect), await connect()
    sid = await sid_of(client)

    await client.emit("kick")

    assert await gone(watcher) == (sid, "server disconnect")
    assert await client.records.take(("disconnect", "/")) == ("server disconnect",)


async def test_a_client_has_another_one_disconnected(connect):
    watcher, client = await watch(connect), await connect()
    sid = await sid_of(client)

    await watcher.call("kick", sid)

    assert await gone(watcher) == (sid, "server disconnect")
    assert await client.records.take(("disconnect", "/")) == ("server disconnect",)
    # events of one who has gone are not an error, and nobody hears them
    assert await watcher.call("tell", sid, None, "anybody there?") == []


async def test_the_server_ends_the_whole_connection(connect):
    watcher, client = await watch(connect), await connect("/", "/class")
    sid = await sid_of(client)

    await client.emit("hang_up")

    assert await gone(watcher) == (sid, "server disconnect")
    assert (await gone(watcher, "gone from class"))[1] == "server disconnect"
    for namespace in ("/", "/class"):
        (reason,) = await client.records.take(("disconnect", namespace))
        assert reason in ("transport close", "transport error")


@pytest.mark.feature("class-based namespaces")
async def test_a_class_based_namespace_disconnects_its_client(connect):
    watcher, client = await watch(connect), await connect("/class")

    await client.emit("leave", namespace="/class")

    assert (await gone(watcher, "gone from class"))[1] == "server disconnect"
    assert await client.records.take(("disconnect", "/class")) == ("server disconnect",)


async def test_every_namespace_hears_that_its_client_has_gone(connect):
    watcher, client = await watch(connect), await connect("/", "/chat", "/class")

    await client.close()

    for event in ("gone", "gone from chat", "gone from class"):
        assert (await gone(watcher, event))[1] == "client disconnect"


@pytest.mark.feature("user sessions")
async def test_the_session_outlives_the_connection_until_the_handler_has_ended(connect):
    watcher, client = await watch(connect), await connect("/slow")

    # the client leaves its last namespace, and with it the connection, while the handler waits
    await client.emit("leave", "Ada", namespace="/slow")

    ((_, reason, name),) = await watcher.records.take(("event", "/", "gone from slow"))
    assert (reason, name) == ("server disconnect", "Ada")
