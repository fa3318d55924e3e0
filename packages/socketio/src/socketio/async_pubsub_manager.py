"""The client manager of an asyncio server that is one of a cluster.

A manager for another broker is a subclass with two methods.  Either

- ``_publish(data)``, which gives a dict to the broker as it likes, and ``_listen()``: what
  subclasses for python-socketio 5.x have.  Errors of the broker are the subclass's to handle; or
- ``_send(payloads)`` and ``_listen()``, which may raise whenever the broker cannot be reached:
  queueing, order, back-off, counting and logging are the base class's.  All managers of this
  package are made like this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .async_manager import AsyncManager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from engineio.typing import JSONModule, LoggerLike

MAX_PENDING_PUBLISHES = 10_000
"""Default ``max_pending_publishes``: about 5 MB of ordinary messages."""

MAX_PENDING_BYTES = 67_108_864
"""Default ``max_pending_bytes``: 64 MiB."""

SEND_TIMEOUT = 10.0
"""Seconds after which a backend's ``_send`` must have given up on a broker that does not answer."""

LISTEN_TIMEOUT = 1.0
"""Seconds after which ``_listen`` yields ``None`` if nothing has come."""


class NotSent(Exception):
    """The broker has certainly got none of the messages: they are kept and sent later.

    ``_send`` raises it where it could not connect, or was refused; ``raise NotSent() from error``.
    """


class AsyncPubSubManager(AsyncManager):
    """Passes what is emitted in this process on to the others of the cluster, and vice versa.

    :param channel: what the processes of one cluster have in common (default ``socketio``).
    :param write_only: only emit, for processes without a server: no listener is started, and
        ``emit()`` returns when the broker has got the message.
    :param logger: a logger; default that of the server, else ``socketio``.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param max_pending_publishes: messages kept while the broker cannot be reached (default
        10,000); then the oldest is dropped for each new one.
    :param max_pending_bytes: the same in bytes (default 64 MiB).

    Each message is delivered at most once.  What was lost is in ``health``.
    """

    name: ClassVar[str] = "asyncpubsub"
    """How the logs call it."""

    max_batch: ClassVar[int] = 1
    """Messages that ``_send`` takes at once."""

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
        super().__init__()
        self.channel = channel
        self.write_only = write_only
        self.logger = logger
        self.json = json
        self.max_pending_publishes = max_pending_publishes
        self.max_pending_bytes = max_pending_bytes

    # what a backend implements

    async def _send(self, payloads: Sequence[bytes]) -> None:
        """Give messages to the broker, in order, and return when it has taken them.

        :param payloads: at most ``max_batch`` messages, UTF-8 JSON, finished.

        Called by one task at a time, also before and without ``_listen``.  Connects if need be
        and keeps the connection for the next call.  Returns or raises within ``SEND_TIMEOUT``.
        Raises ``NotSent`` if none of the messages can have reached the broker, they are then
        sent again after a pause; any other exception makes all of them count as uncertain: they
        may have arrived, so they are not sent again.  After an exception ``_close_sender`` is
        called before the next attempt.
        """
        raise NotImplementedError("a backend implements _send() or _publish()")

    async def _close_sender(self) -> None:
        """Close the connection that ``_send`` uses, if there is one; it may be broken.

        Called after ``_send`` has raised or was cancelled, and when the manager stops.
        """

    async def _listen(self) -> AsyncIterator[str | bytes | dict[str, Any] | None]:
        """Subscribe, and yield each message of the channel as it comes, for ever.

        Calls ``self._subscribed()`` once the broker has confirmed the subscription.  Yields
        ``None`` at least every ``LISTEN_TIMEOUT`` when nothing comes.  Raises when the connection
        is lost or the broker does not answer any more; it is then called again after a pause.
        Closes its connection in a ``finally`` clause.  Messages of this process may be yielded or
        not: they are passed over.
        """
        raise NotImplementedError("a backend implements _listen()")
        yield

    # what a backend calls

    def _subscribed(self) -> None:
        """Note that messages are being received from now on."""

    def _forget_connections(self) -> None:
        """Drop all connections without a word to the broker: they belong to another process.

        Called in the child after ``os.fork()``; a backend overrides it to set its attributes to
        ``None``.  It must not write to the sockets, which the parent goes on to use.
        """
