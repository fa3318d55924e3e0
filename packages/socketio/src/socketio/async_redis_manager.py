"""The client manager of a cluster around Redis or Valkey, for asyncio."""

from __future__ import annotations

import math
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from ._core.redis_url import parse_redis_sentinel_url as parse_redis_sentinel_url
from ._core.redis_url import scheme_of
from ._core.resp import Push, RespError, RespReader, pack
from ._packages import names_of_package
from ._redis_aio import REDIS_NAME, VALKEY, RedisLink, check_server, load_package, no_retry
from .async_pubsub_manager import STOP_TIMEOUT, AsyncPubSubManager
from .base_pubsub_manager import (
    AWAY,
    GATHERING,
    LISTEN_TIMEOUT,
    MAX_PENDING_BYTES,
    MAX_PENDING_PUBLISHES,
    NotSent,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from engineio.typing import JSONModule, LoggerLike

    from .base_pubsub_manager import Arrival

__getattr__: Callable[[str], Any] = names_of_package(__name__, VALKEY)

TIMEOUT = 5.0
"""Seconds in which Redis has to answer: to a connection, and to a command."""

LOOK_INTERVAL = 0.2
"""Seconds between two looks at how many processes are subscribed."""

PING_INTERVAL = 10.0
"""Seconds of silence after which the subscriber asks whether Redis is still there."""


class AsyncRedisManager(AsyncPubSubManager):
    """Passes messages on through a channel of Redis or Valkey.

    :param url: ``redis://``, ``rediss://`` (TLS), ``unix://`` or ``valkey://``, ``valkeys://``, as
        ``from_url()`` of the package of that name takes it (default
        ``redis://localhost:6379/0``); or ``redis+sentinel://[[user]:password@]host:port,...[/db]
        [/service]``, also with ``rediss``, ``valkey`` and ``valkeys``.  ``service`` is by default
        the name of the channel.
    :param channel: the channel to publish and subscribe on (default ``socketio``).
    :param write_only: only emit, for processes without a server.
    :param logger: a logger; default that of the server, else ``socketio``.
    :param json: object with ``dumps`` and ``loads`` for a manager without a server.
    :param redis_options: further keywords for the client of the package.  Those about making a
        connection count: user and password, ``ssl_...``, ``client_name``, ``protocol``,
        ``socket_connect_timeout``, ``socket_keepalive``.  Reading, looking whether Redis is still
        there and trying again are this class's; such options reach ``redis`` only.
    :param max_pending_publishes: messages kept while Redis cannot be reached (default 10,000).
    :param max_pending_bytes: the same in bytes (default 64 MiB).

    When it is first used: ``ValueError`` for another URL, ``RuntimeError`` if neither ``redis``
    nor ``valkey`` is installed.  Redis keeps nothing for a subscriber that is away: what is
    published meanwhile is missed, and counted.
    """

    name: ClassVar[str] = REDIS_NAME
    max_batch: ClassVar[int] = 64

    def __init__(
        self,
        url: str = "redis://localhost:6379/0",
        channel: str = "socketio",
        write_only: bool = False,
        logger: LoggerLike | None = None,
        json: JSONModule | None = None,
        redis_options: dict[str, Any] | None = None,
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
        self.redis_url = url
        self.redis_options: dict[str, Any] = dict(redis_options or {})
        self.redis: Any = None
        """The package's client, once the manager is used; applications may use it, too."""
        self._sentinels: list[Any] = []
        self.pubsub: RedisLink | None = None
        """The connection that listens, while there is one."""
        self._sender: RedisLink | None = None
        self._replies = RespReader()
        self._no_retry: Any = None
        self._audience: float = 0
        """Subscribers that the last message reached."""
        self._has_gathered = True
        self._back_since: float | None = None

    @property
    def connected(self) -> bool:
        """Whether messages can be sent and, unless write-only, are received."""
        return self.health.state == "connected"

    def initialize(self) -> None:
        """Start listening; called when the server gets its first client.

        ``RuntimeError`` on gevent and eventlet where the ``socket`` module is not monkey patched.
        """
        check_server(self.server)
        super().initialize()

    async def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Send what waits, stop listening, and close the connections, those of ``redis`` too.

        As ``AsyncPubSubManager``; returns how many messages were lost, or may have been.
        """
        lost = await super().stop(timeout)
        for client in (self.redis, *self._sentinels):
            if client is not None:
                await client.connection_pool.disconnect(inuse_connections=False)
        return lost

    def _prepare(self) -> None:
        if self.redis is None:
            scheme = scheme_of(self.redis_url)
            package = self._load_package(scheme)
            self.redis = self._make_client(package, scheme)
            # what waits and tries again is this class; and what was sent is not sent twice
            self._no_retry = no_retry(package)

    def _load_package(self, scheme: str) -> Any:
        names = ["valkey"] if scheme.startswith("valkey") else ["redis", "valkey"]
        for name in names:
            if find_spec(name) is not None:
                return load_package(name)
        raise RuntimeError(
            f"{' or '.join(names)} is not installed: pip install 'python-socketio[{names[0]}]'"
        )

    def _make_client(self, package: Any, scheme: str) -> Any:
        options = {"socket_timeout": TIMEOUT, **self.redis_options}
        if scheme != "unix":
            options.setdefault("socket_connect_timeout", TIMEOUT)
        if not scheme.endswith("+sentinel"):
            client = getattr(package, "Redis", None) or package.Valkey
            return client.from_url(self.redis_url, **options)
        sentinels, service, given = parse_redis_sentinel_url(self.redis_url)
        sentinel = package.sentinel.Sentinel(sentinels, **{**given, **options})
        self._sentinels = list(sentinel.sentinels)
        return sentinel.master_for(service or self.channel)

    # sending

    async def _send(self, payloads: Sequence[bytes]) -> None:
        link = await self._open_sender()
        if not self._has_gathered and not await self._look_who_is_there(link):
            raise NotSent("not all processes are subscribed again", retry_after=LOOK_INTERVAL)
        channel = self.channel.encode()
        commands = [pack(b"PUBLISH", channel, payload) for payload in payloads] or [pack(b"PING")]
        answers = await self._ask(link, b"".join(commands), len(commands))
        errors = [answer for answer in answers if isinstance(answer, RespError)]
        # all other codes are about the server or the user, and a matter of time
        if len(errors) == len(commands) and not str(errors[0]).startswith("ERR "):
            raise NotSent from errors[0]
        for error in errors:
            self._refused(error)
        if any([str(error).startswith("ERR Protocol error") for error in errors]):
            await self._close_sender()  # as Redis does, but before the next message
        for answer in answers:
            if type(answer) is int:
                self._audience = answer

    async def _look_who_is_there(self, link: RedisLink) -> bool:
        """Return whether the others are back as well, or have had time enough.

        Redis keeps nothing for them: what is sent before they are subscribed is lost.
        """
        command = pack(b"PUBSUB", b"NUMSUB", self.channel.encode())
        try:
            answer = (await self._ask(link, command, 1))[0]
        except Exception as error:
            raise NotSent from error
        now = time.monotonic()
        if self._back_since is None:
            self._back_since = now
        self._has_gathered = (
            not isinstance(answer, list)
            or answer[1] >= (self._audience or math.inf)
            or now - self._back_since >= GATHERING
        )
        return self._has_gathered

    async def _ask(self, link: RedisLink, commands: bytes, count: int) -> list[Any]:
        """Return the answers to a number of commands."""
        await link.write(commands, TIMEOUT)
        answers: list[Any] = []
        deadline = time.monotonic() + TIMEOUT
        while len(answers) < count:
            data = await link.read(max(0.001, deadline - time.monotonic()))
            if data is None:
                raise TimeoutError(f"no answer within {TIMEOUT} s")
            replies = self._replies.feed(data)
            answers += [reply for reply in replies if not isinstance(reply, Push)]
        return answers

    async def _open_sender(self) -> RedisLink:
        """Return a connection that has not been closed by the other side."""
        if self._sender is not None:
            try:
                await self._sender.read(0)
            except OSError:
                await self._close_sender()
        if self._sender is None:
            self._replies = RespReader()
            self._back_since = None
            self._has_gathered = not self._audience and self._publisher_state is not AWAY
            try:
                self._sender = await RedisLink.open(self.redis, self._no_retry)
            except Exception as error:
                raise NotSent from error
        return self._sender

    async def _close_sender(self) -> None:
        link, self._sender = self._sender, None
        if link is not None:
            await link.close()

    def _forget_connections(self) -> None:
        for link in (self._sender, self.pubsub):
            if link is not None:
                link.forget()
        self.redis = self.pubsub = self._sender = None
        self._prepare()

    # receiving

    async def _listen(self) -> AsyncIterator[Arrival]:
        link = await RedisLink.open(self.redis, self._no_retry)
        try:
            self.pubsub = link
            await link.write(pack(b"SUBSCRIBE", self.channel.encode()), TIMEOUT)
            reader = RespReader(self.channel.encode())
            limit = time.monotonic() + TIMEOUT
            asked = True
            while True:
                data = await link.read(LISTEN_TIMEOUT)
                if data is not None:
                    replies = reader.feed(data)
                    messages = [reply for reply in replies if type(reply) is bytes]
                    if len(messages) != len(replies):
                        self._note_replies(replies)
                    if messages:
                        yield messages
                    asked = False
                    limit = time.monotonic() + PING_INTERVAL
                    continue
                yield None
                if time.monotonic() < limit:
                    continue
                if asked:
                    raise TimeoutError(f"no answer within {TIMEOUT} s")
                await link.write(pack(b"PING"), TIMEOUT)
                asked = True
                limit = time.monotonic() + TIMEOUT
        finally:
            self.pubsub = None
            await link.close()

    def _note_replies(self, replies: list[Any]) -> None:
        for reply in replies:
            if isinstance(reply, RespError):
                raise reply
            if isinstance(reply, list) and reply[:1] == [b"subscribe"]:
                self._subscribed()
