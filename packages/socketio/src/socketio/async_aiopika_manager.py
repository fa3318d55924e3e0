"""The client manager of a cluster around RabbitMQ, for asyncio.

It shares its exchange with ``KombuManager``.
"""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ._core.cluster_reader import is_numbered
from ._core.redeliveries import Redeliveries
from ._gathering import Gathering
from ._packages import load_package
from ._rabbitmq import MAX_QUEUE_BYTES, MAX_QUEUE_LENGTH, queue_arguments
from .async_pubsub_manager import AsyncPubSubManager
from .base_pubsub_manager import LISTEN_TIMEOUT, MAX_PENDING_BYTES, MAX_PENDING_PUBLISHES, NotSent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from aio_pika.abc import (
        AbstractChannel,
        AbstractConnection,
        AbstractExchange,
        AbstractIncomingMessage,
        AbstractQueue,
    )

    from engineio.typing import JSONModule, LoggerLike

Result = TypeVar("Result")

TIMEOUT = 4.0
"""Seconds in which the broker has to answer: to a connection, a declaration, a publish."""

HEARTBEAT = 5
"""Seconds between heartbeats, unless the URL has ``?heartbeat=``.  aio-pika gives a connection up
after 18 seconds without."""

CLOSE_TIMEOUT = 1.0
"""Seconds for the farewell of a connection."""

PREFETCH = 200
"""Messages that the broker sends ahead of their acknowledgement; less than ``WINDOW`` of
``ClusterReader``, which passes over what is sent again after a lost connection."""

SETTLE_INTERVAL = 1.0
"""Seconds between two looks whether the broker has got the acknowledgements."""


