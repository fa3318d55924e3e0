"""The MessagePack serializer against the official parser of the JavaScript client, and ours."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.feature("MessagePack"), pytest.mark.asyncio(loop_scope="session")]

VALUES = ["smörgås", -1, 2**40, 1.5, True, None, [1, [b"\x00\xff"]], {"a": {"b": b""}}]


@pytest.fixture
def options():
    return {"serializer": "msgpack"}


async def test_every_value_comes_back(connect):
    client = await connect(serializer="msgpack")

    assert await client.call("echo", *VALUES) == VALUES
    await client.emit("bounce", "back", *VALUES)
    assert await client.records.take(("event", "/", "back")) == (VALUES,)


@pytest.mark.full_clients
async def test_the_server_gets_the_clients_answer(connect):
    client = await connect(serializer="msgpack", auth={"token": b"\x01"})
    await client.answer("question", {"answer": b"42"})

    assert await client.call("ask", "question") == [[{"answer": b"42"}]]
    assert (await client.call("me"))[0]["auth"] == {"token": b"\x01"}


@pytest.mark.full_clients
async def test_namespaces_and_absent_auth(connect):
    client = await connect("/", "/chat", serializer="msgpack")

    assert await client.call("echo", b"1", namespace="/chat") == ["chat", b"1"]
    assert (await client.call("me"))[0]["auth"] is None


@pytest.mark.full_clients
async def test_a_refusal_tells_the_client_why(server, make_client, transport):
    client = make_client(serializer="msgpack")

    await client.open(
        server.url, transport, ("/refusing",), auth={"refuse": ["no entry", {"code": 7}]}
    )

    assert await client.records.take(("connect_error", "/refusing")) == (
        {"message": "no entry", "data": {"code": 7}},
    )
