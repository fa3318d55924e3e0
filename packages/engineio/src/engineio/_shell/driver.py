"""What a framework driver of an asyncio server provides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .._core.request import Reply, Request
    from .receiver import WebSocket


class AsyncDriver(Protocol):
    """Four small functions between a framework and the engine."""

    def request(self, *args: Any) -> Request:
        """Wrap what the framework passes to ``handle_request``."""
        ...

    async def body(self, request: Any, limit: int) -> bytes:
        """Read the request's body; ProtocolError 413 as soon as it exceeds ``limit`` bytes.

        ``ProtocolError`` 400 if the body ends before its announced length.
        """
        ...

    async def gone(self, request: Any) -> None:
        """Return when the peer of a request that is being answered has gone."""
        ...

    async def respond(self, request: Any, reply: Reply) -> Any:
        """Send the answer; what is returned is what ``handle_request`` returns."""
        ...

    async def websocket(self, request: Any, max_size: int) -> WebSocket:
        """Complete the WebSocket handshake; messages larger than ``max_size`` bytes close it."""
        ...


class MountedServer(Protocol):
    """What a handler of a framework needs of a server, Engine.IO's or one on top of it."""

    async def handle_request(self, *args: Any, **kwargs: Any) -> Any:
        """Handle one request of the framework."""
        ...

    def use_mode(self, mode: str) -> None:
        """Take the driver of this mode."""
        ...


class AttachedServer(Protocol):
    """What ``create_route`` of a driver needs of an ``AsyncServer``."""

    async def handle_request(self, *args: Any, **kwargs: Any) -> Any:
        """Handle one request of the framework."""
        ...

    async def stop(self) -> None:
        """End all connections, because the framework stops."""
        ...
