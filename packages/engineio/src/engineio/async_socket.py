"""What applications see in ``eio.sockets`` of a server for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._core.reason import Reason
from .base_socket import BaseSocket

if TYPE_CHECKING:
    from .packet import Packet


class AsyncSocket(BaseSocket):
    """A connection of ``AsyncServer``."""

    async def send(self, pkt: Packet) -> None:
        """Send a packet, as ``AsyncServer.send_packet``."""
        await self.server.send_packet(self.sid, pkt)

    async def close(
        self, wait: bool = True, abort: bool = False, reason: str | None = None
    ) -> None:
        """End the connection, without waiting for anything.

        What was sent before still goes out; ``wait`` and ``abort`` make no difference.

        :param reason: what the disconnect handler gets instead of "server disconnect".
        """
        self.server.engine.close(self, reason or Reason.SERVER_DISCONNECT)
