"""CORS and cookies: what browsers and proxies see of long-polling and of handshakes."""

from __future__ import annotations

import json
import struct

import pytest

from .raw import CLOSE, POLLING, WebSocket, fetch

pytestmark = pytest.mark.feature("CORS")

POLICY_VIOLATION = struct.pack("!H", 1008)
ELSEWHERE = "http://elsewhere.example"
PREFLIGHT = [
    ("Origin", ELSEWHERE),
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "x-token"),
]


async def close(server, reply):
    sid = json.loads(reply.body[1:])["sid"]
    assert (await fetch(server, f"{POLLING}&sid={sid}", "POST", body=b"1")).body == b"ok"


async def test_the_own_origin_is_allowed_and_told_so(server):
    origin = f"http://127.0.0.1:{server.port}"

    reply = await fetch(server, POLLING, headers=[("Origin", origin)])

    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == origin
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert "origin" in reply.headers["vary"].lower()
    await close(server, reply)


async def test_without_an_origin_there_is_no_restriction(server):
    reply = await fetch(server, POLLING)

    assert reply.status == 200
    assert "access-control-allow-origin" not in reply.headers
    await close(server, reply)


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_forged_origin_is_refused(server, method):
    before = await server.held()

    reply = await fetch(server, POLLING, method, headers=PREFLIGHT, body=b"")

    assert reply.status == 400
    assert "access-control-allow-origin" not in reply.headers
    await server.settled(before)


@pytest.mark.websocket
async def test_a_forged_origin_opens_no_websocket(server):
    before = await server.held()

    async with WebSocket(server) as websocket:
        reply = await websocket.handshake(headers=[("Origin", ELSEWHERE)])
        if server.kind.accepts_first:
            assert reply.status == 101
            assert await websocket.receive() == (CLOSE, POLICY_VIOLATION)
            await websocket.ended()
        else:
            assert reply.status in (400, 403)

    await server.settled(before)


@pytest.mark.parametrize("options", [{"cors_allowed_origins": [ELSEWHERE]}], ids=["cors"])
async def test_an_allowed_origin_passes_the_preflight(server):
    reply = await fetch(server, POLLING, "OPTIONS", headers=PREFLIGHT)

    assert reply.status in (200, 204)
    assert reply.headers["access-control-allow-origin"] == ELSEWHERE
    assert reply.headers["access-control-allow-headers"] == "x-token"
    for method in ("GET", "POST", "OPTIONS"):
        assert method in reply.headers["access-control-allow-methods"]


@pytest.mark.websocket
@pytest.mark.parametrize("options", [{"cors_allowed_origins": [ELSEWHERE]}], ids=["cors"])
async def test_an_allowed_origin_opens_a_websocket(server):
    async with WebSocket(server) as websocket:
        reply = await websocket.handshake(headers=[("Origin", ELSEWHERE)])

        assert reply.status == 101
        assert (await websocket.text()).startswith("0{")


@pytest.mark.parametrize(
    ("options", "attributes"),
    [
        ({"cookie": "io"}, set()),
        (
            {"cookie": {"name": "io", "path": "/chat", "httponly": True, "samesite": "Strict"}},
            {"path=/chat", "httponly", "samesite=strict"},
        ),
    ],
    ids=["name", "attributes"],
)
@pytest.mark.feature("cookies")
async def test_the_handshake_sets_the_cookie(server, attributes):
    reply = await fetch(server, POLLING)

    sid = json.loads(reply.body[1:])["sid"]
    value, *rest = [part.strip() for part in reply.headers["set-cookie"].split(";")]
    assert value == f"io={sid}"
    assert attributes <= {part.lower() for part in rest}
    await close(server, reply)


@pytest.mark.feature("cookies")
async def test_without_the_option_there_is_no_cookie(server):
    reply = await fetch(server, POLLING)

    assert "set-cookie" not in reply.headers
    await close(server, reply)
