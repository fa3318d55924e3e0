"""Serves over TLS: python tls_server.py MODEL PORT CERTFILE KEYFILE

A client may ask for binary events while it sends some, and how many of its own have arrived.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import warnings
from collections import Counter
from typing import Any

import socketio

MODES = {"werkzeug": "threading", "pywsgi": "gevent", "eventlet": "eventlet"}
taken: Counter[str] = Counter()


def take(sid: str, data: bytes) -> None:
    taken[sid] += 1


def tell(sid: str) -> int:
    return taken[sid]


def echo(sid: str, *args: Any) -> Any:
    return args


def make_sync(mode: str) -> socketio.WSGIApp:
    sio = socketio.Server(async_mode=mode, async_handlers=False)

    def send(sid: str, events: int, size: int) -> None:
        data = bytes(size)
        for _ in range(events):
            sio.emit("chunk", data, to=sid)

    sio.on("take", take)
    sio.on("taken", tell)
    sio.on("echo", echo)
    sio.on("send me", lambda *args: sio.start_background_task(send, *args) and None)
    return socketio.WSGIApp(sio)


def make_async() -> socketio.ASGIApp:
    sio = socketio.AsyncServer(async_mode="asgi", async_handlers=False)

    async def send(sid: str, events: int, size: int) -> None:
        data = bytes(size)
        for _ in range(events):
            await sio.emit("chunk", data, to=sid)
            await asyncio.sleep(0)

    def start(*args: Any) -> None:
        sio.start_background_task(send, *args)

    sio.on("take", take)
    sio.on("taken", tell)
    sio.on("echo", echo)
    sio.on("send me", start)
    return socketio.ASGIApp(sio)


def serve(model: str, port: int, certfile: str, keyfile: str) -> None:
    if model == "uvicorn":
        import uvicorn

        uvicorn.run(
            make_async(),
            port=port,
            ssl_certfile=certfile,
            ssl_keyfile=keyfile,
            log_level="warning",
            lifespan="off",
        )
    elif model == "werkzeug":
        from werkzeug.serving import run_simple

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certfile, keyfile)
        app = make_sync("threading")
        run_simple("127.0.0.1", port, app, threaded=True, ssl_context=context)
    elif model == "pywsgi":
        from gevent import pywsgi

        server = pywsgi.WSGIServer(
            ("127.0.0.1", port), make_sync("gevent"), log=None, certfile=certfile, keyfile=keyfile
        )
        server.serve_forever()
    else:
        warnings.simplefilter("ignore")  # eventlet is deprecated
        import eventlet.wsgi

        app = make_sync("eventlet")
        listener = eventlet.wrap_ssl(
            eventlet.listen(("127.0.0.1", port)),
            certfile=certfile,
            keyfile=keyfile,
            server_side=True,
        )
        eventlet.wsgi.server(listener, app, log_output=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
