"""Every option has the same effect whether it is given to the constructor or assigned later."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from http_support import request

import engineio.base_server
import socketio
from socketio.base_server import BaseServer
from socketio.exceptions import ConnectionRefusedError
from socketio.testing import AsyncTestServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIXED = {
    "self": "",
    "kwargs": "",
    "async_mode": "what serves the clients",
    "client_manager": "`manager`, for an object that has been given the server",
    "serializer": "`packet_class`",
    "json": "`Packet.json` for the process",
    "logger": "the attribute is a logger",
    "engineio_logger": "`eio.logger`, likewise",
    "monitor_clients": "has no effect",
}
"""Options that cannot be assigned under their names, and what is instead."""


def make_server(**options: Any) -> socketio.AsyncServer:
    sio = socketio.AsyncServer(async_mode="asgi", **options)
    sids = itertools.count(1)  # so that answers can be compared
    sio.eio.generate_id = lambda: f"sid{next(sids)}"  # type: ignore[method-assign]
    return sio


# what to look at: with clients in memory


async def is_connected_before_its_handler(sio: socketio.AsyncServer) -> list[bool]:
    seen: list[bool] = []
    sio.on("connect", lambda sid, environ: seen.append(sio.manager.is_connected(sid, "/")))
    async with AsyncTestServer(sio) as server:
        await server.connect()
    return seen


async def can_call(sio: socketio.AsyncServer) -> str:
    async with AsyncTestServer(sio) as server:
        client = await server.connect()
        client.on("question", lambda: "answer")
        try:
            return str(await sio.call("question", to=client.sid))
        except RuntimeError as error:
            return str(error)


async def joins_another(sio: socketio.AsyncServer, namespace: str = "/unknown") -> str:
    async with AsyncTestServer(sio) as server:
        client = await server.connect()
        try:
            await client.join(namespace)
        except ConnectionRefusedError as error:
            return str(error.args[0])
    return "joined"


async def joins_a_second(sio: socketio.AsyncServer) -> str:
    sio.on("event", print, namespace="/known")
    return await joins_another(sio, "/known")


async def stays_without_a_namespace(sio: socketio.AsyncServer) -> bool:
    async with AsyncTestServer(sio) as server:
        client = await server.connect(namespace=None)
        await server.advance(4)
        return client.connected


async def stays_without_its_attachment(sio: socketio.AsyncServer) -> bool:
    async with AsyncTestServer(sio) as server:
        client = await server.connect()
        [session] = sio.eio.sockets.values()
        sio._received(session, '51-["event",{"_placeholder":true,"num":0}]')
        await server.advance(4)
        return client.connected


def accepts(data: Any) -> Callable[[socketio.AsyncServer], Awaitable[list[Any]]]:
    async def look(sio: socketio.AsyncServer) -> list[Any]:
        got: list[Any] = []
        sio.on("event", lambda sid, *args: got.append(args))
        async with AsyncTestServer(sio) as server:
            client = await server.connect()
            await client.emit("event", data)
            got.append(client.connected)
        return got

    return look


async def runs_at_once(sio: socketio.AsyncServer) -> int:
    running: list[str] = []
    end = asyncio.Event()

    async def wait(sid: str) -> None:
        running.append(sid)
        await end.wait()

    sio.on("wait", wait)
    async with AsyncTestServer(sio) as server:
        client = await server.connect()
        await client.emit("wait")
        await client.emit("wait")
        count = len(running)
        end.set()
    return count


async def is_closed_for_what_waits(sio: socketio.AsyncServer) -> str | None:
    session = sio.eio.engine.create("sid", "polling")
    assert await sio.eio._connect(session, {}) is None
    sio.eio.engine.accept(session, 0)
    await sio.eio.send("sid", "x" * 1000)
    await sio.eio.send("sid", "x" * 1000)
    sio.eio.engine.flush(0)
    reason = session.reason
    sio.eio.engine.close(session, "over")
    return reason


async def upgrade_is_given_up(sio: socketio.AsyncServer) -> Any:
    engine: Any = sio.eio.engine
    session = engine.create("sid", "polling")
    engine.accept(session, 0)
    engine.start_probe(session, None, 0)
    return engine._upgrades.deadlines.next()


async def a_body_is_waited_for(sio: socketio.AsyncServer) -> Any:
    engine: Any = sio.eio.engine
    session = engine.create("sid", "polling")
    engine.accept(session, 0)
    engine.begin_post(session, print, 0)
    before = engine.next_deadline()
    engine.end_post(session)
    return before, engine.next_deadline()


# what to look at: answers to requests


async def handshake(sio: socketio.AsyncServer) -> Any:
    return await request(sio)


async def handshake_of_page(sio: socketio.AsyncServer) -> Any:
    return await request(sio, headers=((b"origin", b"http://here"),))


async def handshake_of_other_page(sio: socketio.AsyncServer) -> Any:
    return await request(sio, headers=((b"origin", b"http://there"),))


async def compressed(sio: socketio.AsyncServer) -> Any:
    _, headers, _ = await request(sio, headers=((b"accept-encoding", b"deflate"),))
    return headers.get(b"content-encoding")


async def large_compressed(sio: socketio.AsyncServer) -> Any:
    await request(sio)
    await sio.eio.send("sid1", "x" * 5000)
    _, headers, _ = await request(sio, "&sid=sid1", headers=((b"accept-encoding", b"deflate"),))
    return headers.get(b"content-encoding")


async def two_packets(sio: socketio.AsyncServer) -> Any:
    await request(sio)
    return await request(sio, "&sid=sid1", b"3\x1e3")


LOOKS: dict[str, tuple[Any, Callable[[socketio.AsyncServer], Awaitable[Any]]]] = {
    "async_handlers": (False, can_call),
    "always_connect": (True, is_connected_before_its_handler),
    "namespaces": (["/", "/unknown"], joins_another),
    "connect_timeout": (3, stays_without_a_namespace),
    "attachment_timeout": (3, stays_without_its_attachment),
    "max_attachments": (1, accepts([b"1", b"2"])),
    "max_attachment_bytes": (1, accepts(b"12")),
    "max_handlers": (1, runs_at_once),
    "max_namespaces": (1, joins_a_second),
    "max_json_depth": (3, accepts([[[[1]]]])),
    "max_json_int_digits": (3, accepts(1234)),
    "eio.ping_interval": (7, handshake),
    "eio.ping_timeout": (7, handshake),
    "eio.max_http_buffer_size": (7777, handshake),
    "eio.allow_upgrades": (False, handshake),
    "eio.transports": (["websocket"], handshake),
    "eio.cookie": ("name", handshake),
    "eio.cors_allowed_origins": ("http://there", handshake_of_other_page),
    "eio.cors_credentials": (False, handshake_of_page),
    "eio.compression_threshold": (10, compressed),
    "eio.http_compression": (False, large_compressed),
    "eio.max_payload_packets": (1, two_packets),
    "eio.max_send_buffer": (500, is_closed_for_what_waits),
    "eio.upgrade_timeout": (3, upgrade_is_given_up),
    "eio.body_timeout": (3, a_body_is_waited_for),
}
"""Options, values other than the defaults, and what they make a difference for."""


@pytest.mark.parametrize("name", LOOKS)
async def test_an_option_may_be_assigned_later(name: str) -> None:
    value, look = LOOKS[name]
    option = name.rpartition(".")[2]
    given = make_server(**{option: value})
    assigned = make_server()

    setattr(assigned.eio if name.startswith("eio.") else assigned, option, value)
    seen = await look(assigned)

    assert seen == await look(given)
    assert seen != await look(make_server())


def test_no_option_is_forgotten() -> None:
    options = {
        *inspect.signature(BaseServer).parameters,
        *inspect.signature(engineio.base_server.BaseServer).parameters,
    }

    assert {name.rpartition(".")[2] for name in LOOKS} | FIXED.keys() >= options