class AsyncAioPikaManager(AsyncPubSubManager):
    """Passes messages on through RabbitMQ.

    :param url: ``amqp://`` or ``amqps://``, with options in its query as aio-pika knows them.
    :param channel: the name of the exchange (default ``socketio``).
    :param write_only: only emit, for processes without a server.
    :param logger: a logger; default that of the server.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param max_pending_publishes: as of ``AsyncPubSubManager``.
    :param max_pending_bytes: as of ``AsyncPubSubManager``.
    :param max_queue_length: messages that RabbitMQ keeps for this process while it does not take
        them (default 100,000); then the oldest is dropped for each new one, and counted as missed.
    :param max_queue_bytes: the same in bytes (default 256 MiB).

    ``RuntimeError`` if the package ``aio-pika`` is missing.
    """

    name: ClassVar[str] = "asyncaiopika"
    max_batch: ClassVar[int] = 50

    def __init__(
        self,
        url: str = "amqp://guest:guest@localhost:5672//",
        channel: str = "socketio",
        write_only: bool = False,
        logger: LoggerLike | None = None,
        json: JSONModule | None = None,
        *,
        max_pending_publishes: int = MAX_PENDING_PUBLISHES,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        max_queue_length: int = MAX_QUEUE_LENGTH,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
    ) -> None:
        self._aio_pika = load_package("aio_pika", self, "aio-pika", "aio-pika")
        super().__init__(
            channel=channel,
            write_only=write_only,
            logger=logger,
            json=json,
            max_pending_publishes=max_pending_publishes,
            max_pending_bytes=max_pending_bytes,
        )
        self.url = url
        self._queue_arguments: Any = queue_arguments(max_queue_length, max_queue_bytes)
        self.publisher_connection: AbstractConnection | None = None
        self._closing: asyncio.Task[None] | None = None
        """Closes the connection of the publisher when it is cancelled."""
        self.publisher_channel: AbstractChannel | None = None
        self.publisher_exchange: AbstractExchange | None = None
        self._unconfirmed: set[asyncio.Task[Any]] = set()
        self._held_up = False
        self._gathering = Gathering()
        self._queue_name: str | None = None
        self._redeliveries = Redeliveries(PREFETCH)

    async def _connect(self) -> AbstractConnection:
        options: dict[str, Any] = {} if "heartbeat=" in self.url else {"heartbeat": HEARTBEAT}
        connection: AbstractConnection
        connection = await within(TIMEOUT, self._aio_pika.connect(self.url, **options))
        return connection

    async def _declare_exchange(self, channel: AbstractChannel) -> AbstractExchange:
        fanout = self._aio_pika.ExchangeType.FANOUT
        return await channel.declare_exchange(self.channel, fanout, durable=False)

    # publishing

    async def _send(self, payloads: Sequence[bytes]) -> None:
        if self._unconfirmed:
            await self._await_confirmation()
        if self.publisher_channel is not None and self.publisher_channel.is_closed:
            raise NotSent from ConnectionError("the connection has ended")
        try:
            exchange = await within(TIMEOUT, self._open_publisher())
        except Exception as error:
            self._gathering.note_absence()
            raise NotSent from error
        self._gathering.wait()
        for payload in payloads:
            message = self._aio_pika.Message(
                payload, delivery_mode=self._aio_pika.DeliveryMode.PERSISTENT
            )
            publish = exchange.publish(message, routing_key="*", mandatory=False)
            self._unconfirmed.add(start(publish))
        if not payloads:
            return
        await asyncio.wait(self._unconfirmed, timeout=TIMEOUT)
        confirmed = {task for task in self._unconfirmed if task.done()}
        self._unconfirmed -= confirmed
        for task in confirmed:
            await self._note_confirmation(task, is_alone=len(payloads) == 1)
        if self._unconfirmed:
            self._held_up = True
            raise TimeoutError("the broker has not confirmed messages in time")

    async def _note_confirmation(self, task: asyncio.Task[Any], is_alone: bool) -> None:
        errors = self._aio_pika.exceptions
        try:
            result(task)
        except errors.DeliveryError as error:
            self._refused(error)
        except errors.ChannelPreconditionFailed as error:
            if not is_alone:
                raise
            # it is too large, and the channel has ended with it
            self._refused(error)
            await self._close_sender()

    async def _await_confirmation(self) -> None:
        """Wait for a broker that has been sent messages and has not confirmed them.

        One that is full reads nothing until it has space again.  As long as the connection lives
        it will get them; those that were to come after them are kept here.
        """
        _, self._unconfirmed = await asyncio.wait(self._unconfirmed, timeout=TIMEOUT)
        if self._unconfirmed:
            raise NotSent("the broker does not confirm messages", retry_after=0)

    async def _open_publisher(self) -> AbstractExchange:
        exchange, channel = self.publisher_exchange, self.publisher_channel
        if exchange is None or channel is None:
            self.publisher_connection = connection = await self._connect()
            self._closing = start(close_when_cancelled(connection))
            self.publisher_channel = channel = await connection.channel()
            self.publisher_exchange = exchange = await self._declare_exchange(channel)
        return exchange

    async def _close_sender(self) -> None:
        held_up, self._held_up = self._held_up, False
        if held_up:
            return
        closing, self._closing = self._closing, None
        self.publisher_connection = self.publisher_channel = self.publisher_exchange = None
        unconfirmed, self._unconfirmed = self._unconfirmed, set()
        for task in unconfirmed:
            task.cancel()
        if unconfirmed:
            await asyncio.wait(unconfirmed)
        if closing is not None:
            closing.cancel()
            await asyncio.wait({closing})

    # listening

    async def _listen(self) -> AsyncIterator[str | bytes | dict[str, Any] | None]:
        inbox: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        try:
            connection = await self._connect()
        except Exception:
            self._gathering.note_absence()
            raise
        try:
            queue = await within(TIMEOUT, self._subscribe(connection, inbox))
            self._subscribed()
            self._gathering.note_return()
            self._redeliveries.connect()
            unacknowledged = 0
            settled = monotonic()
            try:
                while True:
                    if not unacknowledged and monotonic() - settled >= SETTLE_INTERVAL:
                        settled = monotonic()
                        await self._settle(queue)
                    try:
                        message = await asyncio.wait_for(inbox.get(), LISTEN_TIMEOUT)
                    except asyncio.TimeoutError:
                        yield None
                        continue
                    if message is None:
                        raise ConnectionError("the connection has ended")
                    unacknowledged += 1
                    if unacknowledged >= PREFETCH // 2 or inbox.empty():
                        await within(TIMEOUT, message.ack(multiple=True))
                        unacknowledged = 0
                    if is_numbered(message.body):
                        yield message.body
                    elif self._redeliveries.is_repeated(message.body, bool(message.redelivered)):
                        self._reader.duplicates += 1
                    else:
                        yield message.body
            except (GeneratorExit, asyncio.CancelledError):
                with contextlib.suppress(Exception):
                    await within(CLOSE_TIMEOUT, queue.delete(if_unused=False, if_empty=False))
                raise
        finally:
            await close(connection)

    async def _settle(self, queue: AbstractQueue) -> None:
        """Make sure that the broker has got the acknowledgements, if it matters."""
        if self._redeliveries.has_unsettled:
            # any question will do: a channel works off one thing after the other
            await within(TIMEOUT, queue.channel.set_qos(prefetch_count=PREFETCH))
            self._redeliveries.settle()

    async def _subscribe(
        self, connection: AbstractConnection, inbox: asyncio.Queue[AbstractIncomingMessage | None]
    ) -> AbstractQueue:
        """Have the messages put into ``inbox``, and ``None`` when no more will come."""
        queue = await self._find_queue(connection)
        if queue is None:
            channel = await connection.channel()
            queue = await channel.declare_queue(durable=False, arguments=self._queue_arguments)
        self._queue_name = queue.name
        await queue.channel.set_qos(prefetch_count=PREFETCH)
        await queue.bind(await self._declare_exchange(queue.channel))
        queue.channel.close_callbacks.add(lambda *_: inbox.put_nowait(None))
        await queue.consume(inbox.put)
        return queue

    async def _find_queue(self, connection: AbstractConnection) -> AbstractQueue | None:
        """Return the queue of the last connection, with what has come meanwhile, if it lives."""
        if self._queue_name is None:
            return None
        channel = await connection.channel()
        queue: AbstractQueue
        try:
            queue = await channel.declare_queue(self._queue_name, passive=True)
        except self._aio_pika.exceptions.ChannelClosed:
            return None
        return queue

    def _forget_connections(self) -> None:
        self.publisher_connection = self.publisher_channel = self.publisher_exchange = None
        self._closing = None
        self._unconfirmed = set()
        self._queue_name = None


