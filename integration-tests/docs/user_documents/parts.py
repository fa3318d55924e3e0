"""The parts that the programs of test_user_deployments.py and test_user_examples.py are made of."""

from __future__ import annotations

import signal
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docs.user_documents.visits import TRANSPORTS, VISIT

if TYPE_CHECKING:
    from docs.programs import Program

PORT = "8000"
"""What the programs use; each test puts a free port in its place."""

SYNC = {
    "engineio": """
        import engineio

        eio = engineio.Server({options})

        @eio.on("message")
        def message(sid, data):
            eio.send(sid, data)
        """,
    "socketio": """
        import socketio

        sio = socketio.Server({options})

        @sio.event
        def greet(sid, name):
            return "Hello " + name

        @sio.event
        def picture(sid, data):
            sio.emit("picture", data, room=sid)
        """,
}
ASYNC = {
    "engineio": """
        import engineio

        eio = engineio.AsyncServer({options})

        @eio.on("message")
        async def message(sid, data):
            await eio.send(sid, data)
        """,
    "socketio": """
        import socketio

        sio = socketio.AsyncServer({options})

        @sio.event
        async def greet(sid, name):
            return "Hello " + name

        @sio.event
        async def picture(sid, data):
            await sio.emit("picture", data, room=sid)
        """,
}
SERVER = {"engineio": "eio", "socketio": "sio"}


@dataclass(frozen=True)
class Way:
    """``run`` follows the application in module.py; ``command`` starts it."""

    mode: str
    command: str = "python -W ignore module.py"
    run: str = ""
    stop: signal.Signals = signal.SIGTERM


EVENTLET = """
    import eventlet
    eventlet.wsgi.server(eventlet.listen(("", 8000)), app)
    """
PYWSGI = """
    from gevent import pywsgi
    pywsgi.WSGIServer(("", 8000), app).serve_forever()
    """
GEVENT_WEBSOCKET = """
    from gevent import pywsgi
    from geventwebsocket.handler import WebSocketHandler
    pywsgi.WSGIServer(("", 8000), app, handler_class=WebSocketHandler).serve_forever()
    """
GUNICORN = "gunicorn -b :8000"
UWSGI = (
    "uwsgi --http :8000 --gevent 1000 --http-websockets --master "
    "--wsgi-file module.py --callable app"
)
WAYS = {
    "eventlet": Way("eventlet", run=EVENTLET),
    "gunicorn-eventlet": Way("eventlet", f"{GUNICORN} -k eventlet -w 1 module:app"),
    "pywsgi": Way("gevent", run=PYWSGI),
    "gevent-websocket": Way("gevent", run=GEVENT_WEBSOCKET),
    "gunicorn-gevent": Way("gevent", f"{GUNICORN} -k gevent -w 1 module:app"),
    "gunicorn-gevent-websocket": Way(
        "gevent",
        f"{GUNICORN} -k geventwebsocket.gunicorn.workers.GeventWebSocketWorker -w 1 module:app",
    ),
    "uwsgi": Way("gevent_uwsgi", UWSGI, stop=signal.SIGINT),  # SIGTERM would reload it
    "gunicorn-threads": Way("threading", f"{GUNICORN} -w 1 --threads 100 module:app"),
}


def program(head: str, *parts: str, options: str = "") -> str:
    """Put a program together."""
    return "\n".join(textwrap.dedent(part) for part in (head.replace("{options}", options), *parts))


async def visit(package: str, url: str) -> None:
    """Come over each transport."""
    for transports in TRANSPORTS:
        await VISIT[package](url, transports)


def stop(running: Program, with_signal: signal.Signals = signal.SIGTERM) -> None:
    """End it; nothing must have gone wrong meanwhile."""
    running.stop(with_signal)
    text = "".join(running.log)
    # of gunicorn's own thread, with eventlet on Python 3.13
    assert text.count("Traceback") == text.count("eventlet.timeout.Timeout: 2.0 seconds"), text
