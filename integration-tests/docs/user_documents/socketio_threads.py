"""Socket.IO on threads, as its guide tells; each function below is a server with a path of its own.

python socketio_threads.py PORT
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qs

from werkzeug.serving import run_simple

import socketio
from socketio.exceptions import ConnectionRefusedError


def say(*words):
    """Print a line in one piece, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def authenticate_user(environ):
    """The user is who it says to be."""
    return parse_qs(environ["QUERY_STRING"]).get("name", [None])[0]


def handlers(sio):
    @sio.event
    def connect(sid, environ, auth):
        say("connect ", sid, auth)

    @sio.event
    def disconnect(sid):
        say("disconnect ", sid)

    @sio.event
    def my_event(sid, data):
        # handle the message
        return "OK", 123

    @sio.on("my custom event")
    def another_event(sid, data):
        sio.emit("my event", {"data": "foobar"})

    @sio.event
    def just_me(sid, data):
        sio.emit("my event", {"data": "foobar"}, room=sid)

    @sio.event
    def several(sid, *types):
        sio.emit("several", types, room=sid)

    @sio.event
    def ask_me(sid):
        def answered(*answer):
            sio.emit("answered", list(answer), room=sid)

        sio.emit("my_event", ("one", "two"), room=sid, callback=answered)

    @sio.on("*")
    def catch_all(event, sid, data):
        return f"caught {event}"


def refusing(sio):
    @sio.event
    def connect(sid, environ):
        raise ConnectionRefusedError("authentication failed")


def rejecting(sio):
    @sio.event
    def connect(sid, environ, auth):
        return auth is not None


def namespaces(sio):
    @sio.event(namespace="/chat")
    def my_custom_event(sid, data):
        sio.emit("said", data, room=sid, namespace="/chat")

    @sio.on("my custom event", namespace="/chat")
    def my_other_custom_event(sid, data):
        return "chat"

    class MyCustomNamespace(socketio.Namespace):
        def on_connect(self, sid, environ):
            say("welcome", sid)

        def on_disconnect(self, sid):
            say("goodbye", sid)

        def on_my_event(self, sid, data):
            self.emit("my_response", data)

    sio.register_namespace(MyCustomNamespace("/test"))


def rooms(sio):
    @sio.event
    def begin_chat(sid):
        sio.enter_room(sid, "chat_users")

    @sio.event
    def exit_chat(sid):
        sio.leave_room(sid, "chat_users")

    @sio.event
    def my_message(sid, data):
        sio.emit("my reply", data, room="chat_users", skip_sid=sid)


def sessions(sio):
    @sio.event
    def connect(sid, environ):
        username = authenticate_user(environ)
        sio.save_session(sid, {"username": username})

    @sio.event
    def message(sid, data):
        session = sio.get_session(sid)
        return f"message from {session['username']}"


def session_blocks(sio):
    @sio.event
    def connect(sid, environ):
        username = authenticate_user(environ)
        with sio.session(sid) as session:
            session["username"] = username

    @sio.event
    def message(sid, data):
        with sio.session(sid) as session:
            return f"message from {session['username']}"


def talk(sio):
    """Speak first, and send away who has answered."""

    @sio.event
    def connect(sid, environ):
        sio.emit("my_message", {"hello": "there"}, room=sid)

    @sio.on("my response")
    def my_response(sid, data):
        say("message ", data)
        sio.disconnect(sid)


app = None
for scene in (
    handlers, refusing, rejecting, namespaces, rooms, sessions, session_blocks, talk,
):  # fmt: skip
    server = socketio.Server(async_mode="threading", always_connect=scene is talk)
    scene(server)
    app = socketio.WSGIApp(server, app, socketio_path=scene.__name__)

if __name__ == "__main__":
    run_simple("", int(sys.argv[1]), app, threaded=True)
