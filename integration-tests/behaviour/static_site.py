"""Serves static files of the current directory: python static_site.py MODEL PORT

Each path of ``SITES`` has an application of its own.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import socketio

FILES: dict[str, Any] = {
    "/": "latency.html",
    "/static/socket.io.js": "static/socket.io.js",
    "/static/style.css": "static/style.css",
    "/plain": {"filename": "latency.html", "content_type": "text/plain"},
    "/public": "./public",
    "/socket.io/secret": "secret.txt",  # the endpoint comes first
    "/missing": "not-there.html",
}
DEFAULT = {"/static": "./public", "": "image.gif"}
TYPED_DEFAULT = {"/static": "./public", "": {"filename": "image.gif", "content_type": "text/plain"}}
MODES = {"werkzeug": "threading", "pywsgi": "gevent", "eventlet": "eventlet"}


def greet(sid: str, name: str) -> str:
    return f"Hello {name}"


def other(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"other"]


def make_wsgi_app(mode: str) -> Any:
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    sio = socketio.Server(async_mode=mode)
    sio.on("greet", greet)
    return DispatcherMiddleware(
        socketio.WSGIApp(sio, other, static_files=FILES),
        {
            "/default": socketio.WSGIApp(sio, static_files=DEFAULT),
            "/typed": socketio.WSGIApp(sio, static_files=TYPED_DEFAULT),
            "/middleware": socketio.Middleware(sio, other),
            "/other-path": socketio.Middleware(sio, other, "a/path"),
        },
    )


async def other_asgi(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"other"})


def make_asgi_app() -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    sio = socketio.AsyncServer(async_mode="asgi")
    sio.on("greet", greet)
    app = socketio.ASGIApp
    return Starlette(
        routes=[
            Mount("/default", app(sio, static_files=DEFAULT)),
            Mount("/typed", app(sio, static_files=TYPED_DEFAULT)),
            Mount("/middleware", app(sio, other_asgi)),
            Mount("/other-path", app(sio, other_asgi, socketio_path="a/path")),
            Mount("/", app(sio, other_asgi, static_files=FILES)),
        ]
    )


def serve(model: str, port: int) -> None:
    if model == "uvicorn":
        import uvicorn

        uvicorn.run(make_asgi_app(), port=port, log_level="warning")
    elif model == "werkzeug":
        from werkzeug.serving import run_simple

        run_simple("127.0.0.1", port, make_wsgi_app("threading"), threaded=True)
    elif model == "pywsgi":
        from gevent import pywsgi

        pywsgi.WSGIServer(("127.0.0.1", port), make_wsgi_app("gevent"), log=None).serve_forever()
    else:
        warnings.simplefilter("ignore")  # eventlet is deprecated
        import eventlet.wsgi

        app = make_wsgi_app("eventlet")
        eventlet.wsgi.server(eventlet.listen(("127.0.0.1", port)), app, log_output=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
