"""The same tests for both colours: a client of threads under the methods of the asyncio one.

``Threaded(engineio.Client())`` looks like an ``engineio.AsyncClient``: what is a coroutine there
runs in a thread here, and the handlers run on the event loop while their thread waits.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import queue
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import engineio
import socketio
from engineio._shell.async_send_queue import AsyncSendQueue
from engineio._shell.send_queue import SendQueue

if TYPE_CHECKING:
    from collections.abc import Callable

COLOURS = ["asyncio", "threads"]
COUNTERPARTS: dict[type, type] = {
    engineio.Client: engineio.AsyncClient,
    socketio.Client: socketio.AsyncClient,
    socketio.SimpleClient: socketio.AsyncSimpleClient,
    socketio.ClientNamespace: socketio.AsyncClientNamespace,
    SendQueue: AsyncSendQueue,
}

LOOPS = ("engineio-read-loop", "engineio-write-loop", "engineio-reconnect")
"""Threads of a connection; those that run handlers are kept for a while."""


class Threaded:
    """A client of threads in the shape of an asyncio client."""

    def __init__(self, client: Any) -> None:
        vars(self)["client"] = client
        vars(self)["_loop"] = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.client, name)
        if type(value) in COUNTERPARTS:
            return Threaded(value)
        [counterpart] = [
            COUNTERPARTS[base] for base in type(self.client).__mro__ if base in COUNTERPARTS
        ]
        if inspect.iscoroutinefunction(getattr(counterpart, name, None)):
            return functools.partial(self._run, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.client, name, value)

    async def _run(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        args = tuple(map(self._threaded, args))
        kwargs = {name: self._threaded(value) for name, value in kwargs.items()}
        executor = _home.get() or _threads
        return await self._loop.run_in_executor(
            executor, functools.partial(method, *args, **kwargs)
        )

    def on(self, event: str, handler: Any = None, **options: Any) -> Any:
        """Register a handler of the test, or return a decorator that does."""

        def register(handler: Any) -> Any:
            self.client.on(event, self._threaded(handler), **options)
            return handler

        return register if handler is None else register(handler)

    def event(self, handler: Any = None, **options: Any) -> Any:
        """Register a handler of the test by its name."""
        if handler is None:
            return functools.partial(self.event, **options)
        return self.on(handler.__name__, **options)(handler)

    async def __aenter__(self) -> Threaded:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.disconnect()

    def register_namespace(self, namespace: Threaded) -> None:
        """Register a class-based namespace of ``client_namespace``."""
        self.client.register_namespace(vars(namespace)["client"])

    def attach_layer(self, layer: Any) -> None:
        """Attach a layer whose methods are coroutines."""
        for name in ("opened", "received", "closed"):
            setattr(layer, name, self._threaded(getattr(layer, name)))
        self.client.attach_layer(layer)

    def _threaded(self, function: Any) -> Any:
        """Return a function that does in a thread what ``function`` does on the event loop."""
        if isinstance(function, functools.partial) and function.func == self._run:
            return function.args[0]
        if not callable(function) or inspect.isclass(function):
            return function

        @functools.wraps(function)
        def run(*args: Any) -> Any:
            return Home().run(function, args, self._loop)

        return run


class Home(Executor):
    """The thread that runs a handler: what the handler does with a client is done in it."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def run(self, handler: Any, args: Any, loop: asyncio.AbstractEventLoop) -> Any:
        handling = asyncio.run_coroutine_threadsafe(self._handle(handler, args), loop)
        handling.add_done_callback(lambda _: self._jobs.put(None))
        while (job := self._jobs.get()) is not None:
            job()
        return handling.result()

    async def _handle(self, handler: Any, args: Any) -> Any:
        _home.set(self)
        result = handler(*args)
        return await result if inspect.isawaitable(result) else result

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def job() -> None:
            try:
                future.set_result(function(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        self._jobs.put(job)
        return future


_home: ContextVar[Home | None] = ContextVar("home", default=None)
"""Where the methods of clients run inside a handler; elsewhere they run in any thread."""

_threads = ThreadPoolExecutor(32, "test")


def engineio_client(colour: str, **options: Any) -> Any:
    """Return an Engine.IO client of a colour."""
    if colour == "asyncio":
        return engineio.AsyncClient(**options)
    return Threaded(engineio.Client(**options))


def socketio_client(colour: str, **options: Any) -> Any:
    """Return a Socket.IO client of a colour."""
    if colour == "asyncio":
        return socketio.AsyncClient(**options)
    return Threaded(socketio.Client(**options))


def simple_client(colour: str, **options: Any) -> Any:
    """Return a simple client of a colour."""
    if colour == "asyncio":
        return socketio.AsyncSimpleClient(**options)
    return Threaded(socketio.SimpleClient(**options))


def client_namespace(colour: str, name: str, **methods: Any) -> Any:
    """Return a class-based namespace of a client of a colour; ``methods`` get no ``self``."""
    if colour == "asyncio":
        return _with_methods(socketio.AsyncClientNamespace, methods)(name)
    namespace = Threaded(socketio.ClientNamespace(name))
    threaded = {event: namespace._threaded(method) for event, method in methods.items()}
    return Threaded(_with_methods(socketio.ClientNamespace, threaded)(name))


def _with_methods(base: type, methods: dict[str, Any]) -> Any:
    static = {name: staticmethod(method) for name, method in methods.items()}
    return type("Methods", (base,), static)


def connection_threads(patience: float = 0) -> list[str]:
    """The threads of connections, after up to some seconds in which they may end."""
    threads = [thread for thread in threading.enumerate() if thread.name in LOOPS]
    for thread in threads:
        thread.join(patience)
    return [thread.name for thread in threads if thread.is_alive()]
