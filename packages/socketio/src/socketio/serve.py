"""``socketio.run``: the quickest way to serve an application, and the fastest."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from typing import TYPE_CHECKING, Any

import engineio

from .asgi import ASGIApp
from .async_server import AsyncServer

if TYPE_CHECKING:
    from engineio.async_drivers.asgi import ASGIApplication

FAST_WEBSOCKET = "engineio.async_drivers.uvicorn:WebSocketProtocol"

STOP_TIMEOUT = 3
"""Seconds that open connections get to end after SIGINT or SIGTERM before they are cut."""


def run(
    app_or_server: AsyncServer | ASGIApplication | str,
    host: str = "127.0.0.1",
    port: int = 5000,
    **options: Any,
) -> None:
    """Serve an application on uvicorn until SIGINT or SIGTERM.

    :param app_or_server: an ``AsyncServer``, any ASGI application (such as an ``ASGIApp``, or a
        FastAPI application that one is mounted in), or ``"module:attribute"`` of one.
    :param host: address to listen on (default 127.0.0.1: this machine only).
    :param port: TCP port (default 5000); 0 takes a free one.
    :param options: further options of ``uvicorn.run``.

    WebSocket connections of Engine.IO take the fast path if picows is installed.  When it stops,
    the clients of an ``AsyncServer`` or ``ASGIApp`` are disconnected, so that they reconnect
    elsewhere at once.  ``ModuleNotFoundError`` names what to install where uvicorn is missing.
    """
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        if error.name != "uvicorn":
            raise
        raise ModuleNotFoundError(
            "socketio.run needs uvicorn: pip install 'python-socketio[fast]'", name="uvicorn"
        ) from None
    app: Any = ASGIApp(app_or_server) if isinstance(app_or_server, AsyncServer) else app_or_server
    if importlib.util.find_spec("picows") is not None:
        options.setdefault("ws", FAST_WEBSOCKET)
    options.setdefault("timeout_graceful_shutdown", STOP_TIMEOUT)
    if not isinstance(app, engineio.ASGIApp):
        uvicorn.run(app, host=host, port=port, **options)
        return

    server: Any = app.engineio_server
    engine: engineio.AsyncServer = getattr(server, "eio", server)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: Any = None) -> None:
            # a waiting long-poll would hold uvicorn up until its next heartbeat
            leaving = asyncio.ensure_future(engine.disconnect())
            await super().shutdown(sockets)
            await leaving

    with contextlib.suppress(KeyboardInterrupt):
        Server(uvicorn.Config(app, host=host, port=port, **options)).run()