async def close(connection: AbstractConnection) -> None:
    """Close a connection that may be broken."""
    with contextlib.suppress(Exception):
        await within(CLOSE_TIMEOUT, connection.close())


async def close_when_cancelled(connection: AbstractConnection) -> None:
    """Close a connection when it is not needed any more, or when the event loop ends.

    A program need not end with ``stop()``; but aio-pika complains if its tasks are cancelled and
    nobody waits for what it does then.
    """
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await close(connection)


async def within(timeout: float, function: Coroutine[Any, Any, Result]) -> Result:
    """Return what a function of aio-pika returns; ``TimeoutError`` if it takes too long.

    ``ConnectionError`` for the ``CancelledError`` with which aio-pika ends those who wait for a
    connection that is lost, and which is not meant for us.
    """
    task = start(function)
    try:
        await asyncio.wait({task}, timeout=timeout)
        if not task.done():
            raise TimeoutError("the broker does not answer")
        return result(task)
    finally:
        task.cancel()


def start(function: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Run a function of aio-pika in a task whose end nobody may be interested in."""
    task = asyncio.get_running_loop().create_task(function)
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return task


def result(task: asyncio.Task[Result]) -> Result:
    """Return what a task of aio-pika has returned, or raise what it has raised."""
    if task.cancelled():
        raise ConnectionError("the connection was lost")
    return task.result()
