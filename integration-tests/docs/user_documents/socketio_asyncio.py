"""The same as socketio_threads.py for asyncio, with coroutines where its guide has them.

python socketio_asyncio.py PORT
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qs

import uvicorn

import socketio
from socketio.exceptions import ConnectionRefusedError


def say(*words):
    """Print a line in one piece, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


async def authenticate_user(environ):
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
    async def another_event(sid, data):
        await sio.emit("my event", {"data": "foobar"})

    @sio.event
    async def just_me(sid, data):
        await sio.emit("my event", {"data": "foobar"}, room=sid)

    @sio.event
    async def several(sid, *types):
        await sio.emit("several", types, room=sid)

    @sio.event
    async def ask_me(sid):
        async def answered(*answer):
            await sio.emit("answered", list(answer), room=sid)

        await sio.emit("my_event", ("one", "two"), room=sid, callback=answered)

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
    async def my_custom_event(sid, data):
        await sio.emit("said", data, room=sid, namespace="/chat")

    @sio.on("my custom event", namespace="/chat")
    def my_other_custom_event(sid, data):
        return "chat"

    class MyCustomNamespace(socketio.AsyncNamespace):
        def on_connect(self, sid, environ):
            say("welcome", sid)

        def on_disconnect(self, sid):
            say("goodbye", sid)

        async def on_my_event(self, sid, data):
            await self.emit("my_response", data)

    sio.register_namespace(MyCustomNamespace("/test"))


def rooms(sio):
    @sio.event
    async def begin_chat(sid):
        await sio.enter_room(sid, "chat_users")

    @sio.event
    async def exit_chat(sid):
        await sio.leave_room(sid, "chat_users")

    @sio.event
    async def my_message(sid, data):
        await sio.emit("my reply", data, room="chat_users", skip_sid=sid)


def sessions(sio):
    @sio.event
    async def connect(sid, environ):
        username = await authenticate_user(environ)
        await sio.save_session(sid, {"username": username})

    @sio.event
    async def message(sid, data):
        session = await sio.get_session(sid)
        return f"message from {session['username']}"


def session_blocks(sio):
    @sio.event
    async def connect(sid, environ):
        username = await authenticate_user(environ)
        async with sio.session(sid) as session:
            session["username"] = username

    @sio.event
    async def message(sid, data):
        async with sio.session(sid) as session:
            return f"message from {session['username']}"


def talk(sio):
    """Speak first, and send away who has answered."""

    @sio.event
    async def connect(sid, environ):
        await sio.emit("my_message", {"hello": "there"}, room=sid)

    @sio.on("my response")
    async def my_response(sid, data):
        say("message ", data)
        await sio.disconnect(sid)


app = None
for scene in (
    handlers, refusing, rejecting, namespaces, rooms, sessions, session_blocks, talk,
):  # fmt: skip
    server = socketio.AsyncServer(async_mode="asgi", always_connect=scene is talk)
    scene(server)
    app = socketio.ASGIApp(server, app, socketio_path=scene.__name__)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), lifespan="off")
