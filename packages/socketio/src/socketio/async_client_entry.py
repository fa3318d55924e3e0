"""Where what the server sends enters a client: handlers and callbacks are found, and run.

Handlers start in the order in which the events arrive, and each may wait for anything (an
acknowledgement, the next event) without holding up the reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._aio import call
from ._core.handlers import fit, resolve
from ._values import PendingCall, acknowledgement
from .async_client_connection import AsyncClientConnection
from .packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._core.decoder import Inbound


class AsyncClientEntry(AsyncClientConnection):
    """The receiving half of a client."""

    async def _handle_eio_message(self, data: str | bytes) -> None:
        packet = self._decoder.feed(data)
        if packet is not None:
            self._take(packet)

    def _take(self, packet: Inbound) -> None:
        """Act on a packet of the server; handlers are started, not waited for."""
        if packet.type == EVENT:
            # an acknowledgement must not go to another connection than its event came from
            self._start(self._handle_event, self.sid, packet.namespace, packet.id, packet.data)
        elif packet.type == ACK:
            self._handle_ack(packet.namespace, packet.id, packet.data)
        elif packet.type == CONNECT:
            self._handle_connect(packet.namespace, packet.data)
        elif packet.type == CONNECT_ERROR:
            self._handle_error(packet.namespace, packet.data)
        elif packet.type == DISCONNECT:
            self._handle_disconnect(packet.namespace)

    def _handle_connect(self, namespace: str, data: Any) -> None:
        sid = data.get("sid") if isinstance(data, dict) else None
        with self._guard:
            accepted = self._state.accept(namespace, str(sid or self.sid))
            if accepted:
                self._greetings.add(namespace)
        if not accepted:
            self.logger.warning("Unexpected connection to namespace %s", namespace)
            return
        self.logger.info("Namespace %s is connected", namespace)
        self._greet("connect", namespace)

    def _handle_error(self, namespace: str, data: Any) -> None:
        with self._guard:
            refused = self._state.refuse(namespace)
            if refused:
                self._greetings.add(namespace)
        if not refused:
            self.logger.warning("Unexpected refusal of namespace %s", namespace)
            return
        self.logger.info("Connection to namespace %s was rejected", namespace)
        args = data if isinstance(data, list) else [] if data is None else [data]
        self._greet("connect_error", namespace, *args)

    def _greet(self, event: str, namespace: str, *args: Any) -> None:
        """Start the handler of a namespace's answer; ``connect()`` waits for it to end."""
        self._progress.set()
        self._start(self._run_greeting, self._greetings, event, namespace, *args)

    def _handle_disconnect(self, namespace: str) -> None:
        with self._guard:
            leaves = self._state.leave(namespace)
        if leaves:
            self.logger.info("Server disconnected namespace %s", namespace)
            self._forget_callbacks(namespace)
            self._start(self._end_namespace, namespace)

    def _handle_ack(self, namespace: str, id: int | None, values: list[Any]) -> None:
        callback = None if id is None else self._acks.pop(namespace, id)
        if callback is None:
            self.logger.warning("Unknown callback received, ignoring")
        elif isinstance(callback, PendingCall):
            callback(*values)
        else:
            self._start(self._run_callback, callback, *values)

    # what is started for it

    async def _run_greeting(
        self, greetings: set[str], event: str, namespace: str, *args: Any
    ) -> None:
        """Run the handler of a namespace's answer."""
        await self._run_handler(event, namespace, *args)
        with self._guard:
            greetings.discard(namespace)
        self._progress.set()
        await self._close_unused()

    async def _end_namespace(self, namespace: str) -> None:
        """Run the handlers of a namespace that the server has ended."""
        await self._run_handler("disconnect", namespace, self.reason.SERVER_DISCONNECT)
        with self._guard:
            self._state.remove(namespace)
        await self._run_handler("__disconnect_final", namespace)
        await self._close_unused()

    async def _close_unused(self) -> None:
        """Close the connection when the server has ended or refused every namespace."""
        if not self._connecting and not self._closing and self.sid and not self._state.in_use:
            await self._leave()

    async def _handle_event(
        self, connection: str | None, namespace: str, id: int | None, data: list[Any]
    ) -> None:
        """Run the handler of an event and send its acknowledgement."""
        self.logger.info('Received event "%s" [%s]', data[0], namespace)
        try:
            result = await self._trigger_event(data[0], namespace, *data[1:])
        except Exception:
            self.logger.exception('The handler of event "%s" [%s] failed', data[0], namespace)
            return
        if id is not None and connection == self.sid:
            messages = self._wire.encoder.ack(namespace, id, acknowledgement(result))
            await self._send_messages(messages)

    async def _run_callback(self, callback: Callable[..., Any], *values: Any) -> None:
        """Run the application's callback of an acknowledgement."""
        try:
            await call(callback, *values)
        except Exception:
            self.logger.exception("A callback failed")

    # handlers

    async def _trigger_event(self, event: str, namespace: str | None, *args: Any) -> Any:
        """Call the handler of an event and return its result, ``None`` without a handler."""
        handler, args = self._find_handler(event, namespace or "/", args)
        return None if handler is None else await call(handler, *args)

    def _find_handler(
        self, event: str, namespace: str, args: tuple[Any, ...]
    ) -> tuple[Callable[..., Any] | None, tuple[Any, ...]]:
        """Return the handler of an event and what to call it with.

        Functions come before classes, the exact event before ``*``, the namespace before ``*``.
        """
        found = resolve(self.handlers, namespace, event, self.reserved_events)
        if found is not None:
            handler, names = found
            return handler, fit(handler, event, (*names, *args))
        owner: Any = self.namespace_handlers.get(namespace)
        if owner is not None:
            return owner.trigger_event, (event, *args)
        owner = self.namespace_handlers.get("*")
        if owner is not None:
            return owner.trigger_event, (event, namespace, *args)
        return None, ()

    async def _run_handler(self, event: str, namespace: str, *args: Any) -> None:
        """Call the handler of a reserved event; a failure is logged, nobody waits for it."""
        try:
            await self._trigger_event(event, namespace, *args)
        except Exception:
            self.logger.exception('The handler of "%s" [%s] failed', event, namespace)
