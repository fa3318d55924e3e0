"""Why a connection ended: the strings that disconnect handlers receive."""

from __future__ import annotations


class Reason:
    """Disconnect reasons, as constants."""

    SERVER_DISCONNECT = "server disconnect"
    """The application disconnected the client."""

    CLIENT_DISCONNECT = "client disconnect"
    """The client sent a CLOSE packet."""

    PING_TIMEOUT = "ping timeout"
    """The client did not answer a PING within ``ping_timeout``."""

    TRANSPORT_CLOSE = "transport close"
    """The WebSocket ended without a CLOSE packet."""

    TRANSPORT_ERROR = "transport error"
    """The client broke the protocol, exceeded a limit, or could not be written to."""
