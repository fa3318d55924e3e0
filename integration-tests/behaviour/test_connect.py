"""Connecting: auth, headers and query, refusals in every form, unknown namespaces."""

from __future__ import annotations

import json

import pytest

from .raw import fetch, open_polling

pytestmark = [pytest.mark.feature("connect and auth"), pytest.mark.asyncio(loop_scope="session")]

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


async def test_the_environ_stays_that_of_the_first_request(server):
    query = await open_polling(server, join=True, headers=[("X-Test", "first")])

    await fetch(server, query, "POST", body=b'420["me"]', headers=[("X-Test", "later")])
    reply = await fetch(server, query)

    (me,) = json.loads(reply.body.removeprefix(b"430"))
    assert me["header"] == "first"
    assert "sid" not in me["query"]
    assert (await fetch(server, query, "POST", body=b"1")).body == b"ok"


async def test_without_auth_the_handler_gets_none(connect):
    client = await connect()

    (me,) = await client.call("me")

    assert me["auth"] is None


@pytest.mark.full_clients
@pytest.mark.parametrize("how", REFUSALS)
@pytest.mark.feature("refusals")
async def test_a_refusal_tells_the_client_why(server, make_client, transport, how):
    before = await server.held()
    argument, expected = REFUSALS[how]
    client = make_client()

    await client.open(server.url, transport, ("/refusing",), auth={"refuse": argument})

    assert await client.records.take(("connect_error", "/refusing")) == (expected,)
    assert (await server.status())["rooms"] == before["rooms"]


@pytest.mark.full_clients
@pytest.mark.feature("refusals")
async def test_a_namespace_that_does_not_exist_is_refused(server, make_client, transport):
    client = make_client()

    await client.open(server.url, transport, ("/nope",))

    assert await client.records.take(("connect_error", "/nope")) == (
        {"message": "Invalid namespace"},
    )


@pytest.mark.full_clients
@pytest.mark.feature("refusals")
async def test_a_refused_namespace_does_not_disturb_the_others(server, make_client, transport):
    client = make_client()

    await client.open(server.url, transport, ("/", "/refusing"), auth={"refuse": "false"})

    await client.records.take(("connect", "/"))
    await client.records.take(("connect_error", "/refusing"))
    assert await client.call("echo", 1) == [1]
