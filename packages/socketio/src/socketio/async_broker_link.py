"""What connects a manager to the broker of its cluster, for asyncio.

It sends and listens, and knows no events and no rooms.  What leaves is queued and sent in order;
what arrives is handed to the manager.  Either starts anew by itself when the broker was lost.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from ._aio import (
    CANCEL_TIMEOUT,
    Cancelled,
    cancel,
    create_event,
    create_lock,
    create_mutex,
    current_loop,
    end,
    start_daemon,
    wait_event,
)
from .base_pubsub_manager import (
    AWAY,
    BATCH_BYTES,
    CONNECTED,
    CONNECTING,
    IDLE,
    PATIENCE,
    SEND_TIMEOUT,
    STOPPED,
    BasePubSubManager,
    NotSent,
    Term,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from .base_pubsub_manager import Arrival

CROWD_CHECK = 0.005
"""Seconds between two looks at a queue that is too long."""

STOP_TIMEOUT = 5.0
"""Default seconds that ``stop()`` takes at most."""


class AsyncBrokerLink(BasePubSubManager):
    """The part of a manager that talks to the broker."""

    max_batch: ClassVar[int] = 1
    """Messages that ``_send`` takes at once."""

    _loop: Any
    _term: Term
    _is_sending: bool
    _sender_is_broken: bool

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

    async def _take(self, batch: list[Any]) -> None:
        """Act on messages that have arrived; the manager does."""
        raise NotImplementedError

    # sending

    async def _publish(self, data: dict[str, Any]) -> None:
        """Publish a message: queue it, and without a server wait until the broker has got it.

        A backend that implements ``_send`` leaves this as it is.
        """
        if type(self)._send is AsyncBrokerLink._send:
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
