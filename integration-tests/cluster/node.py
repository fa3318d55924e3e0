"""One process of a cluster: a server, or one that only emits.  Tests tell it what to do.

    python node.py <server|emitter> <colour> <manager> <options>

Runs with the package that is installed, ours or upstream's.  ``manager`` is the name of a class of
``socketio``, ``options`` its arguments as JSON.  Each line of the standard input is a command, and
each line of the standard output the answer to one (see ``Node`` in nodes.py).
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import os
import resource
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from dataclasses import asdict
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

ROLE, COLOUR, MANAGER, OPTIONS = sys.argv[1:]

if COLOUR == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif COLOUR == "eventlet":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is deprecated
        import eventlet

    eventlet.monkey_patch()

import socketio  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("node")
"""Of the manager and the server, so that their lines are told from those of others."""

LOOK = 1_000
"""Numbers between two looks at what is kept for the broker."""

FULL = 5_000
"""Messages kept for the broker from which on nothing more is emitted."""

WAIT = 0.02
"""Seconds until the next look."""

OUTPUT_LOCK = threading.Lock()


def from_json(value: Any) -> Any:
    """Undo what nodes.py does to tuples and bytes."""
    if isinstance(value, dict):
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        if "$tuple" in value:
            return tuple(map(from_json, value["$tuple"]))
        return {key: from_json(item) for key, item in value.items()}
    return list(map(from_json, value)) if isinstance(value, list) else value


def to_json(value: Any) -> Any:
    """Do to tuples and bytes what nodes.py undoes."""
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, tuple):
        return {"$tuple": list(map(to_json, value))}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return list(map(to_json, value)) if isinstance(value, list) else value


def answer(**fields: Any) -> None:
    """Write a line to the tests."""
    with OUTPUT_LOCK:
        print(json.dumps(to_json(fields)), flush=True)


def memory() -> int:
    """Return the bytes that the process uses now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def count_threads() -> int:
    """Return how many threads there are.

    Without those of asyncio that look up host names, and greenlets that were once asked who they
    are, as by a logger.
    """
    others = ("asyncio_", "Dummy-")
    return sum(not thread.name.startswith(others) for thread in threading.enumerate())


def count_tasks() -> int:
    """Return how many things run in this process, besides threads."""
    if COLOUR == "asyncio":
        return len(asyncio.all_tasks())
    if COLOUR == "gevent":
        import gevent

        return sum(isinstance(x, gevent.Greenlet) and not x.dead for x in gc.get_objects())
    return 0


class OneLine(logging.Formatter):
    """Writes a line for each record, without tracebacks, so that they can be counted."""

    def format(self, record: logging.LogRecord) -> str:
        message = " ".join(record.getMessage().split())
        return f"{record.name}: {message}"


class Flow:
    """Numbers that are emitted, and what has been noticed."""

    def __init__(self, start: int, manager: Any) -> None:
        self.number = start
        """The next."""
        self.kept: list[int] = []
        """Those emitted while the broker was away."""
        self.slowest = 0.0
        """Seconds that an emit took at most."""
        self.ends = False
        self._manager = manager

    @contextmanager
    def step(self) -> Iterator[int]:
        """Watch the next number being emitted."""
        was_away = self._is_away()
        before = time.monotonic()
        yield self.number
        self.slowest = max(self.slowest, time.monotonic() - before)
        if was_away and self._is_away():
            self.kept.append(self.number)
        self.number += 1

    def result(self) -> dict[str, Any]:
        """Return what has been noticed."""
        return {"end": self.number, "kept": self.kept, "slowest": self.slowest}

    def _is_away(self) -> bool:
        return bool(self._manager.health.state == "away")


