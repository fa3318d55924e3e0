"""Namespaces on one connection, class-based ones, and handlers for all of them."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.feature("namespaces"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.full_clients,
]


async def test_namespaces_share_a_connection_and_nothing_else(connect, server):
    client = await connect("/", "/chat", "/class")

    assert await client.call("echo", 1) == [1]
    assert await client.call("echo", b"1", namespace="/chat") == ["chat", b"1"]
    assert await client.call("echo", 1, namespace="/class") == ["class", 1]
    assert (await server.status())["sessions"] == 1


@pytest.mark.feature("class-based namespaces")
async def test_a_class_based_namespace_emits_calls_and_handles(connect):
    first = await connect("/class")
    second = await connect("/class")
    await first.answer("question", "answer")

    assert await first.call("plain", 1, namespace="/class") == ["plain", 1]
    assert await first.call("ask", "question", namespace="/class") == [["answer"]]
    await first.emit("tell", "all", namespace="/class")

    for client in (first, second):
        assert await client.records.take(("event", "/class", "told")) == (["all"],)


@pytest.mark.feature("class-based namespaces")
async def test_an_event_that_a_class_has_no_method_for_is_acknowledged_empty(connect):
    client = await connect("/class")

    assert await client.call("no such method", 1, namespace="/class") == []


@pytest.mark.parametrize("options", [{"catch_all": True}], ids=["catch-all"])
@pytest.mark.feature("catch-all handlers")
async def test_functions_for_every_namespace_get_its_name(connect):
    client = await connect("/any/one", "/any/two", "/class")

    for namespace in ("/any/one", "/any/two", "/class"):
        assert await client.records.take(("event", namespace, "welcome")) == ([namespace],)
        known = await client.call("known", 1, namespace=namespace)
        assert known == ["known", namespace, 1]
        other = await client.call("other", b"2", namespace=namespace)
        assert other == ["anything", "other", namespace, b"2"]


@pytest.mark.feature("class-based namespaces")
async def test_a_class_for_every_namespace_gets_its_name(connect):
    client = await connect("/any/one", "/any/two", "/class")

    for namespace in ("/any/one", "/any/two"):
        assert await client.call("which", namespace=namespace) == ["class", namespace]
    assert await client.call("which", namespace="/class") == []


async def test_leaving_one_namespace_keeps_the_others(connect, client_kind):
    if client_kind != "js":
        leaver = await connect("/", "/class")
        await leaver.emit("leave", namespace="/class")
        assert await leaver.records.take(("disconnect", "/class")) == ("server disconnect",)
    else:
        leaver = await connect("/", "/class")
        await leaver.leave("/class")
        assert await leaver.records.take(("disconnect", "/class")) == ("client disconnect",)

    assert await leaver.call("echo", 1) == [1]
