"""The test kit for asyncio: a server without a network, and its clients.

Everything goes through the real server; see the package's docstring.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .. import exceptions
from ._aio import Rig, create_event, wait_event
from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from ..async_server import AsyncServer
    from ._aio import Event
    from .memory import Link

HandlerT = TypeVar("HandlerT", bound="Callable[..., Any]")

PATIENCE = 5.0
"""Real seconds that a test waits for what does not happen: far more than anything in memory
takes, little enough to be told soon."""


class AsyncTestServer:
    """Serves an application to clients in memory: ``async with AsyncTestServer(sio) as server``.

    :param sio: the ``AsyncServer`` of the application.  Its handlers, options and manager are used
        as they are; only network and clock are replaced, until the end of the block.

    Time passes with ``advance``, and not while code runs: heartbeats and timeouts come when the
    test says so.
    """

    __test__ = False  # pytest: not a class of tests

    def __init__(self, sio: AsyncServer) -> None:
        self.sio: AsyncServer = sio
        self.clients: list[AsyncTestClient] = []
        """All that have connected, in this order; those that have gone, too."""
        self._rig = Rig(sio)

    async def connect(
        self,
        namespace: str | None = "/",
        auth: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        environ: Mapping[str, Any] | None = None,
    ) -> AsyncTestClient:
        """Connect a new client and return it, once the connect handler has accepted it.

        :param namespace: what it joins; ``None`` for a connection that joins nothing yet.
        :param auth: what the connect handler gets as third argument.
        :param headers: of the handshake request (``{"Cookie": "..."}``).
        :param query: further parameters of its URL (``"token=1"``).
        :param environ: what to add to the environ, for handlers that want more of a web server.

        Raises `socketio.exceptions.ConnectionRefusedError` with what the handler has refused the
        client with, and `socketio.exceptions.ConnectionError` if the server has not even taken
        the connection (its ``Origin`` is not allowed, for example).
        """
        link = self._rig.make_link()
        client = AsyncTestClient(self, link)
        request = self._rig.make_request(link, query, headers or {}, environ or {})
        await self._rig.handle(request)
        if request.reply is not None:
            raise exceptions.ConnectionError(
                f"{request.reply.status_line}: {request.reply.body.decode()}"
            )
        self.clients.append(client)
        if namespace is None:
            await self.settle()
        else:
            client.namespace = namespace
            await client.join(namespace, auth)
        return client

    async def settle(self) -> None:
        """Return when all that clients and server have begun is done.

        What waits for something that the test has yet to do (for time to pass, for a client's
        answer) is left waiting.  What a client's handler or callback has raised is raised here.
        """
        await self._rig.settle()
        for client in self.clients:
            client._raise_failure()

    async def advance(self, seconds: float) -> None:
        """Let time pass: heartbeats are sent and answered, timeouts and sleeps end."""
        await self._rig.advance(seconds)
        await self.settle()

    async def close(self) -> None:
        """Disconnect all clients and give the server back, as the end of the block does."""
        try:
            for client in self.clients:
                await client.disconnect()
        finally:
            self._rig.remove()

    async def __aenter__(self) -> Self:
        self._rig.install()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncTestClient:
    """A client in memory, made by ``AsyncTestServer.connect``.

    ``namespace`` arguments default to the one that it was connected to.  Waiting is in real
    seconds, and only for handlers that wait for the outside world.
    """

    __test__ = False

    def __init__(self, server: AsyncTestServer, link: Link) -> None:
        self.namespace: str = "/"
        """The default of the ``namespace`` arguments."""
        self._server = server
        self._link = link
        self._arrived: Event = create_event()
        self._peer = Peer(server.sio.wire, link, self._arrived.set)

    @property
    def sid(self) -> str | None:
        """The session id in the default namespace; ``None`` when it is not connected."""
        return self.get_sid()

    @property
    def connected(self) -> bool:
        """True as long as the connection lives, whatever namespaces it is in."""
        return self._peer.open

    @property
    def silent(self) -> bool:
        """Set it to True for a client that answers neither heartbeats nor events any more."""
        return self._peer.silent

    @silent.setter
    def silent(self, silent: bool) -> None:
        self._peer.silent = silent

    def get_sid(self, namespace: str | None = None) -> str | None:
        """Return the session id in a namespace; ``None`` when it is not connected."""
        return self._peer.sids.get(namespace or self.namespace)

    @overload
    def on(
        self, event: str, handler: None = None, namespace: str | None = None
    ) -> Callable[[HandlerT], HandlerT]: ...

    @overload
    def on(self, event: str, handler: Callable[..., Any], namespace: str | None = None) -> None: ...

    def on(
        self, event: str, handler: Callable[..., Any] | None = None, namespace: str | None = None
    ) -> Any:
        """Answer an event: what the function returns is acknowledged; a decorator without one.

        A plain function.  Events without one are acknowledged with nothing.
        """

        def register(function: HandlerT) -> HandlerT:
            self._peer.handlers[namespace or self.namespace, event] = function
            return function

        if handler is None:
            return register
        register(handler)
        return None

    async def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> None:
        """Send an event; return when the server has dealt with it, as far as ``settle`` knows.

        ``data`` is as in ``emit`` of the clients, ``callback`` a plain function.
        """
        self._peer.emit(event, data, namespace or self.namespace, callback)
        await self._server.settle()

    async def call(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        timeout: float = PATIENCE,
    ) -> Any:
        """Send an event and return what the server's handler has returned.

        Raises `socketio.exceptions.TimeoutError` when there is no answer, because the handler
        failed or does not exist, and its subclass ``CallInterruptedError`` when the connection
        has ended.
        """
        answers: list[tuple[Any, ...]] = []
        await self.emit(event, data, namespace, lambda *values: answers.append(values))
        await self._wait(lambda: bool(answers), timeout, exceptions.CallInterruptedError)
        values = answers[0]
        return values[0] if len(values) == 1 else values or None

    async def receive(self, timeout: float = PATIENCE, namespace: str | None = None) -> list[Any]:
        """Return the next event as a list: its name, then its arguments.

        Raises `socketio.exceptions.TimeoutError` if there is none, ``DisconnectedError`` if there
        will be none.
        """
        await self._server.settle()
        name = namespace or self.namespace
        events = self._peer.events
        await self._wait(lambda: bool(events.get(name)), timeout, exceptions.DisconnectedError)
        return events[name].popleft()

    async def received(self, namespace: str | None = None) -> list[list[Any]]:
        """Return all events that have come and were not taken yet, each as ``receive`` does."""
        await self._server.settle()
        return list(self._peer.events.pop(namespace or self.namespace, ()))

    async def join(self, namespace: str, auth: Any = None, timeout: float = PATIENCE) -> str:
        """Join a namespace and return the sid in it; raises as ``connect`` of the server."""
        peer = self._peer
        peer.ask(namespace, auth)
        await self._server.settle()
        await self._wait(
            lambda: namespace in peer.sids or namespace in peer.refusals,
            timeout,
            exceptions.ConnectionError,
        )
        if namespace in peer.sids:
            return peer.sids[namespace]
        refusal = peer.refusals[namespace]
        data = [refusal["data"]] if "data" in refusal else []
        raise exceptions.ConnectionRefusedError(refusal.get("message"), *data)

    async def leave(self, namespace: str | None = None) -> None:
        """Leave a namespace; the others stay."""
        self._peer.leave(namespace or self.namespace)
        await self._server.settle()

    async def disconnect(self) -> None:
        """Close the connection in an orderly way; nothing happens if it has ended already."""
        self._peer.close()
        await self._server.settle()

    async def drop(self) -> None:
        """End the connection without a word, as a client that has lost its network."""
        self._link.drop()
        await self._server.settle()

    def _raise_failure(self) -> None:
        if self._peer.failures:
            raise self._peer.failures.pop(0)

    async def _wait(
        self, happened: Callable[[], bool], timeout: float, ended: type[exceptions.SocketIOError]
    ) -> None:
        """Return when something has happened; raise ``ended`` when it cannot any more."""
        deadline = monotonic() + timeout
        while not happened():
            if not self._peer.open:
                raise ended("the connection has ended")
            self._arrived.clear()
            if happened() or not self._peer.open:
                continue
            if not await wait_event(self._arrived, deadline - monotonic()):
                raise exceptions.TimeoutError()
