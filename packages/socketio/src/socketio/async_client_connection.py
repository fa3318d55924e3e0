"""The connection of a client: making it, sending on it, ending it, and making it again.

An attempt ends early when the event that belongs to it, ``abort``, is set.
"""

from __future__ import annotations

import random
from time import monotonic
from typing import TYPE_CHECKING, Any

from engineio.exceptions import ConnectionError as EngineConnectionError

from ._aio import Abort, Stopped, connect_unless, current_value, is_current, join, wait_set
from ._core.backoff import Backoff
from ._core.encoder import to_messages
from ._values import PendingCall
from .base_client import SLOW_LINK_FACTOR, BaseClient, reconnecting_clients
from .exceptions import ConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import engineio
    from engineio._core.message import Message

    from ._aio import Task
    from .packet import Packet


class AsyncClientConnection(BaseClient):
    """The part of a client that connects, reconnects and disconnects."""

    eio: engineio.AsyncClient
    sid: str | None
    connected: bool
    start_background_task: Callable[..., Task]
    _reconnect_task: Task | None

    # connecting

    def _begin(self) -> Abort | None:
        """Take the client for a new connection, and return what gives it up when it is set.

        ``None`` while an older one has not ended.  Raises ``ConnectionError`` if it will not end.
        """
        with self._guard:
            if self.connected or self._closing:
                raise ConnectionError("Already connected")
            attempting = self._connecting and not self._reconnect_abort.is_set()
            if (attempting and self._reconnect_task is None) or is_current(self._reconnect_task):
                raise ConnectionError("Already connecting")
            if not self._idle.is_set():
                return None
            self._idle.clear()
            self._trying = self._connecting = True
            self._reconnect_abort = abort = Abort()
            return abort

    def _begin_use(self, abort: Any) -> bool:
        """The connection is as ``connect()`` wants it, and from now on reconnects by itself.

        False, with nothing changed, if it has ended or is ending, or if a namespace is missing.
        """
        with self._guard:
            is_usable = self.sid is not None and not self._closing and not abort.is_set()
            if not is_usable or (self._wait and not self._state.complete):
                return False
            self.connected = True
            self._trying = self._connecting = False
            return True

    def _stop_trying(self) -> None:
        """``connect()``, or the reconnection, has failed and tries no more."""
        with self._guard:
            self._trying = False
            self._set_idle()

    def _set_idle(self) -> None:
        """Let ``wait()`` return, unless more is going to happen."""
        with self._guard:
            if self._left.is_set() and not (self.connected or self._trying or self._closing):
                self._idle.set()

    async def _connect_or_retry(self, abort: Abort, retry: bool) -> None:
        try:
            await self._connect_once(abort)
        except ConnectionError:
            if not retry or self.failed_namespaces or not await self._try_again(abort):
                raise

    async def _connect_once(self, abort: Abort) -> None:
        """Make one attempt with the remembered arguments, unless ``abort`` is set meanwhile."""
        self._connecting = True
        try:
            started = monotonic()
            await self._open_engine(abort)
            if self._wait:
                await self._await_namespaces(abort, monotonic() - started)
            if not self._begin_use(abort):
                await self._leave()
                raise ConnectionError(self._state.failure)
        except Exception:
            raise
        except BaseException:  # this task or thread is being ended
            await self._abandon()
            raise
        finally:
            self._connecting = False

    async def _open_engine(self, abort: Abort) -> None:
        """Connect the transport; what it reports then asks for the namespaces."""
        with self._guard:
            self._state.begin(self.connection_namespaces)
            self._greetings = set()
        url = await current_value(self.connection_url)
        headers = await current_value(self.connection_headers)
        try:
            await connect_unless(
                abort,
                self.eio,
                url,
                headers=dict(headers or {}),
                transports=self.connection_transports,
                engineio_path=self.socketio_path,
            )
        except Stopped:
            await self._abandon()
            raise ConnectionError("Connection attempt aborted") from None
        except EngineConnectionError as exc:
            self._reset()
            message, body = (*exc.args, exc.args[0])[:2]
            for namespace in self.connection_namespaces:
                await self._run_handler("connect_error", namespace, body)
            raise ConnectionError(message) from exc

    async def _await_namespaces(self, abort: Abort, handshake: float) -> None:
        """Wait for the answer of each namespace and the end of its handler, or of patience."""
        patience = max(self._wait_timeout, SLOW_LINK_FACTOR * handshake)
        while True:
            self._progress.clear()
            with self._guard:
                is_open = self.sid is not None and not abort.is_set()
                unanswered = self._state.pending or self._greetings or self._closing
            if not (is_open and unanswered) or not await wait_set(self._progress, patience):
                return

    async def _abandon(self) -> None:
        """Close at once what an interrupted attempt has opened."""
        await self.eio.disconnect(abort=True)
        # an interrupted eio.connect() closes by itself and reports nothing
        await self._handle_eio_disconnect(self.reason.CLIENT_DISCONNECT)

    async def _leave(self) -> None:
        """Tell the server that we go, close the connection, and wait until it is closed."""
        with self._guard:
            others = not self._left.is_set()
            leaves = not others and self.sid is not None
            if leaves:
                self._left.clear()
        if others:
            await self._left.wait()
        elif leaves:
            try:
                for namespace in list(self.namespaces):
                    await self._send_messages(self._wire.encoder.disconnect(namespace))
                await self.eio.disconnect()
            finally:
                self._left.set()
        await self.eio.wait()
        self._set_idle()

    # reconnecting

    async def _reconnect(self, abort: Abort) -> None:
        """Connect again after the connection was lost; ends when that has worked or is given up."""
        connected = False
        try:
            await self.eio.wait()
            connected = await self._try_again(abort)
        finally:
            with self._guard:
                if is_current(self._reconnect_task):
                    self._reconnect_task = None
                if not connected:
                    self._stop_trying()

    async def _try_again(self, abort: Abort) -> bool:
        """Keep trying to connect: True when it worked, False when given up or ``abort`` was set."""
        reconnecting_clients.append(self)
        try:
            connected = await self._try_until_connected(abort)
            if not connected:
                for namespace in self.connection_namespaces:
                    await self._run_handler("__disconnect_final", namespace)
            return connected
        finally:
            reconnecting_clients.remove(self)

    async def _try_until_connected(self, abort: Abort) -> bool:
        backoff = self._make_backoff()
        attempts = 0
        while True:
            delay = backoff.next()
            self.logger.info("Connection failed, new attempt in %.2f seconds", delay)
            if await wait_set(abort, delay):
                return False
            attempts += 1
            try:
                await self._connect_once(abort)
            except (ConnectionError, ValueError) as exc:
                self.logger.info("Reconnection attempt %s failed: %s", attempts, exc)
            except Exception:
                self.logger.exception("Reconnection attempt %s failed", attempts)
            else:
                self.logger.info("Reconnection successful")
                return True
            if self.reconnection_attempts and attempts >= self.reconnection_attempts:
                self.logger.info("Maximum reconnection attempts reached, giving up")
                return False

    def _make_backoff(self) -> Backoff:
        return Backoff(
            self.reconnection_delay,
            self.reconnection_delay_max,
            self.randomization_factor,
            random.random,
        )

    async def _stop_reconnecting(self) -> None:
        self._reconnect_abort.set()
        self._progress.set()
        task = self._reconnect_task
        if task is not None:
            await join(task)

    # what the Engine.IO client reports, one call after the other

    async def _handle_eio_connect(self) -> None:
        self.logger.info("Engine.IO connection established")
        self.sid = self.eio.sid
        self._decoder = self._new_decoder()
        auth = await current_value(self.connection_auth) or {}
        for namespace in self.connection_namespaces:
            await self._send_messages(self._wire.encoder.connect(namespace, auth))

    async def _handle_eio_disconnect(self, reason: str) -> None:
        with self._guard:
            if self._closing or self.sid is None:
                return
            self._closing = True
        self.logger.info("Engine.IO connection dropped: %s", reason)
        try:
            await self._end(reason)
        finally:
            self._closing = False
            self._progress.set()
            self._set_idle()

    async def _end(self, reason: str) -> None:
        """Run the disconnect handlers, then start reconnecting if that is what comes next."""
        abort = self._reconnect_abort
        with self._guard:
            lost = self.eio.state == "connected" and self._state.in_use
            namespaces = self._state.leave_all()
        self._forget_callbacks()
        try:
            for namespace in namespaces:
                await self._run_handler("disconnect", namespace, reason)
        finally:
            self._reset()
        with self._guard:
            if self._trying:
                return
            if lost and self.reconnection and not abort.is_set():
                self._trying = True
                self._reconnect_task = self.start_background_task(self._reconnect, abort)
                return
        for namespace in namespaces:
            await self._run_handler("__disconnect_final", namespace)

    def _reset(self) -> None:
        """Forget the connection that has ended."""
        with self._guard:
            self._forget_callbacks()
            self._state.clear()
            self.connected = False
            self.sid = None

    def _forget_callbacks(self, namespace: str | None = None) -> None:
        """Drop the callbacks of a namespace or of all; a ``call()`` that waits ends."""
        for callback in self._acks.drop(namespace):
            if isinstance(callback, PendingCall):
                callback.done.set()

    # sending

    async def _send_messages(self, messages: list[Message]) -> None:
        """Send the messages of one packet, past ``_send_packet`` as long as nobody needs it."""
        if self._sends_hooked():
            await self._send_packet(self._packet_of(messages))
        else:
            await self.eio.send_messages(messages)

    async def _send_packet(self, pkt: Packet) -> None:
        """Send a packet; there for applications to call, and to replace."""
        messages = to_messages(pkt)
        if "send" in vars(self.eio):  # replaced by the application
            for message in messages:
                await self.eio.send(message.payload if message.binary else message.text[1:])
        else:
            await self.eio.send_messages(messages)

    def _sends_hooked(self) -> bool:
        """Whether the application has replaced a method by which packets are sent."""
        return self._sends_overridden or "_send_packet" in vars(self) or "send" in vars(self.eio)

    def _packet_of(self, messages: Sequence[Message]) -> Packet:
        """Return messages as the packet that they are."""
        first, *attachments = messages
        packet = self.packet_class(encoded_packet=first.payload if first.binary else first.text[1:])
        for attachment in attachments:
            packet.add_attachment(attachment.payload)
        return packet
