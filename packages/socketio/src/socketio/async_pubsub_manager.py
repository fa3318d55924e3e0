"""The client manager of a server that is one of a cluster, for asyncio.

A manager for another broker is a subclass with two methods.  Either

- ``_publish(data)``, which gives a dict to the broker as it likes, and ``_listen()``: what
  subclasses for python-socketio 5.x have.  Errors of the broker are the subclass's to handle; or
- ``_send(payloads)`` and ``_listen()``, which may raise whenever the broker cannot be reached:
  queueing, order, back-off, counting and logging are the base class's.  All managers of this
  package are made like this.

hot path: ``emit`` once per event sent, ``_take`` once per message of the channel (benchmark
"cluster").
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ._aio import (
    CANCEL_TIMEOUT,
    PUBSUB_NAME,
    Cancelled,
    call,
    cancel,
    create_event,
    create_lock,
    create_mutex,
    current_loop,
    end,
    start_daemon,
    wait_event,
)
from ._core.cluster import (
    Acknowledge,
    CloseRoom,
    Disconnect,
    Emit,
    EnterRoom,
    LeaveRoom,
    spell_out_binary,
)
from ._core.decoder import RESERVED_EVENTS
from ._values import PendingCall
from .async_manager import AsyncManager
from .base_pubsub_manager import (
    AWAY,
    BATCH_BYTES,
    CONNECTED,
    CONNECTING,
    IDLE,
    MAX_PENDING_BYTES,
    MAX_PENDING_PUBLISHES,
    PATIENCE,
    STOPPED,
    BasePubSubManager,
    Term,
)
from .base_pubsub_manager import LISTEN_TIMEOUT as LISTEN_TIMEOUT
from .base_pubsub_manager import SEND_TIMEOUT as SEND_TIMEOUT
from .base_pubsub_manager import NotSent as NotSent
from .packet import Packet as Packet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from engineio.typing import JSONModule, LoggerLike

    from ._core.cluster import ClusterMessage, Fields, ReplyTo
    from .base_pubsub_manager import Arrival
    from .typing import AckCallback, Data, Recipients

CROWD_CHECK = 0.005
"""Seconds between two looks at a queue that is too long."""

TURN = 100
"""Messages that are received before others in the process get a turn."""

STOP_TIMEOUT = 5.0
"""Default seconds that ``stop()`` takes at most."""


class AsyncPubSubManager(BasePubSubManager, AsyncManager):
    """Passes what is emitted in this process on to the others of the cluster, and vice versa.

    :param channel: what the processes of one cluster have in common (default ``socketio``).
    :param write_only: only emit, for processes without a server: nothing is received, and
        ``emit()`` returns when the broker has got the message, or cannot be reached.
    :param logger: a logger; default that of the server, else ``socketio``.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param max_pending_publishes: messages kept while the broker cannot be reached (default
        10,000); then the oldest is dropped for each new one.
    :param max_pending_bytes: the same in bytes (default 64 MiB).

    Each message is delivered at most once and, from one process, in order.  While the broker is
    away ``emit()`` does not wait for it, nor raise: what is emitted is kept, and sent when it is
    back.  A program that ends before calls ``stop()`` to learn what was lost.  What was lost is in
    ``health``, and the log has one line for the loss of the broker and one for its return.
    """

    name: ClassVar[str] = PUBSUB_NAME
    """How the logs call it."""

    max_batch: ClassVar[int] = 1
    """Messages that ``_send`` takes at once."""

    _loop: Any
    _term: Term
    _is_sending: bool
    _sender_is_broken: bool

    def __init__(
        self,
        channel: str = "socketio",
        write_only: bool = False,
        logger: LoggerLike | None = None,
        json: JSONModule | None = None,
        *,
        max_pending_publishes: int = MAX_PENDING_PUBLISHES,
        max_pending_bytes: int = MAX_PENDING_BYTES,
    ) -> None:
        super().__init__(
            channel,
            write_only,
            logger,
            json,
            max_pending_publishes=max_pending_publishes,
            max_pending_bytes=max_pending_bytes,
        )
        self._taken = 0
        self._begin_anew()

    # what a backend implements

    async def _send(self, payloads: Sequence[bytes]) -> None:
        """Give messages to the broker, in order, and return when it has taken them.

        :param payloads: at most ``max_batch`` messages, UTF-8 JSON, finished.  None at all if the
            broker was lost and nothing waits: then it only returns if the broker is back.

        Called by one task at a time, also before and without ``_listen``.  Connects if need be
        and keeps the connection for the next call.  Returns or raises within ``SEND_TIMEOUT``.
        Raises ``NotSent`` if none of the messages can have reached the broker, they are then
        sent again after a pause; any other exception makes all of them count as uncertain: they
        may have arrived, so they are not sent again.  Calls ``self._refused(error)`` for each
        that the broker will never take, and does not raise for it.  After an exception, but for
        a ``NotSent`` with ``retry_after``, ``_close_sender`` is called before the next attempt.
        """
        raise NotImplementedError("a backend implements _send() or _publish()")

    async def _close_sender(self) -> None:
        """Close the connection that ``_send`` uses, if there is one; it may be broken.

        Called after ``_send`` has raised or was cancelled, and when the manager stops.
        """

    async def _listen(self) -> AsyncIterator[Arrival]:
        """Subscribe, and yield each message of the channel as it comes, for ever.

        Messages that have come together may be yielded together, as a list.  Calls
        ``self._subscribed()`` once the broker has confirmed the subscription.  Yields ``None`` at
        least every ``LISTEN_TIMEOUT`` when nothing comes.  Raises when the connection is lost or
        the broker does not answer any more; it is then called again after a pause.
        Closes its connection in a ``finally`` clause.  Messages of this process are to be yielded
        too, if the broker returns them: they are not read, but tell how far behind it is.
        """
        raise NotImplementedError("a backend implements _listen()")
        yield

    def _prepare(self) -> None:
        """Raise what wrong options or a missing package deserve; talks to nobody.

        Called before each publish and when listening starts, so that the caller is told.
        """

    def _forget_connections(self) -> None:
        """Drop all connections without a word to the broker.

        Called where they cannot be used: in the child after ``os.fork()``, and on another event
        loop.  A backend sets its attributes to ``None`` and writes nothing to the sockets, which
        the parent goes on to use.
        """

    # sending

    async def emit(
        self,
        event: str,
        data: Data,
        namespace: str | None = None,
        room: Recipients = None,
        skip_sid: str | Collection[str] | None = None,
        callback: AckCallback | None = None,
        to: Recipients = None,
        **kwargs: Any,
    ) -> None:
        """Emit an event to the clients of a room, of several, or of the namespace, everywhere.

        :param callback: called with the first acknowledgement from anywhere.  ``RuntimeError``
            without a server, ``ValueError`` without a room.
        :param ignore_queue: emit to the clients of this process only; then each acknowledgement
            calls the callback.

        ``TypeError`` for data that cannot be encoded, ``ValueError`` for a reserved event name.
        """
        room = room if to is None else to
        namespace = namespace or "/"
        if kwargs.get("ignore_queue"):
            await super().emit(event, data, namespace, room, skip_sid, callback)
            return
        if event in RESERVED_EVENTS:
            raise ValueError(f"{event!r} is reserved: clients would drop the connection")
        address = self._address(room)
        skipped: Any = self._address(skip_sid)
        if callback is not None:
            await self._emit_and_ask(Emit(event, data, namespace, address, skipped), callback)
            return
        await super().emit(event, data, namespace, room, skip_sid)
        if address not in ("", []):  # python-socketio takes them for everybody
            await self._tell(Emit(event, data, namespace, address, skipped).to_fields())

    async def _emit_and_ask(self, message: Emit, callback: AckCallback) -> None:
        if self.server is None:
            raise RuntimeError("Callbacks can only be issued from the context of a server.")
        room = message.room
        if room is None or room in ("", []):
            raise ValueError("Cannot use callback without a room set.")
        await self._wait_subscribed()
        recipient = room[0] if isinstance(room, list) else room
        with self._lock:
            id, local = self._cluster_acks.add(
                str(recipient), callback, lambda id: partial(self._acknowledged, id)
            )
        message.call = (recipient, message.namespace, id)
        try:
            await super().emit(
                message.event,
                message.data,
                message.namespace,
                message.room,  # type: ignore[arg-type]
                message.skip_sid,
                local,
            )
            await self._tell(message.to_fields())
        except BaseException:
            with self._lock:
                self._cluster_acks.pop(id)
            raise

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Return True if this process can disconnect the client itself; else ask the others to."""
        if self._is_here(sid, namespace):
            return self.is_connected(sid, namespace)
        await self._tell(Disconnect(sid, namespace).to_fields())
        return False

    async def disconnect(self, sid: str, namespace: str | None = None, **kwargs: Any) -> None:
        """Disconnect a client, wherever it is connected.

        :param ignore_queue: only forget it; the server calls this when it has disconnected it.
        """
        namespace = namespace or "/"
        if kwargs.get("ignore_queue"):
            await super().disconnect(sid, namespace)
        elif self._is_here(sid, namespace):
            await self.server.disconnect(sid, namespace, ignore_queue=True)
        else:
            await self._tell(Disconnect(sid, namespace).to_fields())

    async def enter_room(
        self, sid: str, namespace: str, room: str, eio_sid: str | None = None
    ) -> None:
        """Put a client into a room, wherever it is connected; errors only if it is here."""
        if eio_sid is not None or self._is_here(sid, namespace):
            await super().enter_room(sid, namespace, room, eio_sid)
        else:
            await self._tell(EnterRoom(sid, room, namespace).to_fields())

    async def leave_room(self, sid: str, namespace: str, room: str) -> None:
        """Take a client out of a room, wherever it is connected."""
        if self._is_here(sid, namespace):
            await super().leave_room(sid, namespace, room)
        else:
            await self._tell(LeaveRoom(sid, room, namespace).to_fields())

    async def close_room(self, room: str, namespace: str | None = None) -> None:
        """Take everybody out of a room, everywhere.

        ``ValueError`` if it is the sid of a client of this process.
        """
        namespace = namespace or "/"
        await super().close_room(room, namespace)
        await self._tell(CloseRoom(room, namespace).to_fields())

    async def _tell(self, fields: Fields) -> None:
        self._look_around()
        if fields["method"] != "callback":
            fields["host_id"] = self.host_id
        if getattr(self._publish, "__func__", None) is not AsyncPubSubManager._publish:
            fields = spell_out_binary(fields)
        await self._publish(fields)

    async def _publish(self, data: dict[str, Any]) -> None:
        """Publish a message: queue it, and without a server wait until the broker has got it.

        A backend that implements ``_send`` leaves this as it is.
        """
        if type(self)._send is AsyncPubSubManager._send:
            raise NotImplementedError("a backend implements _send() or _publish()")
        self._prepare()
        self._enqueue(data)
        if self.write_only or self.server is None:
            await self._flush()
            return
        self._start()
        self._term.wake.set()
        limit = time.monotonic() + PATIENCE
        while self._crowded and time.monotonic() < limit:
            await self.server.eio.sleep(CROWD_CHECK)

    async def _flush(self) -> None:
        """Send what waits, unless that is being tried in the background already."""
        term = self._term
        if term.is_retrying:
            return
        async with self._mutex:
            if term.is_retrying or await self._drain(term):
                return
            term.is_retrying = True
        start_daemon(self._retry, term)

    async def _retry(self, term: Term) -> None:
        backoff = self._new_backoff()
        while not await wait_event(term.stopping, self._delay(backoff)):
            async with self._mutex:
                if await self._drain(term):
                    term.is_retrying = False
                    return

    async def _drain(self, term: Term) -> bool:
        """Send what waits; False if the broker does not take it, or if it is too late."""
        self._is_sending = True
        try:
            while not term.is_over:
                with self._lock:
                    batch = self._outbox.take(self.max_batch, BATCH_BYTES)
                    self._in_flight = len(batch)
                # an empty one asks whether a broker that was lost is back
                if not batch and (self._publisher_state is not AWAY or term.stopping.is_set()):
                    return True
                if not await self._hand_over(batch, term):
                    return False
            # stop() has left it to us
            await self._discard_sender()
            return False
        finally:
            self._in_flight = 0
            self._is_sending = False

    async def _hand_over(self, batch: list[bytes], term: Term) -> bool:
        """Give messages to the broker; False if it does not take them."""
        if self._sender_is_broken:
            await self._discard_sender()
        self._sender_is_broken = True
        self._refusals = 0
        try:
            await self._send(batch)
        except NotSent as error:
            self._keep(batch, term)
            self._retry_after = error.retry_after
            self._sender_is_broken = error.retry_after is None
            reason: Any = error.__cause__ or error
        except BaseException as error:
            self._uncertain += len(batch) - self._refusals
            if not isinstance(error, Exception):
                raise
            reason = error
        else:
            self._sender_is_broken = False
            self._took(len(batch) - self._refusals, term)
            return True
        self._lost_publisher(reason, term)
        if self._sender_is_broken:
            await self._discard_sender()
        return False

    async def _discard_sender(self) -> None:
        try:
            await self._close_sender()
        except Exception as error:
            self._get_logger().debug("%s: closing failed: %r", self.name, error)
        self._sender_is_broken = False

    # the background

    def initialize(self) -> None:
        """Start listening; called when the server gets its first client.  May be repeated."""
        super().initialize()
        self._prepare()
        self._look_around()
        self._start()

    def _begin_anew(self) -> None:
        """Make what belongs to one process and one event loop."""
        self._loop = None
        self._lock = create_lock()
        self._mutex = create_mutex()
        self._term = Term(create_event(), create_event(), create_event())
        self._predecessors: list[Any] = []
        self._in_flight = 0
        self._is_sending = False
        self._sender_is_broken = False

    def _look_around(self) -> None:
        """Note if this is another process, or another event loop, than before."""
        if self._is_forked():
            self._begin_anew()
            self._forget_connections()
        loop = current_loop()
        if loop is not self._loop:
            if self._loop is not None:
                self._begin_anew()
                self._forget_connections()
            self._loop = loop

    def _start(self) -> None:
        """Start what runs in the background, once."""
        if self._term.tasks or self.write_only or self.server is None:
            return
        with self._lock:
            if self._term.tasks:
                return
            create = self.server.eio.create_event
            self._term = term = Term(create(), create(), create())
            self._listener_state = CONNECTING
            if self._publisher_state is STOPPED:
                self._publisher_state = IDLE
            work = (self._run_listener, self._run_publisher)
            predecessors = self._predecessors or [None, None]
            for function, before in zip(work, predecessors, strict=True):
                done = create()
                task = self.server.start_background_task(self._run, function, term, done, before)
                term.tasks.append((task, done))
        self._get_logger().info("%s backend initialized.", self.name)

    async def _run(
        self, function: Callable[[Term], Any], term: Term, done: Any, predecessor: Any = None
    ) -> None:
        """Run in the background, after who did the same in the term before."""
        try:
            if predecessor is not None:
                await wait_event(predecessor, SEND_TIMEOUT)
            await function(term)
        except Cancelled:
            pass
        except Exception:
            self._get_logger().exception("%s: the background work has ended", self.name)
        finally:
            done.set()

    async def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Send what waits, stop listening, and close the connections.

        :param timeout: seconds (default 5) after which what is not finished is given up.

        Returns how many messages were lost, or may have been: those that the broker would not take
        at once or in time.  They are counted in ``health``, and the log tells of them.  What is
        emitted afterwards, and the next client, start it again.
        """
        lost_before = self._lost
        deadline = time.monotonic() + timeout
        with self._lock:
            term = self._term
            self._term = next_term = Term(create_event(), create_event(), create_event())
            if term.tasks:
                self._predecessors = [done for _, done in term.tasks]
        term.deadline = deadline
        term.stopping.set()
        term.wake.set()
        if term.tasks:
            cancel(term.tasks[0][0])
        elif self._outbox or self._is_sending:
            done = create_event()
            term.tasks.append((start_daemon(self._run, self._finish, term, done), done))
        for task, done in term.tasks:
            if not await wait_event(done, max(0, deadline - time.monotonic())):
                cancel(task)
                await wait_event(done, CANCEL_TIMEOUT)
        if self._term is not next_term:
            return self._lost - lost_before  # it is in use again
        if not self._is_sending:
            await self._discard_sender()
        lost = self._give_up_waiting() - lost_before
        if lost:
            self._get_logger().error(
                "Stopped: %d messages to the %s broker were lost, or may have been", lost, self.name
            )
        return lost

    async def _finish(self, term: Term) -> None:
        """Send what waits, in a process without a server."""
        async with self._mutex:
            await self._drain(term)

    async def _run_publisher(self, term: Term) -> None:
        backoff = self._new_backoff()
        while True:
            term.wake.clear()
            if await self._drain(term):
                if term.stopping.is_set():
                    return
                backoff.reset()
                await wait_event(term.wake)
            elif await wait_event(term.stopping, self._delay(backoff)):
                return

    async def _run_listener(self, term: Term) -> None:
        backoff = self._new_backoff()
        while not term.stopping.is_set():
            error = None
            messages = self._listen()
            try:
                async for message in messages:
                    if term.stopping.is_set():
                        return
                    if message is not None:
                        await self._take(message if type(message) is list else [message])
            except Exception as exception:
                error = exception
            finally:
                await end(messages)
            if term.stopping.is_set():
                return
            if self._listener_state is CONNECTED:
                backoff.reset()
            self._lost_listener(error)
            term.settled.set()
            await wait_event(term.stopping, backoff.next())

    def _subscribed(self) -> None:
        """Note that messages are received from now on; a backend's ``_listen`` calls it."""
        super()._subscribed()
        self._term.settled.set()

    async def _wait_subscribed(self) -> None:
        """Wait a moment for the subscription: without it an acknowledgement would be missed."""
        self._prepare()
        self._look_around()
        self._start()
        if self._listener_state is CONNECTING:
            await wait_event(self._term.settled, PATIENCE)

    # receiving

    async def _take(self, batch: list[Any]) -> None:
        if self._listener_state is not CONNECTED:
            self._subscribed()
        read = self._reader.read
        for data in batch:
            message = read(data)
            if message is not None:
                await self._act_logged(message)
            self._taken += 1
            if self._taken >= TURN:
                self._taken = 0
                await self.server.eio.sleep(0)
        self._note_arrival()

    async def _act_logged(self, message: ClusterMessage) -> None:
        try:
            await self._act(message)
        except Exception:
            self._get_logger().exception("%s: a message could not be handled", self.name)
        if self.server.eio.engine.crowded:
            await self.server.eio.pace()

    async def _act(self, message: ClusterMessage) -> None:
        if isinstance(message, Emit):
            for observer in self.server.observers:
                observer.heard(message.namespace, message.room, message.event, message.data)
            reply = None
            if message.reply_to is not None:
                reply = partial(self._reply, [message.reply_to])
            await super().emit(
                message.event,
                message.data,
                message.namespace,
                message.room,  # type: ignore[arg-type]
                message.skip_sid,
                reply,
            )
        elif isinstance(message, Acknowledge):
            await self._receive_acknowledgement(message)
        elif isinstance(message, CloseRoom):
            await super().close_room(message.room, message.namespace)  # type: ignore[arg-type]
        elif self._is_here(message.sid, message.namespace):
            await self._act_on_client(message)

    async def _act_on_client(self, message: Disconnect | EnterRoom | LeaveRoom) -> None:
        sid, namespace = message.sid, message.namespace
        if isinstance(message, EnterRoom):
            await super().enter_room(sid, namespace, message.room)  # type: ignore[arg-type]
        elif isinstance(message, LeaveRoom):
            await super().leave_room(sid, namespace, message.room)  # type: ignore[arg-type]
        else:
            # its handler is the application's, and may take its time
            self.server.start_background_task(
                self.server.disconnect, sid, namespace, ignore_queue=True
            )

    async def _reply(self, waiting: list[ReplyTo], *args: Any) -> None:
        """Pass the first acknowledgement of a client of this process on to who asked for it."""
        try:
            reply_to = waiting.pop()
        except IndexError:
            return
        fields = Acknowledge(reply_to.host_id, reply_to.call, list(args)).to_fields()
        if not reply_to.takes_binary and spell_out_binary(fields) is not fields:
            self._get_logger().warning(
                "An acknowledgement with bytes cannot be sent to a server of python-socketio 5.x"
            )
            return
        await self._tell(fields)

    async def _receive_acknowledgement(self, message: Acknowledge) -> None:
        id = message.call[2]
        with self._lock:
            pending = self._cluster_acks.pop(id)
        if pending is None:
            self._get_logger().debug("Acknowledgement that nobody waits for any more")
        elif isinstance(pending.callback, PendingCall):
            pending.callback(*message.args)
        else:
            self.server.start_background_task(self._run_callback, pending.callback, message.args)

    async def _run_callback(self, callback: AckCallback, args: list[Any]) -> None:
        try:
            await call(callback, *args)
        except Exception:
            self._get_logger().exception("Callback of an acknowledgement failed")

    async def _acknowledged(self, id: int, *args: Any) -> None:
        """Take the acknowledgement of a client of this process."""
        with self._lock:
            pending = self._cluster_acks.pop(id)
        if pending is not None:
            await call(pending.callback, *args)
