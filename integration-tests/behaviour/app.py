"""The server of the behaviour suite: one small application that every server of asyncio serves.

    python launch.py fast PORT      # or any other mode of launch.py
    uvicorn app:app ...             # or any other ASGI server

``ASYNC_MODE`` in the environment is the mode of the server.  ``SERVER_OPTIONS`` is a JSON object
with options for it, and ``catch_all`` for handlers of every namespace.  app_sync.py is the same
for threads and greenlets.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import time
from typing import Any

import socketio

OPEN_NAMESPACES = ["/", "/chat", "/class", "/slow", "/tired", "/refusing", "/any/one", "/any/two"]
options: dict[str, Any] = json.loads(os.environ.get("SERVER_OPTIONS", "{}"))
catch_all = options.pop("catch_all", False)
mode = os.environ["ASYNC_MODE"]
sio = socketio.AsyncServer(async_mode=mode, namespaces=OPEN_NAMESPACES, **options)


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    await sio.save_session(sid, {"auth": auth})


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    """Tell the watchers, with what is still known of the client."""
    session = await sio.get_session(sid)
    rooms = sorted(room for room in sio.rooms(sid) if room != sid)
    await sio.emit("gone", (sid, reason, session.get("name"), rooms), to="watchers", skip_sid=sid)


# events and acknowledgements


@sio.event
async def echo(sid: str, *args: Any) -> Any:
    return args


@sio.event
def plain(sid: str, *args: Any) -> Any:
    return args


@sio.event
async def nothing(sid: str, *args: Any) -> None:
    return None


@sio.event
async def bounce(sid: str, event: str, *args: Any) -> None:
    await sio.emit(event, args, to=sid)


@sio.event
async def burst(sid: str, count: int) -> None:
    for number in range(count):
        await sio.emit("number", number, to=sid)


@sio.event
async def ask(sid: str, event: str, *args: Any) -> Any:
    """Ask the client and return its answer, as one value."""
    return [await sio.call(event, args, to=sid, timeout=10)]


@sio.event
async def ask_back(sid: str, event: str, *args: Any) -> None:
    """Ask the client with a callback; send what the callback got."""

    async def answered(*answer: Any) -> None:
        await sio.emit("answered", answer, to=sid)

    await sio.emit(event, args, to=sid, callback=answered)


@sio.on("*")
async def any_event(event: str, sid: str, *args: Any) -> Any:
    return "caught", event, *args


@sio.event
async def fail(sid: str) -> None:
    raise ZeroDivisionError("on purpose")


# what the server knows of a client


@sio.event
async def me(sid: str) -> dict[str, Any]:
    environ = sio.get_environ(sid) or {}
    return {
        "sid": sid,
        "transport": sio.transport(sid),
        "rooms": sorted(sio.rooms(sid)),
        "auth": (await sio.get_session(sid))["auth"],
        "header": environ.get("HTTP_X_TEST"),
        "cookie": environ.get("HTTP_COOKIE"),
        "query": environ["QUERY_STRING"],
    }


@sio.event
async def set_name(sid: str, name: str) -> None:
    async with sio.session(sid) as session:
        session["name"] = name


@sio.event
async def get_name(sid: str) -> str | None:
    return (await sio.get_session(sid)).get("name")


# rooms


@sio.event
async def join(sid: str, room: str) -> None:
    await sio.enter_room(sid, room)


@sio.event
async def leave(sid: str, room: str) -> None:
    await sio.leave_room(sid, room)


@sio.event
async def close_room(sid: str, room: str) -> None:
    await sio.close_room(room)


@sio.event
async def tell(sid: str, rooms: str | list[str] | None, skip: Any, *args: Any) -> None:
    await sio.emit("told", args, to=rooms, skip_sid=skip)


# leaving


@sio.event
async def kick(sid: str, other: str | None = None) -> None:
    await sio.disconnect(other or sid)


@sio.event
async def kick_from(sid: str, namespace: str, other: str) -> None:
    await sio.disconnect(other, namespace=namespace)


@sio.event
async def hang_up(sid: str) -> None:
    """End the whole connection, as a server that shuts down."""
    await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, "/"))


# background tasks


@sio.event
async def count_down(sid: str, number: int) -> None:
    """Return at once; a background task counts."""
    sio.start_background_task(count, sid, start=number)


async def count(sid: str, start: int) -> None:
    for number in range(start, 0, -1):
        await sio.emit("count", number, to=sid)
        await sio.sleep(0.01)
    await sio.emit("count", 0, to=sid)


@sio.event
async def rest(sid: str, seconds: float) -> float:
    """Sleep, and return for how long it was."""
    started = time.monotonic()
    await sio.sleep(seconds)
    return time.monotonic() - started


@sio.event
async def rest_and_bounce(sid: str, seconds: float, event: str, *args: Any) -> None:
    await sio.sleep(seconds)
    await sio.emit(event, args, to=sid)


released: set[str] = set()


@sio.event
async def wait_and_bounce(sid: str, name: str, event: str, *args: Any) -> None:
    """Sleep until somebody releases this name."""
    while name not in released:
        await sio.sleep(0.01)
    released.remove(name)
    await sio.emit(event, args, to=sid)


@sio.event
async def release(sid: str, name: str) -> None:
    released.add(name)


# other namespaces


@sio.on("echo", namespace="/chat")
async def chat_echo(sid: str, *args: Any) -> Any:
    return "chat", *args


@sio.on("disconnect", namespace="/chat")
async def chat_disconnect(sid: str, reason: str) -> None:
    await sio.emit("gone from chat", (sid, reason), to="watchers")


class ClassBased(socketio.AsyncNamespace):
    async def on_connect(self, sid: str, environ: dict[str, Any]) -> None:
        await self.enter_room(sid, "everybody")

    async def on_echo(self, sid: str, *args: Any) -> Any:
        return "class", *args

    def on_plain(self, sid: str, *args: Any) -> Any:
        return "plain", *args

    async def on_tell(self, sid: str, text: str) -> None:
        await self.emit("told", text, room="everybody")

    async def on_ask(self, sid: str, event: str) -> Any:
        return [await self.call(event, to=sid)]

    async def on_leave(self, sid: str) -> None:
        await self.disconnect(sid)

    async def on_disconnect(self, sid: str, reason: str) -> None:
        await sio.emit("gone from class", (sid, reason), to="watchers")


sio.register_namespace(ClassBased("/class"))


@sio.on("leave", namespace="/slow")
async def slow_leave(sid: str, name: str) -> None:
    await sio.save_session(sid, {"name": name}, namespace="/slow")
    await sio.disconnect(sid, namespace="/slow")


@sio.on("disconnect", namespace="/slow")
async def slow_disconnect(sid: str, reason: str) -> None:
    """Look at the session when the whole connection has ended meanwhile."""
    eio_sid = sio.manager.eio_sid_from_sid(sid, "/slow")
    while eio_sid in sio.eio.sockets:
        await sio.sleep(0.01)
    session = await sio.get_session(sid, namespace="/slow")
    await sio.emit("gone from slow", (sid, reason, session["name"]), to="watchers")


@sio.on("connect", namespace="/tired")
async def tired_connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    await sio.sleep(auth["rest"])


@sio.on("echo", namespace="/tired")
async def tired_echo(sid: str, *args: Any) -> Any:
    return args


@sio.on("connect", namespace="/refusing")
async def refuse(sid: str, environ: dict[str, Any], auth: Any = None) -> bool | None:
    """Refuse in the way that the client asks for."""
    how = (auth or {}).get("refuse")
    if how == "false":
        return False
    if how == "builtin":
        raise ConnectionRefusedError
    if how is not None:
        raise socketio.exceptions.ConnectionRefusedError(*how)
    return None


def handle_all_namespaces() -> None:
    """Functions for every namespace; they would come before the class."""

    @sio.on("connect", namespace="*")
    async def any_connect(namespace: str, sid: str, environ: Any, auth: Any = None) -> None:
        await sio.emit("welcome", namespace, to=sid, namespace=namespace)

    @sio.on("known", namespace="*")
    async def any_known(namespace: str, sid: str, *args: Any) -> Any:
        return "known", namespace, *args

    @sio.on("*", namespace="*")
    async def any_event_anywhere(event: str, namespace: str, sid: str, *args: Any) -> Any:
        return "anything", event, namespace, *args


class Anywhere(socketio.AsyncNamespace):
    """For namespaces that have no class of their own."""

    async def on_which(self, namespace: str, sid: str) -> Any:
        return "class", namespace


sio.register_namespace(Anywhere("*"))
if catch_all:
    handle_all_namespaces()


# what the tests see of the process


def status() -> dict[str, Any]:
    """What must be back where it was when the clients have gone, and the names of the tasks."""
    tasks = running_tasks()
    return {
        "sessions": len(sio.eio.sockets),
        "environs": len(sio.environ),
        "rooms": sum(len(rooms) for rooms in sio.manager.rooms.values()),
        "tasks": len(tasks),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "running": sorted(tasks),
    }


def running_tasks() -> list[str]:
    """The tasks that may have something to do with a client.

    Not the workers that wait for the next handler, nor hypercorn's own tasks: it has some for
    each open connection, idle ones that it keeps alive included.
    """
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    return [
        coroutine.__qualname__
        for coroutine in coroutines
        if "/hypercorn/" not in coroutine.cr_code.co_filename and not is_parked(coroutine)
    ]


def is_parked(coroutine: Any) -> bool:
    """A worker that carries a handler on waits for that; a parked one waits for a future."""
    is_worker = coroutine.__qualname__ == "Worker._work"
    return is_worker and not inspect.isgenerator(coroutine.cr_await)


async def other(scope: Any, receive: Any, send: Any) -> None:
    """Answer /status; this is the application next to Socket.IO."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            await send({"type": message["type"] + ".complete"})
        return
    body = json.dumps(status()).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make_sanic() -> Any:
    """A Sanic application that answers /status."""
    from sanic import Sanic
    from sanic.response import json as respond

    app = Sanic("behaviour")
    app.config.FALLBACK_ERROR_FORMAT = "text"

    @app.get("/status")
    async def show(request: Any) -> Any:
        return respond(status())

    return app


def behind_sanic() -> Any:
    """As the documents recommend for Sanic: its application behind ours."""
    return socketio.ASGIApp(sio, make_sanic())


app = socketio.ASGIApp(sio, other) if mode == "asgi" else None
