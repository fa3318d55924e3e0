"""The client manager of a cluster around RabbitMQ, or around another broker that Kombu knows.

RabbitMQ: a fanout exchange of the channel's name, and for each listener a queue that outlives its
connection by five minutes, so that nothing is missed while it connects again.
"""

from __future__ import annotations

import contextlib
import uuid
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from ._gathering import Gathering
from ._packages import check_patched, load_package
from ._rabbitmq import MAX_QUEUE_BYTES, MAX_QUEUE_LENGTH, queue_arguments
from .base_pubsub_manager import LISTEN_TIMEOUT, MAX_PENDING_BYTES, MAX_PENDING_PUBLISHES, NotSent
from .pubsub_manager import PubSubManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engineio.typing import JSONModule, LoggerLike

TIMEOUT = 4.0
"""Seconds in which the broker has to answer: to a connection, a declaration, a publish."""

HEARTBEAT = 5
"""Seconds between heartbeats; a connection without one for twice as long is given up.  RabbitMQ's
documentation advises against less."""

FULL_INTERVAL = 1.0
"""Seconds between two looks whether a broker that was out of memory or disk space has some."""

PRECONDITION_FAILED = 406
"""The code with which RabbitMQ ends a channel on which a message is too large."""

REDIS_OPTIONS: dict[str, Any] = {
    "socket_timeout": TIMEOUT,
    "socket_connect_timeout": TIMEOUT,
    "socket_keepalive": True,
}
TRANSPORT_OPTIONS: dict[str, dict[str, Any]] = {"redis": REDIS_OPTIONS, "rediss": REDIS_OPTIONS}
"""What a transport needs to know of ``TIMEOUT``; those of AMQP are set on the socket."""


class KombuManager(PubSubManager):
    """Passes messages on through a broker that Kombu supports.

    :param url: a Kombu URL: ``amqp://``, ``redis://``, ``memory://`` and others.
    :param channel: the name of the exchange (default ``socketio``).
    :param write_only: only emit, for processes without a server.
    :param logger: a logger; default that of the server.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param connection_options: further arguments of ``kombu.Connection``.
    :param exchange_options: further arguments of ``kombu.Exchange``.
    :param queue_options: further arguments of ``kombu.Queue``.
    :param producer_options: further arguments of ``kombu.Producer``.
    :param max_pending_publishes: as of ``PubSubManager``.
    :param max_pending_bytes: as of ``PubSubManager``.
    :param max_queue_length: messages that RabbitMQ keeps for this process while it does not take
        them (default 100,000); then the oldest is dropped for each new one, and counted as missed.
    :param max_queue_bytes: the same in bytes (default 256 MiB).

    ``RuntimeError`` if the package ``kombu`` is missing.
    """

    name: ClassVar[str] = "kombu"
    max_batch: ClassVar[int] = 100

    def __init__(
        self,
        url: str = "amqp://guest:guest@localhost:5672//",
        channel: str = "socketio",
        write_only: bool = False,
        logger: LoggerLike | None = None,
        json: JSONModule | None = None,
        connection_options: dict[str, Any] | None = None,
        exchange_options: dict[str, Any] | None = None,
        queue_options: dict[str, Any] | None = None,
        producer_options: dict[str, Any] | None = None,
        *,
        max_pending_publishes: int = MAX_PENDING_PUBLISHES,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        max_queue_length: int = MAX_QUEUE_LENGTH,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
    ) -> None:
        self._kombu = load_package("kombu", self, "kombu", "kombu")
        super().__init__(
            channel=channel,
            write_only=write_only,
            logger=logger,
            json=json,
            max_pending_publishes=max_pending_publishes,
            max_pending_bytes=max_pending_bytes,
        )
        self.url = url
        self._queue_arguments = queue_arguments(max_queue_length, max_queue_bytes)
        self.connection_options: dict[str, Any] = connection_options or {}
        self.exchange_options: dict[str, Any] = exchange_options or {}
        self.queue_options: dict[str, Any] = queue_options or {}
        self.producer_options: dict[str, Any] = producer_options or {}
        self.publisher_connection: Any = self._connection()
        self._publisher: Publisher | None = None
        self._gathering = Gathering()
        self._queue_name = f"python-socketio.{uuid.uuid4()}"
        self._inherited: list[Any] = []

    def initialize(self) -> None:
        """Start listening; ``RuntimeError`` under greenlets whose sockets are not patched."""
        check_patched(self.server, "Kombu")
        super().initialize()

    def _connection(self) -> Any:
        options = {"heartbeat": HEARTBEAT, "connect_timeout": TIMEOUT, **self.connection_options}
        connection = self._kombu.Connection(self.url, **options)
        defaults = TRANSPORT_OPTIONS.get(connection.transport_cls, {})
        connection.transport_options = {**defaults, **connection.transport_options}
        return connection

    def _exchange(self) -> Any:
        options = {"name": self.channel, "type": "fanout", "durable": False}
        return self._kombu.Exchange(**{**options, **self.exchange_options})

    def _producer(self, channel: Any) -> Any:
        return self._kombu.Producer(channel, exchange=self._exchange(), **self.producer_options)

    def _queue(self) -> Any:
        options = {
            "name": self._queue_name,
            "exchange": self._exchange(),
            "durable": False,
            "queue_arguments": self._queue_arguments,
        }
        return self._kombu.Queue(**{**options, **self.queue_options})

    def _send(self, payloads: Sequence[bytes]) -> None:
        if self._publisher is None:
            try:
                self._publisher = Publisher(self.publisher_connection, self._producer)
            except Exception as error:
                self._gathering.note_absence()
                raise NotSent from error
        self._gathering.wait()
        try:
            refusals = self._publisher.send(payloads)
        except Exception as error:
            if len(payloads) > 1 or getattr(error, "reply_code", None) != PRECONDITION_FAILED:
                raise
            # it is too large, and the channel has ended with it
            refusals = [error]
            self._close_sender()
        for refusal in refusals:
            self._refused(refusal)

    def _close_sender(self) -> None:
        if self._publisher is not None and self._publisher.is_held_up():
            return
        self._publisher = None
        connection, self.publisher_connection = self.publisher_connection, self._connection()
        connection.collect()

    def _listen(self) -> Iterator[str | bytes | dict[str, Any] | None]:
        received: deque[Any] = deque()
        connection = self._connection()
        try:
            try:
                connect(connection)
            except Exception:
                self._gathering.note_absence()
                raise
            queue = self._queue()
            # what was sent to us is not sent again: at most once, however often we connect
            consumer = self._kombu.Consumer(
                connection, queue, no_ack=True, on_message=received.append
            )
            consumer.consume()
            self._subscribed()
            self._gathering.note_return()
            checked = monotonic()
            try:
                while True:
                    try:
                        connection.drain_events(timeout=LISTEN_TIMEOUT)
                    except TimeoutError:
                        yield None
                    while received:
                        yield received.popleft().body
                    if monotonic() - checked >= LISTEN_TIMEOUT:
                        connection.heartbeat_check()
                        checked = monotonic()
            except GeneratorExit:
                with contextlib.suppress(Exception):
                    queue(connection.default_channel).delete(nowait=True)
                raise
        finally:
            # without a farewell, to which a broker that hangs would not answer
            connection.collect()

    def _forget_connections(self) -> None:
        # kept for ever: their finalizers would end the connections of the parent process
        self._inherited += [self.publisher_connection, self._publisher]
        self._publisher = None
        self.publisher_connection = self._connection()


