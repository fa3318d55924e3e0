"""The synchronous sibling of app.py: the same handlers, for every server of threads or greenlets.

    python launch.py werkzeug PORT      # or any other mode of launch.py
    gunicorn app_sync:app ...           # or any other WSGI server

``ASYNC_MODE`` in the environment is the mode of the server; ``SERVER_OPTIONS`` is as in app.py.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from typing import Any

import socketio
from engineio._shell.alarm import Alarm
from engineio._shell.greenlet_workers import GreenletWorkers
from engineio._shell.workers import Workers

OPEN_NAMESPACES = ["/", "/chat", "/class", "/slow", "/tired", "/refusing", "/any/one", "/any/two"]
options: dict[str, Any] = json.loads(os.environ.get("SERVER_OPTIONS", "{}"))
catch_all = options.pop("catch_all", False)
mode = os.environ["ASYNC_MODE"]
sio = socketio.Server(async_mode=mode, namespaces=OPEN_NAMESPACES, **options)


@sio.event
def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    sio.save_session(sid, {"auth": auth})


@sio.event
def disconnect(sid: str, reason: str) -> None:
    """Tell the watchers, with what is still known of the client."""
    session = sio.get_session(sid)
    rooms = sorted(room for room in sio.rooms(sid) if room != sid)
    sio.emit("gone", (sid, reason, session.get("name"), rooms), to="watchers", skip_sid=sid)


# events and acknowledgements


@sio.event
def echo(sid: str, *args: Any) -> Any:
    return args


@sio.event
def plain(sid: str, *args: Any) -> Any:
    return args


@sio.event
def nothing(sid: str, *args: Any) -> None:
    return None


@sio.event
def bounce(sid: str, event: str, *args: Any) -> None:
    sio.emit(event, args, to=sid)


@sio.event
def burst(sid: str, count: int) -> None:
    for number in range(count):
        sio.emit("number", number, to=sid)


@sio.event
def ask(sid: str, event: str, *args: Any) -> Any:
    """Ask the client and return its answer, as one value."""
    return [sio.call(event, args, to=sid, timeout=10)]


@sio.event
def ask_back(sid: str, event: str, *args: Any) -> None:
    """Ask the client with a callback; send what the callback got."""

    def answered(*answer: Any) -> None:
        sio.emit("answered", answer, to=sid)

    sio.emit(event, args, to=sid, callback=answered)


@sio.on("*")
def any_event(event: str, sid: str, *args: Any) -> Any:
    return "caught", event, *args


@sio.event
def fail(sid: str) -> None:
    raise ZeroDivisionError("on purpose")


# what the server knows of a client


@sio.event
def me(sid: str) -> dict[str, Any]:
    environ = sio.get_environ(sid) or {}
    return {
        "sid": sid,
        "transport": sio.transport(sid),
        "rooms": sorted(sio.rooms(sid)),
        "auth": sio.get_session(sid)["auth"],
        "header": environ.get("HTTP_X_TEST"),
        "cookie": environ.get("HTTP_COOKIE"),
        "query": environ["QUERY_STRING"],
    }


@sio.event
def set_name(sid: str, name: str) -> None:
    with sio.session(sid) as session:
        session["name"] = name


@sio.event
def get_name(sid: str) -> str | None:
    return sio.get_session(sid).get("name")


# rooms


@sio.event
def join(sid: str, room: str) -> None:
    sio.enter_room(sid, room)


@sio.event
def leave(sid: str, room: str) -> None:
    sio.leave_room(sid, room)


@sio.event
def close_room(sid: str, room: str) -> None:
    sio.close_room(room)


@sio.event
def tell(sid: str, rooms: str | list[str] | None, skip: Any, *args: Any) -> None:
    sio.emit("told", args, to=rooms, skip_sid=skip)


# leaving


@sio.event
def kick(sid: str, other: str | None = None) -> None:
    sio.disconnect(other or sid)


@sio.event
def kick_from(sid: str, namespace: str, other: str) -> None:
    sio.disconnect(other, namespace=namespace)


@sio.event
def hang_up(sid: str) -> None:
    """End the whole connection, as a server that shuts down."""
    sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, "/"))


# background tasks


@sio.event
def count_down(sid: str, number: int) -> None:
    """Return at once; a background task counts."""
    sio.start_background_task(count, sid, start=number)


def count(sid: str, start: int) -> None:
    for number in range(start, 0, -1):
        sio.emit("count", number, to=sid)
        sio.sleep(0.01)
    sio.emit("count", 0, to=sid)


@sio.event
def rest(sid: str, seconds: float) -> float:
    """Sleep, and return for how long it was."""
    started = time.monotonic()
    sio.sleep(seconds)
    return time.monotonic() - started


@sio.event
def rest_and_bounce(sid: str, seconds: float, event: str, *args: Any) -> None:
    sio.sleep(seconds)
    sio.emit(event, args, to=sid)


released: set[str] = set()


@sio.event
def wait_and_bounce(sid: str, name: str, event: str, *args: Any) -> None:
    """Sleep until somebody releases this name."""
    while name not in released:
        sio.sleep(0.01)
    released.remove(name)
    sio.emit(event, args, to=sid)


@sio.event
def release(sid: str, name: str) -> None:
    released.add(name)


# other namespaces


@sio.on("echo", namespace="/chat")
def chat_echo(sid: str, *args: Any) -> Any:
    return "chat", *args


@sio.on("disconnect", namespace="/chat")
def chat_disconnect(sid: str, reason: str) -> None:
    sio.emit("gone from chat", (sid, reason), to="watchers")


class ClassBased(socketio.Namespace):
    def on_connect(self, sid: str, environ: dict[str, Any]) -> None:
        self.enter_room(sid, "everybody")

    def on_echo(self, sid: str, *args: Any) -> Any:
        return "class", *args

    def on_plain(self, sid: str, *args: Any) -> Any:
        return "plain", *args

    def on_tell(self, sid: str, text: str) -> None:
        self.emit("told", text, room="everybody")

    def on_ask(self, sid: str, event: str) -> Any:
        return [self.call(event, to=sid)]

    def on_leave(self, sid: str) -> None:
        self.disconnect(sid)

    def on_disconnect(self, sid: str, reason: str) -> None:
        sio.emit("gone from class", (sid, reason), to="watchers")


sio.register_namespace(ClassBased("/class"))


@sio.on("leave", namespace="/slow")
def slow_leave(sid: str, name: str) -> None:
    sio.save_session(sid, {"name": name}, namespace="/slow")
    sio.disconnect(sid, namespace="/slow")


@sio.on("disconnect", namespace="/slow")
def slow_disconnect(sid: str, reason: str) -> None:
    """Look at the session when the whole connection has ended meanwhile."""
    eio_sid = sio.manager.eio_sid_from_sid(sid, "/slow")
    while eio_sid in sio.eio.sockets:
        sio.sleep(0.01)
    session = sio.get_session(sid, namespace="/slow")
    sio.emit("gone from slow", (sid, reason, session["name"]), to="watchers")


@sio.on("connect", namespace="/tired")
def tired_connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    sio.sleep(auth["rest"])


@sio.on("echo", namespace="/tired")
def tired_echo(sid: str, *args: Any) -> Any:
    return args


@sio.on("connect", namespace="/refusing")
def refuse(sid: str, environ: dict[str, Any], auth: Any = None) -> bool | None:
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
    def any_connect(namespace: str, sid: str, environ: Any, auth: Any = None) -> None:
        sio.emit("welcome", namespace, to=sid, namespace=namespace)

    @sio.on("known", namespace="*")
    def any_known(namespace: str, sid: str, *args: Any) -> Any:
        return "known", namespace, *args

    @sio.on("*", namespace="*")
    def any_event_anywhere(event: str, namespace: str, sid: str, *args: Any) -> Any:
        return "anything", event, namespace, *args


class Anywhere(socketio.Namespace):
    """For namespaces that have no class of their own."""

    def on_which(self, namespace: str, sid: str) -> Any:
        return "class", namespace


sio.register_namespace(Anywhere("*"))
if catch_all:
    handle_all_namespaces()


# what the tests see of the process


class Ticker:
    """A greenlet that never waits for long; who blocks the others makes it late."""

    INTERVAL = 0.01

    def __init__(self) -> None:
        self.largest_gap = 0.0
        self.started = False

    def start(self) -> None:
        """Start with the first request: a server may fork after the import."""
        if not self.started:
            self.started = True
            sio.start_background_task(self._tick)

    def _tick(self) -> None:
        last = self._now()
        while True:
            sio.sleep(self.INTERVAL)
            now = self._now()
            self.largest_gap = max(self.largest_gap, now - last)
            last = now

    def _now(self) -> float:
        """Seconds, without those in which this thread waited for a processor of a busy machine."""
        with open("/proc/thread-self/schedstat") as file:
            waited_ns = int(file.read().split()[1])
        return time.monotonic() - waited_ns / 1e9

    def take(self) -> float:
        """The largest gap since the last call, in seconds."""
        gap, self.largest_gap = self.largest_gap, 0.0
        return gap


ticker = Ticker()


def status() -> dict[str, Any]:
    """What must be back where it was when the clients have gone, and the names of the tasks."""
    tasks = running_tasks()
    return {
        "sessions": len(sio.eio.sockets),
        "environs": len(sio.environ),
        "rooms": sum(len(rooms) for rooms in sio.manager.rooms.values()),
        "tasks": len(tasks),
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "gap": ticker.take(),
        "running": sorted(tasks),
    }


def running_tasks() -> list[str]:
    """The threads or greenlets that may have something to do with a client.

    Not those that are kept for the next job, ours and gunicorn's, and not the one that waits for
    the next deadline, which may be far away.
    """
    idle = sum(len(workers._idle) for workers in instances(Workers, GreenletWorkers))
    idle += sum(alarm._running is not None for alarm in instances(Alarm))
    if mode == "threading":
        names = [thread.name for thread in threading.enumerate()]
        workers = sorted(name for name in names if name.startswith("engineio-worker"))
        others = [name for name in names if not name.startswith(("engineio-", "ThreadPool"))]
        return [*others, *workers[idle:]]
    greenlet = sys.modules["greenlet"].greenlet
    return sorted(type(each).__name__ for each in instances(greenlet) if each)[idle:]


def instances(*types: type) -> list[Any]:
    return [each for each in gc.get_objects() if isinstance(each, types)]


def other(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer /status; this is the application next to Socket.IO."""
    if mode != "threading":
        ticker.start()
    body = json.dumps(status()).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]


app = socketio.WSGIApp(sio, other)
