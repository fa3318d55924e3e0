"""Engine.IO on threads, as its guide tells: each function below is a server with a path of its own.

python engineio_threads.py PORT
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qs

from werkzeug.serving import run_simple

import engineio


def say(*words):
    """Print a line in one piece, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def authenticate_user(environ):
    """The user is who it says to be."""
    return parse_qs(environ["QUERY_STRING"]).get("name", [None])[0]


def handlers(eio):
    @eio.on("connect")
    def on_connect(sid):
        say("A client connected!")

    @eio.on("message")
    def on_message(sid, data):
        say("I received a message!")
        if data == "send":
            eio.send(sid, {"foo": "bar"})
        elif data == "kick":
            eio.disconnect(sid)

    @eio.on("disconnect")
    def on_disconnect(sid, reason):
        if reason == eio.reason.CLIENT_DISCONNECT:
            say("the client went away")
        elif reason == eio.reason.SERVER_DISCONNECT:
            say("the client was kicked out")
        else:
            say(f"disconnect reason: {reason}")


def tasks(eio):
    @eio.on("message")
    def on_message(sid, data):
        def my_background_task(my_argument, times=1):
            for _ in range(times):
                eio.sleep(0.01)
                eio.send(sid, my_argument)

        eio.start_background_task(my_background_task, 123, times=2)
        eio.send(sid, "started")


def sessions(eio):
    @eio.on("connect")
    def on_connect(sid, environ):
        username = authenticate_user(environ)
        eio.save_session(sid, {"username": username})

    @eio.on("message")
    def on_message(sid, data):
        session = eio.get_session(sid)
        eio.send(sid, f"message from {session['username']}")


def session_blocks(eio):
    @eio.on("connect")
    def on_connect(sid, environ):
        username = authenticate_user(environ)
        if not username:
            return False
        with eio.session(sid) as session:
            session["username"] = username
        return None

    @eio.on("message")
    def on_message(sid, data):
        with eio.session(sid) as session:
            eio.send(sid, f"message from {session['username']}")


def blacklist(eio, blacklisted=("127.0.0.1",)):
    # as a decorator:
    @eio.on("connect")
    def connect_handler(sid, environ):
        say("Connection request")
        if environ["REMOTE_ADDR"] in blacklisted:
            return False  # reject
        return None

    # as a method:
    def message_handler(sid, msg):
        say("Received message: ", msg)
        eio.send(sid, "response")

    eio.on("message", message_handler)
    eio.on("disconnect", lambda sid: say("Client disconnected!"))


def other_blacklist(eio):
    blacklist(eio, blacklisted=("192.0.2.1",))


def talk(eio):
    """Speak first, and send away who has answered."""

    @eio.on("connect")
    def connect(sid, environ):
        eio.send(sid, "hello")

    @eio.on("message")
    def message(sid, data):
        say("message ", data)
        # the official client does not notice the end of a WebSocket amid its upgrade to it
        while eio.transport(sid) == "polling":
            eio.sleep(0.01)
        eio.disconnect(sid)


def echo(eio):
    @eio.on("message")
    def message(sid, data):
        eio.send(sid, data)


app = None
for scene in (
    handlers, tasks, sessions, session_blocks, blacklist, other_blacklist, talk, echo,
):  # fmt: skip
    server = engineio.Server(async_mode="threading")
    scene(server)
    app = engineio.WSGIApp(server, app, engineio_path=scene.__name__)

if __name__ == "__main__":
    run_simple("", int(sys.argv[1]), app, threaded=True)
