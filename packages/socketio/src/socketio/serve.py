"""``socketio.run``: the quickest way to serve an application, and the fastest."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from .asgi import ASGIApp
from .async_entry import served
from .async_server import AsyncServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engineio.async_drivers.asgi_types import ASGIApplication

FAST_WEBSOCKET = "engineio.async_drivers.uvicorn:WebSocketProtocol"

STOP_TIMEOUT = 3
"""Seconds that open connections, and then disconnect handlers, get to end after SIGINT or SIGTERM
before they are cut."""

YOUNG_OBJECTS = 10_000
"""Objects that are made between two looks of the garbage collector while we serve.  Python's 700
are those of a few connections, and nothing of a connection is left to the collector: with 4,000
clients a connect costs 260 µs with 700, and 220 with this."""

STARTUP_FAILED = 3
"""Exit status where the application could not be started, as uvicorn's own."""


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

    WebSocket connections of Engine.IO take the fast path if picows is installed.  Without it set
    uvicorn's ``ws_max_size`` to ``max_http_buffer_size``, which is its default where an
    ``AsyncServer`` is given: messages that are larger are then refused unread.  When it stops,
    the clients of all Socket.IO servers in the application are disconnected, so that they
    reconnect elsewhere at once; with ``workers`` or ``reload`` they are cut after 3 seconds.
    The garbage collector looks for cycles once per 10,000 new objects meanwhile, if it is on.
    ``ModuleNotFoundError`` names what to install where uvicorn is missing.
    """
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        if error.name != "uvicorn":
            raise
        raise ModuleNotFoundError(
            "socketio.run needs uvicorn: pip install 'python-socketio[fast]'", name="uvicorn"
        ) from None
    app: Any = app_or_server
    if isinstance(app_or_server, AsyncServer):
        app = ASGIApp(app_or_server)
        # without the fast path uvicorn reads WebSockets by itself, all of them for this server
        options.setdefault("ws_max_size", app_or_server.eio.max_http_buffer_size)
    if importlib.util.find_spec("picows") is not None:
        options.setdefault("ws", FAST_WEBSOCKET)
    options.setdefault("timeout_graceful_shutdown", STOP_TIMEOUT)
    app_dir = options.pop("app_dir", None)
    if app_dir is not None:
        sys.path.insert(0, app_dir)
    config = uvicorn.Config(app, host=host, port=port, **options)
    if config.should_reload or config.workers > 1:
        uvicorn.run(app, host=host, port=port, **options)
        return

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: Any = None) -> None:
            # a waiting long-poll would hold uvicorn up until its next heartbeat
            loop = asyncio.get_running_loop()
            servers = [sio for sio, where in served.items() if where is loop]
            told = asyncio.gather(*[sio.eio.disconnect() for sio in servers])
            await super().shutdown(sockets)
            # a handler that does not end must not keep the program from ending
            patience = 0 if self.force_exit else self.config.timeout_graceful_shutdown
            await asyncio.wait({told}, timeout=patience)
            # what the handlers have emitted, the others in a cluster are to get
            stopping = [sio.manager.stop(patience) for sio in servers]
            await asyncio.gather(*stopping, return_exceptions=True)

    server = Server(config)
    try:
        with contextlib.suppress(KeyboardInterrupt), _rare_collections():
            server.run()
    finally:
        if config.uds:
            with contextlib.suppress(FileNotFoundError):
                os.remove(config.uds)
    if not server.started:
        sys.exit(STARTUP_FAILED)


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Have the garbage collector look less often; zero, which turns it off, stays."""
    before = gc.get_threshold()
    if before[0]:
        gc.set_threshold(max(before[0], YOUNG_OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
