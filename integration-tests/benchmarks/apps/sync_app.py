"""The benchmark's Socket.IO application without asyncio, ``python sync_app.py HOST PORT``.

The same file runs our packages and upstream's, each in its own virtual environment.  HOST is
``threading`` (Werkzeug) or ``gevent`` (pywsgi).  With ``BENCH_REDIS``, the URL of a Redis, in the
environment it is one of a cluster.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import socketio

logging.disable(logging.CRITICAL)


def make_app(async_mode: str) -> Any:
    """Create the application with the handlers that every benchmarked server has."""
    redis = os.environ.get("BENCH_REDIS")
    manager = socketio.RedisManager(redis) if redis else None
    sio = socketio.Server(async_mode=async_mode, client_manager=manager)

    @sio.event
    def echo(sid: str, data: Any) -> Any:
        return data

    @sio.event
    def ping_back(sid: str, data: Any) -> None:
        sio.emit("pong_back", data, to=sid)

    @sio.event
    def fan(sid: str, data: Any) -> None:
        sio.emit("news", data, room="room" if redis else None)

    @sio.event
    def join(sid: str) -> None:
        sio.enter_room(sid, "room")

    return socketio.WSGIApp(sio)


def serve_threading(port: int) -> None:
    """Serve with a thread for each connection."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    # an upgraded connection is HTTP/1.1, and the default answers 1.0
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    make_server("127.0.0.1", port, make_app("threading"), threaded=True).serve_forever()


def serve_gevent(port: int) -> None:
    """Serve with a greenlet for each connection."""
    from gevent import pywsgi

    server = pywsgi.WSGIServer(("127.0.0.1", port), make_app("gevent"), log=None, backlog=4096)
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "gevent" and "BENCH_REDIS" in os.environ:
        from gevent import monkey

        monkey.patch_all()
    {"threading": serve_threading, "gevent": serve_gevent}[sys.argv[1]](int(sys.argv[2]))
