"""Where requests enter an asyncio server, and where the ends of its sessions are told."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from ._core import replies
from ._core.admission import AcceptAndClose, Open, Poll, Post, Refuse, Upgrade
from ._core.engine import Engine
from ._core.farewell import CLOSE_TIMEOUT
from ._core.polling import split_payload, unwrap_jsonp
from ._core.reason import Reason
from ._core.session import Session
from ._shell.async_pace import AsyncPace
from ._shell.body_reading import BodyReading
from ._shell.eager import start_eagerly
from ._shell.poll_channel import PollChannel
from ._shell.receiver import Receiver
from ._shell.turn import Turn
from .async_socket import AsyncSocket
from .base_server import BaseServer
from .base_socket import Sockets
from .exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from contextlib import AbstractContextManager

    from ._core.admission import Decision
    from ._core.channel import Channel
    from ._core.layer import Pending
    from ._core.refusal import Refusal
    from ._core.request import Reply, Request
    from ._shell.driver import AsyncDriver
    from ._shell.receiver import WebSocket
    from .typing import Environ

STOP_TIMEOUT = 3.0
"""Seconds that clients and disconnect handlers get when the web server stops."""

ATTACHABLE = ("aiohttp", "sanic")
"""Frameworks whose applications ``attach`` takes; their modes have the same names."""


class AsyncEntry(BaseServer):
    """The part of ``AsyncServer`` that only exists on asyncio.  Owner: the event loop's thread."""

    def _set_up(self) -> None:
        self._driver: AsyncDriver = self._async["driver"]
        self._pace = AsyncPace(self.engine, self.clock, asyncio.sleep)
        self._turn = Turn(self.engine, self.clock, self._end_closed)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._endings: dict[Session, asyncio.Future[None] | None] = {}
        self._lock: AbstractContextManager[Any] = nullcontext()

    def is_asyncio_based(self) -> bool:
        """Return True."""
        return True

    def async_modes(self) -> list[str]:
        """Return the names of the framework drivers, in the order in which they are tried."""
        return ["aiohttp", "sanic", "tornado", "asgi"]

    def attach(self, app: Any, engineio_path: str = "engine.io") -> None:
        """Route the Engine.IO path of a framework's application to this server.

        :param app: an application of aiohttp or sanic.
        :param engineio_path: URL path of the endpoint (default ``engine.io``).

        When the application stops, the clients are disconnected.  ``ValueError`` if the server was
        made with the ``async_mode`` of another framework, ``RuntimeError`` where there are no
        routes to add to: ASGI applications are wrapped in ``ASGIApp`` instead.
        """
        framework = _framework_of(app)
        if framework is not None:
            self.use_mode(framework)
        create_route = self._async.get("create_route")
        if create_route is None:
            raise RuntimeError(
                f"attach() does not exist for async_mode {self.async_mode!r}: wrap an ASGI "
                "application in ASGIApp, mount get_tornado_handler(server) in one of Tornado"
            )
        path = engineio_path.strip("/")
        create_route(app, self, f"/{path}/" if path else "/")

    def use_mode(self, mode: str) -> None:
        """Take the mode that a wrapper, handler or application needs which serves this server.

        A mode that was only detected gives way.  ``ValueError`` if the server was made with
        another ``async_mode``, or is served by another framework already.
        """
        if mode != self.async_mode:
            if not self._mode_is_a_guess:
                raise ValueError(
                    f"the server has async_mode={self.async_mode!r}, "
                    f"this needs one with async_mode={mode!r}"
                )
            self._take_driver(mode)
            self._driver = self._async["driver"]
        self._mode_is_a_guess = False

    async def stop(self) -> None:
        """Disconnect all clients, for the web server stops.

        Returns within ``STOP_TIMEOUT`` seconds; clients that have not left by then are cut.
        """
        leaving = self._spawn(self.disconnect())
        asyncio.get_running_loop().call_later(STOP_TIMEOUT, self._cut)
        await asyncio.wait({leaving}, timeout=STOP_TIMEOUT)

    def _cut(self) -> None:
        self.engine.tick(self.clock() + CLOSE_TIMEOUT)

    # background tasks

    def start_background_task(
        self, target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any
    ) -> asyncio.Task[Any]:
        """Start ``target(*args, **kwargs)``, a coroutine function, as a task and return it."""
        return self._spawn(target(*args, **kwargs))

    async def sleep(self, seconds: float = 0) -> None:
        """Pause the calling coroutine."""
        await asyncio.sleep(seconds)

    def create_queue(self, *args: Any, **kwargs: Any) -> asyncio.Queue[Any]:
        """Return a new ``asyncio.Queue``."""
        return asyncio.Queue(*args, **kwargs)

    def get_queue_empty_exception(self) -> type[Exception]:
        """Return the exception of a ``get_nowait()`` on an empty queue."""
        return asyncio.QueueEmpty

    def create_event(self, *args: Any, **kwargs: Any) -> asyncio.Event:
        """Return a new ``asyncio.Event``."""
        return asyncio.Event(*args, **kwargs)

    # requests

    async def handle_request(self, *args: Any, **kwargs: Any) -> Any:
        """Handle one request to the Engine.IO path.

        The arguments and the result are those of the framework: ``(scope, receive, send)`` and
        ``None`` for ASGI.  Frameworks call this through their driver or ``ASGIApp``.
        """
        driver = self._driver
        request = driver.request(*args)
        try:
            return await self._dispatch(request, self.engine.admit(request))
        except ProtocolError as error:
            if error.status == 413:
                return await self._reply(request, replies.too_large())
            return await self._reply(request, replies.error(replies.BAD_REQUEST, str(error)))

    def _dispatch(self, request: Request, decision: Decision) -> Awaitable[Any]:
        # no coroutine of its own: those that serve a WebSocket live as long as the connection
        if isinstance(decision, Poll):
            return self._poll(request, decision.session, decision.jsonp)
        if isinstance(decision, Post):
            return self._post(request, decision.session, decision.jsonp)
        if isinstance(decision, Open):
            if decision.transport == "websocket":
                return self._open_websocket(request)
            return self._open_polling(request, decision.jsonp)
        if isinstance(decision, Upgrade):
            return self._upgrade(request, decision.session)
        if isinstance(decision, AcceptAndClose):
            return self._dismiss(request)
        if isinstance(decision, Refuse):
            self._log_refusal(decision)
        return self._driver.respond(request, decision.reply)

    async def _reply(self, request: Request, reply: Reply) -> Any:
        return await self._driver.respond(request, replies.finish(reply, request, self))

    async def _ask(self, request: Request, session: Session) -> Reply | None:
        """Ask the application; ``None`` accepts, else this is the answer."""
        try:
            refusal = await self._connect(session, request.environ())
        except BaseException:
            self.engine.refuse(session)
            raise
        if refusal is None:
            return None
        self.engine.refuse(session)
        return replies.unauthorized(refusal.value, self._codec)

    async def _open_polling(self, request: Request, jsonp: int | None) -> Any:
        session = self.engine.create(self.generate_id(), "polling")
        refused = await self._ask(request, session)
        if refused is not None:
            return await self._reply(request, refused)
        self.engine.accept(session, self.clock())
        reply = await self._next_payload(request, session, jsonp)
        replies.set_cookie(reply, session.sid, self.cookie)
        return await self._reply(request, reply)

    async def _open_websocket(self, request: Request) -> Any:
        session = self.engine.create(self.generate_id(), "websocket")
        refused = await self._ask(request, session)
        if refused is not None:
            return await self._reply(request, refused)
        try:
            websocket = await self._driver.websocket(request, self.max_http_buffer_size)
        except BaseException:
            self.engine.accept(session, self.clock())
            self.engine.close(session, Reason.TRANSPORT_CLOSE)
            raise
        channel = self._traced(session, websocket.channel)
        self.engine.attach(session, channel)
        self.engine.accept(session, self.clock())
        return await self._serve(websocket, session, channel, probing=False)

    async def _upgrade(self, request: Request, session: Session) -> Any:
        websocket = await self._driver.websocket(request, self.max_http_buffer_size)
        channel = self._traced(session, websocket.channel)
        self.engine.start_probe(session, channel, self.clock())
        return await self._serve(websocket, session, channel, probing=True)

    async def _dismiss(self, request: Request) -> Any:
        websocket = await self._driver.websocket(request, self.max_http_buffer_size)
        channel = websocket.channel
        self.engine.dismiss(channel)
        nobody = Session("", "websocket")  # never opened: what it receives is dropped
        return await self._serve(websocket, nobody, channel, probing=False)

    def _serve(
        self, websocket: WebSocket, session: Session, channel: Channel, *, probing: bool
    ) -> Awaitable[Any]:
        layer = self._layer_in_use()
        received = self._received if layer is None else layer.received
        receiver = Receiver(
            self.engine,
            session,
            channel,
            received,
            self.clock,
            probing=probing,
            upgraded=None if self._layer is None else self._layer.upgraded,
        )
        return websocket.serve(receiver)

    async def _poll(self, request: Request, session: Session, jsonp: int | None) -> Any:
        return await self._reply(request, await self._next_payload(request, session, jsonp))

    async def _next_payload(self, request: Request, session: Session, jsonp: int | None) -> Reply:
        poll = PollChannel()
        channel = self._traced(session, poll)
        self.engine.attach(session, channel)
        answer = poll.answer
        if not answer.done():
            watch = self._spawn(self._watch(request, session, channel))
            try:
                await answer
            except asyncio.CancelledError:
                self.engine.detach(session, channel)
                raise
            finally:
                watch.cancel()
        messages = answer.result()
        if messages is None:
            raise ProtocolError("the session has ended")
        return replies.packets(messages, jsonp)

    async def _watch(self, request: Request, session: Session, channel: Channel) -> None:
        await self._driver.gone(request)
        self.engine.detach(session, channel)
        channel.abort()

    async def _post(self, request: Request, session: Session, jsonp: int | None) -> Any:
        engine = self.engine
        reading = BodyReading()
        try:
            engine.begin_post(session, reading.cut, self.clock())
            try:
                body = await reading.finish(self._driver.body(request, self.max_http_buffer_size))
                engine.body_has_come(session)
                if jsonp is not None:
                    body = unwrap_jsonp(body)
                await self._hand_on(session, split_payload(body, self._max_packets()))
            finally:
                engine.end_post(session)
        except ProtocolError as error:
            engine.fail(session, error)
            raise
        return await self._reply(request, replies.accepted())

    async def _hand_on(self, session: Session, packets: list[str | bytes]) -> None:
        engine = self.engine
        engine.hold(session, self.clock())
        try:
            for packet in packets:
                message = engine.receive(session, packet, self.clock())
                if message is None:
                    continue
                pending = self._received(session, message)
                if pending is not None:
                    await pending
        finally:
            engine.release(session, self.clock())

    # what the façade adds

    async def disconnect(self, sid: str | None = None) -> None:
        """Disconnect a client, or all of them."""
        raise NotImplementedError

    async def _connect(self, session: Session, environ: Environ) -> Refusal | None:
        """Ask the application; ``None`` accepts."""
        raise NotImplementedError

    def _received(self, session: Session, data: str | bytes) -> Pending:
        """Give a message to the application."""
        raise NotImplementedError

    def _ended(self, session: Session, reason: str) -> Pending:
        """Tell the application that a session has ended."""
        raise NotImplementedError

    # turns

    def _make_engine(self) -> Engine:
        return Engine(self, self._wake, partial(AsyncSocket, self), Sockets(self))

    def _wake(self) -> None:
        self._turn.wake()

    def _end_closed(self) -> None:
        closed, self.engine.closed = self.engine.closed, []
        for session in closed:
            self._endings[session] = None
            start_eagerly(self._end(session))

    async def _end(self, session: Session) -> None:
        try:
            pending = self._ended(session, session.reason or Reason.TRANSPORT_ERROR)
            if pending is not None:
                await pending
        except Exception:
            self.logger.exception("disconnect handler error")
        finally:
            self.engine.linger(session, self.clock())
            session.app = None
            told = self._endings.pop(session)
            if told is not None:
                told.set_result(None)

    async def _wait_ended(self, sessions: Iterable[Session]) -> None:
        """Return when the application has been told of these ends."""
        self._end_closed()
        for session in sessions:
            if session in self._endings:
                told = self._endings[session]
                if told is None:
                    told = self._endings[session] = asyncio.get_running_loop().create_future()
                await asyncio.shield(told)

    def _stop_watching(self) -> None:
        self._turn.stop()

    def _start(self, function: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        """Run a coroutine function in a task of its own, at once up to its first wait."""
        start_eagerly(function(*args))

    def _most_handlers(self, limit: int) -> float:
        """How many handlers may run for one client."""
        return limit

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _framework_of(app: Any) -> str | None:
    """The framework in ``ATTACHABLE`` that an application's class comes from."""
    packages = {cls.__module__.partition(".")[0] for cls in type(app).__mro__}
    return next((name for name in ATTACHABLE if name in packages), None)
