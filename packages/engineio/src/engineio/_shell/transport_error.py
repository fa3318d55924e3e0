"""What every HTTP port raises when the network, not the protocol, is at fault."""

from __future__ import annotations

from dataclasses import dataclass


class TransportError(Exception):
    """A request or a WebSocket failed; the text is that of the HTTP library."""


@dataclass(slots=True)
class Response:
    """An HTTP response that has been read completely."""

    status: int
    body: bytes
