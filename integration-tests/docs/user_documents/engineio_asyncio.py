"""The same as engineio_threads.py for asyncio, with coroutines where its guide has them.

python engineio_asyncio.py PORT
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qs

import uvicorn

import engineio


def say(*words):
    """Print a line in one piece, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


async def authenticate_user(environ):
    """The user is who it says to be."""
    return parse_qs(environ["QUERY_STRING"]).get("name", [None])[0]


def handlers(eio):
    @eio.on("connect")
    def on_connect(sid):
        say("A client connected!")

    @eio.on("message")
    async def on_message(sid, data):
        say("I received a message!")
        if data == "send":
            await eio.send(sid, {"foo": "bar"})
        elif data == "kick":
            await eio.disconnect(sid)

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
    async def on_message(sid, data):
        async def my_background_task(my_argument, times=1):
            for _ in range(times):
                await eio.sleep(0.01)
                await eio.send(sid, my_argument)

        eio.start_background_task(my_background_task, 123, times=2)
        await eio.send(sid, "started")


def sessions(eio):
    @eio.on("connect")
    async def on_connect(sid, environ):
        username = await authenticate_user(environ)
        await eio.save_session(sid, {"username": username})

    @eio.on("message")
    async def on_message(sid, data):
        session = await eio.get_session(sid)
        await eio.send(sid, f"message from {session['username']}")


def session_blocks(eio):
    @eio.on("connect")
    async def on_connect(sid, environ):
        username = await authenticate_user(environ)
        if not username:
            return False
        async with eio.session(sid) as session:
            session["username"] = username
        return None

    @eio.on("message")
    async def on_message(sid, data):
        async with eio.session(sid) as session:
            await eio.send(sid, f"message from {session['username']}")


def blacklist(eio, blacklisted=("127.0.0.1",)):
    # as a decorator:
    @eio.on("connect")
    def connect_handler(sid, environ):
        say("Connection request")
        if environ["REMOTE_ADDR"] in blacklisted:
            return False  # reject
        return None

    # as a method:
    async def message_handler(sid, msg):
        say("Received message: ", msg)
        await eio.send(sid, "response")

    eio.on("message", message_handler)
    eio.on("disconnect", lambda sid: say("Client disconnected!"))


def other_blacklist(eio):
    blacklist(eio, blacklisted=("192.0.2.1",))


def talk(eio):
    """Speak first, and send away who has answered."""

    @eio.on("connect")
    async def connect(sid, environ):
        await eio.send(sid, "hello")

    @eio.on("message")
    async def message(sid, data):
        say("message ", data)
        # the official client does not notice the end of a WebSocket amid its upgrade to it
        while eio.transport(sid) == "polling":
            await eio.sleep(0.01)
        await eio.disconnect(sid)


def echo(eio):
    @eio.on("message")
    async def message(sid, data):
        await eio.send(sid, data)


app = None
for scene in (
    handlers, tasks, sessions, session_blocks, blacklist, other_blacklist, talk, echo,
):  # fmt: skip
    server = engineio.AsyncServer(async_mode="asgi")
    scene(server)
    app = engineio.ASGIApp(server, app, engineio_path=scene.__name__)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), lifespan="off")