class Publisher:
    """Publishes on one connection and, with AMQP, waits until the broker has confirmed it.

    :param connection: one that nothing else uses; it is connected here.
    :param make_producer: returns a ``kombu.Producer`` for a channel.
    """

    def __init__(self, connection: Any, make_producer: Callable[[Any], Any]) -> None:
        connection.heartbeat = 0  # nobody is there to send them between two calls
        channel = connect(connection)
        self._connection = connection
        self._is_amqp = hasattr(channel, "confirm_select")
        self._confirms = self._is_amqp and not channel.connection.confirm_publish
        self._blocked = False
        self._held_up = False
        self._refused: set[int] = set()
        self._published = 0
        self._unconfirmed: set[int] = set()
        if self._is_amqp:
            channel.connection.on_blocked = self._on_blocked
            channel.connection.on_unblocked = self._on_unblocked
        if self._confirms:
            channel.confirm_select()
            channel.events["basic_ack"].add(self._on_confirmed)
            channel.events["basic_nack"].add(self._on_refused)
        self._producer = make_producer(channel)

    def send(self, payloads: Sequence[bytes]) -> list[Exception]:
        """Publish messages; return when the broker has them, and why it has not got the others.

        ``NotSent`` if the connection turns out to be gone, or if the broker, short of memory or
        disk space, has said that it reads nothing now.
        """
        if self._is_amqp:
            self._read_news()
        self._refused.clear()
        for payload in payloads:
            if self._confirms:
                self._published += 1
                self._unconfirmed.add(self._published)
            self._producer.publish(
                payload, content_type="text/plain", content_encoding="utf-8", timeout=TIMEOUT
            )
        limit = monotonic() + TIMEOUT
        try:
            while self._unconfirmed:
                self._connection.drain_events(timeout=max(0.001, limit - monotonic()))
        except TimeoutError:
            self._held_up = self._blocked
            raise
        return [ConnectionRefusedError("not confirmed") for _ in self._refused]

    def is_held_up(self) -> bool:
        """Return True, once, after ``send`` has failed because the broker is full.

        The connection is still good: what was sent will be read when there is space again.
        """
        held_up, self._held_up = self._held_up, False
        return held_up

    def _read_news(self) -> None:
        """Learn what the broker has said since: that it closes the connection, that it is full."""
        try:
            while True:
                self._connection.drain_events(timeout=0)
        except TimeoutError:
            pass
        except Exception as error:
            raise NotSent from error
        if self._blocked:
            raise NotSent("the broker is full", retry_after=FULL_INTERVAL)

    def _on_blocked(self, reason: str) -> None:
        self._blocked = True

    def _on_unblocked(self) -> None:
        self._blocked = False

    def _on_confirmed(self, delivery_tag: int, multiple: bool) -> None:
        if multiple:
            self._unconfirmed = {tag for tag in self._unconfirmed if tag > delivery_tag}
        else:
            self._unconfirmed.discard(delivery_tag)

    def _on_refused(self, delivery_tag: int, multiple: bool) -> None:
        before = self._unconfirmed.copy()
        self._on_confirmed(delivery_tag, multiple)
        self._refused |= before - self._unconfirmed


def connect(connection: Any) -> Any:
    """Connect, let nothing take longer than ``TIMEOUT``, and return the channel."""
    # each of its hosts once: whoever calls this tries again
    retries = max(len(connection.alt), 1) - 1
    connection.ensure_connection(
        max_retries=retries, timeout=TIMEOUT, reraise_as_library_errors=False
    )
    sock = getattr(connection.connection, "sock", None)
    if sock is not None:
        sock.settimeout(TIMEOUT)
    return connection.default_channel
