"""The benchmark's Socket.IO application, served by ``python socketio_app.py HOST PORT``.

The same file runs our packages and upstream's, each in its own virtual environment.  HOST is
``uvicorn`` (plain ASGI), ``aiohttp``, or ``fast`` (``socketio.run``, which only we have).
With ``BENCH_REDIS``, the URL of a Redis, in the environment it is one of a cluster.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import uvloop

import socketio

logging.disable(logging.CRITICAL)


def make_server(async_mode: str) -> Any:
    """Create the server with the handlers that every benchmarked server has."""
    redis = os.environ.get("BENCH_REDIS")
    manager = socketio.AsyncRedisManager(redis) if redis else None
    sio = socketio.AsyncServer(async_mode=async_mode, client_manager=manager)

    @sio.event
    async def echo(sid: str, data: Any) -> Any:
        return data

    @sio.event
    async def ping_back(sid: str, data: Any) -> None:
        await sio.emit("pong_back", data, to=sid)

    @sio.event
    async def fan(sid: str, data: Any) -> None:
        await sio.emit("news", data, room="room" if redis else None)

    @sio.event
    async def join(sid: str) -> None:
        await sio.enter_room(sid, "room")

    return sio


def serve_fast(port: int) -> None:
    """Serve as a user of ours does."""
    app = socketio.ASGIApp(make_server("asgi"))
    socketio.run(app, port=port, log_level="critical", access_log=False)


def serve_uvicorn(port: int) -> None:
    """Serve under uvicorn with uvloop and httptools."""
    import uvicorn

    app = socketio.ASGIApp(make_server("asgi"))
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="critical",
        access_log=False,
    )


def serve_aiohttp(port: int) -> None:
    """Serve under aiohttp on uvloop."""
    from aiohttp import web

    app = web.Application()
    make_server("aiohttp").attach(app)
    web.run_app(
        app,
        host="127.0.0.1",
        port=port,
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


def main() -> None:
    host, port = sys.argv[1], int(sys.argv[2])
    serve = {"uvicorn": serve_uvicorn, "aiohttp": serve_aiohttp, "fast": serve_fast}[host]
    serve(port)


if __name__ == "__main__":
    main()
