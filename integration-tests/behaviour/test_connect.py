"""Connecting: auth, headers and query, refusals in every form, unknown namespaces."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = "Connection rejected by server"
REFUSALS = {
    "false": ("false", {"message": REFUSED}),
    "builtin": ("builtin", {"message": "Connection refused by server"}),
    "plain": ([], {"message": REFUSED}),
    "message": (["no entry"], {"message": "no entry"}),
    "data": (["no entry", {"code": 7}], {"message": "no entry", "data": {"code": 7}}),
    "more data": (["no entry", 1, "x"], {"message": "no entry", "data": [1, "x"]}),
}


async def test_the_server_sees_auth_headers_and_query(connect, transport):
    client = await connect(auth={"token": "secret"}, headers={"X-Test": "value"})

    (me,) = await client.call("me")

    assert me["auth"] == {"token": "secret"}
    assert me["header"] == "value"
    assert "EIO=4" in me["query"]
    assert me["transport"] == ("polling" if transport == "polling" else "websocket")
    assert me["rooms"] == [me["sid"]]


async def test_without_auth_the_handler_gets_none(connect):
    client = await connect()

    (me,) = await client.call("me")

    assert me["auth"] is None


@pytest.mark.parametrize("how", REFUSALS)
async def test_a_refusal_tells_the_client_why(server, make_client, transport, how):
    before = await server.held()
    argument, expected = REFUSALS[how]
    client = make_client()

    await client.open(server.url, transport, ("/refusing",), auth={"refuse": argument})

    assert await client.records.take(("connect_error", "/refusing")) == (expected,)
    assert (await server.status())["rooms"] == before["rooms"]
    await client.close()
    await server.settled(before)


async def test_a_namespace_that_does_not_exist_is_refused(server, make_client, transport):
    client = make_client()

    await client.open(server.url, transport, ("/nope",))

    assert await client.records.take(("connect_error", "/nope")) == (
        {"message": "Invalid namespace"},
    )
    await client.close()


async def test_a_refused_namespace_does_not_disturb_the_others(server, make_client, transport):
    client = make_client()

    await client.open(server.url, transport, ("/", "/refusing"), auth={"refuse": "false"})

    await client.records.take(("connect", "/"))
    await client.records.take(("connect_error", "/refusing"))
    assert await client.call("echo", 1) == [1]
    await client.close()
