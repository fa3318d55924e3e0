"""One face for all our clients and the official JavaScript client.

What happens to a client becomes records, in order: ``("connect", namespace)``,
``("connect_error", namespace, data)``, ``("disconnect", namespace, reason)`` and
``("event", namespace, name, args)``.  ``expect`` waits for one and takes it out.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import socketio
from socketio.exceptions import ConnectionError, DisconnectedError

if TYPE_CHECKING:
    from collections.abc import Callable

JS = Path(__file__).parents[1] / "js"
SOON = 20
"""Seconds in which everything must happen; only a failing test waits so long."""

TRANSPORTS = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}
MAX_LINE = 64 * 1024 * 1024

QUICK = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.2}


class Records:
    """What happened, in order, and a way to wait for it.  Owner: the event loop."""

    def __init__(self) -> None:
        self._seen: list[tuple[Any, ...]] = []
        self._more = asyncio.Event()

    def put(self, *record: Any) -> None:
        self._seen.append(record)
        self._more.set()

    async def take(self, prefix: tuple[Any, ...]) -> tuple[Any, ...]:
        """Take the first record that starts with ``prefix`` and return the rest of it."""
        return await asyncio.wait_for(self._take(prefix), SOON)

    async def _take(self, prefix: tuple[Any, ...]) -> tuple[Any, ...]:
        while (record := self._find(prefix)) is None:
            self._more.clear()
            await self._more.wait()
        self._seen.remove(record)
        return record[len(prefix) :]

    def all(self, prefix: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return [record[len(prefix) :] for record in self._seen if record[: len(prefix)] == prefix]

    def _find(self, prefix: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return next((record for record in self._seen if record[: len(prefix)] == prefix), None)


class Client(Protocol):
    records: Records

    async def open(self, url: str, **options: Any) -> None: ...
    async def upgraded(self) -> None: ...
    async def emit(self, event: str, *args: Any, namespace: str = "/") -> None: ...
    async def call(self, event: str, *args: Any, namespace: str = "/") -> list[Any]: ...
    async def answer(self, event: str, *args: Any) -> None: ...
    async def leave(self, namespace: str) -> None: ...
    async def close(self) -> None: ...
    async def transport(self) -> str: ...


class PythonClient:
    """``socketio.AsyncClient``."""

    def __init__(self, serializer: str = "default", reconnection: bool = False) -> None:
        self.records = Records()
        self._answers: dict[str, tuple[Any, ...]] = {}
        self._sio = socketio.AsyncClient(
            handle_sigint=False, serializer=serializer, reconnection=reconnection, **QUICK
        )

    async def open(
        self, url: str, transport: str, namespaces: tuple[str, ...] = ("/",), **options: Any
    ) -> None:
        for namespace in namespaces:
            self._listen(namespace)
        await self._sio.connect(
            url, transports=TRANSPORTS[transport], namespaces=list(namespaces), wait=False,
            **options,
        )  # fmt: skip

    def _listen(self, namespace: str) -> None:
        records = self.records

        async def connected() -> None:
            records.put("connect", namespace)

        async def refused(data: Any) -> None:
            records.put("connect_error", namespace, data)

        async def disconnected(reason: str) -> None:
            records.put("disconnect", namespace, reason)

        async def received(event: str, *args: Any) -> Any:
            records.put("event", namespace, event, list(args))
            return self._answers.get(event)

        self._sio.on("connect", connected, namespace=namespace)
        self._sio.on("connect_error", refused, namespace=namespace)
        self._sio.on("disconnect", disconnected, namespace=namespace)
        self._sio.on("*", received, namespace=namespace)

    async def upgraded(self) -> None:
        assert self._sio.transport() == "websocket"

    async def emit(self, event: str, *args: Any, namespace: str = "/") -> None:
        await self._sio.emit(event, args, namespace=namespace)

    async def call(self, event: str, *args: Any, namespace: str = "/") -> list[Any]:
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        await self._sio.emit(
            event, args, namespace=namespace, callback=lambda *args: answer.set_result(list(args))
        )
        return await asyncio.wait_for(answer, SOON)

    async def answer(self, event: str, *args: Any) -> None:
        self._answers[event] = args

    async def leave(self, namespace: str) -> None:
        """The Python client leaves all namespaces or none."""
        await self._sio.disconnect()

    async def close(self) -> None:
        await self._sio.shutdown()

    async def transport(self) -> str:
        return self._sio.transport()


class ThreadedClient:
    """``socketio.Client``: its handlers run in threads, and what blocks does so in one."""

    def __init__(self, serializer: str = "default", reconnection: bool = False) -> None:
        self.records = Records()
        self._loop = asyncio.get_running_loop()
        self._answers: dict[str, tuple[Any, ...]] = {}
        self._sio = socketio.Client(
            handle_sigint=False, serializer=serializer, reconnection=reconnection, **QUICK
        )

    def _put(self, *record: Any) -> None:
        self._loop.call_soon_threadsafe(self.records.put, *record)

    async def open(
        self, url: str, transport: str, namespaces: tuple[str, ...] = ("/",), **options: Any
    ) -> None:
        for namespace in namespaces:
            self._listen(namespace)
        await asyncio.to_thread(
            self._sio.connect, url, transports=TRANSPORTS[transport],
            namespaces=list(namespaces), wait=False, **options,
        )  # fmt: skip

    def _listen(self, namespace: str) -> None:
        def connected() -> None:
            self._put("connect", namespace)

        def refused(data: Any) -> None:
            self._put("connect_error", namespace, data)

        def disconnected(reason: str) -> None:
            self._put("disconnect", namespace, reason)

        def received(event: str, *args: Any) -> Any:
            self._put("event", namespace, event, list(args))
            return self._answers.get(event)

        self._sio.on("connect", connected, namespace=namespace)
        self._sio.on("connect_error", refused, namespace=namespace)
        self._sio.on("disconnect", disconnected, namespace=namespace)
        self._sio.on("*", received, namespace=namespace)

    async def upgraded(self) -> None:
        assert self._sio.transport() == "websocket"

    async def emit(self, event: str, *args: Any, namespace: str = "/") -> None:
        await asyncio.to_thread(self._sio.emit, event, args, namespace=namespace)

    async def call(self, event: str, *args: Any, namespace: str = "/") -> list[Any]:
        answer: asyncio.Future[list[Any]] = self._loop.create_future()

        def answered(*args: Any) -> None:
            self._loop.call_soon_threadsafe(answer.set_result, list(args))

        await asyncio.to_thread(self._sio.emit, event, args, namespace=namespace, callback=answered)
        return await asyncio.wait_for(answer, SOON)

    async def answer(self, event: str, *args: Any) -> None:
        self._answers[event] = args

    async def leave(self, namespace: str) -> None:
        """The Python client leaves all namespaces or none."""
        await asyncio.to_thread(self._sio.disconnect)

    async def close(self) -> None:
        await asyncio.to_thread(self._sio.shutdown)

    async def transport(self) -> str:
        return self._sio.transport()


class SimplePythonClient:
    """``socketio.AsyncSimpleClient``: one namespace, no handlers, no reasons."""

    def __init__(self, serializer: str = "default", reconnection: bool = False) -> None:
        self.records = Records()
        self._receiving: asyncio.Task[None] | None = None
        self._sio = self._make(
            handle_sigint=False, serializer=serializer, reconnection=reconnection, **QUICK
        )

    def _make(self, **options: Any) -> Any:
        return socketio.AsyncSimpleClient(**options)

    async def _do(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return await function(*args, **options)

    async def open(
        self, url: str, transport: str, namespaces: tuple[str, ...] = ("/",), **options: Any
    ) -> None:
        (namespace,) = namespaces
        try:
            await self._do(
                self._sio.connect, url, transports=TRANSPORTS[transport], namespace=namespace,
                wait_timeout=SOON, **options,
            )  # fmt: skip
        except ConnectionError as error:
            self.records.put("connect_error", namespace, str(error))
            return
        self.records.put("connect", namespace)
        self._receiving = asyncio.create_task(self._receive(namespace))

    async def _receive(self, namespace: str) -> None:
        try:
            while True:
                event, *args = await self._do(self._sio.receive)
                self.records.put("event", namespace, event, args)
        except DisconnectedError:
            self.records.put("disconnect", namespace, None)

    async def upgraded(self) -> None:
        assert self._sio.transport == "websocket"

    async def emit(self, event: str, *args: Any, namespace: str = "/") -> None:
        await self._do(self._sio.emit, event, args)

    async def call(self, event: str, *args: Any, namespace: str = "/") -> list[Any]:
        """What the server acknowledged; one value that is ``None`` looks like no value."""
        answer = await self._do(self._sio.call, event, args, timeout=SOON)
        if isinstance(answer, tuple):
            return list(answer)
        return [] if answer is None else [answer]

    async def answer(self, event: str, *args: Any) -> None:
        raise NotImplementedError

    async def leave(self, namespace: str) -> None:
        await self._do(self._sio.disconnect)

    async def close(self) -> None:
        await self._do(self._sio.disconnect)
        if self._receiving is not None:
            await asyncio.wait_for(self._receiving, SOON)

    async def transport(self) -> str:
        name: str = self._sio.transport
        return name


class SimpleThreadedClient(SimplePythonClient):
    """``socketio.SimpleClient``; one thread waits for events, others do the rest."""

    def _make(self, **options: Any) -> Any:
        self._threads = ThreadPoolExecutor(4)
        return socketio.SimpleClient(**options)

    async def _do(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        call = partial(function, *args, **options)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def close(self) -> None:
        await super().close()
        self._threads.shutdown()
        self._threads = ThreadPoolExecutor(4)


KINDS = {
    "AsyncClient": PythonClient,
    "Client": ThreadedClient,
    "AsyncSimpleClient": SimplePythonClient,
    "SimpleClient": SimpleThreadedClient,
}
"""Our clients; the official one needs its worker."""

FULL = {"AsyncClient", "Client", "js"}
"""Those with handlers of their own, any number of namespaces, and reasons."""


class JSWorker:
    """One Node process with the official client, driven by lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._clients: dict[int, JSClient] = {}
        self._reader = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(cls) -> JSWorker:
        process = await asyncio.create_subprocess_exec(
            "node", str(JS / "client.mjs"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=MAX_LINE,
        )  # fmt: skip
        return cls(process)

    def client(self, serializer: str = "default", reconnection: bool = False) -> JSClient:
        number = next(self._ids)
        client = JSClient(self, number, {"serializer": serializer, "reconnection": reconnection})
        self._clients[number] = client
        return client

    async def request(self, client: int, do: str, **parameters: Any) -> Any:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "client": client, "do": do, **to_json(parameters)})
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        return await asyncio.wait_for(answer, SOON)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = from_json(json.loads(line))
            if "record" in message:
                self._clients[message["client"]].records.put(*message["record"])
            else:
                self._answers.pop(message["id"]).set_result(message.get("result"))

    async def stop(self) -> None:
        """Node ends with its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), SOON)
        await self._reader


class JSClient:
    """The official client; ``js/client.mjs`` has its other half."""

    def __init__(self, worker: JSWorker, number: int, options: dict[str, Any]) -> None:
        self.records = Records()
        self._worker = worker
        self._number = number
        self._options = options

    async def _request(self, do: str, **parameters: Any) -> Any:
        return await self._worker.request(self._number, do, **parameters)

    async def open(
        self, url: str, transport: str, namespaces: tuple[str, ...] = ("/",), **options: Any
    ) -> None:
        await self._request(
            "open", url=url, transports=TRANSPORTS[transport], namespaces=list(namespaces),
            **self._options, **options,
        )  # fmt: skip

    async def upgraded(self) -> None:
        await self._request("upgraded")

    async def emit(self, event: str, *args: Any, namespace: str = "/") -> None:
        await self._request("emit", event=event, args=list(args), namespace=namespace)

    async def call(self, event: str, *args: Any, namespace: str = "/") -> list[Any]:
        answer: list[Any] = await self._request(
            "call", event=event, args=list(args), namespace=namespace
        )
        return answer

    async def answer(self, event: str, *args: Any) -> None:
        await self._request("answer", event=event, args=list(args))

    async def leave(self, namespace: str) -> None:
        await self._request("leave", namespace=namespace)

    async def close(self) -> None:
        await self._request("close")

    async def transport(self) -> str:
        name: str = await self._request("transport")
        return name


def to_json(value: Any) -> Any:
    """Make bytes fit for JSON."""
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(value: Any) -> Any:
    """Undo ``to_json``."""
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {name: from_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value
