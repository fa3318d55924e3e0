"""Serves app.py or app_sync.py with a server that is started from Python: launch.py MODE PORT.

``ASYNC_MODE`` in the environment is the mode of the Socket.IO server.
"""

from __future__ import annotations

import sys
from typing import Any

HOST = "127.0.0.1"


def serve_fast(port: int) -> None:
    from app import app

    import socketio

    socketio.run(app, port=port)


def serve_aiohttp(port: int) -> None:
    from aiohttp import web
    from app import sio, status

    async def show(request: web.Request) -> web.Response:
        return web.json_response(status())

    app = web.Application()
    app.router.add_get("/status", show)
    sio.attach(app)
    web.run_app(app, host=HOST, port=port, shutdown_timeout=1)


def serve_tornado(port: int) -> None:
    import asyncio
    import signal

    import tornado.web
    from app import sio, status

    import socketio

    class Show(tornado.web.RequestHandler):
        def get(self) -> None:
            self.write(status())

    async def main() -> None:
        handlers = [("/socket.io/", socketio.get_tornado_handler(sio)), ("/status", Show)]
        tornado.web.Application(handlers).listen(port, HOST)
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await stopped.wait()

    asyncio.run(main())


def serve_sanic(port: int) -> None:
    from app import make_sanic, sio

    app = make_sanic()
    sio.attach(app)
    app.run(host=HOST, port=port, single_process=True)


def serve_werkzeug(port: int) -> None:
    """As the documents do: Flask's development server, with Socket.IO in front of the app."""
    import logging

    from app_sync import sio, status
    from flask import Flask

    import socketio

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Flask(__name__)
    app.add_url_rule("/status", view_func=status)
    app.wsgi_app = socketio.WSGIApp(sio, app.wsgi_app)  # type: ignore[method-assign]
    app.run(host=HOST, port=port)


def serve_wsgiref(port: int) -> None:
    """A server with threads that knows nothing of WebSocket and keeps its sockets to itself."""
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIServer, make_server

    from app_sync import app

    class ThreadingServer(ThreadingMixIn, WSGIServer):
        daemon_threads = True
        request_queue_size = 128

    make_server(HOST, port, app, server_class=ThreadingServer).serve_forever()


def serve_pywsgi(port: int, **options: Any) -> None:
    from app_sync import app
    from gevent import pywsgi

    pywsgi.WSGIServer((HOST, port), app, log=None, **options).serve_forever()


def serve_gevent_websocket(port: int) -> None:
    from geventwebsocket.handler import WebSocketHandler

    serve_pywsgi(port, handler_class=WebSocketHandler)


def serve_eventlet(port: int) -> None:
    import eventlet.wsgi
    from app_sync import app  # which silences what eventlet tells at its import

    eventlet.wsgi.server(eventlet.listen((HOST, port)), app, log_output=False)


if __name__ == "__main__":
    globals()[f"serve_{sys.argv[1]}"](int(sys.argv[2]))