class Commands:
    """What a process can be told; all else are methods of the server or the manager."""

    def __init__(self, target: Any, manager: Any) -> None:
        self.target = target
        self.manager = manager
        self.acks: list[list[Any]] = []
        self.flow: Flow | None = None
        self.ended: list[str] = []

    def prepare(self, method: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Return the result of a command, or an awaitable of it."""
        own = getattr(self, f"do_{method}", None)
        if own is not None:
            return own(*args, **kwargs)
        if kwargs.pop("callback", None):
            kwargs["callback"] = lambda *values: self.acks.append(list(values))
        return getattr(self.target, method)(*args, **kwargs)

    def do_acks(self) -> list[list[Any]]:
        """Return what the callbacks were called with."""
        return self.acks

    def do_ended(self) -> list[str]:
        """Return whose disconnect handlers have run, and why."""
        return self.ended

    def do_health(self) -> dict[str, Any]:
        """Return the health of the manager."""
        return asdict(self.manager.health)

    def do_usage(self) -> dict[str, int]:
        """Return what the process holds."""
        gc.collect()
        files = len(os.listdir("/proc/self/fd"))
        return {
            "tasks": count_tasks(),
            "threads": count_threads(),
            "files": files,
            "memory": memory(),
            "blocks": sys.getallocatedblocks(),
        }

    def do_stop(self) -> Any:
        """Stop the manager."""
        return self.manager.stop()

    def do_many(self, count: int, room: str, start: int = 0) -> Any:
        """Emit numbers, one event each, as fast as the broker takes them."""
        if COLOUR == "asyncio":
            return self._many_async(count, room, start)
        for number in range(start, start + count):
            self.target.emit("number", number, room=room)
            while number % LOOK == 0 and self._is_full():
                time.sleep(WAIT)
        return None

    async def _many_async(self, count: int, room: str, start: int) -> None:
        for number in range(start, start + count):
            await self.target.emit("number", number, room=room)
            while number % LOOK == 0 and self._is_full():  # noqa: ASYNC110
                await asyncio.sleep(WAIT)

    def _is_full(self) -> bool:
        """Return whether so much is kept for a broker that stands still that some will be lost."""
        health = getattr(self.manager, "health", None)  # upstream's have none
        return health is not None and health.pending > FULL

    def do_flow(self, room: str, start: int, pause: float) -> Any:
        """Emit numbers until told to stop; return what has been noticed."""
        self.flow = flow = Flow(start, self.manager)
        if COLOUR == "asyncio":
            return self._flow_async(flow, room, pause)
        while not flow.ends:
            with flow.step() as number:
                self.target.emit("number", number, room=room)
            time.sleep(pause)
        return flow.result()

    async def _flow_async(self, flow: Flow, room: str, pause: float) -> dict[str, Any]:
        while not flow.ends:
            with flow.step() as number:
                await self.target.emit("number", number, room=room)
            await asyncio.sleep(pause)
        return flow.result()

    def do_next(self) -> int:
        """Return the number that comes next."""
        assert self.flow is not None
        return self.flow.number

    def do_ebb(self) -> None:
        """End the flow."""
        assert self.flow is not None
        self.flow.ends = True


def execute(commands: Commands, line: str) -> Any:
    """Run one command, and answer."""
    number, method, args, kwargs = from_json(json.loads(line))
    try:
        answer(number=number, result=commands.prepare(method, args, kwargs))
    except Exception as error:
        answer(number=number, error=type(error).__name__, text=str(error))


async def execute_async(commands: Commands, line: str) -> None:
    """Run one command, and answer."""
    number, method, args, kwargs = from_json(json.loads(line))
    try:
        result = commands.prepare(method, args, kwargs)
        answer(number=number, result=await result if isawaitable(result) else result)
    except Exception as error:
        answer(number=number, error=type(error).__name__, text=str(error))


def add_handlers(sio: Any, commands: Commands) -> None:
    """Let clients do what they do in the tests."""

    def disconnect(sid: str, reason: str) -> None:
        commands.ended.append(f"{sid} {reason}")

    def connect(sid: str, environ: Any, auth: Any = None) -> None:
        pass

    def echo(sid: str, value: Any) -> Any:
        return value

    for namespace in ("/", "/other"):
        sio.on("connect", connect, namespace=namespace)
        sio.on("disconnect", disconnect, namespace=namespace)
        sio.on("echo", echo, namespace=namespace)


def run_asyncio() -> None:
    manager = getattr(socketio, MANAGER)(**json.loads(OPTIONS), logger=LOGGER)
    if ROLE == "emitter":
        asyncio.run(emit_asyncio(Commands(manager, manager)))
        return
    import uvicorn

    sio = socketio.AsyncServer(
        async_mode="asgi", client_manager=manager, namespaces=["/", "/other"]
    )
    commands = Commands(sio, manager)
    add_handlers(sio, commands)
    config = uvicorn.Config(
        socketio.ASGIApp(sio), host="127.0.0.1", port=0, log_level="warning", lifespan="off"
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            answer(port=self.servers[0].sockets[0].getsockname()[1])
            read_in_thread(commands)

        async def shutdown(self, sockets: Any = None) -> None:
            stop = getattr(manager, "stop", None)
            if stop is not None:
                await stop()
            await super().shutdown(sockets)

    Server(config).run()


async def emit_asyncio(commands: Commands) -> None:
    answer(port=0)
    await read_in_thread(commands)


def read_in_thread(commands: Commands) -> asyncio.Future[None]:
    """Run the commands that come, each in a task; the future ends with the standard input."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    tasks = set()

    def start(line: str) -> None:
        task = loop.create_task(execute_async(commands, line))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(start, line)
        if not loop.is_closed():
            loop.call_soon_threadsafe(ended.set_result, None)

    threading.Thread(target=read, daemon=True).start()
    return ended


def run_sync() -> None:
    manager = getattr(socketio, MANAGER)(**json.loads(OPTIONS), logger=LOGGER)
    if ROLE == "emitter":
        commands = Commands(manager, manager)
        answer(port=0)
    else:
        mode = {"sync": "threading"}.get(COLOUR, COLOUR)
        sio = socketio.Server(async_mode=mode, client_manager=manager, namespaces=["/", "/other"])
        commands = Commands(sio, manager)
        add_handlers(sio, commands)
        answer(port=serve(socketio.WSGIApp(sio)))
    while line := read_line():
        if COLOUR == "gevent":
            import gevent

            gevent.spawn(execute, commands, line)
        else:
            threading.Thread(target=execute, args=(commands, line), daemon=True).start()


def read_line() -> str:
    if COLOUR == "gevent":
        import gevent

        return gevent.get_hub().threadpool.apply(sys.stdin.readline)
    if COLOUR == "eventlet":
        from eventlet import tpool

        return tpool.execute(sys.stdin.readline)
    return sys.stdin.readline()


def serve(app: Any) -> int:
    """Serve in the background; return the port."""
    if COLOUR == "gevent":
        from gevent import pywsgi

        server = pywsgi.WSGIServer(("127.0.0.1", 0), app, log=None)
        server.start()
        return server.server_port
    if COLOUR == "eventlet":
        from eventlet import wsgi

        sock = eventlet.listen(("127.0.0.1", 0))
        eventlet.spawn(wsgi.server, sock, app, log_output=False)
        return sock.getsockname()[1]
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


if __name__ == "__main__":
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if COLOUR == "asyncio":
        run_asyncio()
    else:
        run_sync()
