"""The answer to a WebSocket handshake, by the websockets library.

For web servers that leave the handshake to us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol

if TYPE_CHECKING:
    from collections.abc import Iterable

HANDSHAKE_HEADERS = frozenset(
    ("host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version")
)
"""What of a request decides; extensions and subprotocols are not negotiated."""

SWITCHING_PROTOCOLS = 101


def accept_handshake(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]] | None:
    """Return the headers of the 101 that completes a handshake, ``None`` if it is not valid.

    permessage-deflate is not accepted: it would take more time and memory per connection than
    everything else together.
    """
    wanted = Headers((name, value) for name, value in headers if name.lower() in HANDSHAKE_HEADERS)
    if "upgrade" not in wanted:
        return None
    reply = ServerProtocol().accept(Request("/", wanted))
    if reply.status_code != SWITCHING_PROTOCOLS:
        return None
    return list(reply.headers.raw_items())
