"""Where requests enter a server of threads or greenlets, and where the ends of its sessions are
told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ._core import replies
from ._core.admission import AcceptAndClose, Open, Poll, Post, Refuse, Upgrade
from ._core.polling import split_payload, unwrap_jsonp
from ._core.reason import Reason
from ._shell.alarm import Alarm
from ._shell.locked_engine import LockedEngine
from ._shell.pace import Pace
from ._shell.receiver import Receiver
from ._shell.traced import DeferredTrace
from ._shell.waiting_poll import WaitingPoll
from .base_server import BaseServer
from .base_socket import Sockets
from .exceptions import ProtocolError
from .socket import Socket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ._core.admission import Decision
    from ._core.channel import Channel
    from ._core.engine import Engine
    from ._core.layer import Pending
    from ._core.refusal import Refusal
    from ._core.request import Reply
    from ._core.session import Session
    from ._shell.concurrency import Concurrency, Event
    from ._shell.locked_engine import Lock
    from ._shell.socket_channel import SocketWebSocket
    from ._shell.wsgi import StartResponse, WsgiDriver, WsgiRequest
    from .typing import Environ


class Entry(BaseServer):
    """The part of ``Server`` that only exists without asyncio.

    Owner of the sessions: whoever holds the lock of the engine.  Application code runs without it.
    """

    def _set_up(self) -> None:
        self._driver: WsgiDriver = self._async["driver"]
        self._model: Concurrency = self._driver.model
        self._lock: Lock = self._locked_engine.lock
        self._pace = Pace(self.engine, self.clock, self._model.sleep)
        self._alarm = Alarm(self.engine, self.clock, self._model)

    # requests

    def handle_request(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request to the Engine.IO path, as a WSGI application."""
        request = self._driver.request(environ, start_response)
        try:
            return self._dispatch(request, self.engine.admit(request))
        except ProtocolError as error:
            if error.status == 413:
                return self._reply(request, replies.too_large())
            return self._reply(request, replies.error(replies.BAD_REQUEST, str(error)))

    def _dispatch(self, request: WsgiRequest, decision: Decision) -> Iterable[bytes]:
        if isinstance(decision, Poll):
            return self._poll(request, decision.session, decision.jsonp)
        if isinstance(decision, Post):
            return self._post(request, decision.session, decision.jsonp)
        if isinstance(decision, Open):
            return self._open(request, decision)
        if isinstance(decision, Upgrade):
            return self._upgrade(request, decision.session)
        if isinstance(decision, AcceptAndClose):
            websocket = self._websocket(request)
            self.engine.dismiss(websocket.channel)
            websocket.channel.pump()
            return self._driver.end(request)
        if isinstance(decision, Refuse):
            self._log_refusal(decision)
        return self._driver.respond(request, decision.reply)

    def _reply(self, request: WsgiRequest, reply: Reply) -> Iterable[bytes]:
        return self._driver.respond(request, replies.finish(reply, request, self))

    def _open(self, request: WsgiRequest, decision: Open) -> Iterable[bytes]:
        if decision.transport == "websocket" and not request.has_socket:
            raise self._driver.no_socket()
        session = self.engine.create(
            self.generate_id(), decision.transport, can_upgrade=request.has_socket
        )
        try:
            refusal = self._connect(session, request.environ())
        except BaseException:
            self.engine.refuse(session)
            raise
        if refusal is not None:
            self.engine.refuse(session)
            return self._reply(request, replies.unauthorized(refusal.value, self._codec))
        if decision.transport == "websocket":
            return self._open_websocket(request, session)
        self.engine.accept(session, self.clock())
        reply = self._next_payload(session, decision.jsonp)
        replies.set_cookie(reply, session.sid, self.cookie)
        return self._reply(request, reply)

    def _open_websocket(self, request: WsgiRequest, session: Session) -> Iterable[bytes]:
        try:
            websocket = self._websocket(request)
        except BaseException:
            self.engine.accept(session, self.clock())
            self.engine.close(session, Reason.TRANSPORT_CLOSE)
            raise
        channel = self._traced(session, websocket.channel)
        self.engine.attach(session, channel)
        self.engine.accept(session, self.clock())
        return self._serve(request, websocket, session, channel, probing=False)

    def _upgrade(self, request: WsgiRequest, session: Session) -> Iterable[bytes]:
        websocket = self._websocket(request)
        channel = self._traced(session, websocket.channel)
        self.engine.start_probe(session, channel, self.clock())
        return self._serve(request, websocket, session, channel, probing=True)

    def _websocket(self, request: WsgiRequest) -> SocketWebSocket:
        if not request.has_socket:
            raise self._driver.no_socket()
        ready = self._locked_engine.ready.append
        return self._driver.websocket(request, ready, self.max_http_buffer_size)

    def _serve(
        self,
        request: WsgiRequest,
        websocket: SocketWebSocket,
        session: Session,
        channel: Channel,
        *,
        probing: bool,
    ) -> Iterable[bytes]:
        layer = self._layer_in_use()
        received = self._received if layer is None else layer.received
        receiver = Receiver(
            self.engine,
            session,
            channel,
            self._holding(received),
            self.clock,
            probing=probing,
            upgraded=None if self._layer is None else self._layer.upgraded,
        )
        websocket.serve(receiver)
        return self._driver.end(request)

    def _holding(
        self, received: Callable[[Session, str | bytes], Pending]
    ) -> Callable[[Session, str | bytes], Pending]:
        """Return the same for the one who reads a WebSocket, and cannot read a PONG meanwhile."""
        engine, clock = self.engine, self.clock

        def receive(session: Session, data: str | bytes) -> Pending:
            engine.hold(session, clock())
            try:
                return received(session, data)
            finally:
                engine.release(session, clock())

        return receive

    def _log_sent(self, session: Session, channel: Channel) -> Channel:
        return DeferredTrace(channel, session.sid, self.logger, self._locked_engine.ready.append)

    def _poll(self, request: WsgiRequest, session: Session, jsonp: int | None) -> Iterable[bytes]:
        return self._reply(request, self._next_payload(session, jsonp))

    def _next_payload(self, session: Session, jsonp: int | None) -> Reply:
        poll = WaitingPoll(self._model.event())
        channel = self._traced(session, poll)
        self.engine.attach(session, channel)
        try:
            messages = poll.wait()
        except BaseException:
            self.engine.detach(session, channel)
            raise
        if messages is None:
            raise ProtocolError("the session has ended")
        return replies.packets(messages, jsonp)

    def _post(self, request: WsgiRequest, session: Session, jsonp: int | None) -> Iterable[bytes]:
        engine = self.engine
        cut = self._driver.body_cutter(request)
        try:
            engine.begin_post(session, cut, self.clock())
            try:
                body = self._driver.body(request, self.max_http_buffer_size)
                engine.body_has_come(session)
                if jsonp is not None:
                    body = unwrap_jsonp(body)
                self._hand_on(session, split_payload(body, self._max_packets()))
            finally:
                engine.end_post(session)
        except ProtocolError as error:
            engine.fail(session, error)
            raise
        return self._reply(request, replies.accepted())

    def _hand_on(self, session: Session, packets: list[str | bytes]) -> None:
        engine = self.engine
        engine.hold(session, self.clock())
        try:
            for packet in packets:
                message = engine.receive(session, packet, self.clock())
                if message is not None:
                    self._received(session, message)
        finally:
            engine.release(session, self.clock())

    # background tasks

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Start ``target(*args, **kwargs)`` in a daemon thread or a greenlet, and return it.

        The result has a ``join()`` method.
        """
        thread = self._async["thread"](target=target, args=args, kwargs=kwargs)
        thread.start()
        return thread

    def sleep(self, seconds: float = 0) -> None:
        """Pause the calling thread or greenlet."""
        self._model.sleep(seconds)

    def create_queue(self, *args: Any, **kwargs: Any) -> Any:
        """Return a new queue of the server's model, with the methods of ``queue.Queue``."""
        return self._async["queue"](*args, **kwargs)

    def get_queue_empty_exception(self) -> type[Exception]:
        """Return the exception of a ``get_nowait()`` on an empty queue."""
        empty: type[Exception] = self._async["queue_empty"]
        return empty

    def create_event(self, *args: Any, **kwargs: Any) -> Event:
        """Return a new event of the server's model, with the methods of ``threading.Event``."""
        event: Event = self._async["event"](*args, **kwargs)
        return event

    # what the façade adds

    def _connect(self, session: Session, environ: Environ) -> Refusal | None:
        """Ask the application; ``None`` accepts."""
        raise NotImplementedError

    def _received(self, session: Session, data: str | bytes) -> Pending:
        """Give a message to the application."""
        raise NotImplementedError

    def _ended(self, session: Session, reason: str) -> Pending:
        """Tell the application that a session has ended."""
        raise NotImplementedError

    # the ends of sessions

    def _make_engine(self) -> Engine:
        self._locked_engine = LockedEngine(
            self,
            self.clock,
            self._end_all,
            self._end_all_elsewhere,
            self._watch_deadlines,
            partial(Socket, self),
            Sockets(self),
        )
        return self._locked_engine

    def _watch_deadlines(self) -> None:
        self._alarm.rearm()

    def _stop_watching(self) -> None:
        self._alarm.stop()

    def _end_all(self, closed: list[Session]) -> None:
        for session in closed:
            self._end(session)

    def _end_all_elsewhere(self, closed: list[Session]) -> None:
        for session in closed:
            self._model.run_later(self._end, session)

    def _end(self, session: Session) -> None:
        try:
            self._ended(session, session.reason or Reason.TRANSPORT_ERROR)
        except Exception:
            self.logger.exception("disconnect handler error")
        finally:
            self.engine.linger(session, self.clock())
            session.app = None

    def _wait_ended(self, sessions: Iterable[Session]) -> None:
        """Return when the application has been told of these ends: closing has told it."""

    def _start(self, function: Callable[..., None], *args: Any) -> None:
        """Run a handler in a thread or greenlet."""
        self._model.run_handler(function, *args)

    def _most_handlers(self, limit: int) -> float:
        """How many handlers may run for one client: at most as many as others may still begin.

        So there are always some left for a client that has none.
        """
        return min(limit, max(self._model.free_handlers(), 1))
